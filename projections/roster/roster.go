// Package roster folds the log into the roster: one document per agent with all its identities at the vendors, and one for each
// person and blueprint that they speak of.
package roster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Roster is the projection. It keeps all identities in memory: start-up and memory grow with the number of entities, an event
// costs as much as the identity that it touches, and a document is written as often as its group is committed.
type Roster struct {
	nodes      map[at]*node
	links      links
	sight      map[at]*sight // what a connection sees, by tenant and connection
	clocks     map[string]*clock
	assertions map[string]*Assertion // by document key
	needed     needs

	asserted map[at][]string // keys of assertions that name an identity
	noProof  map[name]bool   // what operators do not believe

	awake bool // what was loaded has been connected

	// dirty are the documents that changed since the last Drain, each with how to make its body; a nil body: it is gone. Those of
	// agents are made when they are drained.
	dirty  map[string]func() ([]byte, error)
	groups map[*group]bool

	now      events.Message // the event that is being applied
	verdicts []verdict      // that it has brought about so far
	told     []projections.Told
	last     time.Time // when the last event that was applied was recorded
}

// New makes an empty roster.
func New() projections.Projection { return newRoster() }

func newRoster() *Roster {
	return &Roster{
		nodes: map[at]*node{}, links: links{all: map[name]*evidence{}}, sight: map[at]*sight{}, clocks: map[string]*clock{},
		assertions: map[string]*Assertion{}, needed: newNeeds(), asserted: map[at][]string{}, noProof: map[name]bool{},
		dirty: map[string]func() ([]byte, error){}, groups: map[*group]bool{},
	}
}

// Load implements [projections.Projection].
func (r *Roster) Load(d projections.Document) error {
	prefix, _, _ := strings.Cut(d.Key, ".")
	switch prefix {
	case coveragePrefix:
		c := new(Coverage)
		if err := events.Unmarshal(d.Body, c); err != nil {
			return err
		}
		r.sees(c.Tenant, c.Connection).set(*c)
		return nil
	case shownPrefix:
		s := new(Shown)
		if err := events.Unmarshal(d.Body, s); err != nil {
			return err
		}
		r.sees(s.Tenant, s.Connection).shown = s
		r.sees(s.Tenant, s.Connection).look()
		return nil
	case clockPrefix:
		c := new(Clock)
		if err := events.Unmarshal(d.Body, c); err != nil {
			return err
		}
		r.clocks[c.Tenant] = &clock{}
		_, err := r.clocks[c.Tenant].set(*c)
		return err
	case assertionsPrefix:
		a := new(Assertion)
		if err := events.Unmarshal(d.Body, a); err != nil {
			return err
		}
		r.assert(d.Key, a)
		return nil
	case holdersPrefix, gravesPrefix:
		i := new(Identity)
		if err := events.Unmarshal(d.Body, i); err != nil {
			return err
		}
		r.nodes[i.at()] = &node{Identity: i, grave: prefix == gravesPrefix}
		return nil
	}
	var a Agent
	if err := events.Unmarshal(d.Body, &a); err != nil {
		return err
	}
	first := (*node)(nil)
	for _, i := range a.Identities {
		n := &node{Identity: &i, written: a.ID}
		r.nodes[i.at()] = n
		if first == nil {
			first = n
			n.group = &group{first: n}
		}
	}
	for _, f := range a.Findings {
		if isAgents(f.Code) {
			first.group.findings = append(first.group.findings, f)
			continue
		}
		if n := r.nodes[at{a.Tenant, f.Connection, f.Holder}]; n != nil {
			n.findings = append(n.findings, f)
		}
	}
	return nil
}

// wake connects what was loaded.
func (r *Roster) wake() {
	if r.awake {
		return
	}
	r.awake = true
	nodes := sorted(slices.Collect(maps.Values(r.nodes)))
	said := map[*node][]events.Finding{}
	for _, n := range nodes {
		if n.group != nil {
			said[n] = n.group.findings
		}
		n.group = nil
	}
	for _, n := range nodes {
		r.needed.set(n)
	}
	for _, c := range r.clocks {
		r.last = later(r.last, c.Tick.Time)
	}
	for _, n := range nodes {
		if n.Agent != nil {
			n.facts = r.facts(n)
			newGroup(n)
		}
	}
	for _, n := range nodes {
		if n.Agent != nil {
			r.connect(n)
		}
	}
	for first, findings := range said {
		first.group.findings = findings
	}
	for _, n := range nodes {
		if n.Agent != nil {
			n.group.buried = n.group.buried || n.grave
			_, due := r.ofOne(n)
			r.await(n, due)
			if n.group.first == n {
				_, due := r.ofAll(n.group)
				r.await(n, due)
			}
		}
	}
}

// Apply implements [projections.Projection].
func (r *Roster) Apply(m events.Message) error {
	r.wake()
	r.now, r.last = m, m.Event.RecordedTime
	if err := r.apply(&r.now); err != nil {
		return err
	}
	r.tell()
	return nil
}

func (r *Roster) apply(m *events.Message) error {
	e := &m.Event
	ref := e.Ref()
	switch {
	case ref.Kind == events.KindCoverage:
		r.cover(m)
		return nil
	case ref.Kind == events.KindAssertion:
		r.say(m)
		return nil
	case e.Connection == events.ClockConnection:
		return r.tick(m)
	case ref.Holder == events.ConnectionHolder:
		return nil
	}
	if ref.Kind == events.KindActivity && isSignIn(e.Data.Activity) {
		r.show(m)
	}
	where := at{e.Tenant, e.Connection, ref.Holder}
	n := r.nodes[where]
	if n == nil {
		if ref.Kind == events.KindActivity {
			return nil // what acts without being known to exist is no agent yet
		}
		n = &node{Identity: &Identity{Tenant: where.tenant, Connection: where.connection, Holder: where.holder}}
		r.nodes[where] = n
	}
	if m.Position.Sequence <= n.Sequence {
		return nil
	}
	before := n.standing()
	n.apply(m)
	r.changed(n, before)
	return nil
}

// changed draws the consequences of an event about an identity.
func (r *Roster) changed(n *node, before standing) {
	r.needed.set(n)
	a := n.at()
	if n.Agent == nil {
		r.put(HolderKey(a.tenant, a.connection, a.holder), func() ([]byte, error) { return events.Marshal(n.Identity) })
		r.lookAt(r.needed.by(n, before))
		return
	}
	if n.group == nil {
		if n.FirstSequence != n.Sequence {
			r.drop(HolderKey(a.tenant, a.connection, a.holder)) // until now it was not known to be an agent
		}
		n.facts = r.facts(n)
		newGroup(n)
	} else if before.rank != n.rank() {
		n.group.survey()
	}
	touched := append(r.connect(n), n)
	for _, m := range touched {
		r.groups[m.group] = true
	}
	r.lookAt(touched)
	r.lookAt(r.needed.by(n, before))
}

// connect joins and splits groups as an identity's evidence has it. It returns an identity of each group that has changed.
func (r *Roster) connect(n *node) []*node {
	joined, parted := r.links.set(n, r.claims(n))
	var touched []*node
	for _, pair := range joined {
		touched = append(touched, join(pair[0], pair[1]).first)
	}
	var ends []*node
	for _, nodes := range parted {
		ends = append(ends, nodes...)
	}
	ends = sorted(ends)
	for i, a := range ends {
		for _, b := range ends[i+1:] {
			if a.group != b.group {
				continue
			}
			if leaving := apart(a, b); leaving != nil {
				split(leaving)
			}
		}
	}
	return append(touched, ends...)
}

// lookAt draws the conclusions about identities and the agents that they belong to, and has documents written where they changed.
func (r *Roster) lookAt(nodes []*node) {
	nodes = slices.DeleteFunc(sorted(nodes), func(n *node) bool { return n.Agent == nil })
	for _, n := range nodes {
		if f := r.facts(n); f != n.facts {
			n.group.count(n.facts, -1)
			n.group.count(f, 1)
			n.facts = f
		}
		n.group.sign = later(n.group.sign, n.sign())
	}
	for _, n := range nodes {
		one, all := r.concludeOne(n), r.concludeAll(n.group)
		if one || all {
			r.groups[n.group] = true
		}
	}
	for _, n := range nodes {
		if g, over := n.group, r.isOver(n.group); over != g.buried {
			g.buried = over
			r.groups[g] = true
		}
	}
}

func (r *Roster) put(key string, body func() ([]byte, error)) { r.dirty[key] = body }

func (r *Roster) drop(key string) {
	r.dirty[key] = func() ([]byte, error) { return nil, nil }
}

// house has the document of a group written, and the pointers that lead to it from the ids of its other identities; of one that is buried
// the graves.
func (r *Roster) house(g *group) {
	id := g.id()
	for _, n := range g.members {
		a := n.at()
		own := ownID(a)
		switch {
		case g.buried:
			r.drop(AgentKey(a.tenant, own))
			r.put(graveKey(a), func() ([]byte, error) { return events.Marshal(n.Identity) })
			n.written, n.grave = "", true
			continue
		case n.grave:
			r.drop(graveKey(a))
		}
		if n != g.first && n.written != id {
			pointer := Agent{ID: own, Tenant: a.tenant, Version: Version, Successor: id}
			r.put(AgentKey(a.tenant, own), func() ([]byte, error) { return events.Marshal(pointer) })
		}
		n.written, n.grave = id, false
	}
	if !g.buried {
		r.put(AgentKey(g.first.Tenant, id), func() ([]byte, error) { return events.Marshal(g.document()) })
	}
}

// Dirty implements [projections.Projection].
func (r *Roster) Dirty() int { return len(r.dirty) + len(r.groups) }

// Drain implements [projections.Projection].
func (r *Roster) Drain() ([]projections.Document, error) {
	r.wake() // so that who has loaded and drained is ready
	for g := range r.groups {
		if len(g.members) > 0 {
			r.house(g)
		}
	}
	clear(r.groups)
	docs := make([]projections.Document, 0, len(r.dirty))
	for _, key := range slices.Sorted(maps.Keys(r.dirty)) {
		body, err := r.dirty[key]()
		if err != nil {
			return nil, fmt.Errorf("document %s: %w", key, err)
		}
		docs = append(docs, projections.Document{Key: key, Body: body})
	}
	clear(r.dirty)
	return docs, nil
}

// Tell implements [projections.Teller]: the findings that were raised and cleared since the last Tell.
func (r *Roster) Tell() []projections.Told {
	told := r.told
	r.told = nil
	return told
}

var _ projections.Teller = (*Roster)(nil)
