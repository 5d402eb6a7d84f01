package experiments

import _ "embed"

//go:embed schema.json
var schema string

// Schema is the file format as a JSON Schema (2020-12), for editors. It knows names, forms and bounds; what one part says of
// another only [Parse] checks.
func Schema() string { return schema }
