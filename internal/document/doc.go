// Package document reads what users write (bodies of admin requests, squall.yaml, experiments, the state file) strictly,
// and says exactly where a value is wrong.
//
// A document is a tree of [Node]: [ParseJSON] builds it from JSON, package yaml the same tree from YAML. Then
// [Decode] stores it into Go values. Unknown and duplicate names, wrong types and numbers out of range are refused with an
// [Error], which names the field by its path, the line and column, and the name that was probably meant.
//
// The work is linear in the size of the document, whatever it holds: its numbers stay the text they were written as
// until a Go number of known size asks for them, so that 1e999999999 costs nothing.
package document
