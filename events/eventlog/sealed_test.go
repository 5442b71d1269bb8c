package eventlog_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats.go"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

const (
	patName  = "Pat Doe of Billing"
	patEmail = "pat.doe@acme.example"
)

// person is an event about a person with the given id.
func person(id string, verb events.Verb) events.Event {
	e := events.Entity{Kind: events.KindPerson, Holder: id, Key: events.Self, Person: &events.Person{
		Native: "user", Name: patName, Emails: []string{patEmail}, UserName: "pdoe", Status: events.StatusActive,
	}}
	d := events.Data{Entity: &e, Evidence: events.Evidence{Feed: "people", How: events.HowRead}}
	if verb == events.Updated {
		d.Changed = map[string]jsontext.Value{"name": jsontext.Value(`"` + patName + `, formerly"`)}
	}
	return events.New("acme", "okta", "okta", events.EntityType(events.KindPerson, verb), time.Now(), time.Now(), d)
}

func persons(from, n int) []events.Event {
	var out []events.Event
	for i := range n {
		out = append(out, person(fmt.Sprintf("u%05d", from+i), events.Created))
	}
	return out
}

var patID = events.PersonID{Tenant: "acme", Connection: "okta", ID: "u1"}

// openSealed opens a log that seals, with keys of its own.
func openSealed(t *testing.T, nc *nats.Conn) (*eventlog.Log, *eventlog.Keys) {
	t.Helper()
	keys, err := eventlog.OpenKeys(patient(t), nc, eventlog.KeysOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	l, err := eventlog.Open(patient(t), nc, eventlog.Options{Create: true, Keys: keys, Seal: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, keys
}

func appendTo(t *testing.T, l *eventlog.Log, feed string, page ...events.Event) {
	t.Helper()
	c, err := l.Claim(patient(t), "acme", "okta", "hub")
	if err != nil {
		t.Fatal(err)
	}
	saved, err := l.Cursor(patient(t), "acme", "okta", feed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = l.Append(patient(t), events.Append{Claim: c, Feed: feed, Expect: saved, Events: page, Cursor: []byte(feed)}); err != nil {
		t.Fatal(err)
	}
	for i := range page {
		if page[i].ID == "" || page[i].Data.Sealed != nil {
			t.Errorf("the writer's own event was sealed, or has no id: %+v", page[i])
		}
	}
}

// told is what a log tells of a person, last event first, and whether a byte of the name lies in what is stored.
func told(t *testing.T, l *eventlog.Log) (people []events.Person, leaks bool) {
	t.Helper()
	for s, err := range l.Stored(patient(t), events.Query{Filter: events.Filter{Kind: events.KindPerson}}) {
		if err != nil {
			t.Fatal(err)
		}
		leaks = leaks || bytes.Contains(s.Body, []byte("Pat Doe")) || bytes.Contains(s.Body, []byte(`"pdoe"`)) || bytes.Contains(s.Body, []byte(patEmail))
		m, err := s.Message()
		if err != nil {
			t.Fatal(err)
		}
		people = append([]events.Person{*m.Event.Data.Entity.Person}, people...)
	}
	return people, leaks
}

func mustTell(t *testing.T, l *eventlog.Log, name string, why events.Withheld) {
	t.Helper()
	people, leaks := told(t, l)
	if leaks {
		t.Error("the name or the address lies in the log in plain")
	}
	if len(people) == 0 {
		t.Error("the log tells of nobody")
	}
	for _, p := range people {
		if p.Name != name || p.Withheld != why || (len(p.Emails) > 0) != (name != "") || p.Status != events.StatusActive {
			t.Errorf("the log tells %+v, want the name %q, withheld %q", p, name, why)
		}
	}
}

// Names and addresses lie in the log sealed. Who has the keys reads them, who has not does not, and nobody once they are destroyed;
// the chain stays as it was.
func TestPersonsAreSealed(t *testing.T) {
	r := newReal(t)
	l, keys := openSealed(t, r.connect(t))
	appendTo(t, l, "people", person("u1", events.Created), person("u1", events.Updated))
	mustTell(t, l, patName, "")
	other, _ := openSealed(t, r.connect(t))
	mustTell(t, other, patName, "")
	if m, ok, err := other.Last(patient(t), "acme", "okta", events.Identity(events.KindPerson, "u1")); err != nil || !ok ||
		string(m.Event.Data.Changed["name"]) != `"`+patName+`, formerly"` {
		t.Errorf("the last state is %+v, %v", m.Event.Data, err)
	}
	blind, err := eventlog.Open(patient(t), r.connect(t), eventlog.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer blind.Close()
	mustTell(t, blind, "", events.WithheldSealed)

	before := hashes(t, l)
	if had, err := keys.Erase(patient(t), patID); err != nil || !had {
		t.Fatalf("erasing: %v, %v", had, err)
	}
	mustTell(t, l, "", events.WithheldErased)
	eventually(t, "the other hub gives the key up", func() bool { p, _ := told(t, other); return p[0].Withheld == events.WithheldErased })
	mustTell(t, blind, "", events.WithheldSealed)
	if had, err := keys.Erase(patient(t), patID); err != nil || had {
		t.Errorf("erasing again: %v, %v", had, err)
	}
	appendTo(t, other, "people", person("u1", events.Updated)) // by one who knows nothing of it
	mustTell(t, l, "", events.WithheldErased)
	if after := hashes(t, l); fmt.Sprint(after[:len(before)]) != fmt.Sprint(before) {
		t.Error("the erasure has changed what lies in the log")
	}
	r.Restart(t)
	late, _ := openSealed(t, r.connect(t))
	mustTell(t, late, "", events.WithheldErased)
}

func hashes(t *testing.T, l *eventlog.Log) (out []string) {
	t.Helper()
	for s, err := range l.Stored(patient(t), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s.Hash)
	}
	return out
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// The twin in memory does the same.
func TestPersonsAreSealedInMemory(t *testing.T) {
	keys := eventlog.NewMemoryKeys()
	l := eventlog.NewMemorySealed(keys)
	defer l.Close()
	appendTo(t, l, "people", person("u1", events.Created), person("u1", events.Updated))
	mustTell(t, l, patName, "")
	if had, err := keys.Erase(patient(t), patID); err != nil || !had {
		t.Fatalf("erasing: %v, %v", had, err)
	}
	mustTell(t, l, "", events.WithheldErased)
	appendTo(t, l, "people", person("u1", events.Updated))
	mustTell(t, l, "", events.WithheldErased)
}
