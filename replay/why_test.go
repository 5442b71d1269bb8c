package replay

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

type history []events.Message

func (l history) Stored(context.Context, events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for _, m := range l {
			body, err := events.Encode(&m.Event)
			if !yield(events.Stored{Position: m.Position, Body: body}, err) {
				return
			}
		}
	}
}

// The event behind a field is the last that set it, not the last about the identity.
func TestWhy(t *testing.T) {
	event := func(seq uint64, typ events.Type, e *events.Entity, changed ...string) events.Message {
		e.Holder = "v1"
		d := events.Data{Entity: e, Changed: map[string]jsontext.Value{}}
		for _, name := range changed {
			d.Changed[name] = jsontext.Value("null")
		}
		if strings.HasSuffix(string(typ), ".deleted") {
			d.Gone = &events.Gone{Reason: "removed at the vendor"}
		}
		return events.Message{Position: events.Position{Epoch: "e", Sequence: seq}, Event: events.Event{SchemaVersion: events.SchemaVersion, Type: typ, Tenant: "t", Connection: "okta", Data: d}}
	}
	agent := func(name string, s events.Status) *events.Entity {
		return &events.Entity{Kind: events.KindAgent, Key: "self", Agent: &events.Agent{Native: "ai_agent", Name: name, Status: s}}
	}
	grant := func(key, role string) *events.Entity {
		return &events.Entity{Kind: events.KindGrant, Key: key, Grant: &events.Grant{Role: role}}
	}
	log := history{
		event(1, "agent.created", agent("A", events.StatusActive)), event(2, "grant.created", grant("g1", "read")), event(3, "grant.created", grant("g2", "write")),
		event(4, "agent.updated", agent("B", events.StatusActive), "name"), event(5, "grant.updated", grant("g2", "admin"), "role"),
		event(6, "agent.disabled", agent("B", events.StatusDisabled), "status"), event(7, "grant.deleted", grant("g1", "read")),
	}
	fold := roster.New()
	for _, m := range log {
		m.Event.Time, m.Event.RecordedTime = time.Unix(int64(m.Position.Sequence), 0), time.Unix(int64(m.Position.Sequence), 0)
		if err := fold.Apply(m); err != nil {
			t.Fatal(err)
		}
	}
	docs, err := fold.Drain()
	if err != nil {
		t.Fatal(err)
	}
	store := roster.Documents{}
	for _, d := range docs {
		store[d.Key] = d.Body
	}
	a, err := roster.Reader{Store: store}.Find(t.Context(), "t", "v1")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]uint64{}
	list, err := Why(t.Context(), log, &a, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if (r.Rule == "") == (r.Event == nil) {
			t.Errorf("%s has neither a rule nor an event, or both", r.Field)
		}
		if r.Rule == "" {
			got[r.Field+" "+r.Key] = r.Position.Sequence
		}
	}
	for field, seq := range map[string]uint64{"native ": 1, "name ": 4, "status ": 6, "grants g2": 5} {
		if got[field] != seq {
			t.Errorf("%s was made so by %d, want %d: %v", field, got[field], seq, got)
		}
	}
	if _, there := got["grants g1"]; there {
		t.Error("a grant that is gone is explained")
	}
	if _, err := Why(t.Context(), log, &a, "mood"); err == nil || !strings.Contains(err.Error(), "it has class, first_seen, grants, name, native, status") {
		t.Errorf("a field that is none: %v", err)
	}
}
