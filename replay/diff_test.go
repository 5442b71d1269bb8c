package replay

import (
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// one is an agent of a single identity.
func one(id, name string, status events.Status, change func(*roster.Agent)) roster.Agent {
	a := roster.Agent{ID: id, Tenant: "t", Name: name, Status: status, Identities: []roster.Identity{
		{Tenant: "t", Connection: "okta", Holder: "v" + id, Agent: &events.Agent{Name: name, Status: status}},
	}}
	if change != nil {
		change(&a)
	}
	return a
}

func granted(roles ...string) func(*roster.Agent) {
	return func(a *roster.Agent) {
		for _, role := range roles {
			a.Identities[0].Grants = append(a.Identities[0].Grants, roster.Item[events.Grant]{Key: "g-" + role[:1], Value: events.Grant{Type: "admin_role", Role: role}})
		}
	}
}

func TestDiff(t *testing.T) {
	snapshot := func(a *roster.Agent) { a.Identities[0].FirstSeenAs = events.FirstSeenSnapshot }
	two := func(a *roster.Agent) {
		a.Identities = append(a.Identities, one("joins", "Joins", events.StatusActive, granted("extra")).Identities...)
	}
	then := []roster.Agent{
		one("same", "Same", events.StatusActive, granted("read")), one("renamed", "Before", events.StatusActive, nil), one("dies", "Dies", events.StatusActive, nil),
		one("back", "Back", events.StatusDeleted, nil), one("rights", "Rights", events.StatusActive, granted("admin", "read")),
		one("joins", "Joins", events.StatusActive, nil), one("takes", "Takes", events.StatusActive, nil),
	}
	now := []roster.Agent{
		one("same", "Same", events.StatusActive, granted("read")), one("renamed", "After", events.StatusActive, nil), one("dies", "Dies", events.StatusDeleted, nil),
		one("back", "Back", events.StatusActive, nil), one("rights", "Rights", events.StatusActive, granted("almost admin", "write")),
		one("takes", "Takes", events.StatusActive, two), one("new", "New", events.StatusActive, nil), one("old", "Old", events.StatusActive, snapshot),
	}
	list, err := Diff(then, now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]AgentDiff{}
	for _, d := range list {
		got[d.ID] = d
	}
	how := map[string]string{}
	for id, d := range got {
		how[id] = d.How
	}
	want := map[string]string{"renamed": Changed, "dies": Gone, "back": Restored, "rights": Changed, "joins": Joined, "takes": Changed, "new": Created, "old": FirstSeen}
	if d := cmp.Diff(want, how); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
	if got["joins"].Into != "takes" {
		t.Errorf("joined into %q", got["joins"].Into)
	}
	named := func(d AgentDiff) (out []string) {
		for _, f := range d.Fields {
			out = append(out, f.Identity+" "+f.Name+" "+string(f.From)+" "+string(f.To))
		}
		return out
	}
	if f := named(got["renamed"]); !slices.Equal(f, []string{` name "Before" "After"`, `okta/vrenamed name "Before" "After"`}) {
		t.Errorf("renamed: %q", f)
	}
	if f := named(got["takes"]); !slices.Equal(f, []string{` identities ["okta/vtakes"] ["okta/vjoins","okta/vtakes"]`}) {
		t.Errorf("takes: %q", f)
	}
	if g := got["takes"].Gained; len(g) != 1 || g[0].Key != "g-e" || g[0].Identity != "okta/vjoins" {
		t.Errorf("takes gained %+v", g)
	}
	rights := got["rights"]
	if len(rights.Gained) != 1 || rights.Gained[0].Key != "g-w" || len(rights.Lost) != 1 || rights.Lost[0].Key != "g-r" || string(rights.Lost[0].Value) != `{"type":"admin_role","role":"read"}` {
		t.Errorf("gained %+v, lost %+v", rights.Gained, rights.Lost)
	}
	if c := rights.Other; len(c) != 1 || c[0].Key != "g-a" || !slices.EqualFunc(c[0].Fields, []FieldDiff{{Name: "role", From: jsontext.Value(`"admin"`), To: jsontext.Value(`"almost admin"`)}},
		func(a, b FieldDiff) bool {
			return a.Name == b.Name && string(a.From) == string(b.From) && string(a.To) == string(b.To)
		}) {
		t.Errorf("changed %+v", c)
	}
	if back, err := Diff(now, now); err != nil || len(back) != 0 {
		t.Errorf("a roster and itself differ: %+v, %v", back, err)
	}
}
