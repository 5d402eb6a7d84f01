package certify

import (
	"math"
	"strings"
	"time"

	"github.com/squall-proxy/squall/verdict"
)

// Bounds of Plan.Scale.
const (
	MinScale = 0.02
	MaxScale = 10
)

// Plan says what a course is made of.
type Plan struct {
	// Scale makes the course shorter or longer, and the times that it measures with it: what 30 s of silence show at 1 are
	// 3 s at 0.1. From [MinScale] to [MaxScale]; 0 = 1.
	Scale float64
	// Caller says that the client's callers are seen, too: there are faults that nobody else can tell anything from.
	Caller bool
}

// Step is one fault of a course.
type Step struct {
	Fault    string           // in words
	Share    float64          // of the exchanges that it hits, 0 to 1
	Rules    []map[string]any // of it: kind, attributes and selection, as a rule's document has them
	For      time.Duration
	Recovery time.Duration // behind it, without a fault
}

// limit is how long a client may wait for a reply (D13), and baseline how long there is no fault at first, at scale 1.
const (
	limit    = 30 * time.Second
	baseline = 10 * time.Second
)

// leastBaseline is how long it is at any scale. leadIn is before it: what a client does when it starts is not its habit.
const (
	leastBaseline = 2 * time.Second
	leadIn        = time.Second
)

// Baseline is how long the course has no fault at first.
func (p Plan) Baseline() time.Duration { return max(p.scaled(baseline), leastBaseline) }

// Duration is how long the course takes.
func (p Plan) Duration() time.Duration {
	total := leadIn + p.Baseline()
	for _, step := range p.Steps() {
		total += step.For + step.Recovery
	}
	return total
}

// Steps lists the faults in their order: the gentle ones first, those behind which a client needs long to recover last.
func (p Plan) Steps() []Step {
	steps := []Step{
		p.step("abort 503, few", 0.05, 10, 2, one("abort", 503)),
		p.step("abort 404", 1, 10, 5, one("abort", 404)),
		p.step("delay, few", 0.05, 15, 3, one("delay", p.scaled(2*time.Second).String())),
		p.step("abort 429, Retry-After in seconds", 0.3, 10, 5, one("abort", map[string]any{"status": 429, "retry_after": 1})),
		p.step("abort 503, Retry-After as a date", 0.3, 10, 5, one("abort", map[string]any{"status": 503, "retry_after": map[string]any{"date": 2}})),
		p.step("abort 503, half", 0.5, 30, 10, one("abort", map[string]any{"status": 503, "body": strings.Repeat("x", 1000)})),
		p.step("reset", 1, 5, 5, one("reset", map[string]any{})),
		p.fifth("silence", one("blackhole", p.scaled(limit*6/5).String())),
		p.fifth("stall in the body", one("degrade", map[string]any{"body": "stalled"}), p.drip(7)),
		p.fifth("drip", one("degrade", map[string]any{"body": strings.Repeat("drip ", 8)}), p.drip(40)),
		p.step("abort 503, all", 1, 36, 40, one("abort", 503)),
	}
	if p.Caller {
		fallback := one("degrade", map[string]any{
			"body": map[string]any{"message": "Service in degraded mode (fallback)"}, "headers": map[string]any{"X-Service-Mode": "fallback"},
		})
		steps = append(steps,
			p.step("fallback mode", 1, 10, 15, fallback),
			p.step("abort 503, Retry-After of a day", 0.5, 5, 70, one("abort", map[string]any{"status": 503, "retry_after": 86400})),
		)
	}
	return steps
}

// one is a rule of a kind.
func one(kind string, attributes any) map[string]any { return map[string]any{kind: attributes} }

// step is a fault that hits a share of the exchanges by chance; times are seconds at scale 1.
func (p Plan) step(fault string, share float64, lasts, recovery int, rules ...map[string]any) Step {
	for _, rule := range rules {
		rule["percent"] = math.Round(100 * share)
	}
	return Step{
		Fault: fault, Share: share, Rules: rules,
		For: p.scaled(time.Duration(lasts) * time.Second), Recovery: p.scaled(time.Duration(recovery) * time.Second),
	}
}

// fifth is a fault that keeps every fifth exchange waiting, for a fifth longer than a client may wait; so all rules of it hit
// the same ones.
func (p Plan) fifth(fault string, rules ...map[string]any) Step {
	step := p.step(fault, 0.2, 10, int(limit.Seconds()*6/5), rules...)
	for _, rule := range rules {
		delete(rule, "percent")
		rule["every"] = 5
	}
	return step
}

// drip lets a body of so many bytes come byte by byte, in a fifth more than a client may wait.
func (p Plan) drip(bytes int) map[string]any {
	return one("drip", map[string]any{"chunk": 1, "interval": (p.scaled(limit*6/5) / time.Duration(bytes-1)).String()})
}

// scaled is a time of the course as long as it is at its scale.
func (p Plan) scaled(d time.Duration) time.Duration {
	if p.Scale == 0 {
		return d
	}
	return time.Duration(float64(d) * p.Scale)
}

// scaledThresholds are the verdict's times that are measured in the length of a course. Those of D22 are not: a budget is over
// ten seconds, whoever looks. Nor is that of D13: who is kept waiting for less shows no more than that it waits so long.
var scaledThresholds = [...]string{
	"demand.seconds", "D9.wait", "D16.time", "D17.time", "D19.time",
}

// Thresholds are those of a verdict on the course that differ from their defaults, because it is longer or shorter.
func (p Plan) Thresholds() map[string]float64 {
	set := map[string]float64{}
	for _, t := range verdict.Thresholds() {
		for _, name := range scaledThresholds {
			if t.Name == name && p.Scale != 0 && p.Scale != 1 {
				set[name] = t.Value * p.Scale
			}
		}
	}
	return set
}
