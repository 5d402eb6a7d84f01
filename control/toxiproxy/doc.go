// Package toxiproxy speaks Toxiproxy's language: its proxies are squall's of protocol tcp, its toxics are views of their
// rules. An [API] carries its verbs out on a controller; what an HTTP route or a command does with the answers is theirs.
//
// Documents are read as Toxiproxy 2.12.0 reads them: keys in any case, unknown ones and whatever follows the first value
// ignored, and Go's own words about what cannot be read. What it does badly is done well; where that shows, the verb says so.
package toxiproxy
