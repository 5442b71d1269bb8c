package integration

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/entra"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
	"github.com/rollcallhq/rollcall/integration/sandbox/okta"
	"github.com/rollcallhq/rollcall/internal/config"
)

// chaos is a company whose vendors change and misbehave under the very requests that read them: whatever can happen between two
// pages does.
type chaos struct {
	t       *testing.T
	vendors []*restless

	// blinks: lists are empty for single requests. That cannot be told from a list that ends, so such a company may lose agents for
	// a while, and must have all of them in the end. Every other seed has it.
	blinks bool

	mu     sync.Mutex
	rand   *rand.Rand
	left   int                // changes still to be made
	made   map[sandbox.Op]int // changes made
	gone   map[string]bool    // "<vendor>/<id>" of agents that a change has taken away at least once
	moved  chan struct{}      // closed and made anew at each change
	spoilt int                // faults injected
}

// restless is one vendor of the company.
type restless struct {
	vendor sandbox.Vendor
	server *sandbox.Server
	url    string
	living map[string]bool // who was there when last looked

	numbers map[string]string // of Google's projects, by id; nil: another vendor
}

// newChaos starts three sandboxes that are calm until [chaos.upset]. The seed also decides what they are like: how large pages
// are, and which of the vendors' bad habits they have.
func newChaos(t *testing.T, seed uint64, agents int) *chaos {
	c := &chaos{t: t, blinks: seed%2 == 0, rand: rand.New(rand.NewPCG(seed, 1)), made: map[sandbox.Op]int{}, gone: map[string]bool{},
		moved: make(chan struct{})}
	company := sandbox.NewCompany(seed, agents)
	often := func() bool { return c.rand.IntN(2) == 0 }
	lag := func() time.Duration { return time.Duration(c.rand.IntN(3)) * 200 * time.Millisecond }

	e := entra.New(company, seed)
	e.PageSize = 3 + c.rand.IntN(7)
	e.LogPage = 50 // of a quarter of an hour in which everything changes there are hundreds of entries, read again in each round
	e.Nature = entra.Nature{Replays: often(), EmptyPages: often(), OmitTypes: often(), CascadeDelay: lag(), DeltaLag: lag(), NewObjectLag: lag()}
	g := google.New(company, seed)
	g.Options = google.Options{PageSize: 2 + c.rand.IntN(7), EmptyPages: often(), RepeatLast: often(), RegistryLag: lag(), Settle: lag()}
	g.Options.LogPage = 50 // as of Entra's
	if often() {
		g.Options.NoRuntimeIdentityEvery = 3
	}
	o := okta.NewWith(company, seed, okta.Options{PageSize: 2 + c.rand.IntN(7), EmptyPages: often(), RepeatItems: often(),
		FoldLinks: often(), NoOwnerSweep: often(), PlatformInProfile: often(), OpDelay: lag(), Settle: lag()})
	for _, v := range []sandbox.Vendor{e, g, o} {
		r := &restless{vendor: v, server: sandbox.Serve(v), living: living(v)}
		listening := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			c.stir(r)
			r.server.ServeHTTP(w, req)
		}))
		t.Cleanup(listening.Close)
		r.url = listening.URL
		if v == sandbox.Vendor(g) {
			r.numbers = projectNumbers(t, r.server, v.Token())
		}
		c.vendors = append(c.vendors, r)
	}
	return c
}

// told are options that leave out what those agents do not have that a vendor's truth tells of first: the connectors' suite compares no others.
var told = map[string]map[string]string{"google": {"skip": "run-agents,gemini-agents,registry-services,registry-bindings,delegations"}}

// paces are those of the random company. What audits cost is not counted against them: the company would be waited for, not the reader.
func paces(vendor string) map[string]time.Duration {
	out := map[string]time.Duration{"default": 250 * time.Millisecond}
	if vendor != "google" {
		return out
	}
	for _, feed := range []string{"registry-agents", "registry-services", "registry-bindings", "reasoning-engines", "service-accounts", "run-agents",
		"gemini-agents", "delegations"} {
		out[feed] = time.Second
	}
	for _, feed := range []string{"service-account-keys", "iam-policies", "folder-policies", "account-policies", "engine-policies", "run-policies",
		"app-policies", "provider-policies", "pool-policies"} {
		out[feed] = 5 * time.Second
	}
	return out
}

// config reads the company at a pace that leaves the feeds which have much to do the processor, with a breaker that never trips: half a
// vendor may go in a moment.
func (c *chaos) config(dir string) config.Config {
	cfg := config.Default()
	cfg.Data = dir
	t := config.Tenant{Name: "demo"}
	for _, r := range c.vendors {
		t.Connections = append(t.Connections, config.Connection{
			Name: r.vendor.Name(), Vendor: r.vendor.Name(), Endpoint: r.url,
			Auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(r.vendor.Token())},
			Pace: paces(r.vendor.Name()), Share: 1,
			Breaker: config.Breaker{Max: 1e9, Share: 1},
		})
	}
	cfg.Tenants = []config.Tenant{t}
	return cfg
}

// upset lets so many changes happen.
func (c *chaos) upset(changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += changes
}

// spent is closed once all changes that upset allows have happened.
func (c *chaos) spent() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c.mu.Lock()
			left, moved := c.left, c.moved
			c.mu.Unlock()
			if left == 0 {
				return
			}
			select {
			case <-moved:
			case <-c.t.Context().Done():
				return
			}
		}
	}()
	return done
}

// calm ends all faults. Changes are over by then.
func (c *chaos) calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.vendors {
		r.server.Clear()
		c.note(r)
	}
}

// stir makes what happens at a vendor while it is asked something: often nothing, else a burst of changes, a fault, or the loss of
// its cursors.
func (c *chaos) stir(r *restless) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return
	}
	c.note(r)
	switch n := c.rand.IntN(1000); {
	case n < 150:
		for range min(c.left, 1+c.rand.IntN(6)) {
			c.change(r)
		}
		close(c.moved)
		c.moved = make(chan struct{})
	case n < 230:
		c.spoil(r)
	case n < 234:
		r.vendor.ExpireCursors()
	}
}

// births and deaths are the changes after which there are more agents or fewer.
var (
	births = []sandbox.Op{sandbox.CreateAgent, sandbox.RestoreAgent}
	deaths = []sandbox.Op{sandbox.DeleteAgent, sandbox.PurgeAgent}
)

// change makes one change, of a kind that the vendor has a target for. A company that has grown large shrinks, and one that has
// become small grows.
func (c *chaos) change(r *restless) {
	c.left--
	ops := slices.Concat(sandbox.Ops(), sandbox.ExtraOps(), sandbox.DirectoryOps(), sandbox.CloudOps())
	for {
		op := ops[c.rand.IntN(len(ops))]
		if n := len(r.living); n > 30 && slices.Contains(births, op) || n < 8 && slices.Contains(deaths, op) {
			continue
		}
		_, err := r.vendor.Mutate(sandbox.Change{Op: op})
		if errors.Is(err, sandbox.ErrNoTarget) {
			continue
		}
		if err != nil {
			c.t.Errorf("%s at %s: %v", op, r.vendor.Name(), err)
			return
		}
		c.made[op]++
		c.note(r)
		return
	}
}

// note remembers who is not there any more: some changes take effect only after a while.
func (c *chaos) note(r *restless) {
	now := living(r.vendor)
	for id := range r.living {
		if !now[id] {
			c.gone[r.vendor.Name()+"/"+id] = true
		}
	}
	r.living = now
}

func living(v sandbox.Vendor) map[string]bool {
	out := map[string]bool{}
	truth := v.Truth()
	for _, a := range slices.Concat(truth.Agents, truth.Further) {
		id := a.ID
		if truth.Vendor == "google" {
			id = googleID(a)
		}
		if a.Status != "deleted" && id != "" {
			out[id] = true
		}
	}
	return out
}

// mostTimes are what a vendor's answers suffer, with how often at most. A small list that is empty twice in a row is believed, and is not read
// again before its next walk: so one empty answer does not bring the next.
var mostTimes = map[sandbox.FaultKind]int{
	sandbox.RateLimit: 2, sandbox.ServerError: 5, sandbox.BadGateway: 5, sandbox.Unauthorized: 3, sandbox.Forbidden: 3,
	sandbox.Expired: 3, sandbox.Slow: 3, sandbox.Truncated: 5, sandbox.Reset: 5, sandbox.EmptyOK: 1,
}

// faults are those that this company suffers, in order.
func (c *chaos) faults() []sandbox.FaultKind {
	kinds := slices.Sorted(maps.Keys(mostTimes))
	if !c.blinks {
		kinds = slices.DeleteFunc(kinds, func(k sandbox.FaultKind) bool { return k == sandbox.EmptyOK })
	}
	return kinds
}

// spoil injects a fault into some of the next answers, mostly in those to one kind of request.
func (c *chaos) spoil(r *restless) {
	kinds := c.faults()
	kind := kinds[c.spoilt%len(kinds)]
	c.spoilt++
	f := sandbox.Fault{Kind: kind, Times: 1 + c.rand.IntN(mostTimes[kind]), Every: 1 + c.rand.IntN(3), After: time.Duration(c.rand.IntN(300)) * time.Millisecond}
	if calls := slices.Sorted(maps.Keys(r.server.Calls())); len(calls) > 0 && c.rand.IntN(4) > 0 {
		f.Path = pathPattern(calls[c.rand.IntN(len(calls))])
	}
	if err := r.server.Inject(f); err != nil {
		c.t.Errorf("injecting a fault: %v", err)
	}
}
