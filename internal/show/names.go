package show

import (
	"cmp"
	"context"
	"strings"
	"sync"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Names knows what things are called: an event about a credential names its agent only by id. It is safe for concurrent use.
type Names struct {
	mu    sync.Mutex
	names map[[3]string]string        // by tenant, connection and vendor id
	alias map[[3]string]string        // by other identifiers, such as a blueprint's app id
	gone  map[[3]string]events.Status // of persons: disabled, deleted, or why the name is withheld
}

// NewNames makes an empty Names.
func NewNames() *Names {
	return &Names{names: map[[3]string]string{}, alias: map[[3]string]string{}, gone: map[[3]string]events.Status{}}
}

// NamesIn are the names of everybody that the roster knows in a tenant; an empty tenant means all.
func NamesIn(ctx context.Context, r roster.Reader, tenant string) (*Names, error) {
	n := NewNames()
	holders, err := r.Holders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	agents, err := r.Agents(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for i := range holders {
		n.LearnIdentity(&holders[i])
	}
	for i := range agents {
		for j := range agents[i].Identities {
			n.LearnIdentity(&agents[i].Identities[j])
		}
	}
	return n, nil
}

// Learn takes the name from an event about an agent, a blueprint or a person.
func (n *Names) Learn(e *events.Event) {
	if d := e.Data.Entity; d != nil {
		n.learn([3]string{e.Tenant, e.Connection, d.Holder}, d.Agent, d.Blueprint, d.Person)
	}
}

// LearnIdentity takes the name from the roster.
func (n *Names) LearnIdentity(i *roster.Identity) {
	n.learn([3]string{i.Tenant, i.Connection, i.Holder}, i.Agent, i.Blueprint, i.Person)
}

func (n *Names) learn(at [3]string, a *events.Agent, b *events.Blueprint, p *events.Person) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case a != nil:
		n.set(at, a.Name, a.Identifiers)
	case b != nil:
		n.set(at, b.Name, b.Identifiers)
	case p != nil && p.Withheld != "":
		delete(n.names, at) // also what was learned before
		n.gone[at] = events.Status(p.Withheld)
	case p != nil:
		n.set(at, cmp.Or(p.Name, p.UserName, strings.Join(p.Emails[:min(1, len(p.Emails))], "")), nil)
		n.gone[at] = ""
		if p.Status == events.StatusDisabled || p.Status == events.StatusDeleted {
			n.gone[at] = p.Status
		}
	}
}

func (n *Names) set(at [3]string, name string, ids []events.Identifier) {
	if name == "" {
		return
	}
	n.names[at] = name
	for _, id := range ids {
		n.alias[[3]string{at[0], at[1], id.Value}] = name
	}
}

// Of is the name of whatever has the id at a connection, or, where no name is known, the part of the id that tells most.
func (n *Names) Of(tenant, connection, id string) string {
	if name := n.find(tenant, connection, id); name != "" {
		return name
	}
	return plain(id)
}

// Person is [Names.Of] for a person, with a word of those who are disabled or deleted, or whose name is withheld.
func (n *Names) Person(tenant, connection, id string) string {
	name := n.Of(tenant, connection, id)
	n.mu.Lock()
	defer n.mu.Unlock()
	if s := n.gone[[3]string{tenant, connection, id}]; s != "" {
		name += " (" + string(s) + ")"
	}
	return name
}

// Text replaces the ids in a text that stand alone as words.
func (n *Names) Text(tenant, connection, text string) string {
	words := strings.Split(text, " ")
	for i, w := range words {
		if name := n.find(tenant, connection, w); name != "" {
			words[i] = `"` + name + `"`
		} else if strings.HasPrefix(w, "orn:") || strings.HasPrefix(w, "//") {
			words[i] = plain(w)
		} else {
			words[i] = short(w)
		}
	}
	return strings.Join(words, " ")
}

// find looks an id up as it is, then by the last part of a path or a resource name, which is the id of the thing itself.
func (n *Names) find(tenant, connection, id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range []string{id, id[strings.LastIndexAny(id, ":/")+1:]} {
		at := [3]string{tenant, connection, id}
		if name := cmp.Or(n.names[at], n.alias[at]); name != "" {
			return name
		}
	}
	return ""
}

// plain makes a resource's full name readable: "//cloudresourcemanager.googleapis.com/projects/p1" is "projects/p1", an ORN
// its last two parts. What is no full name stays.
func plain(id string) string {
	if rest, ok := strings.CutPrefix(id, "//"); ok {
		if _, path, ok := strings.Cut(rest, "/"); ok {
			return path
		}
	}
	if parts := strings.Split(id, ":"); parts[0] == "orn" && len(parts) > 2 {
		return strings.Join(parts[len(parts)-2:], " ")
	}
	return id
}

// short cuts a long key or UUID to what a person can tell apart.
func short(id string) string {
	if len(id) < 32 || strings.Trim(id, "0123456789abcdef-") != "" {
		return id
	}
	return id[:12] + "…"
}
