package load

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSecondsAreToldAgainWhenTheyChange(t *testing.T) {
	start := time.Unix(1000, 0).UTC()
	s := Series{Settle: 5 * time.Second}
	for i := range 200 { // two seconds of a request each 10 ms, the first second's in 1 ms, the other's in 100 ms
		took := time.Millisecond
		if i >= 100 {
			took = 100 * time.Millisecond
		}
		s.Observe(Sample{Due: start.Add(time.Duration(i) * 10 * time.Millisecond), Took: took})
	}
	got := s.Changed(start.Add(2 * time.Second))
	if len(got) != 2 || !got[0].At.Equal(start) || !got[1].At.Equal(start.Add(time.Second)) {
		t.Fatalf("%+v", got)
	}
	for i, want := range []time.Duration{time.Millisecond, 100 * time.Millisecond} {
		for _, is := range []time.Duration{got[i].P50, got[i].P99} {
			if is < want || is > want*101/100 || got[i].Requests != 100 || got[i].Errors != 0 {
				t.Errorf("second %d: %+v, want %v", i, got[i], want)
			}
		}
	}
	if again := s.Changed(start.Add(3 * time.Second)); again != nil {
		t.Errorf("told of again, though nothing changed: %+v", again)
	}
	// A request of the first second that ends late belongs to that one.
	s.Observe(Sample{Due: start, Took: 4 * time.Second, Err: errors.New("failed")})
	late := s.Changed(start.Add(4 * time.Second))
	if len(late) != 1 || late[0].Requests != 101 || late[0].Errors != 1 || !late[0].At.Equal(start) {
		t.Errorf("%+v", late)
	}
	s.Observe(Sample{Due: start.Add(time.Second), Took: 4 * time.Second})
	before := s.Changed(start.Add(time.Minute))
	if len(before) != 1 || before[0].Requests != 101 {
		t.Fatalf("%+v", before)
	}
	// What comes when a second has settled is counted, and changes no time.
	s.Observe(Sample{Due: start.Add(time.Second), Took: time.Hour})
	want := before
	want[0].Requests++
	if diff := cmp.Diff(want, s.Changed(start.Add(2*time.Minute))); diff != "" {
		t.Error(diff)
	}
}
