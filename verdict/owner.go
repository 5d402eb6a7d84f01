package verdict

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

// ownersOf finds, for calls, the exchange of a caller in which each was made: that of the same request id, that of the same
// call id, or the only one that was under way. Of others it knows none.
func ownersOf(calls []*call, caller []*attempt) map[*call]*attempt {
	byRequest, byCall := map[string]*attempt{}, map[uint64]*attempt{}
	for _, a := range caller {
		if a.RequestID != "" {
			byRequest[a.RequestID] = a
		}
		if a.Attempt.Call != 0 {
			byCall[a.Attempt.Call] = a
		}
	}
	owners, under, next := map[*call]*attempt{}, open{}, 0
	for _, c := range calls {
		first := c.first()
		for ; next < len(caller) && !caller[next].begin.After(first.begin); next++ {
			under.add(caller[next])
		}
		under.end(first.begin)
		named := cmp.Or(byRequest[first.RequestID], byCall[first.Attempt.Call])
		switch {
		case named != nil && !named.begin.After(first.begin):
			owners[c] = named
		case len(under) == 1:
			owners[c] = under[0]
		}
	}
	return owners
}

// open are exchanges under way, as a heap: the one that ends first is the first.
type open []*attempt

func (o open) Len() int           { return len(o) }
func (o open) Less(i, j int) bool { return o[i].end.Before(o[j].end) }
func (o open) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *open) Push(a any)        { *o = append(*o, a.(*attempt)) }
func (o *open) Pop() any {
	last := len(*o) - 1
	a := (*o)[last]
	*o = slices.Delete(*o, last, last+1)
	return a
}

// add puts an exchange that has begun among those under way.
func (o *open) add(a *attempt) { heap.Push(o, a) }

// end takes away what has ended before t.
func (o *open) end(t time.Time) {
	for len(*o) > 0 && (*o)[0].end.Before(t) {
		heap.Pop(o)
	}
}
