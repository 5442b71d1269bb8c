package roster

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// group is one agent: all identities that evidence connects.
type group struct {
	members  []*node
	first    *node // whose id is the agent's
	tally    []tally
	sign     time.Time        // the last sign of life of any
	findings []events.Finding // about the agent as a whole, ordered by code

	// buried says that its identities are all gone, for so long that it is no longer shown.
	buried bool

	// was are the findings of the groups that were joined into this one, or from which it parted, until it is looked at.
	was []prior
}

// prior is what was found before. copied says that it was found of another group, from which this one has parted: that one has it cleared.
type prior struct {
	events.Finding
	copied bool
}

// priors are what was found of a group before.
func (g *group) priors() []prior {
	out := slices.Clone(g.was)
	for _, f := range g.findings {
		out = append(out, prior{Finding: f})
	}
	return out
}

// facts are what the findings about a whole agent depend on, of one identity.
type facts struct {
	connection string
	native     string
	status     events.Status
	answered   Answered
	watched    bool // its connection tells of sign-ins
}

// tally counts the identities of a group that share their facts.
type tally struct {
	facts
	n int
}

func (g *group) count(f facts, by int) {
	for i := range g.tally {
		if g.tally[i].facts == f {
			if g.tally[i].n += by; g.tally[i].n == 0 {
				g.tally = slices.Delete(g.tally, i, i+1)
			}
			return
		}
	}
	g.tally = append(g.tally, tally{f, by})
}

// has reports whether any identity's facts are so.
func (g *group) has(so func(facts) bool) bool {
	return slices.ContainsFunc(g.tally, func(t tally) bool { return so(t.facts) })
}

func newGroup(n *node) *group {
	g := &group{first: n, members: []*node{n}, sign: n.sign(), tally: []tally{{n.facts, 1}}}
	n.group, n.pos = g, 0
	return g
}

// id is the agent's.
func (g *group) id() string { return ownID(g.first.at()) }

// ownID is the id that an agent has when the identity is its first.
func ownID(a at) string { return "agt_" + events.Digest(a.tenant, a.connection, a.holder)[:20] }

// add takes an identity in.
func (g *group) add(n *node) {
	n.group, n.pos = g, len(g.members)
	g.members = append(g.members, n)
	g.count(n.facts, 1)
	g.sign = later(g.sign, n.sign())
	if compareNodes(n, g.first) < 0 {
		g.first = n
	}
}

// take removes an identity; the caller sets first and sign right.
func (g *group) take(n *node) {
	last := len(g.members) - 1
	g.members[n.pos], g.members[last].pos = g.members[last], n.pos
	g.members[last] = nil
	g.members = g.members[:last]
	g.count(n.facts, -1)
}

// survey sets what depends on all members right.
func (g *group) survey() {
	g.first, g.sign = slices.MinFunc(g.members, compareNodes), time.Time{}
	for _, n := range g.members {
		g.sign = later(g.sign, n.sign())
	}
}

// join makes one group of two, the smaller one moves. It returns the group that is left.
func join(a, b *node) *group {
	into, from := a.group, b.group
	if into == from {
		return into
	}
	if len(into.members) < len(from.members) {
		into, from = from, into
	}
	for _, n := range from.members {
		into.add(n)
	}
	into.was = append(into.priors(), from.priors()...)
	into.findings = nil
	from.members = nil
	return into
}

// split moves identities that are no longer connected to the others of their group into one of their own, and returns it.
func split(leaving []*node) *group {
	from := leaving[0].group
	lost := false
	for _, n := range leaving {
		from.take(n)
		lost = lost || n == from.first || n.sign().Equal(from.sign)
	}
	g := newGroup(leaving[0])
	for _, n := range leaving[1:] {
		g.add(n)
	}
	for _, f := range from.priors() {
		f.copied = true
		g.was = append(g.was, f)
	}
	if lost {
		from.survey()
	}
	return g
}

// document is the agent's.
func (g *group) document() Agent {
	members := slices.SortedFunc(slices.Values(g.members), compareNodes)
	d := Agent{ID: g.id(), Tenant: g.first.Tenant, Version: Version, Status: events.StatusDeleted, Class: events.ClassUnknown}
	for _, n := range members {
		d.Identities = append(d.Identities, *n.Identity)
		d.Name = cmp.Or(d.Name, n.Agent.Name)
		d.Description = cmp.Or(d.Description, n.Agent.Description)
		d.Status = mostAlive(n.Agent.Status, d.Status)
		d.Class = mostCertain(n.Agent.Class, d.Class)
		d.Models = append(d.Models, n.Agent.Models...)
		d.Findings = append(d.Findings, n.findings...)
		if d.FirstSeen.IsZero() || n.FirstSeen.Before(d.FirstSeen) {
			d.FirstSeen = n.FirstSeen
		}
		d.LastChange = later(d.LastChange, n.LastChange)
		d.Sequence = max(d.Sequence, n.Sequence)
	}
	slices.Sort(d.Models)
	d.Models = slices.Compact(d.Models)
	d.Links = shared(members)
	d.Findings = append(d.Findings, g.findings...)
	slices.SortFunc(d.Findings, compareFindings)
	return d
}

func shared(members []*node) []Link {
	var out []Link
	seen := map[*evidence]bool{}
	for _, n := range members {
		for _, e := range n.edges {
			if seen[e.to] || e.to.len() < 2 || !e.to.joins() {
				continue
			}
			seen[e.to] = true
			l := Link{Type: e.to.id.Type, Value: e.to.id.Value}
			for m := range e.to.holders {
				l.Identities = append(l.Identities, m.at().spelled())
			}
			slices.Sort(l.Identities)
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Link) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value)) })
	return out
}
