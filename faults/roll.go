package faults

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
	phi       = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: splitmix64's step
)

// Roll is the one source of chance: a number in [0, 1) that depends on its arguments alone, so that a run can be
// repeated and a decision replayed. n is the count of the exchange under key, from 1. Draw 0 decides the hit; draws
// from 1 on are for attributes, independent of the hit and of each other.
//
// The generator is Steele, Lea and Flood's splitmix64 ("Fast splittable pseudorandom number generators", OOPSLA 2014),
// started at a hash of the names: unbiased, and without memory.
func Roll(seed uint64, proxy, rule, key string, n uint64, draw uint32) float64 {
	return rollFrom(hashKey(hashRule(proxy, rule), key), seed, n, draw)
}

// rollFrom is Roll with the names hashed already.
func rollFrom(hash, seed, n uint64, draw uint32) float64 {
	x := finish((seed ^ hash) + n*phi)
	if draw > 0 {
		x = finish(x + uint64(draw)*phi)
	}
	return float64(x>>11) / (1 << 53)
}

// hashRule hashes the names of a rule (FNV-1a, 64 bits).
func hashRule(proxy, rule string) uint64 {
	return addEnd(addText(addEnd(addText(fnvOffset, proxy)), rule))
}

// hashKey adds to a rule's hash the key whose exchanges are counted.
func hashKey(rule uint64, key string) uint64 { return addEnd(addText(rule, key)) }

// addText continues an FNV-1a hash.
func addText[T string | []byte](h uint64, text T) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * fnvPrime
	}
	return h
}

// addEnd ends a text with a byte that occurs in no UTF-8, so that ("ab","c") and ("a","bc") differ.
func addEnd(h uint64) uint64 { return (h ^ 0xff) * fnvPrime }

// finish is splitmix64's output function. Without it the low entropy of a counter shows: FNV-1a alone hits again after
// a hit in 99 of 100 cases.
func finish(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
