package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// Erasure says what the log and the views have of a person, and what can be erased of it.
type Erasure struct {
	events.PersonID
	Native string        `json:"native"`
	Status events.Status `json:"status"`

	Events    int        `json:"events"`    // about the person
	Sealed    int        `json:"sealed"`    // of them: name and addresses can be erased
	Plain     int        `json:"plain"`     // of them: they stand in plain, and cannot be erased without the log
	Documents []Document `json:"documents"` // of views, that have name or addresses
	Elsewhere []string   `json:"elsewhere"` // "<connection>/<id>" of persons with the same address or user name at other connections: they stay

	Marked bool `json:"marked"` // the log says that the person is erased
	Key    bool `json:"key"`    // there is a key to destroy

	sequence uint64 // of the last event about the person
}

// Erased reports whether there is nothing left to do.
func (e *Erasure) Erased() bool { return e.Marked && !e.Key && len(e.Documents) == 0 }

// Erase says whose data is erased, by whom and why.
type Erase struct {
	events.PersonID
	By     string // the operator
	Reason string // for the log; it must not name the person
}

// PlanErasure finds out what there is to erase of a person. It changes nothing. An id that nobody has is an error, which tells of ids
// where it is a name or an address instead.
func (r *Reader) PlanErasure(ctx context.Context, id events.PersonID) (Erasure, error) {
	if err := r.MayReadKeys(ctx); err != nil {
		return Erasure{}, err
	}
	out := Erasure{PersonID: id, Documents: []Document{}, Elsewhere: []string{}}
	var last *events.Person
	all := events.Filter{Tenant: id.Tenant, Connection: id.Connection, Holder: id.ID, Kind: events.KindPerson}
	for s, err := range r.Log.Stored(ctx, events.Query{Filter: all}) {
		if events.Damaged(err) {
			continue
		}
		if err != nil {
			return out, err
		}
		e, err := events.Decode(s.Body)
		if err != nil {
			return out, s.Damage(err)
		}
		out.Events++
		switch {
		case e.Data.Sealed != nil:
			out.Sealed++
		case e.IsPersonal():
			out.Plain++
		}
		m, err := s.Message()
		if err != nil {
			return out, err
		}
		last, out.sequence = m.Event.Data.Entity.Person, s.Position.Sequence
		out.Native, out.Status = last.Native, last.Status
		out.Marked = e.Data.Entity.Person.Withheld == events.WithheldErased
	}
	if last == nil {
		return out, r.nobody(ctx, id)
	}
	_, err := r.keys.Key(id, "")
	if out.Key = err == nil; err != nil && !errors.Is(err, events.ErrNoKey) && !errors.Is(err, events.ErrErased) {
		return out, err
	}
	if out.Elsewhere, err = r.elsewhere(ctx, id, last); err != nil {
		return out, err
	}
	out.Documents, err = r.documentsOf(ctx, id)
	return out, err
}

// nobody says that there is no such person, and which ids were meant where the id is a name or an address.
func (r *Reader) nobody(ctx context.Context, id events.PersonID) error {
	holders, err := r.Roster.Holders(ctx, id.Tenant)
	if err != nil {
		return err
	}
	for _, h := range holders {
		if p := h.Person; p != nil && h.Connection == id.Connection && (p.Name == id.ID || p.UserName == id.ID || slices.Contains(p.Emails, id.ID)) {
			return fmt.Errorf("what was given is a name or an address, and an erasure takes ids alone: one person who has it is %s", h.Holder)
		}
	}
	return fmt.Errorf("connection %s of tenant %s has told of no person with this id: `rollcall replay --kind person --output json` shows ids, as data.entity.holder",
		id.Connection, id.Tenant)
}

// elsewhere finds the same address or user name at the tenant's other connections.
func (r *Reader) elsewhere(ctx context.Context, id events.PersonID, p *events.Person) ([]string, error) {
	out := []string{}
	holders, err := r.Roster.Holders(ctx, id.Tenant)
	for _, h := range holders {
		if q := h.Person; q != nil && h.Connection != id.Connection &&
			(p.UserName != "" && p.UserName == q.UserName || slices.ContainsFunc(p.Emails, func(a string) bool { return slices.Contains(q.Emails, a) })) {
			out = append(out, h.Connection+"/"+h.Holder)
		}
	}
	slices.Sort(out)
	return out, err
}

// Erase erases a person's name and addresses for ever, in the order that docs/decisions/0008-erasure.md gives reasons for. Each step is safe to
// repeat: called again it goes on where it was stopped. What is returned is what was there before.
func (r *Reader) Erase(ctx context.Context, e Erase) (Erasure, error) {
	plan, err := r.PlanErasure(ctx, e.PersonID)
	if err != nil {
		return plan, err
	}
	log, err := eventlog.Open(ctx, r.nc, eventlog.Options{Stream: r.stream})
	if err != nil {
		return plan, err
	}
	defer log.Close()
	mark, err := markErased(ctx, log, e)
	if err != nil {
		return plan, fmt.Errorf("telling the log of the erasure: %w", err)
	}
	failpoint.Hit("erase.marked")
	late := r.untilViewed(ctx, mark.Position)
	failpoint.Hit("erase.viewed")
	if _, err := r.keys.Erase(ctx, e.PersonID); err != nil {
		return plan, err
	}
	failpoint.Hit("erase.destroyed")
	if err := r.bareCopies(ctx, e.PersonID); err != nil {
		return plan, err
	}
	failpoint.Hit("erase.bared")
	if err := r.recordErasure(ctx, log, e, &plan, mark.Event.ID); err != nil {
		return plan, err
	}
	if late != nil {
		return plan, fmt.Errorf("the person is erased from the log, but not yet from the roster: start a hub and call this again: %w", late)
	}
	return plan, nil
}

// markErased makes the person's last state one without name and addresses, unless it is.
func markErased(ctx context.Context, log *eventlog.Log, e Erase) (events.Message, error) {
	return tellOfPerson(ctx, log, e, func(last *events.Event) (events.Type, events.Data, bool) {
		bare := last.Bare(events.WithheldErased)
		return events.EntityType(events.KindPerson, events.Erased), events.Data{Entity: bare.Data.Entity, Gone: bare.Data.Gone},
			last.Data.Entity.Person.Withheld != events.WithheldErased
	})
}

// tellOfPerson appends an operator's event about a person, made of the last one, until what asks for none. It returns the last event then. It
// claims the connection for that: a hub that reads it has to load its state again, and so learns of the event before it tells anything more.
// log must have no keys, so that what the last event says is what the log says.
func tellOfPerson(ctx context.Context, log *eventlog.Log, e Erase, what func(last *events.Event) (events.Type, events.Data, bool)) (events.Message, error) {
	ref := events.Identity(events.KindPerson, e.ID)
	for try := 1; ; try++ {
		last, ok, err := log.Last(ctx, e.Tenant, e.Connection, ref)
		if err != nil || !ok {
			return last, err
		}
		if _, _, more := what(&last.Event); !more {
			return last, nil
		}
		err = tellOnce(ctx, log, e, what)
		passing := errors.Is(err, events.ErrFenced) || errors.Is(err, events.ErrUncertain) // a hub took its connection back, or the answer was lost
		if err != nil && (!passing || try == ownTries) {
			return last, err
		}
	}
}

func tellOnce(ctx context.Context, log *eventlog.Log, e Erase, what func(last *events.Event) (events.Type, events.Data, bool)) error {
	claim, err := log.Claim(ctx, e.Tenant, e.Connection, newID())
	if err != nil {
		return err
	}
	saved, err := log.Cursor(ctx, e.Tenant, e.Connection, operatorFeed)
	if err != nil {
		return err
	}
	last, _, err := log.Last(ctx, e.Tenant, e.Connection, events.Identity(events.KindPerson, e.ID)) // as nobody else can change it any more
	if err != nil {
		return err
	}
	typ, data, more := what(&last.Event)
	if !more {
		return nil
	}
	data.Evidence = events.Evidence{
		Feed: operatorFeed, How: events.HowSeen, Asked: last.Event.Data.Evidence.Asked, Actor: &events.Actor{ID: e.By, Type: "operator"}, Note: e.Reason,
	}
	now := time.Now().UTC()
	event := events.New(e.Tenant, e.Connection, last.Event.Vendor, typ, now, now, data)
	_, err = log.Append(ctx, events.Append{Claim: claim, Feed: operatorFeed, Expect: saved, Events: []events.Event{event}, Cursor: saved.Cursor})
	return err
}

// ActivityPersonErased is the type of the activity that records an erasure.
const ActivityPersonErased = "person_erased"

// recordErasure records that an erasure was done, once.
func (r *Reader) recordErasure(ctx context.Context, log *eventlog.Log, e Erase, plan *Erasure, mark string) error {
	id := events.Digest(ActivityPersonErased, mark)
	done := events.Filter{Tenant: e.Tenant, Connection: replays, Holder: events.ConnectionHolder, Type: events.ActivityType(ActivityPersonErased)}
	for m, err := range log.Read(ctx, events.Query{Filter: done}) {
		if err == nil && m.Event.Data.Activity != nil && m.Event.Data.Activity.ID == id {
			return nil
		}
		if err != nil && !events.Damaged(err) {
			return err
		}
	}
	return r.Record(ctx, []string{e.Tenant}, e.By, events.Activity{
		Type: ActivityPersonErased, ID: id, Targets: []string{e.ID}, Outcome: "success",
		Message: "name and addresses of person " + e.ID + " at connection " + e.Connection + " were erased",
		Details: map[string]string{"connection": e.Connection, "person": e.ID, "event": mark, "reason": e.Reason, "events": strconv.Itoa(plan.Events),
			"sealed": strconv.Itoa(plan.Sealed), "plain": strconv.Itoa(plan.Plain)},
	})
}
