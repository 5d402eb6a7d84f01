package toxiproxy

import (
	"encoding/json"
	"math"
	"time"

	"github.com/squall-proxy/squall/faults"
)

// Attributes are those of one type of toxic: a pointer to one of the structs below.
type Attributes interface {
	// fault gives the attributes of the rule: numbers out of bounds are the nearest that are within.
	fault() faults.Attributes
}

// The attributes of Toxiproxy's types, by the names and in the order that it has.
type (
	// LatencyToxic delays data. A latency below 0 is none, and so is a jitter.
	LatencyToxic struct {
		Latency int64 `json:"latency"` // ms
		Jitter  int64 `json:"jitter"`  // ms
	}
	// BandwidthToxic limits the rate. One of 0 or less lets nothing pass, and loses nothing.
	BandwidthToxic struct {
		Rate int64 `json:"rate"` // KB/s, of 1,000 bytes
	}
	// SlowCloseToxic delays the end of a stream.
	SlowCloseToxic struct {
		Delay int64 `json:"delay"` // ms
	}
	// TimeoutToxic loses all data, and closes; after 0 or less never.
	TimeoutToxic struct {
		Timeout int64 `json:"timeout"` // ms
	}
	// ResetToxic resets the connection.
	ResetToxic struct {
		Timeout int64 `json:"timeout"` // ms
	}
	// SlicerToxic cuts data into pieces: of one byte at least, which an average size of 0 or less means. The variation is
	// less than the average size.
	SlicerToxic struct {
		AverageSize   int `json:"average_size"`
		SizeVariation int `json:"size_variation"`
		Delay         int `json:"delay"` // µs
	}
	// LimitDataToxic closes after so many bytes.
	LimitDataToxic struct {
		Bytes int64 `json:"bytes"`
	}
	// NoopToxic does nothing.
	NoopToxic struct{}
)

// newAttributes makes the attributes of a type, all zero, as Toxiproxy's defaults are; nil for a type that is none.
func newAttributes(kind string) Attributes {
	switch kind {
	case "latency":
		return &LatencyToxic{}
	case "bandwidth":
		return &BandwidthToxic{}
	case "slow_close":
		return &SlowCloseToxic{}
	case "timeout":
		return &TimeoutToxic{}
	case "reset_peer":
		return &ResetToxic{}
	case "slicer":
		return &SlicerToxic{}
	case "limit_data":
		return &LimitDataToxic{}
	case "noop":
		return &NoopToxic{}
	}
	return nil
}

// numbersOf gives attributes by name.
func numbersOf(a Attributes) map[string]int64 {
	var numbers map[string]int64
	written, _ := json.Marshal(a) // whole numbers alone always can be
	_ = json.Unmarshal(written, &numbers)
	return numbers
}

// attributesOf gives the attributes of a type from what numbersOf gave; nil for numbers that are none of its.
func attributesOf(kind string, numbers map[string]int64) Attributes {
	a := newAttributes(kind)
	written, _ := json.Marshal(numbers) // likewise
	if a == nil || json.Unmarshal(written, a) != nil {
		return nil
	}
	return a
}

func (t *LatencyToxic) fault() faults.Attributes {
	return &faults.Latency{Latency: duration(t.Latency, time.Millisecond), Jitter: duration(t.Jitter, time.Millisecond)}
}

func (t *BandwidthToxic) fault() faults.Attributes {
	return &faults.Bandwidth{Rate: size(t.Rate, kilobyte)}
}

func (t *SlowCloseToxic) fault() faults.Attributes {
	return &faults.SlowClose{Delay: duration(t.Delay, time.Millisecond)}
}

func (t *TimeoutToxic) fault() faults.Attributes {
	return &faults.Timeout{Timeout: duration(t.Timeout, time.Millisecond)}
}

func (t *ResetToxic) fault() faults.Attributes {
	return &faults.ResetPeer{Timeout: duration(t.Timeout, time.Millisecond)}
}

func (t *SlicerToxic) fault() faults.Attributes {
	average := max(size(int64(t.AverageSize), 1), 1)
	return &faults.Slicer{
		AverageSize: average, SizeVariation: min(size(int64(t.SizeVariation), 1), average-1),
		Delay: duration(int64(t.Delay), time.Microsecond),
	}
}

func (t *LimitDataToxic) fault() faults.Attributes { return &faults.LimitData{Bytes: size(t.Bytes, 1)} }

func (*NoopToxic) fault() faults.Attributes { return &faults.Noop{} }

// kilobyte is how many bytes Toxiproxy takes for one KB.
const kilobyte = 1000

// duration gives so many units, 0 to [faults.MaxDuration].
func duration(n int64, unit time.Duration) faults.Duration {
	return faults.Duration(min(max(n, 0), int64(faults.MaxDuration)/int64(unit)) * int64(unit))
}

// size gives so many units of bytes, 0 to [faults.MaxCount].
func size(n, unit int64) faults.Size {
	return faults.Size(min(max(n, 0), faults.MaxCount/unit) * unit)
}

// fromFault gives the attributes that mean most nearly what those of a rule do; nil for a kind that Toxiproxy does not
// have.
func fromFault(a faults.Attributes) Attributes {
	ms := func(d faults.Duration) int64 { return time.Duration(d).Milliseconds() }
	switch a := a.(type) {
	case *faults.Latency:
		return &LatencyToxic{Latency: ms(a.Latency), Jitter: ms(a.Jitter)}
	case *faults.Bandwidth:
		return &BandwidthToxic{Rate: int64(a.Rate) / kilobyte}
	case *faults.SlowClose:
		return &SlowCloseToxic{Delay: ms(a.Delay)}
	case *faults.Timeout:
		return &TimeoutToxic{Timeout: ms(a.Timeout)}
	case *faults.ResetPeer:
		return &ResetToxic{Timeout: ms(a.Timeout)}
	case *faults.Slicer:
		return &SlicerToxic{
			AverageSize: int(a.AverageSize), SizeVariation: int(a.SizeVariation), Delay: int(time.Duration(a.Delay).Microseconds()),
		}
	case *faults.LimitData:
		return &LimitDataToxic{Bytes: int64(a.Bytes)}
	case *faults.Noop:
		return &NoopToxic{}
	}
	return nil
}

// plain gives attributes of a rule with the words left out that name the default.
func plain(a faults.Attributes) faults.Attributes {
	switch a := a.(type) {
	case *faults.Latency:
		if own := *a; own.Distribution == "uniform" {
			own.Distribution = ""
			return &own
		}
	case *faults.Bandwidth:
		if own := *a; own.Scope == "link" {
			own.Scope = ""
			return &own
		}
	}
	return a
}

// percentOf gives the percentage of a toxicity: 0 to 100, rounded to four decimals, so that one below 0.0000005 never hits
// and one above 0.9999995 always does.
func percentOf(toxicity float32) float64 {
	return math.Round(min(max(float64(toxicity), 0), 1)*1e6) / 1e4
}

func toxicityOf(percent float64) float32 { return float32(percent / 100) }
