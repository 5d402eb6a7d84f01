package admin_test

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
)

func TestLogLevelRoute(t *testing.T) {
	l := newLab(t)
	for _, test := range []struct {
		method, body string
		want         want
		level        zerolog.Level
	}{
		{"GET", "", want{200, []string{`{"level":"info"}`}, nil}, zerolog.InfoLevel},
		{"PUT", `{"level":"debug"}`, want{200, []string{`{"level":"debug"}`}, nil}, zerolog.DebugLevel},
		{"PUT", `{"level":"trace"}`, want{400, []string{`"field":"level"`}, nil}, zerolog.DebugLevel},
		{"PUT", `{"levle":"error"}`, want{400, []string{`"field":"levle"`, `"did_you_mean":"level"`}, nil}, zerolog.DebugLevel},
		{"PUT", `{}`, want{400, []string{`"field":"level"`}, nil}, zerolog.DebugLevel},
		{"PUT", `{"level":"error"}`, want{200, []string{`{"level":"error"}`}, nil}, zerolog.ErrorLevel},
	} {
		check(t, l.do(t, test.method, "/admin/log", test.body), test.want)
		if got := l.LogLevel.Get(); got != test.level {
			t.Errorf("%s %s: the level is %v, want %v", test.method, test.body, got, test.level)
		}
	}
	none := newLab(t, func(s *admin.Server) { s.LogLevel = nil })
	check(t, none.do(t, "PUT", "/admin/log", `{"level":"error"}`), want{404, nil, nil})
	check(t, none.do(t, "GET", "/admin/log", ""), want{404, nil, nil})
}
