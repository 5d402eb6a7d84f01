package faults

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxDuration bounds every duration that a user can set.
const MaxDuration = Duration(24 * time.Hour)

// MaxCount bounds every count that a user can set: the largest whole number that JSON carries everywhere (RFC 8259,
// section 6).
const MaxCount = 1<<53 - 1

// Duration is a span of time that documents write as Go does: "250ms", "1m30s".
type Duration time.Duration

// DecodeDocument reads a duration of 0 to [MaxDuration].
func (d *Duration) DecodeDocument(n *document.Node) error {
	if n.Kind != document.String {
		return document.Errorf("", `want a duration such as "250ms", got %s`, n.Kind)
	}
	parsed, err := time.ParseDuration(n.Text)
	if err != nil {
		return document.Errorf("", `%q is not a duration such as "250ms" or "1m30s"`, clip(n.Text))
	}
	if parsed < 0 || Duration(parsed) > MaxDuration {
		return document.Errorf("", "must be 0s to %v, got %v", time.Duration(MaxDuration), parsed)
	}
	*d = Duration(parsed)
	return nil
}

// String writes the duration as Go does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the duration as a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// clip cuts a user's text where it is longer than a reason should repeat.
func clip(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
