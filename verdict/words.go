package verdict

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// number writes a number with three digits that count.
func number(v float64) string {
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// percent writes a share.
func percent(v float64) string { return number(100*v) + " %" }

// brief writes a time without digits that say nothing.
func brief(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		d = d.Round(100 * time.Millisecond)
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	}
	return d.String()
}

// count writes a number of things: "1 call", "2 calls", "3 replies".
func count(n int, thing string) string {
	first, rest, _ := strings.Cut(thing, " ")
	stem, isY := strings.CutSuffix(first, "y")
	switch {
	case n == 1:
	case isY && !strings.HasSuffix(stem, "e"):
		first = stem + "ies"
	default:
		first += "s"
	}
	return strings.TrimSpace(strconv.Itoa(n) + " " + first + " " + rest)
}
