package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// What no vendor tells, but operators and the hub itself do, lies in the log under connections of their own, which no configuration can name:
// [events.OperatorsConnection], [events.ClockConnection], and replays, under which the log keeps what operators have replayed and erased.
const (
	replays      = "_replays"
	operatorFeed = "operators"
	clockFeed    = "clock"
	ownTries     = 5
)

// Record appends an activity of the operators' own to the log, once for each tenant.
func (r *Reader) Record(ctx context.Context, tenants []string, by string, a events.Activity) error {
	if len(tenants) == 0 {
		return nil
	}
	log, err := eventlog.Open(ctx, r.nc, eventlog.Options{Stream: r.stream})
	if err != nil {
		return err
	}
	defer log.Close()
	a.Holder, a.Actor, a.Time = events.ConnectionHolder, &events.Actor{ID: by, Type: "operator"}, time.Now().UTC()
	for _, tenant := range tenants {
		e := events.New(tenant, replays, "rollcall", events.ActivityType(a.Type), a.Time, a.Time,
			events.Data{Activity: &a, Evidence: events.Evidence{Feed: operatorFeed, How: events.HowSeen}})
		if err := appendOwn(ctx, log, e); err != nil {
			return fmt.Errorf("recording in the log what was done: %w", err)
		}
	}
	return nil
}

// Assert appends what an operator says about which identities are one agent, or that it is taken back, and returns the event's id.
func (r *Reader) Assert(ctx context.Context, tenant string, a events.Assertion, takenBack bool) (string, error) {
	log, err := eventlog.Open(ctx, r.nc, eventlog.Options{Stream: r.stream})
	if err != nil {
		return "", err
	}
	defer log.Close()
	a.Time = time.Now().UTC()
	if err := a.Check(); err != nil {
		return "", err
	}
	verb := events.Created
	data := events.Data{
		Entity:   &events.Entity{Kind: events.KindAssertion, Holder: events.ConnectionHolder, Key: a.Key(), Assertion: &a},
		Evidence: events.Evidence{Feed: operatorFeed, How: events.HowSeen, Actor: &events.Actor{ID: a.By, Type: "operator"}},
	}
	if takenBack {
		verb, data.Gone = events.Deleted, &events.Gone{Reason: "taken back: " + a.Why}
	}
	e := events.New(tenant, events.OperatorsConnection, "rollcall", events.EntityType(events.KindAssertion, verb), a.Time, a.Time, data)
	if err := appendOwn(ctx, log, e); err != nil {
		return "", fmt.Errorf("writing to the log what you say: %w", err)
	}
	return e.ID, nil
}

// appendOwn appends an event of one of Rollcall's own connections. Whoever writes there claims it for the one append; who comes between is
// waited for.
func appendOwn(ctx context.Context, log *eventlog.Log, e events.Event) error {
	for try := 1; ; try++ {
		err := appendOnce(ctx, log, e)
		if try == ownTries || !errors.Is(err, events.ErrFenced) {
			return err
		}
	}
}

func appendOnce(ctx context.Context, log *eventlog.Log, e events.Event) error {
	feed := e.Data.Evidence.Feed
	claim, err := log.Claim(ctx, e.Tenant, e.Connection, newID())
	if err != nil {
		return err
	}
	saved, err := log.Cursor(ctx, e.Tenant, e.Connection, feed)
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, events.Append{Claim: claim, Feed: feed, Expect: saved, Events: []events.Event{e}, Cursor: saved.Cursor})
	return err
}
