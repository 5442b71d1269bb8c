package roster

import (
	"context"
	"fmt"

	"github.com/rollcallhq/rollcall/events"
)

// Last finds the last event about something: an event log's.
type Last func(ctx context.Context, tenant, connection string, ref events.Ref) (events.Message, bool, error)

// FindConsents adds to an answer who gave each delegation, where that is not the person alone and the event that made it so tells: the
// actor of the vendor's log entry. It costs one read for each delegation.
func (a *Answer) FindConsents(ctx context.Context, last Last) error {
	for n := range a.Access {
		x := &a.Access[n]
		if x.consent == nil || x.ConsentedBy != "" {
			continue
		}
		m, ok, err := last(ctx, x.Tenant, x.Connection, events.Ref{Kind: events.KindDelegation, Holder: x.consent.holder, Key: x.consent.key})
		if err != nil {
			return fmt.Errorf("reading who consented: %w", err)
		}
		if by := m.Event.Data.Evidence.Actor; ok && m.Event.ID == x.consent.event && by != nil { // else it is another's deed, done since
			x.ConsentedBy = by.ID
		}
	}
	return nil
}

// consented says which delegation an access stands for, and the event that made it so.
type consented struct{ holder, key, event string }
