package hello_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/squall-proxy/squall/services/hello"
)

func ExampleNew() {
	service, err := hello.New(hello.Config{ServerName: "service1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	reply := httptest.NewRecorder()
	service.ServeHTTP(reply, httptest.NewRequest("GET", "/", nil))
	fmt.Println(reply.Header().Get("X-Served-By"), "says:", reply.Body)
	// Output: service1 says: Hello from Service 1
}

func ExampleFromEnv() {
	env := map[string]string{"SERVER_NAME": "service2", "PORT": "5057"}
	cfg, port, err := hello.FromEnv(func(name string) string { return env[name] }) // os.Getenv in a program
	fmt.Println(cfg.ServerName, port, err)
	// Output: service2 5057 <nil>
}
