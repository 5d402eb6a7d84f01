package faults

// MaxKeys bounds the keys that a rule counts apart. Beyond, the key that was quiet for longest is forgotten and, should
// it come back, counted from the start.
const MaxKeys = 131_072

// keyCounts counts apart what comes under many keys. Keys of equal hash have equal draws, too (see [Roll]).
type keyCounts struct{ keyTable[keyCount] }

// keyCount is what is counted under one key.
type keyCount struct {
	n   uint64
	row row
}

// next counts one under a key and gives its number, from 1, and with decide what that says of it: the numbers of a key are
// decided in order, one by one. decide may be nil; it is given the key's row of hits.
func (k *keyCounts) next(hash uint64, decide func(n uint64, row *row) Why) (n uint64, why Why) {
	k.mu.Lock()
	defer k.mu.Unlock()
	count := k.at(hash)
	count.n++
	if decide != nil {
		why = decide(count.n, &count.row)
	}
	return count.n, why
}
