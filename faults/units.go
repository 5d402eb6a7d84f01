package faults

import (
	"encoding/json"
	"errors"
	"strconv"
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

// Size is a number of bytes, which documents write as such or as "10KB" (1 KB = 1,000 bytes).
type Size int64

// sizeUnits are the units of sizes, in the order in which their endings are looked for.
var sizeUnits = [...]struct {
	name  string
	bytes int64
}{{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// DecodeDocument reads a size of 0 to [MaxCount].
func (s *Size) DecodeDocument(n *document.Node) error {
	text, unit := n.Text, int64(1)
	switch n.Kind {
	case document.Number:
	case document.String:
		for _, u := range sizeUnits {
			if number, ok := strings.CutSuffix(n.Text, u.name); ok {
				text, unit = strings.TrimSpace(number), u.bytes
				break
			}
		}
	default:
		return document.Errorf("", `want bytes, or a size such as "10KB", got %s`, n.Kind)
	}
	parsed, err := strconv.ParseUint(text, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && parsed > MaxCount/uint64(unit):
		return document.Errorf("", "must be 0 to %d bytes, got %s", MaxCount, clip(n.Text))
	case err != nil:
		return document.Errorf("", `%q is neither whole bytes nor a size such as "10KB"`, clip(n.Text))
	}
	*s = Size(parsed) * Size(unit)
	return nil
}

func (s Size) check() error {
	if s < 0 || s > MaxCount {
		return document.Errorf("", "must be 0 to %d bytes, got %d", MaxCount, s)
	}
	return nil
}

// checkDuration refuses a duration out of bounds, by the name of its field.
func checkDuration(field string, d Duration) error {
	if d < 0 || d > MaxDuration {
		return document.Errorf(field, "must be 0s to %v, got %v", MaxDuration, d)
	}
	return nil
}

// clip cuts a user's text where it is longer than a reason should repeat.
func clip(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
