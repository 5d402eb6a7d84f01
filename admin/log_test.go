package admin_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
)

func TestRefusalsAreLoggedSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ask, _ := bubble(t, func(s *admin.Server) { s.Logger = zerolog.New(&log) })
		for range 25 {
			ask("GET", "/nothing", "")
		}
		ask("PUT", "/admin/faults", "{")
		if got := strings.Count(log.String(), `"status":404`); got != 10 {
			t.Errorf("%d lines, want 10", got)
		}
		if !strings.Contains(log.String(), `"status":400`) {
			t.Errorf("a refusal of another kind is missing: %s", &log)
		}
		time.Sleep(10 * time.Second)
		log.Reset()
		ask("GET", "/nothing", "")
		if !strings.Contains(log.String(), `"level":"warn"`) || !strings.Contains(log.String(), `"suppressed":15`) {
			t.Errorf("no word of the 15 that were suppressed: %s", &log)
		}
	})
}

func TestChangesAreLogged(t *testing.T) {
	var log bytes.Buffer
	ask, _ := bubble(t, func(s *admin.Server) { s.Logger = zerolog.New(&log) })
	from := "From: 192.0.2.1:1000"
	ask("PUT", "/admin/faults/rules/a", `{"abort":503}`, from)
	ask("PUT", "/admin/faults?dry_run=1", `{"mode":"failure"}`, from)
	ask("DELETE", "/admin/faults?owner=nobody", "", from)
	ask("GET", "/admin/faults", "", from)
	const line = `{"level":"info","by":"192.0.2.1:1000","revision":1,"method":"PUT","path":"/admin/faults/rules/a","message":"changed"}` + "\n"
	if log.String() != line {
		t.Errorf("got %s, want %s", &log, line)
	}
}
