package faults

import (
	"container/list"
	"sync"
)

// MaxKeys bounds the keys that a rule counts apart. Beyond, the key that was quiet for longest is forgotten and, should
// it come back, counted from the start.
const MaxKeys = 131_072

// keyCounts counts apart what comes under many keys. It knows them by their hashes, so that what it keeps is bounded
// however long the keys are; keys of equal hash have equal draws, too (see [Roll]).
type keyCounts struct {
	bound int // of keys

	mu      sync.Mutex
	counts  map[uint64]*list.Element // of keyCount
	recent  list.List                // the latest used in front
	evicted uint64
}

type keyCount struct {
	hash, n uint64
	row     row
}

// next counts one under a key and gives its number, from 1, and with decide what that says of it: the numbers of a key are
// decided in order, one by one. decide may be nil; it is given the key's row of hits.
func (k *keyCounts) next(hash uint64, decide func(n uint64, row *row) Why) (n uint64, why Why) {
	k.mu.Lock()
	defer k.mu.Unlock()
	count := k.find(hash)
	count.n++
	if decide != nil {
		why = decide(count.n, &count.row)
	}
	return count.n, why
}

// find gives a key's count, a new one for a key that is not known.
func (k *keyCounts) find(hash uint64) *keyCount {
	if element, ok := k.counts[hash]; ok {
		k.recent.MoveToFront(element)
		return element.Value.(*keyCount)
	}
	if k.counts == nil {
		k.counts = make(map[uint64]*list.Element)
	}
	if len(k.counts) >= k.bound {
		oldest := k.recent.Remove(k.recent.Back()).(*keyCount)
		delete(k.counts, oldest.hash)
		k.evicted++
	}
	count := &keyCount{hash: hash}
	k.counts[hash] = k.recent.PushFront(count)
	return count
}

// evictions counts the keys that were forgotten.
func (k *keyCounts) evictions() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.evicted
}
