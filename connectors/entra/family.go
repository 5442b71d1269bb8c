package entra

import (
	"slices"
	"sync"
)

// family is what this process knows of which agent identities have which blueprint, so that what changes at a blueprint is told of
// all its agents without a question about each. Deltas and sweeps fill it. It is safe for concurrent use.
type family struct {
	mu       sync.Mutex
	whole    bool                // a list of all agents was noted by this process
	parent   map[string]string   // agent → its blueprint's appId
	children map[string][]string // appId → its agents, sorted
	heads    map[string]string   // a blueprint's or its principal's object id → appId
}

func newFamily() *family {
	return &family{parent: map[string]string{}, children: map[string][]string{}, heads: map[string]string{}}
}

// agent notes an agent identity and its blueprint.
func (f *family) agent(id, blueprint string) {
	if id == "" || blueprint == "" {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parent[id] != blueprint {
		f.drop(id)
		f.parent[id] = blueprint
		f.children[blueprint] = insert(f.children[blueprint], id)
	}
}

// head notes a blueprint or its principal.
func (f *family) head(id, app string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if id != "" && app != "" {
		f.heads[id] = app
	}
}

// note notes an object of a delta, whatever it is.
func (f *family) note(it item) {
	switch {
	case it.Removed != nil:
		f.gone(it.ID)
	case it.Blueprint != "":
		f.agent(it.ID, it.Blueprint)
	default:
		f.head(it.ID, it.App)
	}
}

// gone forgets an agent. A blueprint that is gone may come back with its agents.
func (f *family) gone(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(id)
}

// drop forgets an agent. The caller holds the lock.
func (f *family) drop(id string) {
	app := f.parent[id]
	delete(f.parent, id)
	if i, ok := slices.BinarySearch(f.children[app], id); ok {
		f.children[app] = slices.Delete(f.children[app], i, i+1)
	}
}

// complete notes that all agents were listed.
func (f *family) complete() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.whole = true
}

// all are the agents of a blueprint that are known.
func (f *family) all(app string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.children[app])
}

// of are the agents of the blueprint that an object id stands for, and whether all of them are known.
func (f *family) of(head string) (app string, agents []string, whole bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	app = f.heads[head]
	return app, slices.Clone(f.children[app]), f.whole && app != ""
}
