package faults

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/internal/document"
)

// RetryAfter tells a client when it may come back (RFC 9110, 10.2.3): in From seconds, or, where To is more, in so many
// as are drawn for the hit, both ends included. Documents write 5, [1, 5], {"date": 5} or {"date": [1, 5]}.
type RetryAfter struct {
	From, To int  // 0 to 86,400 seconds; To is From or more
	Date     bool // as the date that so many seconds lead to, rounded up to the second
}

// DecodeDocument reads any of the forms.
func (r *RetryAfter) DecodeDocument(n *document.Node) error {
	*r = RetryAfter{}
	if n.Kind != document.Object {
		return r.seconds(n)
	}
	var form struct {
		Date *document.Node `json:"date"`
	}
	if err := document.Decode(n, &form); err != nil {
		return err
	}
	if form.Date == nil {
		return document.Errorf("date", "missing: want after how many seconds, or a range such as [1, 5]")
	}
	r.Date = true
	return document.At(r.seconds(form.Date), "date")
}

// seconds reads a number of seconds, or a range.
func (r *RetryAfter) seconds(n *document.Node) error {
	ends := []int{0}
	var err error
	switch {
	case n.Kind == document.Number:
		err = document.Decode(n, &ends[0])
	case n.Kind == document.List && len(n.Items) == 2:
		err = document.Decode(n, &ends)
	default:
		err = document.Errorf("", `want seconds, a range such as [1, 5], or {"date": seconds or a range}`)
	}
	r.From, r.To = ends[0], ends[len(ends)-1]
	return err
}

// MarshalJSON writes the form that was read.
func (r RetryAfter) MarshalJSON() ([]byte, error) {
	var seconds any = r.From
	if r.To > r.From {
		seconds = [2]int{r.From, r.To}
	}
	if r.Date {
		return json.Marshal(map[string]any{"date": seconds})
	}
	return json.Marshal(seconds)
}

func (r *RetryAfter) check() error {
	most := int(time.Duration(MaxDuration).Seconds())
	switch {
	case r == nil:
		return nil
	case r.From < 0 || r.To > most:
		return document.Errorf("", "must be 0 to %d seconds, got %d to %d", most, r.From, r.To)
	case r.To < r.From:
		return document.Errorf("", "a range ends where it begins or later, got %d to %d", r.From, r.To)
	}
	return nil
}

// field gives the header field for a hit.
func (r *RetryAfter) field(h hit) Field {
	seconds := r.From
	if r.To > r.From {
		seconds += int(h.draw(1) * float64(r.To-r.From+1))
	}
	value := strconv.Itoa(seconds)
	if r.Date {
		at := h.now.Add(time.Duration(seconds)*time.Second + time.Second - 1)
		value = at.Truncate(time.Second).UTC().Format(http.TimeFormat)
	}
	return Field{Name: "Retry-After", Value: value}
}
