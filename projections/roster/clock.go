package roster

import (
	"container/heap"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Clock is the document of a tenant's last tick. What depends on time is as of then.
type Clock struct {
	Tenant   string          `json:"tenant"`
	Tick     events.Activity `json:"tick"` // with the thresholds in force
	Sequence uint64          `json:"sequence"`
}

// clock is a tenant's time, with who waits for which moment.
type clock struct {
	Clock
	limits  events.Thresholds
	waiting waiting
}

// set moves the clock to a tick and reports whether its thresholds are others than before.
func (c *clock) set(to Clock) (others bool, err error) {
	limits, err := to.Tick.Thresholds()
	if err != nil {
		return false, err
	}
	others = limits != c.limits
	to.Tick.Time = later(c.Tick.Time, to.Tick.Time) // time does not go back, whatever hub's clock is wrong
	c.Clock, c.limits = to, limits
	return others, nil
}

// tick moves a tenant's time on and looks at all that were waiting for it; at everybody, if the thresholds are others.
func (r *Roster) tick(m *events.Message) error {
	a := m.Event.Data.Activity
	if a == nil || a.Type != events.ActivityTick {
		return nil
	}
	c := r.clocks[m.Event.Tenant]
	if c == nil {
		c = &clock{}
		r.clocks[m.Event.Tenant] = c
	}
	if m.Position.Sequence <= c.Sequence {
		return nil
	}
	all, err := c.set(Clock{Tenant: m.Event.Tenant, Tick: *a, Sequence: m.Position.Sequence})
	if err != nil {
		return err
	}
	now := c.Clock
	r.put(projections.Key(clockPrefix, c.Tenant, events.ActivityTick), func() ([]byte, error) { return events.Marshal(now) })
	due := c.waiting.until(c.Tick.Time)
	if all {
		due = nil
		for _, n := range r.nodes {
			if n.Tenant == c.Tenant {
				due = append(due, n)
			}
		}
	}
	r.lookAt(due)
	return nil
}

// time is a tenant's, zero before its first tick, and the thresholds in force.
func (r *Roster) time(tenant string) (time.Time, events.Thresholds) {
	if c := r.clocks[tenant]; c != nil {
		return c.Tick.Time, c.limits
	}
	return time.Time{}, events.Thresholds{}
}

// await has an identity looked at when its tenant's time reaches due; a zero due is never.
func (r *Roster) await(n *node, due time.Time) {
	c := r.clocks[n.Tenant]
	if c == nil || due.IsZero() || !n.due.IsZero() && !due.Before(n.due) {
		return
	}
	n.due = due
	heap.Push(&c.waiting, wait{due, n})
}

// waiting is a heap of who waits for which moment. One may stand in it more than once; the earliest counts.
type waiting []wait

type wait struct {
	due time.Time
	n   *node
}

func (w waiting) Len() int           { return len(w) }
func (w waiting) Less(i, j int) bool { return w[i].due.Before(w[j].due) }
func (w waiting) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }

// Push implements [heap.Interface].
func (w *waiting) Push(x any) { *w = append(*w, x.(wait)) }

// Pop implements [heap.Interface].
func (w *waiting) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	(*w)[last] = wait{}
	*w = (*w)[:last]
	return x
}

// until takes out all whose moment has come.
func (w *waiting) until(now time.Time) []*node {
	var out []*node
	for len(*w) > 0 && !(*w)[0].due.After(now) {
		x := heap.Pop(w).(wait)
		if x.n.due.Equal(x.due) {
			x.n.due = time.Time{}
			out = append(out, x.n)
		}
	}
	return slices.Clip(out)
}

// soonest is the earlier of two moments, of which a zero one is none.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
