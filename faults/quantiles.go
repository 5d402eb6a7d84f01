package faults

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/squall-proxy/squall/internal/document"
)

// MaxQuantiles bounds the entries of a table of quantiles.
const MaxQuantiles = 100

// Quantiles is a measured table of waits, in rising order: documents write {"p50": "20ms", "p99": "300ms"}, with
// percentiles from p0 to p100, of up to four decimals. Between two entries waits rise in a straight line. None is below
// the first entry or above the last: where a table does not begin with p0, that share of all waits is just the first, and
// where it does not end with p100, the share above is just the last. 2 to [MaxQuantiles] entries.
type Quantiles []Quantile

// Quantile is one entry of a table: so many percent of all waits are at most so long.
type Quantile struct {
	Percent float64
	Wait    Duration
}

// DecodeDocument reads a table, in any order.
func (q *Quantiles) DecodeDocument(n *document.Node) error {
	if n.Kind != document.Object {
		return document.Errorf("", `want a table such as {"p50": "20ms", "p99": "300ms"}, got %s`, n.Kind)
	}
	table := make(Quantiles, 0, min(len(n.Members), MaxQuantiles))
	if err := checkTable(len(n.Members)); err != nil {
		return err
	}
	for _, m := range n.Members {
		percent, err := parsePercentile(m.Name)
		entry := Quantile{Percent: percent}
		if err == nil {
			err = document.Decode(m.Value, &entry.Wait)
		}
		if err != nil {
			return document.At(err, m.Name)
		}
		table = append(table, entry)
	}
	slices.SortStableFunc(table, func(a, b Quantile) int { return cmp.Compare(a.Percent, b.Percent) })
	*q = table
	return nil
}

// parsePercentile reads a name such as p99.9.
func parsePercentile(name string) (float64, error) {
	digits, found := strings.CutPrefix(name, "p")
	percent, err := strconv.ParseFloat(digits, 64)
	if !found || err != nil || strings.Trim(digits, "0123456789.") != "" {
		return 0, document.Errorf("", "%q is not a percentile such as p99.9", clip(name))
	}
	return percent, checkPercent(percent)
}

func (q Quantile) name() string { return "p" + strconv.FormatFloat(q.Percent, 'f', -1, 64) }

// MarshalJSON writes the table.
func (q Quantiles) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, entry := range q {
		if i > 0 {
			text = append(text, ',')
		}
		wait, err := json.Marshal(entry.Wait)
		if err != nil {
			return nil, err
		}
		text = append(append(strconv.AppendQuote(text, entry.name()), ':'), wait...)
	}
	return append(text, '}'), nil
}

func checkTable(entries int) error {
	if entries < 2 || entries > MaxQuantiles {
		return document.Errorf("", "want 2 to %d entries, got %d", MaxQuantiles, entries)
	}
	return nil
}

// check reports what is wrong with a table; nil is none.
func (q Quantiles) check() error {
	if q == nil {
		return nil
	}
	if err := checkTable(len(q)); err != nil {
		return err
	}
	before := Quantile{Percent: -1}
	for _, entry := range q {
		err := checkPercent(entry.Percent)
		switch {
		case err != nil:
		case entry.Wait < 0 || entry.Wait > MaxDuration:
			err = document.Errorf("", "must be 0s to %v, got %v", MaxDuration, entry.Wait)
		case entry.Percent == before.Percent:
			err = document.Errorf("", "given twice, spelt differently")
		case entry.Percent < before.Percent:
			err = document.Errorf("", "must stand before %s", before.name())
		case entry.Wait < before.Wait:
			err = document.Errorf("", "must not be less than %s, got %v and %v", before.name(), entry.Wait, before.Wait)
		}
		if err != nil {
			return document.At(err, entry.name())
		}
		before = entry
	}
	return nil
}

// at gives the wait, in nanoseconds, that so many percent do not exceed.
func (q Quantiles) at(percent float64) float64 {
	above := slices.IndexFunc(q, func(entry Quantile) bool { return entry.Percent > percent })
	switch above {
	case -1:
		return float64(q[len(q)-1].Wait)
	case 0:
		return float64(q[0].Wait)
	}
	low, high := q[above-1], q[above]
	share := (percent - low.Percent) / (high.Percent - low.Percent)
	return float64(low.Wait) + share*float64(high.Wait-low.Wait)
}
