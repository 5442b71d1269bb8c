package events

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func storedOf(tb testing.TB, e *Event) Stored {
	tb.Helper()
	s, err := Seal("", e)
	if err != nil {
		tb.Fatal(err)
	}
	return Stored{Position: Position{Epoch: "e", Sequence: 3}, Subject: e.NATSSubject(), Body: s.Body, Hash: s.Hash}
}

// A filter selects the stored bytes of an event where it selects the event.
func TestMatchStoredAgreesWithMatch(t *testing.T) {
	all := everyKind()
	filters := []Filter{{}, {Tenant: "acme"}, {Tenant: "other"}, {Kind: KindGrant}, {Type: "agent.created"}, {Type: "agent.deleted", Tenant: "acme"}}
	for _, e := range all {
		ref := e.Ref()
		filters = append(filters, Filter{Holder: ref.Holder}, Filter{Tenant: e.Tenant, Connection: e.Connection, Holder: ref.Holder, Kind: ref.Kind, Type: e.Type})
	}
	matched := 0
	for _, e := range all {
		s := storedOf(t, &e)
		for _, f := range filters {
			got, err := f.MatchStored(&s)
			if err != nil || got != f.Match(&e) {
				t.Errorf("%+v of %s is %v, %v", f, e.Type, got, err)
			}
			if got {
				matched++
			}
		}
		m, err := s.Message()
		if err != nil || m.Event.ID != e.ID || m.Position != s.Position || m.Hash != s.Hash {
			t.Errorf("%s decodes to %+v, %v", e.Type, m, err)
		}
	}
	if matched < 3*len(all) {
		t.Errorf("only %d matches", matched)
	}
}

func TestStoredIsNoEvent(t *testing.T) {
	for _, body := range []string{"", "null", "[]", "{", `{"type":1}`, `{"id":"x"}`, `{"data":{"type":"agent.created"}}`, "{\"type\":\"\xff\"}"} {
		s := Stored{Subject: EventsPrefix + ".a.b.c.agent.self", Body: []byte(body)}
		if typ, err := s.Type(); !Damaged(err) {
			t.Errorf("%q has the type %q, %v", body, typ, err)
		}
		if ok, err := (Filter{Type: "agent.created"}).MatchStored(&s); ok || !Damaged(err) {
			t.Errorf("%q matches: %v, %v", body, ok, err)
		}
	}
	s := Stored{Subject: "elsewhere"}
	if ok, err := (Filter{}).MatchStored(&s); ok || !Damaged(err) {
		t.Errorf("another subject matches: %v, %v", ok, err)
	}
}

// FuzzStored: whatever bytes lie in the log, what is printed of them is one line of JSON that holds them, or damage.
func FuzzStored(f *testing.F) {
	for _, e := range everyKind() {
		f.Add(storedOf(f, &e).Body)
	}
	f.Add([]byte("{\"id\":\n1}"))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Add([]byte(`{"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := Stored{Position: Position{Epoch: "e\"\xff", Sequence: 1}, Body: body}
		b, err := s.With(s.Position.Extensions())
		if err != nil {
			if !Damaged(err) {
				t.Fatal(err)
			}
			return
		}
		if strings.ContainsAny(string(b), "\r\n") || !strings.HasSuffix(string(b), string(body[1:])) {
			t.Fatalf("%q", b)
		}
		if err := s.Valid(); (err == nil) != jsontext.Value(b).IsValid() && !strings.Contains(string(body), "epoch") && !strings.Contains(string(body), "sequence") {
			t.Fatalf("%q: %v", b, err)
		}
		_, _ = s.Type() // must not panic
	})
}
