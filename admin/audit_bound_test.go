package admin

import (
	"strings"
	"testing"

	"github.com/squall-proxy/squall/control"
)

func TestTheAuditIsBounded(t *testing.T) {
	audit, event := NewAudit(), control.Event{Before: control.NewState(1), After: control.NewState(2)}
	for event.Revision < AuditChanges+5 {
		event.Revision++
		audit.Publish(event)
	}
	if got := audit.list(since{}, 2*AuditChanges); len(got) != AuditChanges || got[0].Revision != event.Revision {
		t.Errorf("%d changes, the last of revision %d", len(got), got[0].Revision)
	}
	event.What = []string{strings.Repeat("x", AuditBytes/10)}
	for range 20 {
		audit.Publish(event)
	}
	if got := audit.list(since{}, 2*AuditChanges); len(got) != 9 {
		t.Errorf("%d changes of a tenth each", len(got))
	}
	event.What = []string{strings.Repeat("x", AuditBytes+1)}
	audit.Publish(event)
	if got := audit.list(since{}, 2*AuditChanges); len(got) != 1 {
		t.Errorf("%d changes, of which the last is too large by itself", len(got))
	}
}
