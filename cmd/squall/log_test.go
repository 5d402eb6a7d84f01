package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/proxy"
)

func TestAPanicInAFaultIsLogged(t *testing.T) {
	var out bytes.Buffer
	exchangeLog{logger: newLogger(&out, "json", "squall")}.exchange(&proxy.Exchange{ID: 7, Proxy: "p", FaultPanic: "index out of range"})
	for _, want := range []string{`"level":"error"`, `"exchange":7`, `"panic":"index out of range"`, `"message":"exchange"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %s: %s", want, &out)
		}
	}
}

// TestLogOfExchanges: above the rate those that nothing happened to are counted, and said; others all have a line.
func TestLogOfExchanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		level := admin.NewLogLevel(zerolog.InfoLevel)
		log := exchangeLog{newLogger(&out, "json", "squall").Sample(level), level, &quota{most: 2}}
		lines := func(kind string) int { return strings.Count(out.String(), kind) }
		for range 5 {
			log.exchange(&proxy.Exchange{Outcome: proxy.OK})
			log.exchange(&proxy.Exchange{Outcome: proxy.OK, Delayed: true})
			log.exchange(&proxy.Exchange{Outcome: proxy.Injected, Faulted: true})
			log.exchange(&proxy.Exchange{Outcome: proxy.RealError, Error: "refused"})
		}
		if lines(`"flags":""`) != 2+5 || lines(`"flags":"DI"`) != 5 || lines(`"flags":"FI"`) != 5 || lines(`"level":"warn"`) != 5 || lines("suppressed") != 0 {
			t.Fatalf("%s", &out)
		}
		time.Sleep(time.Second)
		log.exchange(&proxy.Exchange{Outcome: proxy.ClientLeft})
		if lines(`"suppressed":3`) != 1 {
			t.Errorf("what was suppressed is not said: %s", &out)
		}
		for range 4 {
			log.exchange(&proxy.Exchange{Outcome: proxy.OK})
		}
		log.close()
		if lines(`"suppressed":3`) != 2 || !strings.Contains(out.String(), "exchanges without a line") {
			t.Errorf("the rest is not said at the end: %s", &out)
		}
		out.Reset()
		level.Set(zerolog.DebugLevel)
		for range 9 {
			log.exchange(&proxy.Exchange{Outcome: proxy.OK})
		}
		if lines(`"decisions":`) != 9 {
			t.Errorf("at debug an exchange has no line: %s", &out)
		}
		out.Reset()
		level.Set(zerolog.WarnLevel)
		log.exchange(&proxy.Exchange{Outcome: proxy.Injected, Faulted: true})
		log.exchange(&proxy.Exchange{Outcome: proxy.RealError})
		if lines("\n") != 1 || lines(`"level":"warn"`) != 1 {
			t.Errorf("at warn: %s", &out)
		}
	})
}

// TestLogLevel: it changes while squall runs, and who did it is logged whatever the level.
func TestLogLevel(t *testing.T) {
	s := startServe(t, nil, "--log-rate", "0")
	s.squall("log", "level", "warn")
	s.squall("proxies", "add", "a", "127.0.0.1:0", fineUpstream(t))
	if out := s.squall("log", "level"); !strings.Contains(out, `"level": "warn"`) {
		t.Errorf("log level: %s", out)
	}
	if status, _ := get(t, s.url("a")); status != 200 || strings.Contains(s.log.String(), `"message":"exchange"`) {
		t.Errorf("%d, logged at warn: %s", status, s.log)
	}
	awaitExchanges(t, s.admin, 1) // one is logged a moment behind its reply
	if out := s.squall("log", "level", "debug"); !strings.Contains(out, `"level": "debug"`) {
		t.Errorf("log level debug: %s", out)
	}
	get(t, s.url("a"))
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(s.log.String(), `"message":"exchange"`) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	s.squall("log", "level", "error")
	if code, _, errs := runSquall(t, map[string]string{"SQUALL_ADMIN_URL": s.admin}, "log", "level", "loud"); code != exitFail || !strings.Contains(errs, "level: want debug") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	s.end()
	for what, want := range map[string]int{`"before":"warn","now":"debug"`: 1, `"before":"debug","now":"error"`: 1, `"message":"exchange"`: 1, `"decisions":`: 1} {
		if got := strings.Count(s.log.String(), what); got != want {
			t.Errorf("%s is %d times in the log: %s", what, got, s.log)
		}
	}
}
