package roster

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

// compareFindings orders the findings of an agent.
func compareFindings(a, b events.Finding) int {
	return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Holder, b.Holder), cmp.Compare(a.Key, b.Key))
}

func sameFinding(a, b *events.Finding) bool {
	return a.Code == b.Code && a.Connection == b.Connection && a.Holder == b.Holder && a.Key == b.Key
}

// concludeOne looks for what is wrong with an identity by itself, and reports whether that has changed.
func (r *Roster) concludeOne(n *node) bool {
	found, due := r.ofOne(n)
	r.await(n, due)
	for i := range found {
		f := &found[i]
		f.Connection, f.Holder = n.Connection, n.Holder
	}
	slices.SortFunc(found, compareFindings)
	old := n.findings
	n.findings = found
	return r.settle(old, found, func(a, b *events.Finding) bool { return a.Code == b.Code && a.Key == b.Key })
}

// concludeAll looks for what is wrong with an agent as a whole, and reports whether that has changed. It is said of the agent's first
// identity: of another one, when it has become another.
func (r *Roster) concludeAll(g *group) bool {
	found, due := r.ofAll(g)
	r.await(g.first, due)
	for i := range found {
		f := &found[i]
		f.Connection, f.Holder, f.Key = g.first.Connection, g.first.Holder, events.Self
	}
	slices.SortFunc(found, compareFindings)
	old := append(g.findings, g.was...)
	g.findings, g.was = found, nil
	return r.settle(old, found, func(a, b *events.Finding) bool { return a.Code == b.Code })
}

// settle dates what was found by what was said of it before, or of the agents that have become this one, and takes note of what is raised and
// cleared. It reports whether anything has changed.
func (r *Roster) settle(old, found []events.Finding, same func(a, b *events.Finding) bool) bool {
	changed := len(old) != len(found)
	for i := range found {
		f := &found[i]
		told := false
		for j := range old {
			o := &old[j]
			if !same(o, f) {
				continue
			}
			said := sameFinding(o, f)
			if said || !told && (f.Raised.IsZero() || o.Sequence < f.Sequence) {
				f.Raised, f.Sequence = o.Raised, o.Sequence
			}
			told = told || said
			changed = changed || o.Explanation != f.Explanation || !slices.Equal(o.Causes, f.Causes)
		}
		if f.Raised.IsZero() {
			f.Raised, f.Sequence = r.now.Event.RecordedTime, r.now.Position.Sequence
		}
		if !told {
			changed = true
			r.verdicts = append(r.verdicts, verdict{events.Raised, *f})
		}
	}
	for i, o := range old {
		again := func(p events.Finding) bool { return sameFinding(&o, &p) }
		if o.Holder == "" || slices.ContainsFunc(found, again) || slices.ContainsFunc(old[:i], again) {
			continue
		}
		changed = true
		o.Cleared = r.now.Event.RecordedTime
		r.verdicts = append(r.verdicts, verdict{events.Cleared, o})
	}
	return changed
}

// verdict is that a finding was raised or cleared.
type verdict struct {
	verb events.Verb
	events.Finding
}

func compareVerdicts(a, b verdict) int {
	return cmp.Or(compareFindings(a.Finding, b.Finding), cmp.Compare(a.verb, b.verb))
}

// tell makes the events of what was raised and cleared while one event was applied. They follow from that event alone, so that another
// fold makes the very same. What one agent no longer has and another, that parted from it, still has of the same identity goes on.
func (r *Roster) tell() {
	slices.SortFunc(r.verdicts, compareVerdicts)
	for i, v := range r.verdicts {
		twin := func(j int) bool {
			return j >= 0 && j < len(r.verdicts) && sameFinding(&r.verdicts[j].Finding, &v.Finding)
		}
		if twin(i-1) || twin(i+1) {
			continue
		}
		m, f := &r.now.Event, v.Finding
		n := r.nodes[at{m.Tenant, f.Connection, f.Holder}]
		f.Agent = n.group.id()
		e := events.New(m.Tenant, f.Connection, n.Vendor, events.EntityType(events.KindFinding, v.verb), m.RecordedTime, m.RecordedTime,
			events.Data{Finding: &f, Evidence: events.Evidence{Feed: Name, How: events.HowInferred, Cause: m.ID}})
		e.ID = events.Digest(m.ID, string(v.verb), e.NATSSubject())
		r.told = append(r.told, projections.Told{Event: e, Position: r.now.Position})
	}
	r.verdicts = r.verdicts[:0]
}

// within reports whether a moment has come at now, and else when it is due. Without a clock nothing has come.
func within(moment, now time.Time) (come bool, due time.Time) {
	if !now.IsZero() && !now.Before(moment) {
		return true, time.Time{}
	}
	return false, moment
}
