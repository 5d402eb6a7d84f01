package config_test

import (
	"fmt"

	"github.com/squall-proxy/squall/config"
)

func ExampleParse() {
	file, err := config.Parse("squall.yaml", []byte(`
seed: 42
proxies:
  - {name: stock, listen: ":6055", upstream: "http://stock:8080"}
rules:
  - {proxy: stock, delay: 300ms, percent: 50}
`))
	fmt.Println(*file.Seed, file.Proxies[0].Name, file.Rules[0].Kind, err)

	_, err = config.Parse("squall.yaml", []byte("rules:\n  - delay: {latancy: 1s}\n"))
	fmt.Println(err)

	// Output:
	// 42 stock delay <nil>
	// squall.yaml:2:13: rules[0].delay.latancy: unknown field, did you mean latency?
}
