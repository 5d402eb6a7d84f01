package experiments

import _ "embed"

//go:embed starter.yaml
var starter string

// Starter is a commented experiment to begin with.
func Starter() string { return starter }
