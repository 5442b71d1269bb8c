package hub

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Statuses are the connections' states as the hubs last published them, ordered by tenant and name.
func (r *Reader) Statuses(ctx context.Context) ([]connectors.Status, error) {
	notes, err := r.Boards.Statuses.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.Status, 0, len(notes))
	for key, note := range notes {
		var s connectors.Status
		if err := events.Unmarshal(note, &s); err != nil {
			return nil, fmt.Errorf("the status of %s: %w", key, err)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b connectors.Status) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Connection, b.Connection))
	})
	return out, nil
}

// Approve is a person's word that a sweep which the breaker has stopped may go through.
type Approve struct {
	Tenant     string // may be empty where one connection alone has the name
	Connection string
	Count      int // 0: only the sweep that is shown
	By, Reason string
}

// Approve lets a held sweep through, and returns which.
func (r *Reader) Approve(ctx context.Context, a Approve) (connectors.Held, error) {
	statuses, err := r.Statuses(ctx)
	if err != nil {
		return connectors.Held{}, err
	}
	statuses = slices.DeleteFunc(statuses, func(s connectors.Status) bool {
		return s.Connection != a.Connection || a.Tenant != "" && s.Tenant != a.Tenant
	})
	switch {
	case len(statuses) == 0:
		return connectors.Held{}, fmt.Errorf("no hub reads a connection %q: `rollcall connections` lists them", a.Connection)
	case len(statuses) > 1:
		return connectors.Held{}, fmt.Errorf("%d tenants have a connection %q: say which with --tenant", len(statuses), a.Connection)
	case statuses[0].Held == nil:
		return connectors.Held{}, fmt.Errorf("nothing of connection %s is held back (it is %s)", a.Connection, statuses[0].State)
	}
	s, held := statuses[0], *statuses[0].Held
	b, err := events.Marshal(connectors.Approval{
		ID: rand.Text(), Digest: held.Digest, Count: a.Count, By: a.By, Reason: a.Reason, Time: time.Now().UTC(),
	})
	if err != nil {
		return held, err
	}
	return held, r.Boards.Approvals.Put(ctx, eventlog.Key(s.Tenant, s.Connection), b)
}
