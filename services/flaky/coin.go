package flaky

import "sync/atomic"

// coin decides which arrivals fail. It is safe for concurrent use and takes no lock.
type coin struct {
	seed     uint64
	rate     float64 // 0 to 1
	arrivals atomic.Uint64
}

// toss counts one arrival and reports whether it fails.
func (c *coin) toss() bool { return fails(c.seed, c.arrivals.Add(1), c.rate) }

// fails reports whether arrival n, counted from 1, fails. It uses the upper 53 bits, as many as a float64 holds, so
// that the number lies in [0,1): rate 0 never fails and rate 1 always does.
func fails(seed, n uint64, rate float64) bool {
	return float64(splitmix64(seed, n)>>11)/(1<<53) < rate
}

// splitmix64 is the nth output, counted from 1, of the generator of that name seeded with seed (Steele, Lea and Flood,
// "Fast Splittable Pseudorandom Number Generators", 2014; constants of Vigna's splitmix64.c). Its state is a plain sum,
// so any output can be had without the ones before.
func splitmix64(seed, n uint64) uint64 {
	z := seed + n*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
