package experiments

import (
	"slices"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
)

// When says when a check is made.
type When string

// The times of checks. [Continuous] is the default.
const (
	Before     When = "before"     // once, before anything is touched
	After      When = "after"      // once, when the faults are gone
	Edge       When = "edge"       // before and after
	Continuous When = "continuous" // before, during and after
	During     When = "during"     // again and again while the method runs
)

// DecodeDocument reads one of the times.
func (w *When) DecodeDocument(n *document.Node) error {
	known := []string{string(Before), string(After), string(Edge), string(Continuous), string(During)}
	if n.Kind != document.String || !slices.Contains(known, n.Text) {
		refusal := document.Errorf("", "want before, after, edge, continuous or during")
		refusal.DidYouMean = document.Nearest(n.Text, known)
		return refusal
	}
	*w = When(n.Text)
	return nil
}

// Starts says that the check is made before anything is touched.
func (w When) Starts() bool { return w == Before || w == Edge || w == Continuous }

// Watches says that the check is made while faults act.
func (w When) Watches() bool { return w == During || w == Continuous }

// Ends says that the check is made when the faults are gone.
func (w When) Ends() bool { return w == After || w == Edge || w == Continuous }

// SteadyState says what healthy means.
type SteadyState struct {
	Mode   When            `json:"mode"`  // of checks that name none
	Every  faults.Duration `json:"every"` // how often checks are made while faults act; 500ms by default
	Checks []Check         `json:"checks"`
}

// Check is one measure of health: of a load, or of what a request, a process or a query of Prometheus answers.
type Check struct {
	Name string `json:"name"`
	Mode When   `json:"mode,omitempty"` // that of the steady state by default

	Load     string           `json:"load,omitempty"`
	MaxError *Share           `json:"max_error,omitempty"` // of the load: the share of requests that may fail
	Over     *faults.Duration `json:"over,omitempty"`      // of the load: what a request may take …
	MaxShare *Share           `json:"max_share,omitempty"` // … but for this share of them

	HTTP       *Request    `json:"http,omitempty"`
	Process    *Process    `json:"process,omitempty"`
	Prometheus *Prometheus `json:"prometheus,omitempty"`
	Tolerance  *Tolerance  `json:"tolerance,omitempty"` // of the answer
}

// Process is a program that is run, without a shell.
type Process struct {
	Path    string            `json:"path"`
	Args    []string          `json:"args,omitempty"`
	Env     map[string]string `json:"env,omitempty"`     // added to the runner's own
	Timeout faults.Duration   `json:"timeout,omitempty"` // then it is killed; 10s by default
}

// Prometheus is an instant query of which the answer is one number.
type Prometheus struct {
	URL     string          `json:"url"` // of the server, without /api
	Query   string          `json:"query"`
	Timeout faults.Duration `json:"timeout,omitempty"` // 5s by default
}

// DecodeDocument reads a check.
func (c *Check) DecodeDocument(n *document.Node) error {
	type plain Check
	wrong := document.Decode(n, (*plain)(c))
	wrong = also(wrong, document.At(faults.CheckName(c.Name), "name"))
	return also(wrong, c.check())
}

// check wants a check to ask one thing, and to say what is good.
func (c *Check) check() error {
	sources := 0
	for _, given := range []bool{c.Load != "", c.HTTP != nil, c.Process != nil, c.Prometheus != nil} {
		if given {
			sources++
		}
	}
	switch {
	case sources != 1:
		return document.Errorf("", "want exactly one of load, http, process and prometheus")
	case c.Load != "":
		return c.checkLoad()
	case c.HTTP != nil:
		if err := c.HTTP.complete(); err != nil {
			return document.At(err, "http")
		}
	}
	switch {
	case c.MaxError != nil || c.Over != nil || c.MaxShare != nil:
		return document.Errorf("", "max_error, over and max_share are about a load")
	case c.Tolerance == nil:
		return document.Errorf("tolerance", "missing: want what the answer must be, such as 200, [0, 10] or {regex: ok}")
	}
	return nil
}

// checkLoad wants a check of a load to say one thing.
func (c *Check) checkLoad() error {
	switch {
	case c.Tolerance != nil:
		return document.Errorf("tolerance", "not beside load: want max_error, or over and max_share")
	case (c.MaxError != nil) == (c.Over != nil):
		return document.Errorf("", "a check of a load has either max_error, or over and max_share")
	case (c.Over != nil) != (c.MaxShare != nil):
		return document.Errorf("", "over and max_share go together: {over: 400ms, max_share: 2%%}")
	case c.Over != nil:
		return checkSpan("over", *c.Over, faults.Duration(time.Microsecond), maxTimeout)
	}
	return nil
}

// Limit is the share of a load's requests that may be bad.
func (c *Check) Limit() float64 {
	if c.MaxError != nil {
		return float64(*c.MaxError)
	}
	return float64(*c.MaxShare)
}

// DecodeDocument reads a process.
func (p *Process) DecodeDocument(n *document.Node) error {
	p.Timeout = faults.Duration(10 * time.Second)
	type plain Process
	if err := document.Decode(n, (*plain)(p)); err != nil {
		return err
	}
	if p.Path == "" {
		return document.Errorf("path", "missing: want a program")
	}
	return checkSpan("timeout", p.Timeout, faults.Duration(time.Millisecond), maxTimeout)
}

// DecodeDocument reads a query.
func (p *Prometheus) DecodeDocument(n *document.Node) error {
	p.Timeout = faults.Duration(5 * time.Second)
	type plain Prometheus
	if err := document.Decode(n, (*plain)(p)); err != nil {
		return err
	}
	if err := checkURL("url", p.URL); err != nil {
		return err
	}
	if p.Query == "" {
		return document.Errorf("query", "missing: want an expression such as max(queue_depth)")
	}
	return checkSpan("timeout", p.Timeout, faults.Duration(time.Millisecond), maxTimeout)
}
