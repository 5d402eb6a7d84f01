package breaker

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestConfigBounds(t *testing.T) {
	for field, c := range map[string]Config{
		"Consecutive":             {Consecutive: -1},
		"Last":                    {Last: 10_001},
		"Minimum":                 {Minimum: 101},
		"Failures":                {Last: 10, Failures: 11},
		"Ratio":                   {Ratio: math.NaN()},
		"SlowRatio 2":             {SlowRatio: 2},
		"SlowRatio 0.5 needs Slo": {SlowRatio: 0.5},
		"Within":                  {Within: -1},
		"SlowAfter":               {SlowAfter: 2 * time.Hour},
		"Base":                    {Base: -1},
		"Max":                     {Base: time.Minute, Max: time.Second},
		"Permits":                 {Permits: 1001},
		"Probes":                  {Probes: -1},
		"Needed":                  {Probes: 2, Needed: 3},
		"ProbeTimeout":            {ProbeTimeout: -1},
		"Keys":                    {Keys: -1},
	} {
		if _, err := NewGroup(c, nil, nil); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want an error about %s", err, field)
		}
	}
	if _, err := NewGroup(Config{Base: time.Minute, Last: 5}, nil, nil); err != nil {
		t.Error(err)
	}
	if (Config{}).On() || !(Config{Ratio: 0.5}).On() {
		t.Error("On is wrong")
	}
}
