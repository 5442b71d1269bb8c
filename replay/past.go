package replay

import (
	"context"
	"fmt"
	"iter"
	"sort"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// ParseMoment reads a moment as a person types it, as [ParseBound] does, but for a day: its end is meant.
func ParseMoment(s string, now time.Time) (Bound, error) {
	if strings.TrimSpace(s) == "" {
		return Bound{}, fmt.Errorf("a moment is missing: give a time (2026-11-23T12:00:00Z, 2026-11-23), how long ago (2h, 7d), or a sequence (42)")
	}
	r, err := ParseRange("", s, now)
	if err != nil {
		return Bound{}, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "--to: "))
	}
	return r.To, nil
}

// RosterAt is the roster of a tenant, or of all tenants, as it was at a moment: as of all that the log had stored by then. It reads the
// last event of each subject up to the moment, so its cost grows with the number of entities, not with their history.
func RosterAt(ctx context.Context, log Log, now roster.Reader, tenant string, at Bound) (roster.Reader, error) {
	return past(ctx, log, now, []events.Filter{{Tenant: tenant}}, at)
}

// AgentAt is one agent as it was at a moment, and what the connections could see then. what names it as it is found now or was found
// then. Of other agents it reads nothing but what tells which were joined then, and of persons and blueprints whether they were there.
func AgentAt(ctx context.Context, log Log, now roster.Reader, tenant, what string, at Bound) (roster.Agent, roster.Reader, error) {
	then, err := past(ctx, log, now, []events.Filter{{Tenant: tenant, Kind: events.KindAgent}, {Tenant: tenant, Kind: events.KindAssertion}, {Tenant: tenant, Kind: events.KindCredential}}, at)
	if err != nil {
		return roster.Agent{}, then, err
	}
	a, err := then.Find(ctx, tenant, what)
	if err != nil { // by what it is called today
		today, notNow := now.Find(ctx, tenant, what)
		if notNow != nil {
			return roster.Agent{}, then, notNow
		}
		if a, err = then.Find(ctx, today.Tenant, today.ID); err != nil {
			return roster.Agent{}, then, fmt.Errorf("%s was not known then: it was first seen %s", what, today.FirstSeen.Format(time.RFC3339))
		}
	}
	filters := []events.Filter{
		{Tenant: a.Tenant, Kind: events.KindCoverage}, {Tenant: a.Tenant, Kind: events.KindAssertion}, {Tenant: a.Tenant, Connection: events.ClockConnection},
		{Tenant: a.Tenant, Kind: events.KindPerson}, {Tenant: a.Tenant, Kind: events.KindBlueprint}, // on whom findings depend
	}
	for _, i := range a.Identities {
		filters = append(filters, events.Filter{Tenant: i.Tenant, Connection: i.Connection, Holder: i.Holder})
	}
	if then, err = past(ctx, log, now, filters, at); err != nil {
		return roster.Agent{}, then, err
	}
	a, err = then.Find(ctx, a.Tenant, a.ID)
	return a, then, err
}

// past is the roster that follows from the last states which the filters select.
func past(ctx context.Context, log Log, now roster.Reader, filters []events.Filter, at Bound) (roster.Reader, error) {
	query := func(f events.Filter) iter.Seq2[events.Message, error] {
		return Decoded(log.Stored(ctx, events.Query{Filter: f, To: at.Sequence, ToTime: at.Time, LastOnly: true}))
	}
	states := query(filters[0])
	if len(filters) > 1 {
		states = ordered(filters, query)
	}
	docs, err := roster.Past(now.Store.List(ctx, ">"), states)
	return roster.Reader{Store: docs}, err
}

// ordered reads what several filters select, in the order of the log.
func ordered(filters []events.Filter, query func(events.Filter) iter.Seq2[events.Message, error]) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		var all []events.Message
		for _, f := range filters {
			for m, err := range query(f) {
				if err != nil {
					yield(m, err)
					return
				}
				all = append(all, m)
			}
		}
		sort.Slice(all, func(i, j int) bool { return all[i].Position.Sequence < all[j].Position.Sequence })
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}
