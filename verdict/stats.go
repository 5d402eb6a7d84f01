package verdict

import (
	"math"
	"slices"
	"time"
)

// median is the middle of values, which are put in order; 0 of none.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile is the value that a share of values does not exceed, read between neighbours; values are put in order.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	at := share * float64(len(values)-1)
	low := int(at)
	if low+1 == len(values) {
		return values[low]
	}
	return values[low] + (at-float64(low))*(values[low+1]-values[low])
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// variation is the coefficient of variation: the standard deviation by the mean; 0 of none.
func variation(values []float64) float64 {
	m := mean(values)
	if m == 0 {
		return 0
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - m) * (v - m)
	}
	return math.Sqrt(squares/float64(len(values))) / m
}

// atMost is how likely so few heads, or fewer, are in so many throws of a coin.
func atMost(heads, throws int) float64 {
	likely, n := 0.0, float64(throws)
	whole, _ := math.Lgamma(n + 1)
	for k := range heads + 1 {
		chosen, _ := math.Lgamma(float64(k) + 1)
		left, _ := math.Lgamma(n - float64(k) + 1)
		likely += math.Exp(whole - chosen - left - n*math.Ln2)
	}
	return likely
}

// atLeast is how likely a chi-square so large, or larger, is by chance alone, with so many degrees of freedom: the upper incomplete
// gamma function, which for halves and whole numbers is a finite sum.
func atLeast(chiSquare float64, freedom int) float64 {
	x, a, likely := chiSquare/2, 1.0, math.Exp(-chiSquare/2)
	if freedom%2 == 1 {
		a, likely = 0.5, math.Erfc(math.Sqrt(x))
	}
	for ; a < float64(freedom)/2; a++ {
		whole, _ := math.Lgamma(a + 1)
		likely += math.Exp(a*math.Log(x) - x - whole)
	}
	return likely
}

// crowd is the largest number of moments that lie within one bin of time, wherever it begins; moments are put in order.
func crowd(moments []time.Time, bin time.Duration) int {
	slices.SortFunc(moments, time.Time.Compare)
	most, from := 0, 0
	for i, t := range moments {
		for t.Sub(moments[from]) > bin {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// share is a part of a whole; 0 of nothing.
func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// perSecond is a count in a span of time as a rate.
func perSecond(count int, length time.Duration) float64 {
	if length <= 0 {
		return 0
	}
	return float64(count) / length.Seconds()
}
