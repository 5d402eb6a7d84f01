package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
	"github.com/squall-proxy/squall/proxy"
)

// File is a squall.yaml.
type File struct {
	Admin    Admin                      `json:"admin"`
	Seed     *uint64                    `json:"seed"` // nil = a new one at each start
	Policy   control.Policy             `json:"policy"`
	Mode     string                     `json:"mode"` // "" = normal
	Proxies  []proxy.Config             `json:"proxies"`
	Profiles map[string]control.Profile `json:"profiles"`
	Rules    []faults.Rule              `json:"rules"`
}

// Admin says how the admin API is reached.
type Admin struct {
	Listen    string   `json:"listen"`     // host:port; "" = 127.0.0.1:8474
	Hosts     []string `json:"hosts"`      // host names, besides those of loopback, under which it may be asked for
	TokenFile string   `json:"token_file"` // holds the token that callers must send
	Open      bool     `json:"open"`       // may be reached from outside without a token
}

// DecodeDocument reads where the admin API listens, and under what conditions it may be asked.
func (a *Admin) DecodeDocument(n *document.Node) error {
	type plain Admin
	if err := document.Decode(n, (*plain)(a)); err != nil {
		return err
	}
	if a.Listen == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(a.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return document.Errorf("listen", `%q is not host:port, such as "127.0.0.1:8474"`, a.Listen)
	}
	return nil
}

// Load reads a configuration from a file: see Parse.
func Load(path string) (File, error) {
	data, err := yaml.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a squall.yaml, or a list of proxies in JSON, which is a configuration of Toxiproxy's; name says in errors where it
// came from.
func Parse(name string, data []byte) (File, error) {
	root, err := yaml.Parse(data)
	if err != nil {
		return File{}, document.InFile(name, err)
	}
	if root.Kind == document.List && json.Valid(data) {
		return parseToxiproxy(name, data)
	}
	file := File{Policy: control.DefaultPolicy()}
	if root.Kind == document.Null {
		return file, nil
	}
	if err := document.Decode(root, &file); err != nil {
		return File{}, document.InFile(name, err)
	}
	return file.checked(name, root)
}

// checked gives the file, if it makes a state. root is what it was read from, for the places of errors; nil = they have none.
func (f File) checked(name string, root *document.Node) (File, error) {
	state, err := f.State(0, time.Now())
	if err == nil {
		err = f.Policy.Check(state)
	}
	switch {
	case err == nil:
		return f, nil
	case root != nil:
		err = document.Locate(root, err)
	}
	return File{}, document.InFile(name, err)
}

// State is what a squall that has no saved state starts with. seed is used where the file names none.
func (f *File) State(seed uint64, now time.Time) (*control.State, error) {
	if f.Seed != nil {
		seed = *f.Seed
	}
	s := control.NewState(seed)
	s.SetProfiles(f.Profiles)
	s.Proxies = slices.Clone(f.Proxies)
	if err := s.SetRules(f.Rules, "", control.Hold{}, now); err != nil {
		return nil, err
	}
	if err := s.SetMode(cmp.Or(f.Mode, control.ModeNormal), "", control.Hold{}); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}
