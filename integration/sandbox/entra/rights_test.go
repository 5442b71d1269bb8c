package entra

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// TestConsents gives scopes one by one and takes them away: they gather in one grant per resource and user.
func TestConsents(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	a := x.some("agent_identity").ID
	u := x.ok("/v1.0/users?" + query("userType eq 'Member'")).items()[0]["id"].(string)
	_, link := x.round("/v1.0/oauth2PermissionGrants/delta")
	keys := map[string]int{}
	for range 9 { // Graph has four scopes, and each of five resources one
		keys[x.do(sandbox.Change{Op: sandbox.AddConsent, Agent: a, Person: u}).Key]++
	}
	if _, err := x.Mutate(sandbox.Change{Op: sandbox.AddConsent, Agent: a, Person: u}); !errors.Is(err, sandbox.ErrNoTarget) {
		t.Errorf("one scope too many: %v, want ErrNoTarget", err)
	}
	own := func() (scopes int) {
		for _, c := range x.agent(a).Consents {
			scopes += map[bool]int{true: 1}[strings.HasSuffix(c, " for "+u)]
		}
		return scopes
	}
	if len(keys) != 6 || own() != 9 {
		t.Errorf("%d grants with %d scopes, want 6 with 9: %v", len(keys), own(), x.agent(a).Consents)
	}
	changed, link := x.round(link)
	for key := range keys {
		g := find(changed, key)
		if n := len(strings.Fields(g["scope"].(string))); n != keys[key] || g["consentType"] != "Principal" || g["principalId"] != u {
			t.Errorf("delta shows %s, want %d scopes", compact(g), keys[key])
		}
	}
	other := x.ok("/v1.0/users?" + query("userType eq 'Member'")).items()[1]["id"].(string)
	kept := x.do(sandbox.Change{Op: sandbox.AddConsent, Agent: a, Person: other}).Key
	for own() > 0 {
		x.do(sandbox.Change{Op: sandbox.RemoveConsent, Agent: a, Person: u})
	}
	if !slices.Contains(x.agent(a).Grants, kept) {
		t.Error("somebody else's consent went along")
	}
	changed, _ = x.round(link)
	for key := range keys {
		if find(changed, key)["@removed"] == nil || slices.Contains(x.agent(a).Grants, key) {
			t.Errorf("without scopes, grant %s is still there: %s", key, compact(find(changed, key)))
		}
	}
	if out := x.do(sandbox.Change{Op: sandbox.AddConsent, Agent: a, Name: "AllPrincipals"}); x.ok("/v1.0/oauth2PermissionGrants/" + out.Key).body["consentType"] != "AllPrincipals" {
		t.Error("AllPrincipals gave another consent type")
	}
}

// TestInheritance opens a resource to a blueprint's agents: config alone grants nothing, and neither does the grant alone.
func TestInheritance(t *testing.T) {
	x := start(t)
	x.PageSize = 0
	a := x.some("agent_identity")
	parent := x.ok("/v1.0/servicePrincipals/" + a.ID).body["agentIdentityBlueprintId"]
	app := x.ok(sprint("/v1.0/applications(appId='%s')", parent)).body["id"].(string)
	principal := x.ok(sprint("/v1.0/servicePrincipals(appId='%s')", parent)).body["id"].(string)
	for range 2 {
		x.do(sandbox.Change{Op: sandbox.AddInheritable, Agent: app})
	}
	if got := x.agent(a.ID).Inherited; !slices.Equal(got, a.Inherited) {
		t.Errorf("config alone changed what is inherited: %v, before %v", got, a.Inherited)
	}
	for range 9 {
		x.do(sandbox.Change{Op: sandbox.AddConsent, Agent: principal, Name: "AllPrincipals"})
		if len(x.agent(a.ID).Inherited) == len(a.Inherited)+2 {
			break
		}
	}
	if got := x.agent(a.ID).Inherited; len(got) != len(a.Inherited)+2 {
		t.Errorf("inherited are %v, want two more than %v", got, a.Inherited)
	}
	if !slices.Equal(x.agent(a.ID).Grants, a.Grants) {
		t.Error("what is inherited stands among the agent's own grants")
	}
	x.compareAll()
	for range 3 {
		x.do(sandbox.Change{Op: sandbox.RemoveInheritable, Agent: a.ID})
	}
	if got := x.agent(a.ID).Inherited; len(got) != 0 {
		t.Errorf("after all was closed, inherited are %v", got)
	}
}

// TestEnumeratedScopes inherits one scope of two, and no app role.
func TestEnumeratedScopes(t *testing.T) {
	roles := &object{Type: "appRoleAssignment", Props: map[string]any{"id": "r"}}
	grant := &object{Type: "oAuth2PermissionGrant", Props: map[string]any{"id": "g", "scope": "Mail.Read User.Read"}}
	for _, c := range []struct {
		n            inheritable
		scope, shown string
		role         bool
	}{
		{inheritable{all: true}, "Mail.Read User.Read", "all", true},
		{inheritable{scopes: []string{"User.Read"}}, "User.Read", "User.Read", false},
		{inheritable{}, "", "", false},
	} {
		n := inheritableOf(c.n.part("app"))
		scope, _ := n.of(grant)["scope"].(string)
		if scope != c.scope || n.String() != c.shown || (n.of(roles) != nil) != c.role {
			t.Errorf("%+v inherits %q (%q), a role %t", c.n, scope, n, n.of(roles) != nil)
		}
	}
	if grant.text("scope") != "Mail.Read User.Read" {
		t.Error("the grant itself was changed")
	}
}

// TestBlockedByMicrosoft checks that the vendor's switch and the customer's do not touch each other.
func TestBlockedByMicrosoft(t *testing.T) {
	x := start(t)
	a := x.some("agent_identity").ID
	_, link := x.round(spSelect)
	x.do(sandbox.Change{Op: sandbox.BlockAgent, Agent: a})
	got, link := x.round(link)
	if m := find(got, a); m["accountEnabled"] != true || m["disabledByMicrosoftStatus"] != disabledByMicrosoft {
		t.Errorf("delta shows %s", compact(m))
	}
	x.do(sandbox.Change{Op: sandbox.DisableAgent, Agent: a})
	x.do(sandbox.Change{Op: sandbox.UnblockAgent, Agent: a})
	if got := x.agent(a); got.Status != "disabled" || got.DisabledBy != "" {
		t.Errorf("after unblocking a disabled agent it is %s by %q", got.Status, got.DisabledBy)
	}
	x.do(sandbox.Change{Op: sandbox.EnableAgent, Agent: a})
	if got, _ = x.round(link); find(got, a)["disabledByMicrosoftStatus"] != "NotDisabled" || x.agent(a).Status != "active" {
		t.Errorf("delta shows %s", compact(find(got, a)))
	}
}

// TestPeople changes persons and checks that the truth and the log know them.
func TestPeople(t *testing.T) {
	x := start(t)
	p := x.Truth().People[0]
	for _, c := range []struct {
		change         sandbox.Change
		status, name   string
		verb, category string
	}{
		{sandbox.Change{Op: sandbox.DisablePerson}, "disabled", "", "Disable account", "UserManagement"},
		{sandbox.Change{Op: sandbox.EnablePerson}, "active", "", "Enable account", "UserManagement"},
		{sandbox.Change{Op: sandbox.RenamePerson, Name: "Ada Byron"}, "active", "Ada Byron", "Update user", "UserManagement"},
	} {
		u := x.onePerson("user")
		c.change.Person = u.ID
		out := x.do(c.change)
		got := x.personTruth(u.ID)
		if got.Status != c.status || out.Key != u.ID || out.Agent != "" || c.name != "" && got.Name != c.name {
			t.Errorf("%s: %+v, outcome %+v", c.change.Op, got, out)
		}
		e := x.ok("/v1.0/auditLogs/directoryAudits?$top=1").items()[0]
		if e["activityDisplayName"] != c.verb || e["category"] != c.category {
			t.Errorf("%s: the log says %s", c.change.Op, compact(e))
		}
		x.pass(1e9)
	}
	out := x.do(sandbox.Change{Op: sandbox.RenamePerson, Native: "group"})
	if got := x.personTruth(out.Key); got.Native != "group" || got.Name != out.Name {
		t.Errorf("a renamed group is %+v, the outcome %+v", got, out)
	}
	if p.Native == "" || p.Name == "" || p.Status == "" {
		t.Errorf("a person of the truth is %+v", p)
	}
	for _, c := range []sandbox.Change{
		{Op: sandbox.DisablePerson, Person: "nobody"}, {Op: sandbox.DisablePerson, Native: "robot"},
		{Op: sandbox.DisablePerson, Native: "group"}, {Op: sandbox.SuspendPerson},
	} {
		if _, err := x.Mutate(c); !errors.Is(err, sandbox.ErrNoTarget) {
			t.Errorf("%+v: %v, want ErrNoTarget", c, err)
		}
	}
}

func (x *tenant) onePerson(native string) sandbox.TruthPerson {
	people := x.Truth().People
	i := slices.IndexFunc(people, func(p sandbox.TruthPerson) bool { return p.Native == native })
	return people[i]
}

func (x *tenant) personTruth(id string) sandbox.TruthPerson {
	people := x.Truth().People
	i := slices.IndexFunc(people, func(p sandbox.TruthPerson) bool { return p.ID == id })
	if i < 0 {
		return sandbox.TruthPerson{}
	}
	return people[i]
}

// TestStewardsOfBlueprints adds and removes owners and sponsors of a blueprint and of its principal.
func TestStewardsOfBlueprints(t *testing.T) {
	x := start(t)
	app := x.ok("/v1.0/applications/graph.agentIdentityBlueprint").items()[0]
	sp := x.ok(sprint("/v1.0/servicePrincipals(appId='%s')", app["appId"])).body
	for path, id := range map[string]any{
		"/v1.0/applications/%s/microsoft.graph.agentIdentityBlueprint/sponsors":               app["id"],
		"/v1.0/servicePrincipals/%s/microsoft.graph.agentIdentityBlueprintPrincipal/sponsors": sp["id"],
	} {
		owners := strings.Split(sprint(path, id), "/microsoft")[0] + "/owners"
		has := func() int {
			one, _ := x.walk(owners)
			two, _ := x.walk(sprint(path, id))
			return len(one) + len(two)
		}
		before := has()
		out := x.do(sandbox.Change{Op: sandbox.AddOwner, Agent: id.(string)})
		if has() != before+1 || out.Agent != id {
			t.Errorf("%s: %d stewards, before %d; outcome %+v", path, has(), before, out)
		}
		x.do(sandbox.Change{Op: sandbox.RemoveOwner, Agent: id.(string), Person: out.Key})
		if has() != before {
			t.Errorf("%s: %d stewards after the removal, before %d", path, has(), before)
		}
	}
	if b := x.Truth().Blueprints; len(b) == 0 {
		t.Error("the truth has no blueprints")
	}
}
