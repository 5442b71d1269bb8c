package connectors

import (
	"context"
	"testing"

	"github.com/rollcallhq/rollcall/events"
)

func somebody(id, name string, status events.Status) events.Entity {
	return events.Entity{Kind: events.KindPerson, Holder: id, Key: events.Self, Scope: "people",
		Person: &events.Person{Native: "user", Name: name, Emails: []string{name + "@acme.example"}, UserName: name, Status: status}}
}

// erase puts the event into the log by which an operator erases a person, and lets the hub begin anew, as the operator's claim does.
func (b *bench) erase(id string) {
	b.t.Helper()
	ctx := context.Background()
	m, ok, err := b.log.Last(ctx, "acme", "okta", events.Identity(events.KindPerson, id))
	if err != nil || !ok {
		b.t.Fatal(err)
	}
	bare := m.Event.Bare(events.WithheldErased)
	e := events.New("acme", "okta", "okta", events.EntityType(events.KindPerson, events.Erased), b.base, b.base, events.Data{Entity: bare.Data.Entity, Gone: bare.Data.Gone})
	claim, _ := b.log.Claim(ctx, "acme", "okta", "operator")
	saved, _ := b.log.Cursor(ctx, "acme", "okta", "operators")
	if _, err := b.log.Append(ctx, events.Append{Claim: claim, Feed: "operators", Expect: saved, Events: []events.Event{e}}); err != nil {
		b.t.Fatal(err)
	}
	b.fresh()
	b.restart()
}

// A person who was erased is not told again as long as the vendor shows the id, whatever else changes; what is not personal goes on.
func TestErasedPersonStaysErased(t *testing.T) {
	b := newBench(t)
	told := func(e events.Entity) result { return b.rec(1, says(e, somebody("q", "Quinn", events.StatusActive))) }
	b.page(1, Page{}, told(somebody("p", "Pat", events.StatusActive)))
	b.erase("p")
	b.want(b.page(2, Page{}, told(somebody("p", "Pat", events.StatusActive))))
	b.want(b.page(3, Page{}, told(somebody("p", "Patricia", events.StatusActive))))
	b.want(b.page(4, Page{}, told(somebody("p", "Patricia", events.StatusDisabled))), "person.disabled p.person.self")
	b.restart()
	b.want(b.page(5, Page{}, told(somebody("p", "Pat", events.StatusDisabled))))
	gone := b.rec(6, Reading{Tombstones: []Tombstone{{Ref: events.Identity(events.KindPerson, "p"), Reason: "removed"}}})
	b.want(b.page(6, Page{}, gone), "person.deleted p.person.self")
	b.restart()
	b.want(b.page(7, Page{}, b.rec(7, says(somebody("p", "Pat", events.StatusActive)))), "person.restored p.person.self")
	b.want(b.page(8, Page{}, b.rec(8, says(somebody("q", "Quinn Two", events.StatusActive)))), "person.updated q.person.self")
	for _, m := range b.log.all[b.erasedAt("p"):] {
		p := m.Event.Data.Entity.Person
		if p == nil || m.Event.Ref().Holder != "p" {
			continue
		}
		if m.Event.IsPersonal() || p.Withheld != events.WithheldErased || m.Event.SchemaVersion != 2 {
			t.Errorf("%s tells of the person again: %+v", m.Event.Type, m.Event.Data)
		}
	}
}

func (b *bench) erasedAt(id string) int {
	for n, m := range b.log.all {
		if m.Event.Type == "person.erased" && m.Event.Ref().Holder == id {
			return n
		}
	}
	b.t.Fatalf("%s was never erased", id)
	return 0
}

// A person who was gone when erased stays gone.
func TestErasedPersonStaysGone(t *testing.T) {
	b := newBench(t)
	b.page(1, Page{}, b.rec(1, says(somebody("p", "Pat", events.StatusActive))))
	b.page(2, Page{}, b.rec(2, Reading{Tombstones: []Tombstone{{Ref: events.Identity(events.KindPerson, "p"), Reason: "removed"}}}))
	b.erase("p")
	if e := b.st.entities[events.Identity(events.KindPerson, "p")]; e.life != gone || !e.erased {
		t.Errorf("the state is %+v", e)
	}
}
