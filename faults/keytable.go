package faults

import (
	"container/list"
	"sync"
)

// keyTable keeps a T for each of many keys, at most bound of them: beyond, that of the key that was quiet for longest is
// forgotten. It knows the keys by their hashes, so that what it keeps is bounded however long they are.
type keyTable[T any] struct {
	bound int // of keys

	mu      sync.Mutex               // guards what follows, and what at gives
	kept    map[uint64]*list.Element // of *keyed[T]
	recent  list.List                // the latest used in front
	evicted uint64
}

type keyed[T any] struct {
	hash  uint64
	value T
}

// at gives what is kept under a key, the zero T for a new one. The caller holds the lock for as long as it uses it.
func (k *keyTable[T]) at(hash uint64) *T {
	if element, ok := k.kept[hash]; ok {
		k.recent.MoveToFront(element)
		return &element.Value.(*keyed[T]).value
	}
	if k.kept == nil {
		k.kept = make(map[uint64]*list.Element)
	}
	if len(k.kept) >= k.bound {
		oldest := k.recent.Remove(k.recent.Back()).(*keyed[T])
		delete(k.kept, oldest.hash)
		k.evicted++
	}
	fresh := &keyed[T]{hash: hash}
	k.kept[hash] = k.recent.PushFront(fresh)
	return &fresh.value
}

// evictions counts the keys that were forgotten.
func (k *keyTable[T]) evictions() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.evicted
}
