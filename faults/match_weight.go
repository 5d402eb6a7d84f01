package faults

import "strings"

// weight is what the conditions count towards [MaxWeight].
func (m *Match) weight() int {
	if m == nil {
		return 0
	}
	weight := m.Host.weight() + m.Path.weight() + m.Source.weight() + m.SNI.weight() +
		m.GRPCService.weight() + m.GRPCMethod.weight() + m.Body.weight()
	named := []map[string]Values{m.Headers, m.Query}
	if m.Response != nil {
		named = append(named, m.Response.Headers)
	}
	for _, fields := range named {
		for _, values := range fields {
			weight += values.weight()
		}
	}
	for _, v := range m.Path {
		if v.Exact != nil && strings.Contains(*v.Exact, "**") {
			weight += 1 + len(*v.Exact)/64
		}
	}
	return weight
}

// weight counts the regular expressions.
func (vs Values) weight() int {
	weight := 0
	for _, v := range vs {
		if v.Regex != nil {
			size, _ := regexSize(*v.Regex) // an error is for compiling to report
			weight += size
		}
	}
	return weight
}
