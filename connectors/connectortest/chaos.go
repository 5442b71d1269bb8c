package connectortest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Chaos is a vendor in memory and the connector that reads it, whose answers misbehave by script. Its connector is honest: it
// reports what a real one could know. Two of the faults, a page that is dropped silently and items that drift from one page to
// another, no connector can know of; that is why its listing, like those of vendors that do this, asks for two passes that agree.
//
// It has three feeds: "agents", a paged list that is a whole pass at each poll; "changes", a log of changes whose cursors expire;
// and "owners", which reads the owners of some agents at a time, each agent's in full.
type Chaos struct {
	mu     sync.Mutex
	rand   *rand.Rand
	agents map[string]*chaosAgent
	log    []chaosChange
	era    int // cursors of another era are not known any more
	serial int

	faults []*playing
	script map[string]int // scripted faults, by name: how many are still to be played
	fired  map[string]int
	lied   bool // items vanished in a pass, and no whole pass has been answered well since
	clean  bool // the pass under way was answered well so far, and is one after a lie
	late   []connectors.Record
	past   map[string][]time.Time // when each agent was deleted, and restored, in turn
	deaf   bool                   // planted: a pull does not end when it is cancelled
	sees   bool                   // planted: the probe always succeeds
}

type chaosAgent struct {
	id, name string
	status   events.Status
	owners   []string
	version  int // counts changes
	gone     bool
}

type chaosChange struct {
	agent string
	gone  bool
}

// The faults that a script plays, beside those of [Fault]. The first two and the last lie: the answer looks right.
const (
	Drift     = "drift"     // items move to the page before between two requests, so that one is never shown
	DropPage  = "drop page" // a page of the listing is left out
	Duplicate = "duplicate" // items come twice
	LatePage  = "late page" // an answer of long ago comes once more
	Cycle     = "cycle"     // the next page's cursor is an earlier page's
	Poison    = "poison"    // a record that is not what its type promises
)

// Scripted lists what [Chaos.Script] can play.
var Scripted = []string{Drift, DropPage, Duplicate, LatePage, Cycle, Poison}

const chaosPage = 3

// NewChaos makes a vendor with n agents. Equal seeds make equal vendors.
func NewChaos(seed uint64, n int) *Chaos {
	c := &Chaos{rand: rand.New(rand.NewPCG(seed, 7)), agents: map[string]*chaosAgent{}, script: map[string]int{}, fired: map[string]int{},
		past: map[string][]time.Time{}}
	for range n {
		c.create()
	}
	c.log = nil
	return c
}

// Script has a fault played a number of times, as soon as it fits.
func (c *Chaos) Script(name string, times int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.script[name] += times
}

// Fired counts how often each fault was played.
func (c *Chaos) Fired() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for k, v := range c.fired {
		out[k] = v
	}
	return out
}

// play reports whether a scripted fault is to be played now. The caller holds the lock.
func (c *Chaos) play(name string) bool {
	if c.script[name] == 0 {
		return false
	}
	c.script[name]--
	c.fired[name]++
	return true
}

// hit applies the injected faults to one request. empty says that the answer is an empty list.
func (c *Chaos) hit(ctx context.Context) (empty bool, err error) {
	f := c.next()
	if f == nil {
		return c.isBlind(), nil
	}
	switch f.Kind {
	case RateLimit:
		return false, &connectors.Fault{Kind: connectors.RateLimited, After: f.After}
	case Unauthorized:
		return false, &connectors.Fault{Kind: connectors.Unauthorized, Cure: "renew the token"}
	case Forbidden:
		return false, &connectors.Fault{Kind: connectors.Forbidden, Cure: "grant Agents.Read"}
	case Expired:
		return false, &connectors.Fault{Kind: connectors.CursorExpired}
	case Slow:
		if c.deaf {
			ctx = context.Background()
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(f.After):
			return false, nil
		}
	}
	return false, fmt.Errorf("the vendor answers with a fault: %s", f.Kind)
}

// next is the injected fault that hits this request, or nil.
func (c *Chaos) next() *Fault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, f := range c.faults {
		if f.Kind == EmptyOK {
			continue // answered with the data
		}
		if f.skip++; f.skip < f.Every {
			continue
		}
		f.skip = 0
		c.fired[string(f.Kind)]++
		if f.Times--; f.Times == 0 {
			c.faults = slices.Delete(c.faults, i, i+1)
		}
		return &f.Fault
	}
	return nil
}

// playing is a fault that is being played.
type playing struct {
	Fault
	skip int
}

// Probe tells one who may not see from one who sees nothing.
func (c *Chaos) Probe(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if c.sees {
			break
		}
		if f.Kind == EmptyOK || f.Kind == Forbidden {
			return &connectors.Fault{Kind: connectors.Forbidden, Cure: "grant Agents.Read"}
		}
	}
	return nil
}

// isBlind reports whether the connection may see nothing just now, which the vendor answers with empty lists. It lasts until the
// faults are cleared.
func (c *Chaos) isBlind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	blind := slices.ContainsFunc(c.faults, func(f *playing) bool { return f.Kind == EmptyOK })
	if blind {
		c.fired[string(EmptyOK)]++
	}
	return blind
}

// See ends the time of empty lists.
func (c *Chaos) See() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = slices.DeleteFunc(c.faults, func(f *playing) bool { return f.Kind == EmptyOK })
}

// ids lists the agents that are there, in order.
func (c *Chaos) ids() []string {
	var out []string
	for id, a := range c.agents {
		if !a.gone {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func (a *chaosAgent) entity() events.Entity {
	return events.Entity{
		Kind: events.KindAgent, Holder: a.id, Key: events.Self, Scope: "agents",
		Version: time.Unix(int64(a.version), 0).UTC(),
		Agent:   &events.Agent{Native: "chaos", Name: a.name, Status: a.status, Class: events.ClassAgent},
	}
}

// WasGone reports whether an agent was away at some time between after and before.
func (c *Chaos) WasGone(id string, after, before time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	times := c.past[id] // deleted, restored, deleted, ...
	for i := 0; i < len(times); i += 2 {
		if times[i].After(before) {
			break
		}
		if i+1 == len(times) || !times[i+1].Before(after) {
			return true
		}
	}
	return false
}

func ownerKey(person string) string { return "owner:" + person }
