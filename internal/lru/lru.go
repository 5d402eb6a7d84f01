// Package lru keeps one value for each key, up to a number of keys, of which the one that was asked for longest ago goes
// first: state per host or per route that clients cannot make grow.
package lru

import (
	"container/list"
	"sync"
)

// Map makes values when they are first asked for. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	limit int
	make  func(K) V

	mu    sync.Mutex
	items map[K]*list.Element
	order *list.List // of entry[K, V], the latest first
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// New returns a Map of at most limit keys, at least one. A value that was pushed out and is asked for again is made anew,
// by newValue, which is called under the Map's lock.
func New[K comparable, V any](limit int, newValue func(K) V) *Map[K, V] {
	return &Map[K, V]{limit: max(1, limit), make: newValue, items: map[K]*list.Element{}, order: list.New()}
}

// Get returns the value of key.
func (m *Map[K, V]) Get(key K) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	if found, ok := m.items[key]; ok {
		m.order.MoveToFront(found)
		return found.Value.(*entry[K, V]).value
	}
	for len(m.items) >= m.limit {
		last := m.order.Back()
		delete(m.items, m.order.Remove(last).(*entry[K, V]).key)
	}
	made := &entry[K, V]{key, m.make(key)}
	m.items[key] = m.order.PushFront(made)
	return made.value
}

// All returns the values that there are, the one that was asked for last first.
func (m *Map[K, V]) All() []V {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]V, 0, len(m.items))
	for e := m.order.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*entry[K, V]).value)
	}
	return all
}
