package roster

import (
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// standing is what others depend on of an identity, before an event.
type standing struct {
	rank   int
	status events.Status // of a person or a blueprint
	event  string        // that made it so
}

func (n *node) standing() standing {
	var s standing
	if n.Agent != nil {
		s.rank = n.rank()
	}
	s.status, s.event = n.ofOthers(), n.Event
	return s
}

// ofOthers is the status of what others depend on.
func (i *Identity) ofOthers() events.Status {
	switch {
	case i.Person != nil:
		return i.Person.Status
	case i.Blueprint != nil:
		return i.Blueprint.Status
	}
	return ""
}

// needs says who depends on whom: agents on the persons who answer for them and on the blueprints that they are made of. What it holds
// may be out of date, and is then passed over.
type needs struct {
	persons    map[at]map[*node]bool // by the person's address: the agents
	made       map[at]map[*node]bool // by what agents call their blueprint
	blueprints map[at][]*node        // by each name that a blueprint has
}

func newNeeds() needs {
	return needs{persons: map[at]map[*node]bool{}, made: map[at]map[*node]bool{}, blueprints: map[at][]*node{}}
}

// set takes note of whom an identity depends on, and by what names it is known.
func (d *needs) set(n *node) {
	for i := range n.Stewards {
		note(d.persons, at{n.Tenant, n.Connection, n.Stewards[i].Value.Person}, n)
	}
	if n.Agent != nil && n.Agent.Blueprint != "" {
		note(d.made, at{n.Tenant, n.Connection, n.Agent.Blueprint}, n)
	}
	if n.Blueprint == nil {
		return
	}
	for _, called := range n.names() {
		a := at{n.Tenant, n.Connection, called}
		if !slices.Contains(d.blueprints[a], n) {
			d.blueprints[a] = append(d.blueprints[a], n)
		}
	}
}

func note(m map[at]map[*node]bool, a at, n *node) {
	if m[a] == nil {
		m[a] = map[*node]bool{}
	}
	m[a][n] = true
}

// by are the agents that depend on an identity, if what they depend on has changed.
func (d *needs) by(n *node, before standing) []*node {
	now := n.ofOthers()
	if n.Event == before.event || !out(now) && !out(before.status) {
		return nil
	}
	var agents []*node
	for m := range d.persons[n.at()] {
		agents = append(agents, m)
	}
	if n.Blueprint != nil {
		for _, called := range n.names() {
			for m := range d.made[at{n.Tenant, n.Connection, called}] {
				agents = append(agents, m)
			}
		}
	}
	return sorted(agents)
}

// out reports whether a person can no longer log in, or a blueprint can no longer be.
func out(s events.Status) bool { return s == events.StatusDisabled || s == events.StatusDeleted }

// blueprintsOf are the blueprints that an agent is made of, as far as they are known: an application and its principal both are.
func (d *needs) blueprintsOf(n *node) []*node {
	if n.Agent.Blueprint == "" {
		return nil
	}
	var out []*node
	for _, b := range d.blueprints[at{n.Tenant, n.Connection, n.Agent.Blueprint}] {
		if slices.Contains(b.names(), n.Agent.Blueprint) {
			out = append(out, b)
		}
	}
	return sorted(out)
}
