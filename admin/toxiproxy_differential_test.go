package admin_test

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	toxiproxys "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/admin"
)

// conversation is what was said to squall and to Toxiproxy 2.12.0, each request with squall's answer below it, and with
// Toxiproxy's where that is another one: a difference on purpose, of which a comment gives the reason. "---" starts both anew.
const conversation = "testdata/toxiproxy.txt"

var update = flag.Bool("update", false, "write "+conversation+" anew")

// said is a request of the conversation, with both answers.
type said struct {
	line           string // as it stands: a request, a comment, or "---"
	squall, theirs string
}

func (s said) isRequest() bool { return s.line != "" && s.line != "---" && s.line[0] != '#' }

// readConversation reads the file.
func readConversation(t *testing.T) []said {
	t.Helper()
	file, err := os.Open(conversation)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []said
	for lines := bufio.NewScanner(file); lines.Scan(); {
		answer, indented := strings.CutPrefix(lines.Text(), "    ")
		theirs, other := strings.CutPrefix(answer, "toxiproxy: ")
		switch {
		case other:
			all[len(all)-1].theirs = theirs
		case indented:
			all[len(all)-1].squall, all[len(all)-1].theirs = answer, answer
		default:
			all = append(all, said{line: lines.Text()})
		}
	}
	return all
}

func writeConversation(t *testing.T, all []said) {
	t.Helper()
	var text strings.Builder
	for _, s := range all {
		fmt.Fprintln(&text, s.line)
		if s.isRequest() {
			fmt.Fprintf(&text, "    %s\n", s.squall)
		}
		if s.theirs != s.squall {
			fmt.Fprintf(&text, "    toxiproxy: %s\n", s.theirs)
		}
	}
	if err := os.WriteFile(conversation, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replay says it all again to servers that start makes, and hands each answer on.
func replay(t *testing.T, all []said, start func(*testing.T) *lab, answered func(i int, answer string)) {
	l, busy := start(t), busyPort(t)
	for i, s := range all {
		if s.line == "---" {
			l = start(t)
		}
		if !s.isRequest() {
			continue
		}
		part := strings.SplitN(s.line+" ", " ", 3)
		body := strings.ReplaceAll(strings.TrimSuffix(part[2], " "), "BUSY", busy)
		answered(i, written(l.do(t, part[0], part[1], body)))
	}
}

var (
	anyPort   = regexp.MustCompile(`(127\.0\.0\.1|\[::1?\]):[1-9]\d*`)
	leaked    = regexp.MustCompile(`"Logger":\{[^}]*\},`) // which no client reads
	requestID = regexp.MustCompile(`^[0-9a-v]{20}$`)
	nameserve = regexp.MustCompile(` on [0-9.]+:\d+: `)
)

// written writes an answer in one line: its status, type and body, and what else clients look at.
func written(r reply) string {
	parts := []string{fmt.Sprint(r.status), r.header.Get("Content-Type")}
	if !requestID.MatchString(r.header.Get("X-Toxiproxy-Request-Id")) {
		parts = append(parts, "no-id")
	}
	if length := r.header.Get("Content-Length"); r.status != http.StatusNoContent && length != fmt.Sprint(len(r.body)) {
		parts = append(parts, "length="+length)
	}
	for _, name := range []string{"Allow", "Location"} {
		if value := r.header.Get(name); value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	body := anyPort.ReplaceAllString(leaked.ReplaceAllString(r.body, ""), "$1:PORT")
	body = nameserve.ReplaceAllString(body, ": ")
	return strings.Join(append(parts, strings.ReplaceAll(body, "\n", "⏎")), " | ")
}

// newToxiproxy starts Toxiproxy itself.
func newToxiproxy(t *testing.T) *lab {
	t.Helper()
	server := toxiproxys.NewServer(toxiproxys.NewMetricsContainer(nil), zerolog.Nop())
	front := httptest.NewServer(server.Routes())
	t.Cleanup(func() {
		front.Close()
		if err := server.Collection.Clear(); err != nil {
			t.Error(err)
		}
	})
	return &lab{url: front.URL, http: onlyAsked(t)}
}

// Every route of Toxiproxy's API, and every way in which it refuses, answers as it always did, byte for byte.
func TestToxiproxysRoutes(t *testing.T) {
	all := readConversation(t)
	replay(t, all, func(t *testing.T) *lab { return newToxiproxyLab(t) }, func(i int, answer string) {
		if *update {
			all[i].squall = answer
		} else if answer != all[i].squall {
			t.Errorf("%s\n got %s\nwant %s", all[i].line, answer, all[i].squall)
		}
	})
	if *update {
		writeConversation(t, all)
	}
	for _, route := range (&admin.Server{}).Routes() {
		succeeds := func(s said) bool {
			part := append(strings.SplitN(s.line, " ", 3), "")
			return part[0] == route.Method && strings.HasPrefix(s.squall, "2") && matches(route.Path, part[1])
		}
		if isToxiproxys(route.Path) && route.Path != "/metrics" && !slices.ContainsFunc(all, succeeds) {
			t.Errorf("%s %s is not in the conversation", route.Method, route.Path)
		}
	}
}

// What Toxiproxy itself answers is what squall does, but for the differences that are written down.
func TestSameAsToxiproxy(t *testing.T) {
	all := readConversation(t)
	replay(t, all, newToxiproxy, func(i int, answer string) {
		if *update {
			all[i].theirs = answer
		} else if answer != all[i].theirs {
			t.Errorf("%s\n     Toxiproxy says %s\nwhich is to be %s", all[i].line, answer, all[i].theirs)
		}
	})
	if *update {
		writeConversation(t, all)
	}
}
