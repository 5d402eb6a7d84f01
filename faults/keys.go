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

type keyCount struct{ hash, n uint64 }

// next counts one under a key and gives its number, from 1.
func (k *keyCounts) next(hash uint64) uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if element, ok := k.counts[hash]; ok {
		k.recent.MoveToFront(element)
		count := element.Value.(*keyCount)
		count.n++
		return count.n
	}
	if k.counts == nil {
		k.counts = make(map[uint64]*list.Element)
	}
	if len(k.counts) >= k.bound {
		oldest := k.recent.Remove(k.recent.Back()).(*keyCount)
		delete(k.counts, oldest.hash)
		k.evicted++
	}
	k.counts[hash] = k.recent.PushFront(&keyCount{hash: hash, n: 1})
	return 1
}

// evictions counts the keys that were forgotten.
func (k *keyCounts) evictions() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.evicted
}
