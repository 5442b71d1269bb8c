package connectortest

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Mutate makes one change. The caller need not know which agents there are.
func (c *Chaos) Mutate(op Op) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if op == Create {
		return c.create(), nil
	}
	a := c.pick(func(a *chaosAgent) bool {
		switch op {
		case Disable, Delete:
			return !a.gone && a.status == events.StatusActive
		case Enable:
			return !a.gone && a.status == events.StatusDisabled
		case Restore:
			return a.gone
		}
		return !a.gone
	})
	if a == nil {
		return "", ErrCannot
	}
	switch op {
	case Disable:
		a.status = events.StatusDisabled
	case Enable:
		a.status = events.StatusActive
	case Delete, Restore:
		a.gone = op == Delete
		c.past[a.id] = append(c.past[a.id], time.Now())
	case Rename:
		a.name = fmt.Sprintf("%s %d", a.id, c.rand.IntN(1e6))
		a.owners = c.people()
	default:
		return "", ErrCannot
	}
	c.changed(a)
	return a.id, nil
}

func (c *Chaos) create() string {
	c.serial++
	a := &chaosAgent{id: fmt.Sprintf("agent-%02d-%d", c.rand.IntN(100), c.serial), status: events.StatusActive, owners: c.people()}
	a.name = "Agent " + a.id
	c.agents[a.id] = a
	c.changed(a)
	return a.id
}

func (c *Chaos) people() []string {
	out := []string{}
	for i := range 4 {
		if c.rand.IntN(3) == 0 {
			out = append(out, fmt.Sprintf("person-%d", i))
		}
	}
	return out
}

func (c *Chaos) changed(a *chaosAgent) {
	c.serial++
	a.version = c.serial
	c.log = append(c.log, chaosChange{agent: a.id, gone: a.gone})
}

func (c *Chaos) pick(fits func(*chaosAgent) bool) *chaosAgent {
	var all []*chaosAgent
	for _, a := range c.agents {
		if fits(a) {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b *chaosAgent) int { return slices.Compare([]byte(a.id), []byte(b.id)) })
	return all[c.rand.IntN(len(all))]
}

// Inject plays a fault on the next requests.
func (c *Chaos) Inject(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &playing{Fault: f})
}

// ClearFaults ends what was injected and what was scripted.
func (c *Chaos) ClearFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
	clear(c.script)
}

// ExpireCursors begins another era.
func (c *Chaos) ExpireCursors() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.era++
}

// Truth is what is there now.
func (c *Chaos) Truth() []Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Identity
	for _, id := range c.ids() {
		a := c.agents[id]
		i := Identity{ID: id, Name: a.name, Status: string(a.status), Stewards: []string{}}
		for _, p := range a.owners {
			i.Stewards = append(i.Stewards, ownerKey(p))
		}
		slices.Sort(i.Stewards)
		out = append(out, i)
	}
	return out
}

// Secrets is what a connector with a leak would show.
func (c *Chaos) Secrets() []string { return []string{"chaos-s3cret-token"} }
