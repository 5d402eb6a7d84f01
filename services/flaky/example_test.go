package flaky_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/squall-proxy/squall/services/flaky"
)

func ExampleNew() {
	service, err := flaky.New(flaky.Config{FailureRate: flaky.DefaultFailureRate, Seed: 42})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		reply := httptest.NewRecorder()
		service.ServeHTTP(reply, httptest.NewRequest("GET", "/", nil))
		fmt.Print(reply.Code, " ", reply.Body)
	}
	// Output:
	// 200 {"message":"Hello from the service!","data":[1,2,3,4,5]}
	// 503 {"message":"Service Unavailable"}
	// 503 {"message":"Service Unavailable"}
}

func ExampleFromEnv() {
	env := map[string]string{"SERVICE_MODE": "fallback", "SEED": "42"}
	cfg, port, err := flaky.FromEnv(func(name string) string { return env[name] }) // os.Getenv in a program
	fmt.Println(cfg.Mode, cfg.FailureRate, cfg.Seed, port, err)

	env["SERVICE_MODE"] = "broken"
	_, _, err = flaky.FromEnv(func(name string) string { return env[name] })
	fmt.Println(err)
	// Output:
	// fallback 0.3 42 5055 <nil>
	// flaky: SERVICE_MODE (Config.Mode) is "broken", allowed: normal, fallback, failure
}
