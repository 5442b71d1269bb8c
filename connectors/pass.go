package connectors

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// pass is one complete listing of a scope that is under way, seen from its first page by this process.
type pass struct {
	id     uint32
	opened moment // before the first of its requests
	shown  int    // how many readings it has shown so far
	dark   int    // how many of its feed's records nothing understood: any of them may stand for what it seems to miss
}

// later is a scope whose sweep did not take place, and why. A later pass over it may.
type later struct {
	scope string
	why   string
	blank bool // the listing was empty while the connection could see: one more decides
}

// replaced is a scope that one reading has shown in full.
type replaced struct {
	scope string
	asked moment
}

// open starts the passes that the page opens.
func (p *plan) open() {
	opened := p.st.moment(p.began)
	for i := range p.results {
		opened = min(opened, p.st.moment(p.results[i].record.Asked))
	}
	for _, name := range p.page.Opens {
		p.st.lastPass++
		p.passes[name] = &pass{id: p.st.lastPass, opened: opened}
	}
	p.listing = p.resumed || len(p.st.passes[p.feed.Name]) > 0 || len(p.page.Opens) > 0
}

// pass is the feed's open pass over a scope, ready to be changed, or nil.
func (p *plan) pass(name string) *pass {
	if ps, ok := p.passes[name]; ok {
		return ps
	}
	ps := p.st.passes[p.feed.Name][name]
	if ps == nil {
		return nil
	}
	c := *ps
	p.passes[name] = &c
	return &c
}

// isGroup reports whether the name of a pass stands for all scopes whose names begin with it.
func isGroup(name string) bool { return strings.HasSuffix(name, "/") }

// within reports whether a scope is the one that a pass is over, or one of those.
func within(scopeName, name string) bool {
	return scopeName == name || isGroup(name) && strings.HasPrefix(scopeName, name)
}

// over is the feed's open pass that is over a scope, or over a group that it is in, ready to be changed, or nil.
func (p *plan) over(scopeName string) *pass {
	if ps := p.pass(scopeName); ps != nil || scopeName == "" {
		return ps
	}
	name := ""
	longest := func(n string) {
		if isGroup(n) && within(scopeName, n) && len(n) > len(name) {
			name = n
		}
	}
	for n := range p.st.passes[p.feed.Name] {
		longest(n)
	}
	for n := range p.passes {
		longest(n)
	}
	if name == "" {
		return nil
	}
	return p.pass(name)
}

// spare notes that a reading has shown what a scope belongs to: all that is in it is there still.
func (p *plan) spare(scopeName string, asked moment) {
	if ps := p.over(scopeName); ps != nil {
		ps.shown++
	}
	for _, ref := range p.members(scopeName) {
		if d := p.draft(ref); d.life == alive && d.to == scopeName {
			p.mark(d, scopeName, asked)
		}
	}
}

// mark notes that a reading has shown an entity, whether or not it is applied: d may be unknown yet.
func (p *plan) mark(d *draft, scopeName string, asked moment) {
	ps := p.over(scopeName)
	if d == nil {
		return
	}
	d.present = max(d.present, asked)
	d.missed = 0
	if ps != nil && scopeName != "" {
		d.mark = ps.id
		ps.shown++
	}
}

// darken notes in the feed's open passes that a record was not understood.
func (p *plan) darken() {
	for name := range p.st.passes[p.feed.Name] {
		p.pass(name)
	}
	for _, ps := range p.passes {
		if ps != nil {
			ps.dark++
		}
	}
}

// end closes the passes that the page breaks and seals, and sweeps.
func (p *plan) end() error {
	for _, name := range p.page.Breaks {
		p.passes[name] = nil
	}
	var missing []sweep
	for _, r := range p.replaced {
		missing = append(missing, p.missing(r.scope, r.asked, 0)...)
		p.settled = append(p.settled, r.scope)
	}
	for _, name := range p.page.Seals {
		ps := p.pass(name)
		if ps == nil {
			if !slices.Contains(p.page.Breaks, name) {
				p.owes = append(p.owes, name)
			}
			continue
		}
		p.passes[name] = nil
		found := p.missing(name, ps.opened, ps.id)
		switch {
		case len(found) > 0 && ps.dark > 0:
			p.later = append(p.later, later{scope: name, why: fmt.Sprintf("%d records of the listing of %s could not be understood, so that nothing "+
				"it misses is held to be gone", ps.dark, name)})
			continue
		case len(found) > 0 && ps.shown == 0 && !p.proven:
			p.doubts = true
			p.later = append(p.later, later{scope: name, why: fmt.Sprintf("the listing of %s was empty, and whether the connection may see "+
				"at all could not be found out: nothing is held to be gone", name)})
			continue
		case len(found) > 0 && ps.shown == 0 && p.empty != nil && !p.empty[name]:
			p.doubts = true
			p.later = append(p.later, later{scope: name, blank: true, why: fmt.Sprintf("the listing of %s was empty: that is believed, and "+
				"its entities held to be gone, when the next one is empty as well", name)})
			continue
		}
		p.sealed++
		p.settled = append(p.settled, name)
		missing = append(missing, found...)
	}
	return p.sweep(missing)
}

// sweep is an entity that a full listing no longer shows.
type sweep struct {
	ref   events.Ref
	scope string
	asked moment // when the listing began
}

// missing finds a scope's live entities that a listing which began at asked should have shown and has not. id is the pass's,
// or 0.
func (p *plan) missing(name string, asked moment, id uint32) []sweep {
	var out []sweep
	for _, ref := range p.members(name) {
		e := p.look(ref)
		if d := p.drafts[ref]; d != nil && (!within(d.to, name) || d.present >= asked) {
			continue
		}
		if e.life == alive && e.asked < asked && (id == 0 || e.mark != id) {
			out = append(out, sweep{ref: ref, scope: name, asked: asked})
		}
	}
	return out
}

// members lists the refs of what is in a scope or a group of them, before the page or after it, in order.
func (p *plan) members(name string) []events.Ref {
	var refs []events.Ref
	add := func(name string) {
		if s := p.st.scopes[name]; s != nil {
			for _, e := range s.members {
				refs = append(refs, e.ref)
			}
		}
		for _, d := range p.byScope[name] {
			refs = append(refs, d.ref)
		}
	}
	if !isGroup(name) {
		add(name)
		return slices.Compact(sortRefs(refs))
	}
	for n := range p.st.scopes {
		if within(n, name) {
			add(n)
		}
	}
	for n := range p.byScope {
		if within(n, name) {
			add(n)
		}
	}
	return slices.Compact(sortRefs(refs))
}

// sweep buries what is missing long enough, unless the breaker stops it.
func (p *plan) sweep(missing []sweep) error {
	var due []sweep
	for _, s := range missing {
		d := p.draft(s.ref)
		if d.missed == 0 {
			d.missedAt = p.st.moment(p.now)
		}
		if d.missed++; int(d.missed) >= p.feed.Passes && p.st.moment(p.now)-d.missedAt >= moment(p.feed.Settle) {
			due = append(due, s)
		}
	}
	due = once(due)
	if err := p.mayBury(due); err != nil || p.held != nil {
		return err
	}
	for _, s := range due {
		if d := p.draft(s.ref); d.life == alive {
			if err := p.infer(d, s); err != nil {
				return err
			}
		}
	}
	p.inferred = len(due)
	return nil
}

// infer buries an entity that a full listing no longer shows.
func (p *plan) infer(d *draft, s sweep) error {
	ev := events.Evidence{Feed: p.feed.Name, How: events.HowInferred, Asked: p.st.time(s.asked)}
	why := "not in a full listing of " + s.scope
	if isGroup(s.scope) {
		why = "what " + d.to + " belongs to is " + why
	}
	g := events.Gone{Inferred: true, Reason: why, After: p.st.time(d.shown), Before: p.now.UTC().Round(0)}
	d.asked = s.asked
	return p.bury(d, g, p.st.moment(p.began), p.now, ev)
}

// openPasses is how many of the feed's passes are under way after the page.
func (p *plan) openPasses() int {
	n := 0
	for name := range p.st.passes[p.feed.Name] {
		if _, touched := p.passes[name]; !touched {
			n++
		}
	}
	for _, ps := range p.passes {
		if ps != nil {
			n++
		}
	}
	return n
}

// commitPasses makes the feed's open passes what the page has left.
func (p *plan) commitPasses() {
	open := p.st.passes[p.feed.Name]
	if open == nil {
		open = map[string]*pass{}
		p.st.passes[p.feed.Name] = open
	}
	for name, ps := range p.passes {
		if ps == nil {
			delete(open, name)
		} else {
			open[name] = ps
		}
	}
}

// breakPasses gives up the feed's open passes.
func (st *state) breakPasses(feed string) { delete(st.passes, feed) }

// once drops repetitions of a ref, and orders.
func once(sweeps []sweep) []sweep {
	slices.SortStableFunc(sweeps, func(a, b sweep) int { return a.ref.Compare(b.ref) })
	return slices.CompactFunc(sweeps, func(a, b sweep) bool { return a.ref == b.ref })
}

func sortRefs(refs []events.Ref) []events.Ref {
	slices.SortFunc(refs, events.Ref.Compare)
	return refs
}
