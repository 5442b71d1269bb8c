package connectors

import (
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// read takes one record's reading into the plan: entities, then tombstones, then activities. Every state that differs from the
// one before is an event, so a page that shows an entity twice in different states gives two.
func (p *plan) read(r *result) error {
	if r.err != nil {
		return p.misread(r, r.err)
	}
	for i := range r.reading.Entities {
		if err := p.entity(r, r.reading.Entities[i]); err != nil {
			return err
		}
	}
	for _, t := range r.reading.Tombstones {
		if err := p.tombstone(r, t); err != nil {
			return err
		}
	}
	for _, name := range r.reading.Replaces {
		if r.dark {
			break // what is missing may be what was not understood
		}
		p.replaced = append(p.replaced, replaced{scope: name, asked: p.st.moment(r.record.Asked)})
	}
	for _, name := range r.reading.Keeps {
		p.spare(name, p.st.moment(r.record.Asked))
	}
	for i := range r.reading.Activities {
		if err := p.activity(r, r.reading.Activities[i]); err != nil {
			return err
		}
	}
	return nil
}

// entity compares one entity with its last known state.
func (p *plan) entity(r *result, e events.Entity) error {
	ref, asked := e.Ref(), p.st.moment(r.record.Asked)
	if err := e.Check(); err != nil {
		return p.misread(r, err)
	}
	d := p.draft(ref)
	if d != nil && e.Scope == "" {
		e.Scope = d.to // a reading without a scope says nothing about where it is listed
	}
	if d != nil && d.erased && e.Person != nil {
		e.Person = e.Person.Without(events.WithheldErased)
	}
	h, err := contentHash(&e)
	if err != nil {
		return p.misread(r, err)
	}
	p.mark(d, e.Scope, asked)
	if p.isStale(d, ref, stamp(e.Version), asked) {
		p.stale++
		return nil
	}
	if h == p.st.refused[ref] {
		return nil
	}
	if d != nil && d.life == alive && d.hash == h {
		d.asked, d.shown, d.version = asked, p.st.moment(p.now), max(d.version, stamp(e.Version))
		return nil
	}
	return p.change(r, d, &e, h)
}

// change publishes an entity that is new, back, or different.
func (p *plan) change(r *result, d *draft, e *events.Entity, h digest) error {
	data, v := events.Data{Entity: e, Evidence: p.evidence(r)}, events.Created
	var version int64
	if d == nil {
		d = &draft{entity: entity{ref: e.Ref(), life: gone}, present: unasked}
		p.keep(d)
		p.mark(d, e.Scope, p.st.moment(r.record.Asked))
		if p.isListing(r, e.Kind) {
			data.FirstSeen = events.FirstSeenSnapshot
		}
	} else {
		former, err := p.former(d)
		if err != nil {
			return err
		}
		if data.Changed, err = changedFields(former, e); err != nil {
			return err
		}
		v, version = verb(former, e), d.version
		if d.life != alive {
			v = events.Restored
		}
	}
	p.become(d, alive, e.Scope)
	d.hash, d.body, d.version = h, e, max(version, stamp(e.Version))
	d.asked, d.shown = p.st.moment(r.record.Asked), p.st.moment(p.now)
	p.emit(v, firstTime(r.reading.At, happened(v, e, version)), data)
	return nil
}

// isStale reports whether something newer than a reading is known: of the entity itself, or of its holder, which is gone.
func (p *plan) isStale(d *draft, ref events.Ref, version int64, asked moment) bool {
	if d == nil {
		if asked < max(p.st.ghosts.of(ref), p.ghost(ref)) {
			return true
		}
	} else if asked < d.asked || version != 0 && version < d.version {
		return true
	}
	return !ref.Kind.IsIdentity() && p.holderGone(ref.Holder)
}

// holderGone reports whether the holder is known and gone. What a lagging list still shows of it is not taken in: nothing would
// ever sweep it, since nobody lists a holder that is gone. When the holder is back, what hangs on it is read again.
func (p *plan) holderGone(holder string) bool {
	known := false
	for _, k := range []events.Kind{events.KindAgent, events.KindBlueprint, events.KindPerson} {
		e := p.look(events.Identity(k, holder))
		if e == nil {
			continue
		}
		if e.life == alive {
			return false
		}
		known = true
	}
	return known
}

func (p *plan) ghost(ref events.Ref) moment {
	if m, ok := p.ghosts[ref]; ok {
		return m
	}
	return unasked
}

// tombstone takes in that the vendor has reported an entity gone.
func (p *plan) tombstone(r *result, t Tombstone) error {
	if err := t.Ref.Check(); err != nil {
		return p.misread(r, err)
	}
	asked := p.st.moment(r.record.Asked)
	d := p.draft(t.Ref)
	switch {
	case d == nil:
		p.ghosts[t.Ref] = max(asked, p.ghost(t.Ref))
		return nil
	case asked < d.asked:
		p.stale++
		return nil
	}
	d.asked = asked
	if d.life == gone || d.life == restorable && t.Restorable {
		return nil
	}
	g := events.Gone{Reason: t.Reason, Restorable: t.Restorable}
	if g.Reason == "" {
		g.Reason = "removed at the vendor"
	}
	ev := p.evidence(r)
	ev.How = events.HowSeen
	return p.bury(d, g, asked, firstTime(t.At, r.reading.At), ev)
}

// bury publishes a tombstone, and one for everything that hangs on an identity that is gone. known is the moment before
// which no reading can have known of it.
func (p *plan) bury(d *draft, g events.Gone, known moment, at time.Time, ev events.Evidence) error {
	former, err := p.former(d)
	if err != nil {
		return err
	}
	last, err := deleted(former)
	if err != nil {
		return err
	}
	data := events.Data{Entity: last, Gone: &g, Evidence: ev}
	if d.life == alive {
		if data.Changed, err = changedFields(former, last); err != nil {
			return err
		}
	}
	to := gone
	if g.Restorable {
		to = restorable
	}
	p.become(d, to, "")
	d.body, d.shown = last, known
	p.emit(events.Deleted, at, data)
	if d.ref.Kind.IsIdentity() {
		return p.cascade(d, at, ev)
	}
	return nil
}

// cascade buries what hangs on an identity that is gone, unless another identity of the same id is there.
func (p *plan) cascade(holder *draft, at time.Time, ev events.Evidence) error {
	if !p.holderGone(holder.ref.Holder) {
		return nil
	}
	for _, ref := range p.heldBy(holder.ref.Holder) {
		d := p.draft(ref)
		if d.life != alive || d.ref.Kind.IsIdentity() {
			continue
		}
		ev.How, ev.Note = events.HowInferred, "follows from "+holder.ref.String()
		g := events.Gone{Inferred: true, Reason: "its " + string(holder.ref.Kind) + " is gone", Before: p.now.UTC().Round(0),
			After: p.st.time(d.shown)}
		d.asked = max(d.asked, holder.asked)
		if err := p.bury(d, g, holder.shown, at, ev); err != nil {
			return err
		}
	}
	return nil
}

// heldBy lists the refs of a holder's entities in order.
func (p *plan) heldBy(holder string) []events.Ref {
	var refs []events.Ref
	for _, e := range p.st.holders[holder] {
		refs = append(refs, e.ref)
	}
	for _, d := range p.byHolder[holder] {
		if d.was == nil {
			refs = append(refs, d.ref)
		}
	}
	return sortRefs(refs)
}

// isListing reports whether a reading belongs to a listing, which shows what is there, be it new or old.
func (p *plan) isListing(r *result, k events.Kind) bool {
	return k != events.KindCoverage && r.reading.LogID == "" && (p.listing || len(r.reading.Replaces) > 0)
}

// evidence says how a reading came to be known.
func (p *plan) evidence(r *result) events.Evidence {
	ev := events.Evidence{
		Feed: p.feed.Name, How: events.HowRead, Asked: r.record.Asked.UTC().Round(0), Record: r.record.Type,
		LogID: r.reading.LogID, Actor: r.reading.Actor, Note: r.reading.Note,
	}
	if ev.LogID != "" {
		ev.How = events.HowSeen
	}
	return ev
}

// deleted is an entity as it last was, marked deleted if it is an identity.
func deleted(former *events.Entity) (*events.Entity, error) {
	b, err := events.Marshal(former)
	if err != nil {
		return nil, err
	}
	var e events.Entity
	if err := events.Unmarshal(b, &e); err != nil {
		return nil, err
	}
	e.SetStatus(events.StatusDeleted)
	return &e, nil
}

// firstTime is the first of times that is known.
func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
