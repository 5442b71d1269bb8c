package okta

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// rollAge is how old a listing may be that a walk begins with, or that says which agents are linked to an app.
const rollAge = 10 * time.Minute

// roll is what this process knows of which agents and apps there are, so that nothing is listed twice: the listings fill it, walks
// go along it, and the log looks things up. It is safe for concurrent use.
type roll struct {
	mu       sync.Mutex
	agents   map[string]agentRef
	linked   map[string][]string // app → the agents that are linked to it
	apps     map[string]appRef   // of every kind
	prefix   string              // what the ORNs of all agents of the org begin with, once one has been told
	agentsAt time.Time           // when the last whole listing of them began
	appsAt   time.Time
	hidden   bool // the agents may not be read

	gate chan struct{} // holds one item while nobody lists; made when it is first used
}

// agentRef is an agent to ask about.
type agentRef struct {
	id   string
	orn  string // empty when the vendor gives none
	app  string // the app that it is linked to
	seen time.Time
}

// appRef is what matters of an app beyond its own record.
type appRef struct {
	service bool
	keys    bool // it proves itself with keys that are registered at the org
	secrets bool // it proves itself with secrets
	seen    time.Time
}

func newRoll() *roll {
	return &roll{agents: map[string]agentRef{}, linked: map[string][]string{}, apps: map[string]appRef{}}
}

// turn is the gate, open at first.
func (r *roll) turn() chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gate == nil {
		r.gate = make(chan struct{}, 1)
		r.gate <- struct{}{}
	}
	return r.gate
}

// agent notes an agent as the vendor shows it at a time, and returns it with the ORN, which the ORN of any other agent gives, and
// the apps whose links it has changed. What was asked for before a later look, and comes after it, changes nothing: listings run
// at the same time.
func (r *roll) agent(item jsontext.Value, at time.Time) (a agentRef, relinked []string) {
	w := optional[wireAgent](item)
	if w.ID == "" {
		return agentRef{}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a = agentRef{id: w.ID, orn: w.orn(), app: string(w.AppID), seen: at}
	if a.orn != "" {
		r.prefix = ornPrefix(a.orn)
	}
	old, known := r.agents[a.id]
	if known && at.Before(old.seen) {
		return r.named(old), nil
	}
	if old.app != a.app && (known || !r.agentsAt.IsZero()) {
		relinked = sortedOnce(plainStrings([]text{text(old.app), text(a.app)}))
	}
	r.unlink(a.id)
	r.agents[a.id] = a
	if a.app != "" {
		r.linked[a.app] = append(r.linked[a.app], a.id)
	}
	return r.named(a), relinked
}

// unlink forgets which app an agent is linked to. The caller holds the lock.
func (r *roll) unlink(id string) {
	app := r.agents[id].app
	if left := slices.DeleteFunc(r.linked[app], func(other string) bool { return other == id }); len(left) > 0 {
		r.linked[app] = left
	} else {
		delete(r.linked, app)
	}
}

// named adds the ORN where it follows from others'. The caller holds the lock.
func (r *roll) named(a agentRef) agentRef {
	if a.orn == "" && r.prefix != "" {
		a.orn = r.prefix + a.id
	}
	return a
}

// ref is an agent by its id, with its ORN if it is known.
func (r *roll) ref(id string) agentRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.agents[id]
	a.id = id
	return r.named(a)
}

// app notes an app, unless it was seen later.
func (r *roll) app(id string, a appRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.seen.Before(r.apps[id].seen) {
		return
	}
	r.apps[id] = a
}

// isService reports whether an app is a service app, if that is known.
func (r *roll) isService(id string) (service, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, known := r.apps[id]
	return a.service, known
}

// gone forgets an agent or an app.
func (r *roll) gone(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unlink(id)
	delete(r.agents, id)
	delete(r.apps, id)
}

// listedAgents takes over that a whole listing of the agents which began at a time has been noted.
func (r *roll) listedAgents(began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, a := range r.agents {
		if a.seen.Before(began) {
			r.unlink(id)
			delete(r.agents, id)
		}
	}
	r.agentsAt, r.hidden = began, false
}

// listedApps does so for the apps.
func (r *roll) listedApps(began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, a := range r.apps {
		if a.seen.Before(began) {
			delete(r.apps, id)
		}
	}
	r.appsAt = began
}

func (r *roll) hide(hidden bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hidden = hidden
}

// agentIDs are the agents, sorted.
func (r *roll) agentIDs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]string, 0, len(r.agents))
	for id := range r.agents {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// appIDs are the service apps that fit, sorted.
func (r *roll) appIDs(fits func(appRef) bool) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id, a := range r.apps {
		if a.service && fits(a) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// links is the context of an app's record: which agents are linked to it. It is not known before the agents were listed.
func (r *roll) links(app string) (about map[string]string, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	about = map[string]string{}
	switch linked := r.linked[app]; {
	case len(linked) > 0:
		about[aboutAgents] = strings.Join(sortedOnce(slices.Clone(linked)), ",")
	case r.hidden:
		about[aboutUnlinked] = "unknown"
	}
	return about, r.hidden || !r.agentsAt.IsZero()
}

// fresh reports whether a listing is young enough.
func (r *roll) fresh(listed *time.Time, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !listed.IsZero() && now.Sub(*listed) < rollAge
}

// has reports whether a whole listing has been noted.
func (r *roll) has(listed *time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !listed.IsZero()
}

// learnORN notes the ORN of an agent.
func (r *roll) learnORN(orn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.prefix == "" && agentOf(orn) != "" {
		r.prefix = ornPrefix(orn)
	}
}

// once runs list unless a listing is young enough. Whoever comes first lists; the others wait for it, each no longer than its
// context.
func (r *roll) once(ctx context.Context, listed *time.Time, now func() time.Time, list func() error) error {
	gate := r.turn()
	select {
	case <-gate:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { gate <- struct{}{} }()
	if r.fresh(listed, now()) {
		return nil
	}
	return list()
}

// knowAgents sees to it that the roll has the org's agents: one call per 200 where no feed has just listed them. An org that lacks
// the feature has none; one that hides them has unknown ones.
func (c *client) knowAgents(ctx context.Context) error {
	return c.roll.once(ctx, &c.roll.agentsAt, c.now, func() error {
		began := c.now()
		err := c.each(ctx, c.target(agentsPath, maxPage, ""), readData, func(l list, _ *answer) error {
			for _, item := range l.items {
				c.roll.agent(item, began)
			}
			return nil
		})
		if err == nil {
			c.roll.listedAgents(began)
		}
		if _, no := forbidden(err); no {
			c.roll.hide(!notThere(err))
		}
		return err
	})
}

// knowApps sees to it that the roll has the org's apps.
func (c *client) knowApps(ctx context.Context) error {
	return c.roll.once(ctx, &c.roll.appsAt, c.now, func() error {
		began := c.now()
		err := c.each(ctx, c.target(appsPath, maxPage, "")+evenInactive, readArray, func(l list, _ *answer) error {
			for _, item := range l.items {
				if app, ref, err := peekApp(item, began); err == nil {
					c.roll.app(app.ID, ref)
				}
			}
			return nil
		})
		if err == nil {
			c.roll.listedApps(began)
		}
		return err
	})
}

// linksOf is the context of an app's record. The agents that are linked to it are looked up first.
func (c *client) linksOf(ctx context.Context, app string) (map[string]string, error) {
	about, known := c.roll.links(app)
	if known {
		return about, nil
	}
	if err := c.knowAgents(ctx); err != nil {
		if _, no := forbidden(err); !no {
			return nil, err
		}
	}
	about, _ = c.roll.links(app)
	return about, nil
}
