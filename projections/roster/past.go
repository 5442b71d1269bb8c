package roster

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// Past is the roster of an earlier moment, made from the last event of each subject up to then, in the order of the log. now are the
// documents of a later roster, which alone still knows when each identity was first seen: an agent's id depends on that.
//
// It is what the fold of all events up to the moment would be, but for what only the fold of all can gather: when the last change was,
// where events have told of an earlier one since, and what was done last, where the last activity of that type was somebody else's.
func Past(now iter.Seq2[projections.Document, error], states iter.Seq2[events.Message, error]) (Documents, error) {
	later := newRoster()
	for d, err := range now {
		if err != nil {
			return nil, err
		}
		if err := later.Load(d); err != nil {
			return nil, err
		}
	}
	then := newRoster()
	for a, n := range later.nodes {
		then.nodes[a] = &node{Identity: &Identity{
			Tenant: n.Tenant, Connection: n.Connection, Holder: n.Holder, FirstSeen: n.FirstSeen, FirstSeenAs: n.FirstSeenAs, FirstSequence: n.FirstSequence,
		}}
	}
	upTo := uint64(0)
	for m, err := range states {
		if err != nil {
			return nil, err
		}
		if err := then.Apply(m); err != nil {
			return nil, err
		}
		upTo = max(upTo, m.Position.Sequence)
	}
	then.date(later, upTo)
	drained, err := then.Drain()
	docs := Documents{}
	for _, d := range drained {
		if d.Body != nil {
			docs[d.Key] = d.Body
		}
	}
	return docs, err
}

// date says since when findings hold: what holds later, since then or before, held all the while. Of others it is not known.
func (r *Roster) date(later *Roster, upTo uint64) {
	later.wake()
	since := map[string]events.Finding{}
	each := func(r *Roster, visit func(tenant string, f *events.Finding)) {
		for _, n := range r.nodes {
			for i := range n.findings {
				visit(n.Tenant, &n.findings[i])
			}
			for i := range n.group.firsts(n) {
				visit(n.Tenant, &n.group.findings[i])
			}
		}
	}
	each(later, func(tenant string, f *events.Finding) {
		if f.Sequence <= upTo {
			since[events.FindingSubject(tenant, f.Connection, f)] = *f
		}
	})
	each(r, func(tenant string, f *events.Finding) {
		known := since[events.FindingSubject(tenant, f.Connection, f)]
		f.Raised, f.Sequence = known.Raised, known.Sequence
	})
}

// firsts are the findings about the agent as a whole, if n is its first identity.
func (g *group) firsts(n *node) []events.Finding {
	if g == nil || g.first != n {
		return nil
	}
	return g.findings
}

// Documents are a roster in memory, by key. They implement [Store].
type Documents map[string][]byte

// Get implements [Store].
func (d Documents) Get(_ context.Context, key string) (projections.Document, error) {
	body, ok := d[key]
	if !ok {
		return projections.Document{}, projections.ErrNotFound
	}
	return projections.Document{Key: key, Body: body}, nil
}

// List implements [Store]. A pattern's parts are those of a key, "*" for any, or a last ">" for any number of them.
func (d Documents) List(_ context.Context, pattern string) iter.Seq2[projections.Document, error] {
	return func(yield func(projections.Document, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(d)) {
			if fits(strings.Split(pattern, "."), strings.Split(key, ".")) && !yield(projections.Document{Key: key, Body: d[key]}, nil) {
				return
			}
		}
	}
}

func fits(pattern, key []string) bool {
	if last := len(pattern) - 1; pattern[last] == ">" && len(key) > last {
		pattern, key = pattern[:last], key[:last]
	}
	return slices.EqualFunc(pattern, key, func(p, k string) bool { return p == "*" || p == k })
}
