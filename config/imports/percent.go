package imports

import (
	"math"
	"strconv"
)

// percentage reads an Istio percentage or an Envoy fraction beside a fault. Neither hits anything where it is missing.
func (m *Importer) percentage(p place) float64 {
	given := p.get("percentage")
	number, scale := given.get("value"), 1.0
	if given.get("numerator").there() || given.get("denominator").there() {
		number = given.get("numerator")
		switch given.get("denominator").text() {
		case "", "HUNDRED", "0":
		case "TEN_THOUSAND", "1":
			scale = 100
		case "MILLION", "2":
			scale = 10_000
		default:
			m.note(given.get("denominator"), "want HUNDRED, TEN_THOUSAND or MILLION")
		}
	}
	if given.there() {
		m.unknown(given, "value", "numerator", "denominator")
	} else {
		number = p.get("percent") // older versions of both
	}
	if !number.there() {
		m.note(p, "no percentage is given, so nothing is hit, there as here")
		return 0
	}
	value, err := strconv.ParseFloat(number.text(), 64)
	if err != nil {
		m.note(number, "want a number")
		return 0
	}
	percent := math.Round(value/scale*1e4) / 1e4
	if math.Abs(percent-value/scale) > 1e-9 {
		m.note(number, "rounded to four decimals of a percent: %v", percent)
	}
	return percent
}
