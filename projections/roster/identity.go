package roster

import (
	"cmp"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// apply folds one event into the identity that it is about.
func (i *Identity) apply(m *events.Message) {
	e := &m.Event
	i.Vendor = e.Vendor
	i.Sequence = m.Position.Sequence
	if e.Data.Activity != nil {
		i.acted(e)
		return
	}
	if i.FirstSequence == 0 {
		i.FirstSeen, i.FirstSequence, i.FirstSeenAs = e.RecordedTime, m.Position.Sequence, e.Data.FirstSeen
	}
	if e.Time.After(i.LastChange) {
		i.LastChange = e.Time
	}
	switch e.Data.Entity.Kind {
	case events.KindAgent, events.KindBlueprint, events.KindPerson:
		i.become(e)
	case events.KindStewardship:
		i.Stewards = fold(i.Stewards, e, e.Data.Entity.Stewardship)
	case events.KindCredential:
		i.Credentials = fold(i.Credentials, e, e.Data.Entity.Credential)
	case events.KindGrant:
		i.Grants = fold(i.Grants, e, e.Data.Entity.Grant)
	case events.KindDelegation:
		i.Delegations = fold(i.Delegations, e, e.Data.Entity.Delegation)
	case events.KindRisk:
		i.Risks = fold(i.Risks, e, e.Data.Entity.Risk)
	}
}

// become takes over what the event says of the identity itself. One that is gone stays, as deleted.
func (i *Identity) become(e *events.Event) {
	n := e.Data.Entity
	i.Event = e.ID
	switch n.Kind {
	case events.KindAgent:
		i.Agent, i.Gone, i.Unknown = n.Agent, e.Data.Gone, n.Unknown
	case events.KindBlueprint:
		i.Blueprint = n.Blueprint
	case events.KindPerson:
		i.Person = n.Person
	}
	if e.Data.Gone != nil {
		n.SetStatus(events.StatusDeleted)
	}
}

// acted takes note of what the identity did itself; what an administrator did to it is no sign of life.
func (i *Identity) acted(e *events.Event) {
	a := e.Data.Activity
	if own := a.Actor != nil && a.Actor.ID == a.Holder; !own && !isSignIn(a) {
		return
	}
	when := a.Time
	if when.IsZero() {
		when = e.Time
	}
	if i.LastActivity == nil || !when.Before(i.LastActivity.Time) {
		i.LastActivity = &LastActivity{Type: a.Type, Time: when, Outcome: a.Outcome}
	}
}

// fold puts an event's thing among the items, ordered by key, or takes it out when it is gone.
func fold[T any](items []Item[T], e *events.Event, value *T) []Item[T] {
	key := e.Data.Entity.Key
	n, found := slices.BinarySearchFunc(items, key, func(i Item[T], key string) int { return cmp.Compare(i.Key, key) })
	if !e.Live() {
		if found {
			items = slices.Delete(items, n, n+1)
		}
		if len(items) == 0 {
			return nil // as if there had never been one: a document depends on what is there, not on what was
		}
		return items
	}
	item := Item[T]{Key: key, Since: e.Time, Event: e.ID, Value: *value}
	if found {
		items[n] = item
		return items
	}
	return slices.Insert(items, n, item)
}

// aliveness orders statuses: an agent that is alive anywhere may still act there.
var aliveness = []events.Status{
	events.StatusActive, events.StatusUnknown, events.StatusPending, events.StatusDisabled, events.StatusDeleted,
}

func mostAlive(a, b events.Status) events.Status {
	if slices.Index(aliveness, a) <= slices.Index(aliveness, b) {
		return a
	}
	return b
}

// certainty orders classes: what one vendor knows to be an agent is one.
var certainty = []events.Class{events.ClassAgent, events.ClassWorkload, events.ClassUnknown}

func mostCertain(a, b events.Class) events.Class {
	if slices.Index(certainty, a) <= slices.Index(certainty, b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
