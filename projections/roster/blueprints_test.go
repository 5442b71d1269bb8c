package roster

import (
	"slices"
	"testing"

	"github.com/rollcallhq/rollcall/events"
)

// A blueprint reaches all living agents that name it by any of its identifiers, at its own connection alone, each once.
func TestFamilies(t *testing.T) {
	docs := Documents{}
	put := func(key string, v any) {
		body, err := events.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		docs[key] = body
	}
	agent := func(id, connection, blueprint string, s events.Status) {
		put(AgentKey("t", id), Agent{ID: id, Tenant: "t", Name: id, Status: s, Identities: []Identity{
			{Tenant: "t", Connection: connection, Holder: "h-" + id, Agent: &events.Agent{Name: id, Status: s, Blueprint: blueprint}},
		}})
	}
	blueprint := func(holder, name string, ids ...string) {
		b := events.Blueprint{Native: "blueprint", Name: name}
		for _, id := range ids {
			b.Identifiers = append(b.Identifiers, events.Identifier{Type: events.IDApp, Value: id})
		}
		put(HolderKey("t", "entra", holder), Identity{Tenant: "t", Connection: "entra", Holder: holder, Blueprint: &b})
	}
	agent("b-agent", "entra", "app1", events.StatusActive)
	agent("a-agent", "entra", "app1", events.StatusDisabled)
	agent("c-agent", "entra", "o1", events.StatusActive)
	agent("gone", "entra", "app1", events.StatusDeleted)
	agent("elsewhere", "other", "app1", events.StatusActive)
	agent("none", "entra", "", events.StatusActive)
	blueprint("o1", "Zeta", "app1", "o1")
	blueprint("o2", "alpha", "app2")
	put(HolderKey("t", "entra", "p1"), Identity{Tenant: "t", Connection: "entra", Holder: "p1", Person: &events.Person{Name: "Ada"}})
	list, err := Reader{Store: docs}.Families(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Blueprint.Holder != "o2" || len(list[0].Reaches) != 0 || list[1].Blueprint.Holder != "o1" {
		t.Fatalf("%+v", list)
	}
	var reached []string
	for _, m := range list[1].Reaches {
		reached = append(reached, m.Agent+" "+string(m.Status))
	}
	if !slices.Equal(reached, []string{"a-agent disabled", "b-agent active", "c-agent active"}) {
		t.Errorf("reaches %q", reached)
	}
}
