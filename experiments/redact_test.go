package experiments

import (
	"strings"
	"testing"
)

func TestURLsAreRedacted(t *testing.T) {
	for address, want := range map[string]string{
		"http://shop/":                           "http://shop/",
		"http://shop/a@b?":                       "http://shop/a@b?",
		"http://u:p@w@shop:80/a?t=x&q=&f#here":   "http://***@shop:80/a?t=***&q=&f#here",
		"http://u@shop?a=b=c":                    "http://***@shop?a=***",
		"${base}/a?token=x&run=${run.id}":        "${base}/a?token=***&run=${run.id}",
		"http://shop/?t=${a}secret${b}&u=${a}-x": "http://shop/?t=***&u=***",
	} {
		if got := RedactURL(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

// What reports have of the file has no literal secret of a URL, and the file itself stays.
func TestTheFileOfReportsIsRedacted(t *testing.T) {
	text := edit(t, "${base}/checkout", "${base}/checkout?key=literal&run=${run.id}")
	text = strings.Replace(text, "http://127.0.0.1:9090", "http://me:literal@127.0.0.1:9090", 1)
	text = strings.Replace(text, `default: "http://127.0.0.1:8080"`, `default: "http://127.0.0.1:8080?literal=literal"`, 1)
	e := parse(t, text)
	shown, err := e.Redacted().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"/checkout?key=***&run=${run.id}", "http://***@127.0.0.1:9090", "?literal=***"} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("%q is not in %s", want, shown)
		}
	}
	source, err := e.Source().MarshalJSON()
	if err != nil || !strings.Contains(string(source), "key=literal") {
		t.Errorf("%s, %v", source, err)
	}
}
