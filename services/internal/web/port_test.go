package web_test

import (
	"strings"
	"testing"

	"github.com/squall-proxy/squall/services/internal/web"
)

func TestPort(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  int
		bad   bool
	}{
		{value: "", want: 5055},
		{value: "0", want: 0},
		{value: "8080", want: 8080},
		{value: "65535", want: 65535},
		{value: "65536", bad: true},
		{value: "-1", bad: true},
		{value: "+80", bad: true},
		{value: ":80", bad: true},
		{value: " 80", bad: true},
		{value: "http", bad: true},
	} {
		t.Run(tt.value, func(t *testing.T) {
			got, err := web.Port(func(name string) string {
				if name != "PORT" {
					t.Errorf("reads %s", name)
				}
				return tt.value
			})
			if got != tt.want || (err != nil) != tt.bad {
				t.Fatalf("got %d, %v; want %d, error %v", got, err, tt.want, tt.bad)
			}
			if tt.bad && !(strings.Contains(err.Error(), "PORT") && strings.Contains(err.Error(), "from 0 (the system chooses) to 65535")) {
				t.Errorf("%q does not say which variable, or what is allowed", err)
			}
		})
	}
}
