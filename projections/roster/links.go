package roster

import (
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// name is a piece of evidence inside a tenant.
type name struct {
	tenant string
	id     events.Identifier
}

// evidence is a piece of evidence and who carries it.
type evidence struct {
	name
	one    *node          // the only holder
	more   map[*node]bool // all holders, once there were several
	runsAs int            // of the holders, those that only run as it
}

// edge is a piece of evidence as one identity carries it.
type edge struct {
	to     *evidence
	runsAs bool
}

// holders yields who carries the evidence, in no order.
func (e *evidence) holders(yield func(*node) bool) {
	if e.more == nil {
		if e.one != nil {
			yield(e.one)
		}
		return
	}
	for n := range e.more {
		if !yield(n) {
			return
		}
	}
}

func (e *evidence) len() int {
	switch {
	case e.more != nil:
		return len(e.more)
	case e.one != nil:
		return 1
	}
	return 0
}

// joins reports whether the evidence joins its holders: an account that several agents run as is nobody's.
func (e *evidence) joins() bool { return e.runsAs < 2 }

func (e *evidence) add(n *node, runsAs bool) {
	switch {
	case e.more != nil:
		e.more[n] = true
	case e.one == nil:
		e.one = n
	default:
		e.more = map[*node]bool{e.one: true, n: true}
	}
	if runsAs {
		e.runsAs++
	}
}

func (e *evidence) remove(n *node, runsAs bool) {
	if e.more != nil {
		delete(e.more, n)
	} else {
		e.one = nil
	}
	if runsAs {
		e.runsAs--
	}
}

// links is the graph of agent identities and the evidence that they carry. What is connected in it is one agent, so that it depends on
// the set of evidence alone, not on the order in which it came. Adding evidence costs what moves from the smaller group to the larger;
// taking some away costs a walk from both its ends, which ends when the smaller side has been seen whole.
type links struct {
	all map[name]*evidence
}

// set replaces the evidence of an identity. It returns the pairs that may be joined now, and the groups of holders that may have come apart.
func (l *links) set(n *node, claims []claim) (joined [][2]*node, parted [][]*node) {
	same := slices.EqualFunc(n.edges, claims, func(e edge, c claim) bool { return e.to.id == c.id && e.runsAs == c.runsAs })
	if same {
		return nil, nil
	}
	keeps := func(e edge) bool {
		return slices.ContainsFunc(claims, func(c claim) bool { return c.id == e.to.id && c.runsAs == e.runsAs })
	}
	has := func(c claim) bool {
		return slices.ContainsFunc(n.edges, func(e edge) bool { return e.to.id == c.id && e.runsAs == c.runsAs })
	}
	var edges []edge
	for _, e := range n.edges {
		if keeps(e) {
			edges = append(edges, e)
			continue
		}
		joins, p := l.remove(n, e)
		joined, parted = append(joined, joins...), append(parted, p...)
	}
	for _, c := range claims {
		if has(c) {
			continue
		}
		e, joins, p := l.add(n, c)
		edges, joined, parted = append(edges, e), append(joined, joins...), append(parted, p...)
	}
	slices.SortFunc(edges, func(a, b edge) int { return compareClaims(claim{id: a.to.id}, claim{id: b.to.id}) })
	n.edges = edges
	return joined, parted
}

func (l *links) add(n *node, c claim) (e edge, joined [][2]*node, parted [][]*node) {
	key := name{n.Tenant, c.id}
	to := l.all[key]
	if to == nil {
		to = &evidence{name: key}
		l.all[key] = to
	}
	did := to.joins()
	some := to.some()
	to.add(n, c.runsAs)
	switch does := to.joins(); {
	case does && some != nil:
		joined = [][2]*node{{some, n}}
	case did && !does: // it was one agent's account, and is no longer
		parted = [][]*node{slices.Collect(to.holders)}
	}
	return edge{to, c.runsAs}, joined, parted
}

func (l *links) remove(n *node, e edge) (joined [][2]*node, parted [][]*node) {
	did := e.to.joins()
	e.to.remove(n, e.runsAs)
	some := e.to.some()
	switch does := e.to.joins(); {
	case some == nil:
		delete(l.all, e.to.name)
	case did:
		parted = [][]*node{{n, some}}
	case does: // an account that is one agent's again
		for h := range e.to.holders {
			joined = append(joined, [2]*node{some, h})
		}
	}
	return joined, parted
}

// some is a holder, whichever.
func (e *evidence) some() *node {
	for n := range e.holders {
		return n
	}
	return nil
}

// walk is a search through the graph, one identity or piece of evidence at a time.
type walk struct {
	seen  map[any]bool // *node or *evidence
	front []any
}

func newWalk(from *node) *walk { return &walk{seen: map[any]bool{from: true}, front: []any{from}} }

// steps, if set, is told of each step of each walk. Tests count with it.
var steps func()

// step visits the next vertex and reports whether one that it leads to was seen by the other walk.
func (w *walk) step(other *walk) (met bool) {
	if steps != nil {
		steps()
	}
	last := len(w.front) - 1
	next := w.front[last]
	w.front = w.front[:last]
	see := func(v any) {
		if !w.seen[v] {
			w.seen[v] = true
			w.front = append(w.front, v)
			met = met || other.seen[v]
		}
	}
	switch v := next.(type) {
	case *node:
		for _, e := range v.edges {
			if e.to.joins() && e.to.len() > 1 {
				see(e.to)
			}
		}
	case *evidence:
		for n := range v.holders {
			see(n)
		}
	}
	return met
}

// nodes are the identities that the walk has seen.
func (w *walk) nodes() []*node {
	var out []*node
	for v := range w.seen {
		if n, ok := v.(*node); ok {
			out = append(out, n)
		}
	}
	return out
}

// apart walks from two identities at once, until the walks meet or one has ended. It returns all that is connected to the one whose
// walk ended first, or nil if the two are connected. So it costs as much as the smaller side is large.
func apart(a, b *node) []*node {
	for x, y := newWalk(a), newWalk(b); ; x, y = y, x {
		if len(x.front) == 0 {
			return x.nodes()
		}
		if x.step(y) {
			return nil
		}
		if len(x.front) == 0 {
			return x.nodes()
		}
	}
}
