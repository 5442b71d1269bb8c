package roster

import (
	"maps"
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// linkingTypes are the identifiers that prove two identities to be one agent when both have the same one: they are given by
// one authority to one agent, and to no other thing.
var linkingTypes = map[events.IdentifierType]bool{
	events.IDAgentIdentity: true, // Entra: an agent user and the agent identity that it belongs to
	events.IDPrincipal:     true, // Google: a registry agent and the engine whose principal it runs as
	events.IDResource:      true, // Google: the same two, where the registry does not know the principal yet
}

// name is a linking identifier inside a tenant.
type name struct {
	tenant string
	id     events.Identifier
}

// linking are the names by which an identity is joined to others.
func linking(i *Identity) []name {
	if i.Agent == nil {
		return nil
	}
	var ns []name
	for _, id := range i.Agent.Identifiers {
		if linkingTypes[id.Type] && id.Value != "" {
			ns = append(ns, name{i.Tenant, id})
		}
	}
	return ns
}

// links is the graph of agent identities and the names that they share. A group is what is connected in it, so that it depends
// on the set of evidence alone, not on the order in which it came.
type links struct {
	names  map[at][]name
	shared map[name]map[at]bool
}

func newLinks() *links { return &links{names: map[at][]name{}, shared: map[name]map[at]bool{}} }

// set replaces the names of an identity and reports whether they changed. An identity is in the graph from its first set on.
func (l *links) set(a at, ns []name) bool {
	old, known := l.names[a]
	if known && slices.Equal(old, ns) {
		return false
	}
	for _, n := range old {
		if delete(l.shared[n], a); len(l.shared[n]) == 0 {
			delete(l.shared, n)
		}
	}
	for _, n := range ns {
		if l.shared[n] == nil {
			l.shared[n] = map[at]bool{}
		}
		l.shared[n][a] = true
	}
	l.names[a] = ns
	return true
}

// group are all identities connected to a, a among them, ordered.
func (l *links) group(a at) []at {
	seen := map[at]bool{a: true}
	visited := map[name]bool{}
	for next := []at{a}; len(next) > 0; {
		last := next[len(next)-1]
		next = next[:len(next)-1]
		for _, n := range l.names[last] {
			if visited[n] {
				continue
			}
			visited[n] = true
			for b := range l.shared[n] {
				if !seen[b] {
					seen[b] = true
					next = append(next, b)
				}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(seen), at.compare)
}
