package admin_test

import (
	"context"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/control"
)

func ExampleServer() {
	controller, err := control.New(control.Config{Engine: &engine{}, Policy: control.DefaultPolicy()}, control.NewState(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer controller.Close()
	api := httptest.NewServer((&admin.Server{Controller: controller}).Handler())
	defer api.Close()

	// curl -X PUT …/admin/faults/rules/slow -d '{"delay":"300ms","percent":50}'
	request := httptest.NewRequest("PUT", api.URL+"/admin/faults/rules/slow", strings.NewReader(`{"delay":"300ms","percnt":50}`))
	request.RequestURI = ""
	answer, err := api.Client().Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	fmt.Print(string(body))
	fmt.Println(err)
	// Output:
	// {
	//   "status": 400,
	//   "field": "percnt",
	//   "reason": "unknown field",
	//   "did_you_mean": "percent",
	//   "line": 1,
	//   "column": 18
	// }
	// <nil>
}

func ExampleClient() {
	controller, err := control.New(control.Config{Engine: &engine{}, Policy: control.DefaultPolicy()}, control.NewState(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer controller.Close()
	api := httptest.NewServer((&admin.Server{Controller: controller}).Handler())
	defer api.Close()

	ctx := context.Background()
	client, err := admin.NewClient(api.URL, "") // http://127.0.0.1:8474
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	_, err = client.SetFaults(ctx, control.Request{}, `{"mode": "failure", "ttl": "30s"}`)
	fmt.Println(err)
	faults, err := client.Faults(ctx)
	fmt.Println(faults.Mode, "then", *faults.Timed.Mode.BackTo, err)
	_, err = client.SetFaults(ctx, control.Request{Revision: new(uint64)}, `{"mode": "fallback"}`)
	fmt.Println(err)
	// Output:
	// <nil>
	// failure then normal <nil>
	// made for revision 0, the current one is 1
}
