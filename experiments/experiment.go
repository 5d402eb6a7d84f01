package experiments

import (
	"slices"
	"strings"
	"time"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

// Version is the one version of the file format.
const Version = "v1"

// Experiment is a file, read and checked.
type Experiment struct {
	Version       string               `json:"version"` // [Version]
	Title         string               `json:"title"`
	Description   string               `json:"description,omitempty"`
	Tags          []string             `json:"tags,omitempty"`
	Configuration map[string]*Variable `json:"configuration,omitempty"` // what ${name} stands for
	Targets       map[string]string    `json:"targets,omitempty"`       // admin URLs of squalls, by name; none = the one of the command line
	Load          map[string]Load      `json:"load,omitempty"`
	SteadyState   SteadyState          `json:"steady_state"`
	Method        []Step               `json:"method,omitempty"`
	Search        *Search              `json:"search,omitempty"` // instead of a method
	Expect        []Expectation        `json:"expect,omitempty"`
	Recovery      Recovery             `json:"recovery"`
	Safety        Safety               `json:"safety"`
	Rollbacks     []Step               `json:"rollbacks,omitempty"` // done at the end, whatever happened; faults end by themselves
	Report        Report               `json:"report"`

	source *document.Node // the file, in which the variables still stand
}

// Source is the file as it was read. The variables still stand in it, so it has no secret of the environment.
func (e *Experiment) Source() *document.Node { return e.source }

// Recovery says how soon after the last fault the system must be healthy again.
type Recovery struct {
	Within faults.Duration `json:"within,omitempty"` // 30s by default
	Checks []string        `json:"checks,omitempty"` // names; none = all that are made while faults act
}

// Safety bounds what an experiment may do.
type Safety struct {
	Lease       faults.Duration `json:"lease,omitempty"`        // how long a fault outlives the runner; 1s to 1m, 5s by default
	MaxDuration faults.Duration `json:"max_duration,omitempty"` // of the whole run, then it is aborted; 10m by default
	AbortOn     []string        `json:"abort_on,omitempty"`     // checks that end the run as soon as they fail; others make it deviate
	StopFile    string          `json:"stop_file,omitempty"`    // the run ends as soon as this file is there
}

// Report says which files a run leaves. Each is a path; "" = none.
type Report struct {
	HTML     string `json:"html,omitempty"`
	JSON     string `json:"json,omitempty"` // the journal
	JUnit    string `json:"junit,omitempty"`
	Markdown string `json:"markdown,omitempty"`
}

// Run is what a file may ask of the run that it is read for.
type Run struct {
	ID     string              // ${run.id}
	Getenv func(string) string // the environment that the configuration reads
}

// Parse reads an experiment; name says in errors where it came from. An error tells all mistakes, each with its place.
func Parse(name string, data []byte, run Run) (*Experiment, error) {
	root, err := yaml.Parse(data)
	if err != nil {
		return nil, document.InFile(name, err)
	}
	e, err := decode(root, run)
	if err != nil {
		return nil, document.InFile(name, document.Locate(root, err))
	}
	return e, nil
}

// decode reads an experiment from its tree, in which the variables still stand.
func decode(root *document.Node, run Run) (*Experiment, error) {
	if root.Kind != document.Object {
		return nil, document.Errorf("", "want an object, got %s", root.Kind)
	}
	if err := checkVersion(root); err != nil {
		return nil, err
	}
	variables, undefined := readVariables(root.Get("configuration"), run)
	filled, unfilled := variables.fillMembers(root)
	e := &Experiment{
		SteadyState: SteadyState{Mode: Continuous, Every: faults.Duration(500 * time.Millisecond)},
		Recovery:    Recovery{Within: faults.Duration(30 * time.Second)},
		Safety:      Safety{Lease: faults.Duration(5 * time.Second), MaxDuration: faults.Duration(10 * time.Minute)},
		source:      root,
	}
	wrong := document.Locate(root, document.Join(document.At(undefined, "configuration"), unfilled))
	wrong = also(wrong, document.Locate(root, document.Decode(filled, e)))
	wrong = also(wrong, document.Locate(root, e.check()))
	return e, without(wrong, func(e *document.Error) bool { return e.Reason == unknownValue })
}

// without leaves out the errors for which drop says so.
func without(errs error, drop func(e *document.Error) bool) error {
	var kept []error
	for _, e := range document.All(errs) {
		if !drop(e) {
			kept = append(kept, e)
		}
	}
	return document.Join(kept...)
}

// also adds later errors to earlier ones, but for those that only follow from them.
func also(earlier, later error) error {
	return document.Join(earlier, without(later, func(e *document.Error) bool {
		return slices.ContainsFunc(document.All(earlier), func(cause *document.Error) bool { return follows(e, cause) })
	}))
}

// follows says that an error is about the same value as an earlier one, or about the whole that this one is a part of, or that a
// field is missing for which another one was probably meant.
func follows(e, cause *document.Error) bool {
	within := func(inner, outer string) bool {
		rest, is := strings.CutPrefix(inner, outer)
		return is && (rest == "" || outer == "" || rest[0] == '.' || rest[0] == '[')
	}
	parent := cause.Field[:strings.LastIndex("."+cause.Field, ".")] // with its dot
	return within(cause.Field, e.Field) || cause.DidYouMean != "" && within(e.Field, parent+cause.DidYouMean)
}

// checkVersion comes first: of a file of another version every other complaint would be misleading.
func checkVersion(root *document.Node) error {
	switch version := root.Get("version"); {
	case version == nil:
		return document.Errorf("version", "missing: want version: %s", Version)
	case version.Kind != document.String || version.Text != Version:
		return document.Errorf("version", "want %s, the one version there is", Version)
	}
	return nil
}
