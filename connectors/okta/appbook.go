package okta

import (
	"slices"
	"strings"
	"sync"
)

// appBook is what this process knows of the org's apps beyond their own bodies: which are OAuth service apps, and which AI
// agents are linked to them. The listing of apps fills it; the log feed looks things up. It is safe for concurrent use.
type appBook struct {
	mu       sync.Mutex
	service  map[string]bool
	links    map[string][]string // app id → ids of the agents linked to it
	unlinked bool                // the agents may not be read
	learned  bool
}

// learn takes over the links that a listing of the agents has shown. unknown says that the agents may not be read.
func (b *appBook) learn(links map[string][]string, unknown bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.links, b.unlinked, b.learned = links, unknown, true
}

// note keeps whether an app is a service app.
func (b *appBook) note(id string, service bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.service == nil {
		b.service = map[string]bool{}
	}
	b.service[id] = service
}

// isService reports whether an app is a service app, if that is known.
func (b *appBook) isService(id string) (service, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	service, known = b.service[id]
	return service, known
}

// about is the context of an app's record; not known before a listing of the agents.
func (b *appBook) about(app string) (about map[string]string, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if agents := b.links[app]; len(agents) > 0 {
		return map[string]string{aboutAgents: strings.Join(slices.Sorted(slices.Values(agents)), ",")}, b.learned
	}
	if b.unlinked {
		return map[string]string{aboutUnlinked: "unknown"}, b.learned
	}
	return nil, b.learned
}
