package entra

import (
	"bytes"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const spSelect = "/v1.0/servicePrincipals/delta?$select=id,displayName,accountEnabled,disabledByMicrosoftStatus,servicePrincipalType,agentIdentityBlueprintId"

// TestDeltaFirstRound checks that a first round holds what the lists hold, each object once.
func TestDeltaFirstRound(t *testing.T) {
	x := start(t)
	for _, set := range []string{"servicePrincipals", "applications", "users", "oauth2PermissionGrants", "groups"} {
		want, _ := x.walk("/v1.0/" + set)
		got, link := x.round("/v1.0/" + set + "/delta")
		if !maps.Equal(ids(got), ids(want)) {
			t.Errorf("%s: delta has %d items, the list %d", set, len(got), len(want))
		}
		for _, spelling := range []string{"delta()", "microsoft.graph.delta", "microsoft.graph.delta()"} {
			if other, _ := x.round("/v1.0/" + set + "/" + spelling); len(other) != len(got) {
				t.Errorf("%s/%s has %d items, want %d", set, spelling, len(other), len(got))
			}
		}
		if again, _ := x.round(link); len(again) != 0 {
			t.Errorf("%s: %d changes right after the first round: %s", set, len(again), compact(again))
		}
	}
}

// TestDeltaShowsEachChange makes each kind of change and looks for it in the next round.
func TestDeltaShowsEachChange(t *testing.T) {
	x := start(t)
	_, link := x.round(spSelect)
	a := x.some("agent_identity").ID
	step := func(op sandbox.Op, want string) {
		t.Helper()
		x.pass(time.Second)
		x.do(sandbox.Change{Op: op, Agent: a, Name: "Renamed"})
		var items []jsonObject
		items, link = x.round(link)
		if got := compact(find(items, a)); len(items) != 1 || !strings.Contains(got, want) {
			t.Errorf("after %s delta has %s, want one item with %s", op, compact(items), want)
		}
	}
	step(sandbox.RenameAgent, `"displayName":"Renamed"`)
	step(sandbox.DisableAgent, `"accountEnabled":false`)
	step(sandbox.EnableAgent, `"@odata.type":"#microsoft.graph.agentIdentity"`)
	step(sandbox.DeleteAgent, `{"@removed":{"reason":"changed"},"id":"`+a+`"}`)
	step(sandbox.RestoreAgent, `"servicePrincipalType":"ServiceIdentity"`)
	step(sandbox.DeleteAgent, `"reason":"changed"`)
	step(sandbox.PurgeAgent, `{"@removed":{"reason":"deleted"},"id":"`+a+`"}`)

	created := x.do(sandbox.Change{Op: sandbox.CreateAgent, Native: "agent_identity"}).Agent
	items, _ := x.round(link)
	if find(items, created) == nil || len(items) != 1 {
		t.Errorf("after a creation delta has %s, want %s", compact(items), created)
	}
}

// TestDeltaSelect checks that a change of a property that was not selected stays away, and that stewards never show.
func TestDeltaSelect(t *testing.T) {
	x := start(t)
	_, names := x.round("/v1.0/servicePrincipals/delta?$select=displayName")
	_, every := x.round("/v1.0/servicePrincipals/delta")
	a := x.some("agent_identity").ID
	x.do(sandbox.Change{Op: sandbox.AddOwner, Agent: a})
	if items, _ := x.round(every); len(items) != 0 {
		t.Errorf("delta shows a new owner: %s", compact(items))
	}
	x.do(sandbox.Change{Op: sandbox.DisableAgent, Agent: a})
	if items, _ := x.round(names); len(items) != 0 {
		t.Errorf("delta of displayName shows another change: %s", compact(items))
	}
	items, _ := x.round(every)
	if len(items) != 1 || items[0]["displayName"] == nil {
		t.Errorf("a change comes with %s, want all properties", compact(items))
	}
	items, _ = x.round(every, "Prefer", "return=minimal")
	if len(items) != 1 || len(items[0]) != 3 || items[0]["accountEnabled"] != false {
		t.Errorf("with return=minimal a change comes as %s, want id, type and accountEnabled", compact(items))
	}
}

// TestDeltaNullAndAbsent checks that a property never set is missing and one that was set to null is null.
func TestDeltaNullAndAbsent(t *testing.T) {
	x := start(t)
	items, _ := x.round("/v1.0/servicePrincipals/delta?$select=appDescription,homepage,displayName")
	for _, m := range items {
		if m["@odata.type"] != "#microsoft.graph.agentIdentityBlueprintPrincipal" {
			continue
		}
		if v, ok := m["appDescription"]; !ok || v != nil {
			t.Errorf("appDescription was set to null, but is %v (there: %t)", v, ok)
		}
		if _, ok := m["homepage"]; ok {
			t.Error("homepage was never set, but is there")
		}
		read := x.ok(sprint("/v1.0/servicePrincipals/%s", m["id"]))
		if v, ok := read.body["homepage"]; !ok || v != nil {
			t.Errorf("a direct read has homepage %v (there: %t), want null", v, ok)
		}
		return
	}
	t.Fatal("no blueprint principal in delta")
}

// TestDeltaOfGrantsAndManagers checks the two feeds of relations.
func TestDeltaOfGrantsAndManagers(t *testing.T) {
	x := start(t)
	_, grants := x.round("/v1.0/oauth2PermissionGrants/delta")
	_, users := x.round("/v1.0/users/delta?$select=displayName,manager,identityParentId")
	wanted := map[string]bool{}
	for range 12 {
		if out := x.do(changeOf(sandbox.AddGrant)); len(out.Key) >= 43 {
			wanted[out.Key] = true
		}
	}
	items, grants := x.round(grants)
	for id := range ids(items) {
		if !wanted[id] {
			t.Errorf("delta has grant %s, which nobody added", id)
		}
	}
	if len(items) == 0 {
		t.Error("delta has none of twelve new grants")
	}
	gone := items[0]["id"].(string)
	agent := items[0]["clientId"].(string)
	for x.hasGrant(agent, gone) {
		x.do(sandbox.Change{Op: sandbox.RemoveGrant, Agent: agent})
	}
	if items, _ = x.round(grants); !strings.Contains(compact(find(items, gone)), `"reason":"deleted"`) {
		t.Errorf("after a removal delta has %s", compact(items))
	}
	x.managers(users)
}

func (x *tenant) hasGrant(agent, id string) bool {
	for _, g := range x.agent(agent).Grants {
		if g == id {
			return true
		}
	}
	return false
}

// managers takes the manager from an agent user and looks for it in delta.
func (x *tenant) managers(link string) {
	x.t.Helper()
	for _, a := range x.Truth().Agents {
		for _, s := range a.Stewards {
			boss, ok := strings.CutPrefix(s, "manager:")
			if !ok {
				continue
			}
			for strings.Contains(compact(x.agent(a.ID).Stewards), s) {
				x.do(sandbox.Change{Op: sandbox.RemoveOwner, Agent: a.ID, Person: boss})
			}
			items, _ := x.round(link)
			want := `"manager@delta":[{"@odata.type":"#microsoft.graph.user","@removed":{"reason":"deleted"},"id":"` + boss + `"}]`
			if !strings.Contains(compact(find(items, a.ID)), want) {
				x.t.Errorf("delta has %s, want %s", compact(items), want)
			}
			return
		}
	}
	x.t.Fatal("no agent user has a manager")
}

// TestDeltaLosesNothingDuringARound changes the tenant between the pages of a first round.
func TestDeltaLosesNothingDuringARound(t *testing.T) {
	x := start(t)
	state := map[string]jsonObject{}
	apply := func(items []jsonObject) {
		for _, m := range items {
			if m["@removed"] != nil {
				delete(state, m["id"].(string))
				continue
			}
			state[m["id"].(string)] = m
		}
	}
	address := spSelect
	ops := []sandbox.Op{sandbox.CreateAgent, sandbox.DeleteAgent, sandbox.RenameAgent, sandbox.DisableAgent, sandbox.RestoreAgent}
	for i := 0; ; i++ {
		r := x.ok(address)
		apply(r.items())
		if address = r.link("nextLink"); address == "" {
			address = r.link("deltaLink")
			break
		}
		x.pass(time.Second)
		_, _ = x.Mutate(sandbox.Change{Op: ops[i%len(ops)]})
	}
	items, _ := x.round(address)
	apply(items)
	want, _ := x.walk("/v1.0/servicePrincipals?$select=id,displayName,accountEnabled")
	if len(want) != len(state) {
		t.Errorf("delta ends with %d objects, the list has %d", len(state), len(want))
	}
	for _, m := range want {
		have := state[m["id"].(string)]
		if have["displayName"] != m["displayName"] || have["accountEnabled"] != m["accountEnabled"] {
			t.Errorf("delta ends with %s, the list has %s", compact(have), compact(m))
		}
	}
}

func TestDeltaTokens(t *testing.T) {
	x := start(t)
	first := x.ok(spSelect)
	_, link := x.round(spSelect)
	x.refused(400, "Request_BadRequest", link+"&$select=id")
	x.refused(400, "Request_BadRequest", first.link("nextLink")+"&$filter=id eq 'x'")
	x.refused(400, "Request_BadRequest", strings.Replace(link, "servicePrincipals", "users", 1))
	x.refused(400, "Request_BadRequest", strings.Replace(link, "$deltatoken", "$skiptoken", 1))
	x.refused(400, "Request_BadRequest", link[:len(link)-2])
	x.refused(400, "Request_BadRequest", "/v1.0/users/delta?$top=5")
	x.refused(400, "Request_BadRequest", "/v1.0/users/delta?$orderby=displayName")
	x.refused(400, "Request_BadRequest", "/v1.0/users/delta?"+query("displayName eq 'x'"))
	x.refused(400, "BadRequest", "/v1.0/users/delta?$select=nonsense")

	token := link[strings.Index(link, "deltatoken=")+len("deltatoken="):]
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(b, []byte(`"servicePrincipals"`), []byte(`"users"`), 1)
	x.refused(400, "Request_BadRequest", "/v1.0/users/delta?$deltatoken="+base64.RawURLEncoding.EncodeToString(forged))

	x.pass(tokenDays*24*time.Hour + time.Second)
	x.refused(400, "syncStateNotFound", link)
	x.refused(400, "syncStateNotFound", first.link("nextLink"))
}

func TestExpireCursors(t *testing.T) {
	x := start(t)
	page := x.ok("/v1.0/users").link("nextLink")
	_, link := x.round(spSelect)
	x.ExpireCursors()
	x.refused(400, "syncStateNotFound", link)
	x.refused(400, "Directory_ExpiredPageToken", page)
	_, link = x.round(spSelect)
	x.ExpireCursors()
	r := x.refused(http.StatusGone, "resyncRequired", link)
	where := r.header.Get("Location")
	if want := x.url + "/v1.0/servicePrincipals/delta?$deltatoken="; where != want {
		t.Fatalf("Location is %q, want %q", where, want)
	}
	all, _ := x.walk("/v1.0/servicePrincipals")
	if items, _ := x.round(where); len(items) != len(all) {
		t.Errorf("the resync has %d items, want %d", len(items), len(all))
	}
}

func TestDeltaLatestAndFilter(t *testing.T) {
	x := start(t)
	r := x.ok("/v1.0/users/delta?$deltatoken=latest&$select=displayName")
	if len(r.items()) != 0 || r.link("deltaLink") == "" {
		t.Fatalf("latest answers %s", r.raw)
	}
	u := x.some("agent_user").ID
	x.do(sandbox.Change{Op: sandbox.RenameAgent, Agent: u, Name: "New"})
	if items, _ := x.round(r.link("deltaLink")); len(items) != 1 || items[0]["displayName"] != "New" {
		t.Errorf("after latest and a change: %s", compact(items))
	}
	items, link := x.round("/v1.0/users/delta?" + query("id eq '"+u+"' or id eq 'x'"))
	if len(items) != 1 || items[0]["id"] != u {
		t.Errorf("a delta of one id has %s", compact(items))
	}
	x.do(sandbox.Change{Op: sandbox.RenameAgent, Agent: u, Name: "Newer"})
	if items, _ = x.round(link); len(items) != 1 {
		t.Errorf("the next round of one id has %s", compact(items))
	}
}

// TestDeltaNature turns on the vendor's bad habits: nothing may be lost by them.
func TestDeltaNature(t *testing.T) {
	x := start(t)
	want, _ := x.walk("/v1.0/servicePrincipals")
	x.Nature.Replays, x.Nature.EmptyPages = true, true
	if r := x.ok(spSelect); len(r.items()) != 0 || r.link("nextLink") == "" {
		t.Errorf("the first page is %s, want an empty one with a nextLink", r.raw)
	}
	items, link := x.round(spSelect)
	repeated := 0
	for _, n := range ids(items) {
		repeated += n - 1
	}
	if len(ids(items)) != len(want) || repeated == 0 {
		t.Errorf("%d objects and %d repeats, want %d and some", len(ids(items)), repeated, len(want))
	}
	for range 8 {
		x.do(changeOf(sandbox.RenameAgent))
	}
	if items, _ = x.round(link); len(items) == 0 {
		t.Error("no changes after eight renamings")
	}
	x.Nature = Nature{DeltaLag: time.Minute, OmitTypes: true}
	_, link = x.round(spSelect)
	a := x.do(sandbox.Change{Op: sandbox.DisableAgent, Native: "agent_identity"}).Agent
	if items, link = x.round(link); len(items) != 0 {
		t.Errorf("within the lag delta has %s", compact(items))
	}
	if x.ok("/v1.0/servicePrincipals/" + a).body["accountEnabled"] != false {
		t.Error("a direct read does not show the change at once")
	}
	x.pass(2 * time.Minute)
	if items, _ = x.round(link); len(items) != 1 || items[0]["@odata.type"] != nil {
		t.Errorf("after the lag delta has %s", compact(items))
	}
}
