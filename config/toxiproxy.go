package config

import (
	"slices"

	"github.com/squall-proxy/squall/control"
	"github.com/squall-proxy/squall/control/toxiproxy"
	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/proxy"
)

// parseToxiproxy reads a configuration of Toxiproxy's: a list of proxies. Unlike there their toxics count, and what is wrong is an
// error. Of several proxies of a name the last one counts.
func parseToxiproxy(name string, data []byte) (File, error) {
	list, err := toxiproxy.ReadProxies(data)
	if err != nil {
		return File{}, document.InFile(name, err)
	}
	file := File{Policy: control.DefaultPolicy()}
	for _, wanted := range list {
		c, rules, err := wanted.Native()
		if err != nil {
			return File{}, document.InFile(name, err)
		}
		file.Proxies = slices.DeleteFunc(file.Proxies, func(old proxy.Config) bool { return old.Name == c.Name })
		file.Rules = slices.DeleteFunc(file.Rules, func(old faults.Rule) bool { return old.Proxy == c.Name })
		file.Proxies, file.Rules = append(file.Proxies, c), append(file.Rules, rules...)
	}
	return file.checked(name, nil)
}
