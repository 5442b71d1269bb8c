package roster

import (
	"cmp"
	"maps"
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
	var old []prior
	for _, f := range n.findings {
		old = append(old, prior{Finding: f})
	}
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
	old := g.priors()
	g.findings, g.was = found, nil
	return r.settle(old, found, func(a, b *events.Finding) bool { return a.Code == b.Code })
}

// settle dates what was found by what was said of it before, or of the agents that have become this one, and takes note of what is raised and
// cleared. It reports whether anything has changed.
func (r *Roster) settle(old []prior, found []events.Finding, same func(a, b *events.Finding) bool) bool {
	changed := len(old) != len(found)
	for i := range found {
		f := &found[i]
		dated, told := false, false
		for j := range old {
			o := &old[j]
			if !same(&o.Finding, f) {
				continue
			}
			said := sameFinding(&o.Finding, f)
			if said || !dated && (f.Raised.IsZero() || o.Sequence < f.Sequence) {
				f.Raised, f.Sequence = o.Raised, o.Sequence
			}
			dated, told = dated || said, told || said && !o.copied
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
		again := func(f events.Finding) bool { return sameFinding(&o.Finding, &f) }
		before := func(p prior) bool { return !p.copied && again(p.Finding) }
		if o.copied || slices.ContainsFunc(found, again) || slices.ContainsFunc(old[:i], before) {
			continue
		}
		changed = true
		o.Cleared = r.now.Event.RecordedTime
		r.verdicts = append(r.verdicts, verdict{events.Cleared, o.Finding})
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
	told := 0
	for i, v := range r.verdicts {
		twin := func(j int) bool {
			return j >= 0 && j < len(r.verdicts) && sameFinding(&r.verdicts[j].Finding, &v.Finding)
		}
		if twin(i-1) || twin(i+1) {
			continue
		}
		told++
		r.told = append(r.told, projections.Told{Event: r.event(v.verb, v.Finding), Position: r.now.Position, N: told})
	}
	r.verdicts = r.verdicts[:0]
}

// event tells of a finding what the event that is being applied has made of it.
func (r *Roster) event(verb events.Verb, f events.Finding) events.Event {
	m := &r.now.Event
	vendor := ""
	if n := r.nodes[at{m.Tenant, f.Connection, f.Holder}]; n != nil {
		f.Agent, vendor = n.group.id(), n.Vendor
	}
	e := events.New(m.Tenant, f.Connection, vendor, events.EntityType(events.KindFinding, verb), m.RecordedTime, m.RecordedTime,
		events.Data{Finding: &f, Evidence: events.Evidence{Feed: Name, How: events.HowInferred, Cause: m.ID}})
	e.ID = events.Digest(m.ID, string(verb), e.NATSSubject())
	return e
}

// Amend implements [projections.Teller]. What is cleared here was told by other rules, or of a log that was restored since.
func (r *Roster) Amend(held []events.Event) []events.Event {
	r.wake()
	told := map[string]*events.Event{}
	for i := range held {
		if held[i].Data.Finding != nil && held[i].Verb() == events.Raised {
			told[held[i].NATSSubject()] = &held[i]
		}
	}
	var out []events.Event
	for _, n := range sorted(slices.Collect(maps.Values(r.nodes))) {
		findings := n.findings
		if n.group != nil && n.group.first == n {
			findings = slices.Concat(findings, n.group.findings)
		}
		for _, f := range findings {
			f.Agent = n.group.id()
			e := events.New(n.Tenant, f.Connection, n.Vendor, events.EntityType(events.KindFinding, events.Raised), f.Raised, f.Raised,
				events.Data{Finding: &f, Evidence: events.Evidence{Feed: Name, How: events.HowInferred}})
			e.ID = events.Digest(amended, e.NATSSubject(), f.Raised.String())
			if told[e.NATSSubject()] == nil {
				out = append(out, e)
			}
			delete(told, e.NATSSubject())
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(told)) {
		e := *told[subject]
		f := *e.Data.Finding
		f.Cleared = r.last
		e.Type, e.Time, e.RecordedTime = events.EntityType(events.KindFinding, events.Cleared), r.last, r.last
		e.Data = events.Data{Finding: &f, Evidence: events.Evidence{Feed: Name, How: events.HowInferred, Note: amended}}
		e.ID = events.Digest(amended, subject, e.ID)
		out = append(out, e)
	}
	return out
}

const amended = "it no longer follows from the log, as the rules are now"

// within reports whether a moment has come at now, and else when it is due. Without a clock nothing has come.
func within(moment, now time.Time) (come bool, due time.Time) {
	if !now.IsZero() && !now.Before(moment) {
		return true, time.Time{}
	}
	return false, moment
}
