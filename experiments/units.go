package experiments

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// MaxRate bounds a load, in requests per second.
const MaxRate = 100_000

// Rate is a number of requests per second, which documents write as "200/s", "90/m" or "1000/h".
type Rate float64

// DecodeDocument reads a rate of more than 0 and at most [MaxRate] per second.
func (r *Rate) DecodeDocument(n *document.Node) error {
	if n.Kind != document.String {
		return document.Errorf("", `want a rate such as "200/s", got %s`, n.Kind)
	}
	count, unit, _ := strings.Cut(n.Text, "/")
	parsed, err := strconv.ParseFloat(strings.TrimSpace(count), 64)
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600}[strings.TrimSpace(unit)]
	if err != nil || seconds == 0 {
		return document.Errorf("", `%q is not a rate such as "200/s", "90/m" or "1000/h"`, n.Text)
	}
	if parsed /= seconds; !(parsed > 0 && parsed <= MaxRate) {
		return document.Errorf("", "must be more than 0 and at most %d/s, got %s", MaxRate, n.Text)
	}
	*r = Rate(parsed)
	return nil
}

// String writes the rate per second.
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'g', -1, 64) + "/s" }

// MarshalJSON writes the rate as a string.
func (r Rate) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

// Share is a part of the whole, 0 to 1, which documents write in percent: "1%".
type Share float64

// DecodeDocument reads a share of 0% up to, not including, 100%: that one nothing could exceed.
func (s *Share) DecodeDocument(n *document.Node) error {
	if n.Kind != document.String {
		return document.Errorf("", `want a share such as "1%%", got %s`, n.Kind)
	}
	number, percent := strings.CutSuffix(n.Text, "%")
	parsed, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case err != nil || !percent:
		return document.Errorf("", `%q is not a share such as "1%%" or "0.5%%"`, n.Text)
	case !(parsed >= 0 && parsed < 100):
		return document.Errorf("", "must be at least 0%% and less than 100%%, got %s", n.Text)
	}
	*s = Share(parsed / 100)
	return nil
}

// String writes the share in percent.
func (s Share) String() string { return strconv.FormatFloat(float64(s)*100, 'g', 6, 64) + "%" }

// MarshalJSON writes the share as a string.
func (s Share) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// index is the path element of a list's item.
func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

// checkSpan refuses a duration that is not between least and most, by the name of its field.
func checkSpan(field string, d, least, most faults.Duration) error {
	if d < least || d > most {
		return document.Errorf(field, "must be %v to %v, got %v", least, most, d)
	}
	return nil
}
