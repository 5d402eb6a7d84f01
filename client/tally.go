package client

import "time"

// tallySlots is how finely a tally slides.
const tallySlots = 10

// tally counts two things over a stretch of time that slides in tenths.
type tally struct {
	slot  time.Duration // a tenth of the stretch
	at    int64         // number of the latest slot
	slots [tallySlots][2]int
	sums  [2]int
}

// add counts n of the first or second thing.
func (t *tally) add(now time.Time, thing, n int) {
	t.slide(now)
	t.slots[t.at%tallySlots][thing] += n
	t.sums[thing] += n
}

// slide empties the slots that are over.
func (t *tally) slide(now time.Time) {
	at := now.UnixNano() / int64(t.slot)
	for i := max(t.at+1, at-tallySlots+1); i <= at; i++ {
		for thing := range t.sums {
			t.sums[thing] -= t.slots[i%tallySlots][thing]
		}
		t.slots[i%tallySlots] = [2]int{}
	}
	t.at = max(t.at, at)
}
