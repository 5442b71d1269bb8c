package entra

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	adaID      = "e5e5e5e5-0001-4000-8000-00000000000e"
	platformID = "e6e6e6e6-0001-4000-8000-00000000000e"
	graphID    = "f6f6f6f6-0001-4000-8000-00000000000f"
	roleID     = "df021288-bdef-4463-88db-98f22de89214"
	roleName   = "User.Read.All"
)

// logBook is what the log knows.
type logBook map[events.Ref]bool

func knows(refs ...events.Ref) logBook {
	b := logBook{}
	for _, r := range refs {
		b[r] = true
	}
	return b
}

func (b logBook) IsKnown(ref events.Ref) bool { return b[ref] }

func (b logBook) Holds(string, events.Kind) bool { return false }

func (b logBook) Known(k events.Kind) (ids []string) {
	for ref := range b {
		if ref.Kind == k && ref.Key == events.Self {
			ids = append(ids, ref.Holder)
		}
	}
	slices.Sort(ids)
	return ids
}

func agentRef(id string) events.Ref     { return events.Identity(events.KindAgent, id) }
func blueprintRef(id string) events.Ref { return events.Identity(events.KindBlueprint, id) }
func personRef(id string) events.Ref    { return events.Identity(events.KindPerson, id) }

// pullAll pulls a round with a log that knows things.
func pullAll(t *testing.T, f connectors.Feed, from connectors.Cursor, book logBook) (out connectors.Page) {
	t.Helper()
	for range 50 {
		p, err := f.Pull(connectors.Knowing(t.Context(), book), from)
		if err != nil {
			t.Fatal(err)
		}
		out.Records, out.Wakes, out.Blind = append(out.Records, p.Records...), append(out.Wakes, p.Wakes...), append(out.Blind, p.Blind...)
		out.Next, from, out.Lost = p.Next, p.Next, out.Lost || p.Lost
		if !p.More {
			return out
		}
	}
	t.Fatal("the feed does not catch up")
	return out
}

// told are the entities, tombstones and activities that a page tells of, in words.
func told(t *testing.T, p connectors.Page) (words []string) {
	t.Helper()
	for _, r := range p.Records {
		reading, err := normalize(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Body, err)
		}
		for _, e := range reading.Entities {
			words = append(words, e.Ref().String())
		}
		for _, tomb := range reading.Tombstones {
			words = append(words, "gone "+tomb.Ref.String())
		}
		for _, a := range reading.Activities {
			words = append(words, a.Type+" "+a.Holder)
		}
	}
	slices.Sort(words)
	return words
}

func list(items ...string) canned {
	return canned{body: `{"value":[` + strings.Join(items, ",") + `]}`}
}

func changes(path string, items ...string) map[string]canned {
	link := `{"@odata.deltaLink":"{{self}}` + path + `?$deltatoken=B","value":[`
	return map[string]canned{path + "?$deltatoken=A": {body: link + strings.Join(items, ",") + `]}`}}
}

// after is the cursor of a delta whose first round is over and has shown all types.
func after(t *testing.T, g *graph, path string) connectors.Cursor {
	t.Helper()
	seen := []string{scopeBlueprints, scopePrincipals, scopeAgents, scopeUsers}
	slices.Sort(seen)
	from, err := cursor{Link: g.srv.URL + "/v1.0" + path + "?$deltatoken=A", Seen: seen}.encode()
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// TestPartsAreReadAgain: a change that shows an object in part is not told as the whole.
func TestPartsAreReadAgain(t *testing.T) {
	const path = "/servicePrincipals/delta"
	part := `{"id":"` + agent1 + `","displayName":"New Name"}`
	g := newGraph(t, changes(path, part, part))
	g.set("/servicePrincipals/"+agent1, canned{body: itemAgent1})
	book := knows(agentRef(agent1))
	p := pullAll(t, g.feed("service-principals"), after(t, g, path), book)
	if len(p.Records) != 2 {
		t.Fatalf("%d records", len(p.Records))
	}
	for _, r := range p.Records {
		reading, err := normalize(r)
		if err != nil || reading.Entities[0].Agent.Status != events.StatusActive {
			t.Errorf("%+v, %v", reading, err)
		}
	}
	if n := g.count("/servicePrincipals/" + agent1); n != 1 {
		t.Errorf("read %d times", n)
	}
	g.set("/servicePrincipals/"+agent1, canned{status: 404, body: errorBody("Request_ResourceNotFound")})
	p = pullAll(t, g.feed("service-principals"), after(t, g, path), book)
	if diff := cmp.Diff([]string{agent1, agent1}, recordIDs(t, []connectors.Page{p})); diff != "" {
		t.Errorf("what is not there yet is lost: %s", diff)
	}
	g.set("/servicePrincipals/"+agent1, canned{status: 500, body: errorBody("UnknownError")})
	if _, err := g.feed("service-principals").Pull(connectors.Knowing(t.Context(), book), after(t, g, path)); err == nil {
		t.Error("no error")
	}
}

// TestNullIsNotAbsent: a property that was set to null makes no part, an absent one does.
func TestNullIsNotAbsent(t *testing.T) {
	for text, whole := range map[string]bool{
		`{"id":"x","displayName":null,"accountEnabled":true}`: true,
		`{"id":"x","displayName":"n","accountEnabled":null}`:  true,
		`{"id":"x","accountEnabled":true}`:                    false,
		`{"id":"x","displayName":"n"}`:                        false,
	} {
		var it item
		if err := decode([]byte(text), &it); err != nil || showsSwitch(it) != whole {
			t.Errorf("%s: whole %v, %v", text, showsSwitch(it), err)
		}
	}
}

// TestWhatIsKnownNeedsNoType: a delta that names no types still shows changes of what the log knows.
func TestWhatIsKnownNeedsNoType(t *testing.T) {
	const path = "/servicePrincipals/delta"
	untypedBP := `{"id":"` + principal1 + `","displayName":"Helpers","accountEnabled":true,"tags":["AgenticApp"]}`
	untagged := `{"id":"` + agent1 + `","displayName":"Bot of Old","accountEnabled":true,"tags":[]}`
	other := `{"id":"` + agent2 + `","displayName":"Some App","accountEnabled":true}`
	g := newGraph(t, changes(path, untypedBP, untagged, other))
	p := pullAll(t, g.feed("service-principals"), after(t, g, path), knows(blueprintRef(principal1), agentRef(agent1)))
	want := []string{principal1 + ".blueprint.self", "gone " + agent1 + ".agent.self"}
	if diff := cmp.Diff(want, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNewAgentIsReadWhole: what hangs on an agent that nobody knew is read with it, names and persons included.
func TestNewAgentIsReadWhole(t *testing.T) {
	const path = "/servicePrincipals/delta"
	g := newGraph(t, changes(path, itemAgent1))
	sp := "/servicePrincipals/" + agent1
	g.set(sponsorsOf(agent1), list(`{"@odata.type":"#microsoft.graph.user","id":"`+adaID+`"}`))
	g.set(sp+"/appRoleAssignments", list(`{"id":"one","appRoleId":"`+roleID+`","resourceId":"`+graphID+`"}`))
	g.set(sp+"/oauth2PermissionGrants", list(`{"id":"two","clientId":"`+agent1+`","consentType":"Principal","principalId":"`+adaID+`","resourceId":"`+graphID+`","scope":"Mail.Read"}`))
	g.set("/roleManagement/directory/roleAssignments", list(`{"id":"three","principalId":"`+agent1+`","roleDefinitionId":"`+platformID+`"}`))
	g.set(pathRole+platformID, canned{body: `{"id":"` + platformID + `","displayName":"Directory Readers"}`})
	g.set(pathResource+graphID, canned{body: `{"id":"` + graphID + `","appId":"` + agent3 + `","displayName":"Microsoft Graph","appRoles":[{"id":"` + roleID + `","value":"` + roleName + `"}]}`})
	g.set("/users/"+adaID, canned{body: ada})
	p := pullAll(t, g.feed("service-principals"), after(t, g, path), knows())
	want := []string{agent1 + ".agent.self", agent1 + ".delegation.two", agent1 + ".grant.one", agent1 + ".grant.three",
		agent1 + ".stewardship.sponsor%3A" + adaID, adaID + ".person.self"}
	if diff := cmp.Diff(want, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	roles := map[string]string{}
	for _, r := range p.Records {
		reading, _ := normalize(r)
		for _, e := range reading.Entities {
			switch {
			case e.Grant != nil:
				roles[e.Key] = e.Grant.RoleName + " " + e.Grant.ResourceName
			case e.Delegation != nil:
				roles[e.Key] = e.Delegation.ResourceName
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"one": roleName + " Microsoft Graph", "two": "Microsoft Graph", "three": "Directory Readers "}, roles); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if p = pullAll(t, g.feed("service-principals"), after(t, g, path), knows(agentRef(agent1))); len(p.Records) != 1 {
		t.Errorf("a known agent brings %d records", len(p.Records))
	}
	g.set("/$batch", canned{status: 500, body: errorBody("UnknownError")})
	if p = pullAll(t, g.feed("service-principals"), after(t, g, path), knows()); len(p.Records) != 1 || !slices.Contains(p.Wakes, "stewards") {
		t.Errorf("%d records, wakes %v", len(p.Records), p.Wakes)
	}
}

// TestManyNewAgentsAreLeftToTheSweeps: what hangs on a few new agents is read with them, that of many is not.
func TestManyNewAgentsAreLeftToTheSweeps(t *testing.T) {
	const path = "/servicePrincipals/delta"
	for n, left := range map[int]bool{mostNew: false, mostNew + 1: true} {
		var items []string
		for i := range n {
			items = append(items, strings.ReplaceAll(itemAgent1, agent1, fmt.Sprintf("a1a1a1a1-%04d-4000-8000-000000000001", i)))
		}
		g := newGraph(t, changes(path, items...))
		p := pullAll(t, g.feed("service-principals"), after(t, g, path), knows())
		if read := g.count("/servicePrincipals/") > 1; read == left || slices.Contains(p.Wakes, "stewards") != left || slices.Contains(p.Wakes, feedInherited) != left {
			t.Errorf("%d new agents: %d questions, wakes %v", n, g.count("/servicePrincipals/"), p.Wakes)
		}
	}
}

func TestPeople(t *testing.T) {
	gone := "e7e7e7e7-0001-4000-8000-00000000000e"
	g := newGraph(t, map[string]canned{
		"/users": list(`{"id":"x"}`), "/users/" + adaID: {body: ada}, "/groups/" + platformID: {body: platform},
	})
	book := knows(personRef(adaID), personRef(platformID), personRef(gone))
	f := g.feed("people")
	p := pullAll(t, f, nil, book)
	want := []string{adaID + ".person.self", platformID + ".person.self", "gone " + gone + ".person.self"}
	if diff := cmp.Diff(want, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	before := g.count("/users/" + platformID)
	if pullAll(t, f, nil, book); g.count("/users/"+platformID) != before {
		t.Error("a group is looked for among the users again")
	}
	g.set("/users", list())
	if p = pullAll(t, g.feed("people"), nil, book); len(p.Records) != 0 {
		t.Errorf("a directory without users is believed: %v", told(t, p))
	}
	g.set("/users", list(`{"id":"x"}`))
	g.set("/users/"+gone, canned{status: 403, body: errorBody("Authorization_RequestDenied")})
	p = pullAll(t, g.feed("people"), nil, book)
	if got := told(t, p); slices.Contains(got, "gone "+gone+".person.self") || len(p.Blind) == 0 {
		t.Errorf("who may not be read is held to be gone: %v, blind %v", got, p.Blind)
	}
}

// TestHiddenStewardIsThereWithItsID: a steward that may not be read is unknown, not none.
func TestHiddenStewardIsThereWithItsID(t *testing.T) {
	answers := twoAgents()
	answers["/users/"+adaID] = canned{status: 403, body: errorBody("Authorization_RequestDenied")}
	g := newGraph(t, answers)
	p := pullAll(t, g.feed("stewards"), nil, knows())
	i := slices.IndexFunc(p.Records, func(r connectors.Record) bool { return r.Context[contextHolder] == adaID })
	if i < 0 {
		t.Fatalf("nothing of the steward: %v", told(t, p))
	}
	reading, err := normalize(p.Records[i])
	if err != nil || reading.Entities[0].Person.Status != events.StatusUnknown || reading.Entities[0].Person.Native != "user" {
		t.Errorf("%+v, %v", reading, err)
	}
	if p = pullAll(t, g.feed("stewards"), nil, knows(personRef(adaID))); slices.ContainsFunc(p.Records, func(r connectors.Record) bool { return r.Type == recordPerson && r.Context[contextHolder] == adaID }) {
		t.Error("what is known of a person is overwritten with nothing")
	}
}

// TestNamesDoNotComeAndGo: where a resource cannot be read for once, the name that is known of old stands.
func TestNamesDoNotComeAndGo(t *testing.T) {
	g := newGraph(t, map[string]canned{pathResource + graphID: {body: `{"id":"` + graphID + `","displayName":"Microsoft Graph"}`}})
	c := g.connector().client
	look := func() string {
		known, err := c.look(t.Context(), pathResource, queryResource, []string{graphID})
		if err != nil {
			t.Fatal(err)
		}
		return known[graphID].Names[graphID]
	}
	first := look()
	if look(); g.count(pathResource) != 1 {
		t.Error("a name is asked for twice")
	}
	now := c.now
	c.now = func() time.Time { return now().Add(2 * namesAge) }
	g.set(pathResource+graphID, canned{status: 500, body: errorBody("UnknownError")})
	if again := look(); first != "Microsoft Graph" || again != first || g.count(pathResource) != 2 {
		t.Errorf("%q, then %q", first, again)
	}
}

func TestKnownUserIsReadWhenItChanges(t *testing.T) {
	const path = "/users/delta"
	g := newGraph(t, changes(path, `{"id":"`+adaID+`","displayName":"Ada"}`, `{"id":"`+adaID+`","displayName":"Ada King"}`, `{"id":"`+platformID+`","displayName":"Stranger"}`))
	g.set("/users/"+adaID, canned{body: ada})
	p := pullAll(t, g.feed("users"), after(t, g, path), knows(personRef(adaID)))
	if diff := cmp.Diff([]string{adaID + ".person.self"}, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConsentsOfAgentsAlone(t *testing.T) {
	const path = "/oauth2PermissionGrants/delta"
	grant := func(id, client string) string {
		return `{"id":"` + id + `","clientId":"` + client + `","consentType":"AllPrincipals","resourceId":"` + graphID + `","scope":"User.Read"}`
	}
	g := newGraph(t, changes(path, grant("mine", agent1), grant("other", agent2), `{"id":"old","@removed":{"reason":"deleted"}}`,
		`{"id":"stranger","@removed":{"reason":"deleted"}}`, `{"id":"part","scope":"Mail.Read"}`))
	g.set("/servicePrincipals/"+agent1+"/oauth2PermissionGrants", list(grant("part", agent1)))
	delegation := func(key string) events.Ref {
		return events.Ref{Kind: events.KindDelegation, Holder: agent1, Key: key}
	}
	p := pullAll(t, g.feed("oauth2-grants"), after(t, g, path), knows(agentRef(agent1), delegation("old"), delegation("part")))
	want := []string{agent1 + ".delegation.mine", agent1 + ".delegation.part", "gone " + agent1 + ".delegation.old"}
	if diff := cmp.Diff(want, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	g.set(path, canned{body: `{"@odata.deltaLink":"{{self}}` + path + `?$deltatoken=A","value":[]}`})
	if p = pullAll(t, g.feed("oauth2-grants"), nil, knows()); !slices.Contains(p.Wakes, "grants") {
		t.Error("after a first round the grants are not read whole")
	}
}

// TestTaggedAgentsAreSwept: no list shows agents from before Agent ID alone, so the sweeps take those that the log knows.
func TestTaggedAgentsAreSwept(t *testing.T) {
	answers := twoAgents()
	answers[ownersOf(agent3)] = list()
	g := newGraph(t, answers)
	p := pullAll(t, g.feed("stewards"), nil, knows(agentRef(agent1), agentRef(agent3)))
	var scopes []string
	for _, s := range replaced(t, []connectors.Page{p}) {
		if strings.HasSuffix(s, agent3) {
			scopes = append(scopes, s)
		}
	}
	if !slices.Equal(scopes, []string{"owners/" + agent3}) || g.count(ownersOf(agent1)) != 1 {
		t.Errorf("%v, asked for %v", scopes, g.asked)
	}
	g.set("/servicePrincipals", list())
	p = pullAll(t, g.feed("stewards"), nil, knows(agentRef(agent3)))
	if slices.Contains(replaced(t, []connectors.Page{p}), "owners/"+agent3) {
		t.Error("a directory that shows nothing is believed")
	}
}

// FuzzObjects: whatever Graph answers about an object, telling what it is and what it names neither panics nor leads outside.
func FuzzObjects(f *testing.F) {
	for _, file := range []string{"service_principal", "user", "application", "grants", "beta"} {
		for _, r := range samples(f, "testdata/"+file+".records.json") {
			f.Add([]byte(r.Body))
		}
	}
	c := &client{now: time.Now, names: names{known: map[string]named{}}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var it item
		if decode(raw, &it) == nil {
			for _, record := range []string{recordPrincipal, recordUser, recordApplication} {
				if s := sortOf(record, it); s.record != record {
					t.Errorf("a %s is taken for %s", record, s.name)
				}
			}
		}
		if n, err := c.readNamed(answer{status: 200, body: raw}); err == nil && n.Names[""] != "" {
			t.Error("a name without an id")
		}
		for _, typ := range []string{recordRoles, recordConsents, recordDirectoryRoles, recordInherited} {
			r := connectors.Record{Type: typ, Body: raw}
			if err := putNames(&r, map[string]named{}); err != nil {
				t.Error(err)
			}
		}
	})
}
