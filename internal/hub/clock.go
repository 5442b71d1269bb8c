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
		lost, release, err := h.lease("clock")(ctx)
		if err != nil {
			if !pause(ctx, tickAgain) {
				return nil
			}
			continue
		}
		h.ticking(ctx, lost)
		release()
	}
	return nil
}

// tickAgain is how long after a failure it is tried again.
const tickAgain = 10 * time.Second

func (h *Hub) ticking(ctx context.Context, lost <-chan struct{}) {
	for {
		wait := tickEvery
		for _, t := range h.opts.Config.Tenants {
			again, err := h.tick(ctx, t.Name, time.Now())
			if err != nil && ctx.Err() == nil {
				h.opts.Logger.Warn("time did not move on: what depends on it is as it was", "tenant", t.Name, "why", err)
				again = tickAgain
			}
			wait = min(wait, again)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-lost:
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// tick appends a tenant's tick, if it is time, and returns how long it is until the next.
func (h *Hub) tick(ctx context.Context, tenant string, now time.Time) (time.Duration, error) {
	limits := cmp.Or(h.opts.Config.Findings, events.DefaultThresholds)
	last, err := lastTick(ctx, h.Log(), tenant)
	if err != nil {
		return 0, err
	}
	if last != nil {
		as, err := last.Thresholds()
		if next := last.Time.Add(tickEvery); err == nil && as == limits && now.Before(next) {
			return next.Sub(now), nil
		}
	}
	a := events.Tick(now, limits)
	e := events.New(tenant, events.ClockConnection, "rollcall", events.ActivityType(a.Type), now, now,
		events.Data{Activity: &a, Evidence: events.Evidence{Feed: clockFeed, How: events.HowSeen}})
	return tickEvery, appendOwn(ctx, h.Log(), e)
}

func lastTick(ctx context.Context, log *eventlog.Log, tenant string) (*events.Activity, error) {
	var last *events.Activity
	q := events.Query{Filter: events.Filter{Tenant: tenant, Connection: events.ClockConnection}, LastOnly: true}
	for m, err := range log.Read(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("reading the last tick: %w", err)
		}
		last = m.Event.Data.Activity
	}
	return last, nil
}
