package chaostoolkit

import (
	"github.com/squall-proxy/squall/internal/document"
)

// configuration makes the variables, of the configuration and of the secrets, which ${name} stands for in both formats.
func (t *translation) configuration(root, out *document.Node) error {
	variables := &document.Node{Kind: document.Object}
	if c := root.Get("configuration"); c != nil {
		for _, m := range c.Members {
			if err := t.variable(variables, m, "configuration."+m.Name); err != nil {
				return err
			}
		}
	}
	if groups := root.Get("secrets"); groups != nil {
		for _, group := range groups.Members {
			for _, m := range group.Value.Members {
				if err := t.variable(variables, m, "secrets."+group.Name+"."+m.Name); err != nil {
					return err
				}
			}
		}
	}
	if len(variables.Members) > 0 {
		put(out, "configuration", variables)
	}
	return nil
}

// variable adds one value that stands in the file or in the environment.
func (t *translation) variable(to *document.Node, m document.Member, field string) error {
	if to.Get(m.Name) != nil {
		return document.Errorf(field, "the name is there already: in one file here all variables are together")
	}
	if m.Value.Kind != document.Object {
		put(to, m.Name, m.Value)
		return nil
	}
	kind := m.Value.Get("type")
	switch {
	case kind == nil:
		return document.Errorf(field, "want a string, a number, a boolean, or {type: env, key: K}")
	case kind.Text != "env":
		return document.Errorf(field+".type", "%q is not supported: put the value into the environment, {type: env, key: K}", kind.Text)
	}
	if as := m.Value.Get("env_var_type"); as != nil && as.Text != "str" && m.Value.Get("default") == nil {
		return document.Errorf(field+".env_var_type", "without a default: its kind says how the variable is read here")
	}
	put(to, m.Name, object("type", text("env"), "key", m.Value.Get("key"), "default", m.Value.Get("default")))
	return nil
}
