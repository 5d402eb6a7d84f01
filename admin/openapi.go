package admin

import (
	_ "embed"
	"net/http"
)

// openAPI describes the API. A test holds it against the routes and sends its examples.
//
//go:embed openapi.yaml
var openAPI string

// openAPI answers GET /admin/openapi.yaml.
func (d *desk) openAPI(*http.Request) (answer, error) {
	return answer{text: openAPI, kind: "application/yaml"}, nil // RFC 9512
}
