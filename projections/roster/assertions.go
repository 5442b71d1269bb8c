package roster

import (
	"maps"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Assertion is the document of what an operator says about which identities are one agent.
type Assertion struct {
	Tenant string `json:"tenant"`
	Key    string `json:"key"`
	events.Assertion
	Sequence uint64 `json:"sequence"`
}

// say takes in what an operator says, or takes back.
func (r *Roster) say(m *events.Message) {
	e := &m.Event
	key := projections.Key(assertionsPrefix, e.Tenant, e.Data.Entity.Key)
	old := r.assertions[key]
	if old != nil && old.Sequence >= m.Position.Sequence {
		return
	}
	a := &Assertion{Tenant: e.Tenant, Key: e.Data.Entity.Key, Assertion: *e.Data.Entity.Assertion, Sequence: m.Position.Sequence}
	if e.Live() {
		r.assert(key, a)
		r.put(key, func() ([]byte, error) { return events.Marshal(a) })
	} else {
		r.unassert(key, a)
		r.drop(key)
	}
	var touched []*node
	for _, n := range r.named(a) {
		touched = append(touched, n)
		touched = append(touched, r.connect(n)...)
	}
	for _, n := range touched {
		r.groups[n.group] = true
	}
	r.lookAt(touched)
}

func (r *Roster) assert(key string, a *Assertion) {
	r.assertions[key] = a
	if a.Says == events.SaysNoProof {
		r.noProof[name{a.Tenant, a.Identifier}] = true
		return
	}
	for _, where := range a.ats() {
		if !slices.Contains(r.asserted[where], a.Key) {
			r.asserted[where] = append(r.asserted[where], a.Key)
		}
	}
}

func (r *Roster) unassert(key string, a *Assertion) {
	delete(r.assertions, key)
	if a.Says == events.SaysNoProof {
		delete(r.noProof, name{a.Tenant, a.Identifier})
		return
	}
	for _, where := range a.ats() {
		if r.asserted[where] = slices.DeleteFunc(r.asserted[where], func(k string) bool { return k == a.Key }); len(r.asserted[where]) == 0 {
			delete(r.asserted, where)
		}
	}
}

// ats are the identities that are said to be one agent.
func (a *Assertion) ats() []at {
	var out []at
	for _, i := range a.Identities {
		connection, holder, _ := strings.Cut(i, "/")
		out = append(out, at{a.Tenant, connection, holder})
	}
	return out
}

// named are the identities that an assertion speaks of, as far as they are known agents. Those that carry an identifier are looked for among
// all: operators say such things seldom.
func (r *Roster) named(a *Assertion) []*node {
	var out []*node
	if a.Says == events.SaysSame {
		for _, where := range a.ats() {
			if n := r.nodes[where]; n != nil && n.Agent != nil {
				out = append(out, n)
			}
		}
		return sorted(out)
	}
	for n := range maps.Values(r.nodes) {
		if n.Tenant == a.Tenant && slices.ContainsFunc(claims(n.Identity), func(c claim) bool { return c.id == a.Identifier }) {
			out = append(out, n)
		}
	}
	return sorted(out)
}

// claims are what joins an identity to others, with what operators say.
func (r *Roster) claims(n *node) []claim {
	out := claims(n.Identity)
	if len(r.noProof) > 0 {
		out = slices.DeleteFunc(out, func(c claim) bool { return r.noProof[name{n.Tenant, c.id}] })
	}
	for _, key := range r.asserted[n.at()] {
		out = append(out, claim{id: events.Identifier{Type: LinkAssertion, Value: key}})
	}
	slices.SortFunc(out, compareClaims)
	return out
}
