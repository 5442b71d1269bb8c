package entra

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	ada      = `{"@odata.type":"#microsoft.graph.user","id":"e5e5e5e5-0001-4000-8000-00000000000e","displayName":"Ada Lovelace","mail":"ada@contoso.example","userPrincipalName":"ada@contoso.example","accountEnabled":true}`
	platform = `{"@odata.type":"#microsoft.graph.group","id":"e6e6e6e6-0001-4000-8000-00000000000e","displayName":"Platform Team"}`
)

func ownersOf(id string) string { return "/servicePrincipals/" + id + "/owners" }

func sponsorsOf(id string) string {
	return "/servicePrincipals/" + id + "/microsoft.graph.agentIdentity/sponsors"
}

// twoAgents is a tenant of two agents on two pages, and a user account.
func twoAgents() map[string]canned {
	list := func(ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, `{"id":"`+id+`"}`)
		}
		return `"value":[` + strings.Join(items, ",") + `]}`
	}
	people := func(all ...string) canned { return canned{body: `{"value":[` + strings.Join(all, ",") + `]}`} }
	return map[string]canned{
		castAgentIdentity:                   {body: `{"@odata.nextLink":"{{self}}` + castAgentIdentity + `?$skiptoken=2",` + list(agent1)},
		castAgentIdentity + "?$skiptoken=2": {body: `{` + list(agent2)},
		castAgentUser:                       {body: `{` + list(user1)},
		castBlueprint:                       {body: `{` + list()},
		castPrincipal:                       {body: `{` + list()},
		"/servicePrincipals":                {body: `{` + list(agent1)},
		ownersOf(agent1):                    people(ada),
		ownersOf(agent2):                    people(),
		sponsorsOf(agent1):                  people(ada, platform),
		sponsorsOf(agent2):                  people(),
		"/users/" + user1 + "/manager":      {body: ada},
		"/users/" + user1 + "/sponsors":     people(),
	}
}

// replaced are the scopes that the pages' records replace, in order.
func replaced(t *testing.T, pages []connectors.Page) (scopes []string) {
	t.Helper()
	for _, p := range pages {
		for _, r := range p.Records {
			reading, err := normalize(r)
			if err != nil {
				t.Fatal(err)
			}
			scopes = append(scopes, reading.Replaces...)
		}
	}
	return scopes
}

func TestStewardsSweep(t *testing.T) {
	g := newGraph(t, twoAgents())
	pages, next := round(t, g.feed("stewards"), nil)
	want := []string{"owners/" + agent1, "sponsors/" + agent1, "owners/" + agent2, "sponsors/" + agent2, "manager/" + user1, "sponsors/" + user1}
	if diff := cmp.Diff(want, replaced(t, pages)); diff != "" {
		t.Errorf("replaced scopes (-want +got):\n%s", diff)
	}
	if len(pages) != 6 || next != nil || !slices.Equal(pages[0].Opens, []string{"stewards"}) || !slices.Equal(pages[5].Seals, []string{"stewards"}) {
		t.Errorf("%d pages, next %s, opens %v, seals %v", len(pages), next, pages[0].Opens, pages[2].Seals)
	}
	if n := g.count(castAgentIdentity + "?$select=id&$top=100"); n != 1 {
		t.Errorf("the list was not asked for in its largest pages: %v", g.asked)
	}
	if g.headers[0].Get("x-ms-throttle-priority") != "Low" {
		t.Error("a sweep does not give way to others")
	}
}

func TestSweepOfManyAsksInBatches(t *testing.T) {
	answers := twoAgents()
	var items []string
	for i := range 25 {
		id := fmt.Sprintf("a1a1a1a1-%04d-4000-8000-000000000000", i)
		items = append(items, `{"id":"`+id+`"}`)
		answers[ownersOf(id)], answers[sponsorsOf(id)] = answers[ownersOf(agent1)], answers[sponsorsOf(agent1)]
	}
	answers[castAgentIdentity] = canned{body: `{"value":[` + strings.Join(items, ",") + `]}`}
	g := newGraph(t, answers)
	p, err := g.feed("stewards").Pull(t.Context(), nil)            // the fake refuses batches over 20
	if err != nil || len(p.Records) != 50 || len(g.headers) != 5 { // the list, three batches of relations, one of persons
		t.Errorf("%d records in %d requests, %v", len(p.Records), len(g.headers), err)
	}
}

// TestUnknownIsNeverNone: what was refused must not look like what is not there.
func TestUnknownIsNeverNone(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer canned
		words  string
	}{
		{"403", canned{status: 403, body: errorBody("Authorization_RequestDenied")}, "User.ReadBasic.All"},
		{"500", canned{status: 500, body: errorBody("UnknownError")}, "status 500"},
		{"400", canned{status: 400, body: errorBody("Request_BadRequest")}, "status 400"},
		{"424", canned{status: 424, body: `null`}, "status 424"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answers := twoAgents()
			answers[sponsorsOf(agent1)] = c.answer
			pages, _ := round(t, newGraph(t, answers).feed("stewards"), nil)
			got := replaced(t, pages)
			if slices.Contains(got, "sponsors/"+agent1) || !slices.Contains(got, "owners/"+agent1) {
				t.Errorf("replaced %v", got)
			}
			if b := pages[0].Blind; len(b) != 1 || !strings.Contains(b[0].Reason, c.words) || strings.Contains(b[0].Reason, agent1) {
				t.Errorf("blind: %v", b)
			}
		})
	}
	t.Run("404", func(t *testing.T) { // the agent went away
		answers := twoAgents()
		delete(answers, sponsorsOf(agent1))
		pages, _ := round(t, newGraph(t, answers).feed("stewards"), nil)
		if got := replaced(t, pages); slices.Contains(got, "sponsors/"+agent1) || pages[0].Blind != nil {
			t.Errorf("replaced %v, blind %v", got, pages[0].Blind)
		}
	})
	t.Run("no manager", func(t *testing.T) {
		answers := twoAgents()
		delete(answers, "/users/"+user1+"/manager")
		pages, _ := round(t, newGraph(t, answers).feed("stewards"), nil)
		if got := replaced(t, pages); !slices.Contains(got, "manager/"+user1) {
			t.Errorf("replaced %v", got)
		}
	})
}

func TestBrokenPartsFailThePage(t *testing.T) {
	for name, body := range map[string]string{
		"no value": `{}`, "text": `"PGh0bWw+"`, "foreign link": `{"value":[],"@odata.nextLink":"https://evil.example/x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			answers := twoAgents()
			answers[ownersOf(agent1)] = canned{body: body}
			g := newGraph(t, answers)
			f := g.feed("stewards")
			if err := pullError(t, f, nil); connectors.AsFault(err) != nil {
				t.Errorf("got %v", err)
			}
			g.set(ownersOf(agent1), twoAgents()[ownersOf(agent1)])
			if _, err := f.Pull(t.Context(), nil); err != nil {
				t.Errorf("the broken answer was kept: %v", err)
			}
		})
	}
}

func TestThrottledPartsAreAskedForAgainAlone(t *testing.T) {
	answers := twoAgents()
	good := answers[sponsorsOf(agent1)]
	answers[sponsorsOf(agent1)] = canned{
		status: 429, body: errorBody("TooManyRequests"), header: map[string]string{"Retry-After": "9"}, then: &good}
	g := newGraph(t, answers)
	f := g.feed("stewards")
	if fault := wantFault(t, pullError(t, f, nil), connectors.RateLimited); fault.After != 9*time.Second {
		t.Errorf("wait for %v", fault.After)
	}
	p, err := f.Pull(t.Context(), nil)
	if err != nil || len(p.Records) != 2 {
		t.Fatalf("%d records, %v", len(p.Records), err)
	}
	if n := g.count(ownersOf(agent1)); n != 1 {
		t.Errorf("what was answered was asked for %d times", n)
	}
	if _, err := f.Pull(t.Context(), nil); err != nil || g.count(ownersOf(agent1)) != 2 {
		t.Errorf("the next sweep does not ask again: %v", err)
	}
}

func TestBatchThatIsForbidden(t *testing.T) {
	answers := twoAgents()
	answers["/$batch"] = canned{status: 403, body: errorBody("Authorization_RequestDenied")}
	wantFault(t, pullError(t, newGraph(t, answers).feed("grants"), nil), connectors.Forbidden, needDirectory+" and "+needGrants)
}

func TestManagerThatIsNoObject(t *testing.T) {
	answers := twoAgents()
	answers["/users/"+user1+"/manager"] = canned{body: `null`}
	f := newGraph(t, answers).feed("stewards")
	from, err := cursor{Phase: "agent users"}.encode()
	if err != nil {
		t.Fatal(err)
	}
	wantWords(t, pullError(t, f, from), "/manager", "an object")
}

func TestHeadersOfABatchsParts(t *testing.T) {
	for _, in := range []string{`{"retry-after":"9"}`, `{"Retry-After":9}`} {
		var b batchAnswer
		if err := decode([]byte(`{"id":"1","status":429,"headers":`+in+`}`), &b); err != nil {
			t.Fatal(err)
		}
		if got := b.answer(answer{}, "/x").header.Get("Retry-After"); got != "9" {
			t.Errorf("%s: %q", in, got)
		}
	}
}

func TestRefusedTokenInABatch(t *testing.T) {
	answers := twoAgents()
	answers[ownersOf(agent1)] = canned{status: 401, body: errorBody("InvalidAuthenticationToken")}
	wantFault(t, pullError(t, newGraph(t, answers).feed("stewards"), nil), connectors.Unauthorized)
}

func TestBrokenBatches(t *testing.T) {
	for name, c := range map[string]canned{
		"html": {body: html}, "no responses": {body: `{}`}, "missing": {body: `{"responses":[]}`},
		"foreign": {body: `{"responses":[{"id":"77","status":200,"body":{"value":[]}}]}`},
		"no id":   {body: `{"responses":[{"status":200,"body":{"value":[]}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			answers := twoAgents()
			answers["/$batch"] = c
			err := pullError(t, newGraph(t, answers).feed("stewards"), nil)
			wantWords(t, err, "/v1.0/$batch")
			if connectors.AsFault(err) != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestManyOwnersAreReadWhole(t *testing.T) {
	answers := twoAgents()
	answers[ownersOf(agent1)] = canned{body: `{"@odata.nextLink":"{{self}}` + ownersOf(agent1) + `?$skiptoken=2","value":[` + ada + `]}`}
	answers[ownersOf(agent1)+"?$skiptoken=2"] = canned{body: `{"value":[` + platform + `]}`}
	g := newGraph(t, answers)
	p, err := g.feed("stewards").Pull(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := normalize(p.Records[0])
	if err != nil || len(r.Entities) != 2 {
		t.Errorf("%d entities, not two stewardships: %v", len(r.Entities), err)
	}
	g.set(ownersOf(agent1)+"?$skiptoken=2", canned{body: `{"value":[],"@odata.nextLink":"{{self}}` + ownersOf(agent1) + `?$skiptoken=2"}`})
	wantWords(t, pullError(t, g.feed("stewards"), nil), "circle")
}

func TestListThatMayNotBeRead(t *testing.T) {
	denied := canned{status: 403, body: errorBody("Authorization_RequestDenied")}
	g := newGraph(t, map[string]canned{castAgentIdentity: denied})
	wantFault(t, pullError(t, g.feed("stewards"), nil), connectors.Forbidden, needAgents)

	answers := twoAgents()
	answers[castAgentUser] = denied
	pages, _ := round(t, newGraph(t, answers).feed("stewards"), nil)
	last := pages[2]
	if len(last.Blind) != 1 || !strings.Contains(last.Blind[0].Reason, needUsers) || len(replaced(t, pages)) != 4 {
		t.Errorf("blind %v, replaced %v", last.Blind, replaced(t, pages))
	}
}

func TestSweepResumesAfterEachPage(t *testing.T) {
	g := newGraph(t, twoAgents())
	whole, _ := round(t, g.feed("stewards"), nil)
	var from connectors.Cursor
	var pages []connectors.Page
	for range whole {
		p, err := g.feed("stewards").Pull(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		pages, from = append(pages, p), p.Next
	}
	if diff := cmp.Diff(replaced(t, whole), replaced(t, pages)); diff != "" {
		t.Errorf("(-whole +resumed):\n%s", diff)
	}
}

func TestGrantsAndFederatedCredentials(t *testing.T) {
	answers := twoAgents()
	empty := canned{body: `{"value":[]}`}
	for _, id := range []string{agent1, agent2, principal1} {
		answers["/servicePrincipals/"+id+"/appRoleAssignments"] = empty
		answers["/servicePrincipals/"+id+"/oauth2PermissionGrants"] = empty
	}
	maps.Copy(answers, map[string]canned{
		castPrincipal: {body: `{"value":[{"id":"` + principal1 + `"}]}`},
		castBlueprint: {body: `{"value":[{"id":"` + blueprint1 + `"}]}`},
		"/applications/" + blueprint1 + "/federatedIdentityCredentials": empty,
	})
	g := newGraph(t, answers)
	pages, _ := round(t, g.feed("grants"), nil)
	var want []string
	for _, id := range []string{agent1, agent2, principal1} {
		want = append(want, "grants/"+id, "delegations/"+id)
	}
	if diff := cmp.Diff(want, replaced(t, pages)); diff != "" {
		t.Errorf("replaced scopes (-want +got):\n%s", diff)
	}
	pages, _ = round(t, g.feed("federated-credentials"), nil)
	if diff := cmp.Diff([]string{"federated/" + blueprint1}, replaced(t, pages)); diff != "" {
		t.Errorf("replaced scopes (-want +got):\n%s", diff)
	}
}
