package faults

import (
	"container/list"
	"sync"
	"time"
)

// MaxReplies bounds the memory, in bytes, that remembered replies take, and those that are on their way there: of all rules
// together.
const MaxReplies = 64 << 20

// MaxReply bounds one of them, with its header; a larger one is not remembered.
const MaxReply = 1 << 20

// perReply and perField are what a reply and each of its fields take beside their texts, about.
const (
	perReply = 512
	perField = 32
)

// Replies remembers good replies for the rules that give them back later (see [Degrade]), in all Sets that are compiled with
// it: a process has one, so that one bound holds for all. Beyond it the reply that was quiet for longest is forgotten. The
// replies are in memory only. The zero Replies has none; all methods may be called concurrently.
type Replies struct {
	mu      sync.Mutex // guards what follows, and what is in the shelves
	shelves map[*Counter]*shelf
	recent  list.List // of *reply, the latest used in front
	taken   int64     // bytes, with those on their way
}

// shelf has the replies of one rule. It is known by the rule's counter, and so outlives a Set as that does.
type shelf struct {
	of   *Replies
	kept map[replyKey]*list.Element // of *reply
	gone bool                       // nothing comes here any more
}

// reply is a good reply. Nothing of it changes once it is on a shelf.
type reply struct {
	shelf  *shelf
	key    replyKey
	at     time.Time // when its head was there
	age    int64     // in seconds, that it had then
	vary   variant
	fields []Field // in their order, without those that frame the body
	body   []byte
	room   int64 // bytes that it takes
}

// shelf gives the shelf of the rule that a counter is of.
func (s *Replies) shelf(of *Counter) *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shelves == nil {
		s.shelves = make(map[*Counter]*shelf)
	}
	if s.shelves[of] == nil {
		s.shelves[of] = &shelf{of: s, kept: make(map[replyKey]*list.Element)}
	}
	return s.shelves[of]
}

// Retain forgets the replies of all rules but those that are in these sets, also what is still on its way.
func (s *Replies) Retain(sets ...*Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := make(map[*Counter]bool)
	for _, set := range sets {
		for _, r := range set.recalling {
			wanted[r.counter] = true
		}
	}
	for counter, own := range s.shelves {
		if wanted[counter] {
			continue
		}
		for _, element := range own.kept {
			s.forget(element)
		}
		own.gone = true
		delete(s.shelves, counter)
	}
}

// Taken gives the bytes that the replies take.
func (s *Replies) Taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// find gives the reply of a key that has come since a time, and that varies as the request does; nil if there is none.
func (h *shelf) find(key replyKey, since time.Time, v *View) *reply {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	element := h.kept[key]
	if element == nil {
		return nil
	}
	found := element.Value.(*reply)
	if found.at.Before(since) {
		h.of.forget(element)
		return nil
	}
	if !found.vary.fits(v) {
		return nil
	}
	h.of.recent.MoveToFront(element)
	return found
}

// put puts a reply on its shelf, unless a later one is there already.
func (s *Replies) put(r *reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.shelf.gone {
		return
	}
	if element := r.shelf.kept[r.key]; element != nil {
		if element.Value.(*reply).at.After(r.at) {
			return
		}
		s.forget(element)
	}
	if s.makeRoom(r.room) {
		r.shelf.kept[r.key] = s.recent.PushFront(r)
	}
}

// reserve takes room for what is on its way, and reports whether there is so much; release gives it back.
func (s *Replies) reserve(bytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeRoom(bytes)
}

func (s *Replies) release(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken -= bytes
}

// makeRoom takes room, in the place of what was quiet for longest. The caller holds the lock.
func (s *Replies) makeRoom(bytes int64) bool {
	for s.taken+bytes > MaxReplies {
		oldest := s.recent.Back()
		if oldest == nil {
			return false
		}
		s.forget(oldest)
	}
	s.taken += bytes
	return true
}

// forget takes a reply from its shelf. The caller holds the lock.
func (s *Replies) forget(element *list.Element) {
	r := s.recent.Remove(element).(*reply)
	delete(r.shelf.kept, r.key)
	s.taken -= r.room
}
