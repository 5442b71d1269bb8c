package hub

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// tickEvery is how often a tenant's time moves on.
const tickEvery = time.Hour

// keepTime appends a tick for each tenant now and then, as long as this hub holds the lease: the roster knows no other clock. A tick follows
// at once where the last one is older, or has other thresholds.
func (h *Hub) keepTime(ctx context.Context) error {
	for ctx.Err() == nil {
		others := time.AfterFunc(othersClock, h.judge)
		lost, release, err := h.lease("clock")(ctx)
		others.Stop()
		if err != nil {
			h.judge()
			pause(ctx, tickAgain)
			continue
		}
		h.ticking(ctx, lost)
		release()
	}
	return nil
}

const (
	tickAgain   = 10 * time.Second // how long after a failure it is tried again
	othersClock = 2 * time.Second  // after which another hub is held to keep the time
)

// ticking appends ticks until the lease is lost: at once, when the vendors have been read, and then every hour.
func (h *Hub) ticking(ctx context.Context, lost <-chan struct{}) {
	settled := false
	for {
		wait := tickEvery
		for _, t := range h.opts.Config.Tenants {
			again, err := h.tick(ctx, t.Name, settled, time.Now())
			if err != nil && ctx.Err() == nil {
				h.opts.Logger.Warn("time did not move on: what depends on it is as it was", "tenant", t.Name, "why", err)
				again = tickAgain
			}
			wait = min(wait, again)
		}
		if settled {
			h.judge()
		}
		next := time.After(wait)
		for again := false; !again; {
			moved := h.Moved()
			if now, _ := h.Settled(); now && !settled {
				settled = true
				break
			}
			if settled {
				moved = nil
			}
			select {
			case <-ctx.Done():
				return
			case <-lost:
				return
			case <-next:
				again = true
			case <-moved:
			}
		}
	}
}

// tick appends a tenant's tick, if it is time, and returns how long it is until the next. When the vendors have been read it is time as soon as
// there is anything that no tick has followed: only then is it judged what has no owner.
func (h *Hub) tick(ctx context.Context, tenant string, settled bool, now time.Time) (time.Duration, error) {
	limits := cmp.Or(h.opts.Config.Findings, events.DefaultThresholds)
	last, err := lastTick(ctx, h.Log(), tenant)
	if err != nil {
		return 0, err
	}
	if last != nil {
		as, err := last.Activity.Thresholds()
		next := last.Activity.Time.Add(tickEvery)
		if err == nil && as == limits && now.Before(next) {
			news := false
			if settled {
				news, err = h.newsSince(ctx, tenant, last.Sequence)
			}
			if !news {
				return next.Sub(now), err
			}
		}
	}
	a := events.Tick(now, limits)
	e := events.New(tenant, events.ClockConnection, "rollcall", events.ActivityType(a.Type), now, now,
		events.Data{Activity: &a, Evidence: events.Evidence{Feed: clockFeed, How: events.HowSeen}})
	return tickEvery, appendOwn(ctx, h.Log(), e)
}

// tickAt is a tick where it lies in the log.
type tickAt struct {
	*events.Activity
	events.Position
}

// lastTick is a tenant's last tick, nil if there is none.
func lastTick(ctx context.Context, log *eventlog.Log, tenant string) (*tickAt, error) {
	var last *tickAt
	q := events.Query{Filter: events.Filter{Tenant: tenant, Connection: events.ClockConnection}, LastOnly: true}
	for m, err := range log.Read(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("reading the last tick: %w", err)
		}
		last = &tickAt{m.Event.Data.Activity, m.Position}
	}
	return last, nil
}

// newsSince reports whether there is any event of a tenant behind a sequence.
func (h *Hub) newsSince(ctx context.Context, tenant string, sequence uint64) (bool, error) {
	for _, err := range h.Log().Read(ctx, events.Query{Filter: events.Filter{Tenant: tenant}, From: sequence + 1}) {
		return err == nil, err
	}
	return false, nil
}
