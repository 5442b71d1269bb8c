package entra

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	agent1     = "a1a1a1a1-0001-4000-8000-000000000001"
	agent2     = "a1a1a1a1-0002-4000-8000-000000000002"
	agent3     = "a1a1a1a1-0003-4000-8000-000000000003"
	principal1 = "b3b3b3b3-0001-4000-8000-0000000000b3"
	blueprint1 = "b2b2b2b2-0001-4000-8000-00000000000b"
	user1      = "d4d4d4d4-0001-4000-8000-00000000000d"
)

const (
	itemAgent1 = `{"@odata.type":"#microsoft.graph.agentIdentity","id":"` + agent1 + `","appId":"` + agent1 + `",
		"displayName":"Invoice Triage Agent","accountEnabled":true,"servicePrincipalType":"ServiceIdentity",
		"agentIdentityBlueprintId":"` + blueprint1 + `","createdDateTime":"2026-03-04T05:06:07Z","tags":["prod"]}`
	itemAgent2 = `{"id":"` + agent2 + `","displayName":"HR Helper","accountEnabled":false,"servicePrincipalType":"ServiceIdentity"}`
	itemAgent3 = `{"id":"` + agent3 + `","displayName":"Sales Helper","accountEnabled":true,"agentIdentityBlueprintId":"` + blueprint1 + `"}`
	itemBP     = `{"@odata.type":"#microsoft.graph.agentIdentityBlueprintPrincipal","id":"` + principal1 + `","appId":"` + blueprint1 + `",
		"displayName":"Helpers","accountEnabled":true,"servicePrincipalType":"Application"}`
	itemOther = `{"id":"c3c3c3c3-0000-4000-8000-0000000000c1","displayName":"Microsoft Graph","servicePrincipalType":"Application"}`
)

// firstRound has an empty page in its middle, and things that are no agents.
var firstRound = map[string]canned{
	"/servicePrincipals/delta": {body: `{"@odata.nextLink":"{{self}}/servicePrincipals/delta?$skiptoken=1","value":[` + itemOther + `,` + itemAgent1 + `]}`},
	"/servicePrincipals/delta?$skiptoken=1": {
		body: `{"@odata.nextLink":"{{self}}/servicePrincipals/delta?$skiptoken=2","value":[]}`},
	"/servicePrincipals/delta?$skiptoken=2": {
		body: `{"@odata.deltaLink":"{{self}}/servicePrincipals/delta()?$deltatoken=A","value":[` + itemAgent2 + `,` + itemAgent3 + `,` + itemBP + `]}`},
	"/servicePrincipals/delta()?$deltatoken=A": {
		body: `{"@odata.deltaLink":"{{self}}/servicePrincipals/delta()?$deltatoken=B","value":[` + itemOther + `,
			{"id":"` + agent2 + `","@removed":{"reason":"changed"}},{"id":"` + agent3 + `","@removed":{"reason":"deleted"}}]}`},
}

func recordIDs(t *testing.T, pages []connectors.Page) (ids []string) {
	t.Helper()
	for _, p := range pages {
		for _, r := range p.Records {
			var o object
			if err := decode(r.Body, &o); err != nil {
				t.Fatal(err)
			}
			if r.Asked.IsZero() {
				t.Errorf("%s has no time at which it was asked for", o.ID)
			}
			ids = append(ids, o.ID)
		}
	}
	return ids
}

func TestDeltaFirstRoundIsAPass(t *testing.T) {
	g := newGraph(t, firstRound)
	f := g.feed("service-principals")
	pages, next := round(t, f, nil)
	if len(pages) != 3 {
		t.Fatalf("%d pages, not 3", len(pages))
	}
	if diff := cmp.Diff([]string{agent1, agent2, agent3, principal1}, recordIDs(t, pages)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	scopes := []string{scopeAgents, scopePrincipals, scopeTagged}
	for i, p := range pages {
		if opens := p.Opens != nil; opens != (i == 0) || opens && !slices.Equal(p.Opens, scopes) {
			t.Errorf("page %d opens %v", i, p.Opens)
		}
		if seals := p.Seals != nil; seals != (i == 2) || seals && !slices.Equal(p.Seals, scopes) {
			t.Errorf("page %d seals %v", i, p.Seals)
		}
	}
	pages, _ = round(t, f, next)
	if p := pages[0]; p.Opens != nil || p.Seals != nil || p.Blind != nil {
		t.Errorf("a round of changes claims a pass: %+v", p)
	}
	if diff := cmp.Diff([]string{agent2, agent3}, recordIDs(t, pages)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestDeltaResumesAfterEachPage(t *testing.T) {
	g := newGraph(t, firstRound)
	var ids []string
	var from connectors.Cursor
	for range 3 { // each page is read by another process
		p, err := g.feed("service-principals").Pull(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		ids, from = append(ids, recordIDs(t, []connectors.Page{p})...), p.Next
	}
	if diff := cmp.Diff([]string{agent1, agent2, agent3, principal1}, ids); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// untyped is a tenant whose delta names no types: its two principals of blueprints show in their own list alone.
func untyped(t *testing.T) *graph {
	link := `"@odata.deltaLink":"{{self}}/servicePrincipals/delta()?$deltatoken=A"`
	return newGraph(t, map[string]canned{
		"/servicePrincipals/delta":                 {body: `{` + link + `,"value":[` + itemAgent2 + `,` + itemOther + `]}`},
		"/servicePrincipals/delta()?$deltatoken=A": {body: `{` + link + `,"value":[]}`},
		castPrincipal:                   {body: `{"@odata.nextLink":"{{self}}` + castPrincipal + `?$skiptoken=2","value":[{"id":"` + principal1 + `"}]}`},
		castPrincipal + "?$skiptoken=2": {body: `{"value":[{"id":"b3b3b3b3-0002-4000-8000-0000000000b3"}]}`},
	})
}

func TestDeltaThatNamesNoTypesIsHelpedByLists(t *testing.T) {
	g := untyped(t)
	f := g.feed("service-principals")
	pages, next := round(t, f, nil)
	if len(pages) != 3 {
		t.Fatalf("%d pages, not the delta's and two of the list", len(pages))
	}
	if p := pages[0]; !slices.Equal(p.Seals, []string{scopeAgents, scopeTagged}) || !slices.Equal(p.Breaks, []string{scopePrincipals}) {
		t.Errorf("the delta seals %v, breaks %v", p.Seals, p.Breaks)
	}
	for range 2 { // after the first round and after each other
		first, last := pages[len(pages)-2], pages[len(pages)-1]
		if only := []string{scopePrincipals}; !slices.Equal(first.Opens, only) || first.Seals != nil || !slices.Equal(last.Seals, only) {
			t.Errorf("the list opens %v, seals %v and %v", first.Opens, first.Seals, last.Seals)
		}
		for _, p := range []connectors.Page{first, last} {
			if r, err := normalize(p.Records[0]); err != nil || r.Entities[0].Blueprint == nil || r.Entities[0].Scope != scopePrincipals {
				t.Errorf("the list's record says %+v, %v", r, err)
			}
		}
		pages, next = round(t, f, next)
	}
	g.set("/servicePrincipals/delta()?$deltatoken=A", canned{
		body: `{"@odata.deltaLink":"{{self}}/servicePrincipals/delta()?$deltatoken=A","value":[` + itemBP + `]}`})
	if pages, _ = round(t, f, next); len(pages) != 1 {
		t.Error("the list is read although the delta names the type")
	}
}

func TestListResumesAfterEachPage(t *testing.T) {
	g := untyped(t)
	whole, _ := round(t, g.feed("service-principals"), nil)
	var from connectors.Cursor
	var pages []connectors.Page
	for range whole {
		p, err := g.feed("service-principals").Pull(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		pages, from = append(pages, p), p.Next
	}
	if diff := cmp.Diff(recordIDs(t, whole), recordIDs(t, pages)); diff != "" || len(recordIDs(t, pages)) != 3 {
		t.Errorf("(-whole +resumed):\n%s", diff)
	}
}

func TestDeltaOfAnEmptyTenant(t *testing.T) {
	g := newGraph(t, map[string]canned{
		"/applications/delta": {body: `{"@odata.deltaLink":"{{self}}/applications/delta()?$deltatoken=A","value":[]}`},
		castBlueprint:         {body: `{"value":[]}`},
	})
	g.set("/applications/delta()?$deltatoken=A", g.answers["/applications/delta"])
	f := g.feed("applications")
	last := func(from connectors.Cursor) (connectors.Page, connectors.Cursor) {
		pages, next := round(t, f, from)
		return pages[len(pages)-1], next
	}
	p, next := last(nil)
	if p.Seals != nil || !slices.Equal(p.Breaks, []string{scopeBlueprints}) {
		t.Errorf("one empty answer is believed: seals %v, breaks %v", p.Seals, p.Breaks)
	}
	if p, next = last(next); !slices.Equal(p.Seals, []string{scopeBlueprints}) || p.Blind != nil {
		t.Errorf("two empty answers are not: seals %v, blind %v", p.Seals, p.Blind)
	}
	g.set(castBlueprint, canned{status: 403, body: errorBody("Authorization_RequestDenied")})
	for range 2 {
		if p, next = last(next); p.Seals != nil || len(p.Blind) != 1 || !strings.Contains(p.Blind[0].Reason, needBlueprints) {
			t.Errorf("a list that may not be read proves nothing, but the page seals %v, blind %v", p.Seals, p.Blind)
		}
	}
	g.set(castBlueprint, canned{status: 500, body: errorBody("InternalServerError")})
	p, err := f.Pull(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	pullError(t, f, p.Next)
	g.set(castBlueprint, canned{body: `{"value":[{"id":"` + blueprint1 + `"}]}`})
	_, next = last(next)
	g.set(castBlueprint, canned{body: `{"value":[]}`})
	if p, _ = last(next); p.Seals != nil {
		t.Error("an empty answer is believed although the list had some in the round before")
	}
}

// TestListOfAgentsNamesThem: an object of the agents' list is one, whatever else it lacks.
func TestListOfAgentsNamesThem(t *testing.T) {
	link := `"@odata.deltaLink":"{{self}}/servicePrincipals/delta()?$deltatoken=A"`
	g := newGraph(t, map[string]canned{
		"/servicePrincipals/delta": {body: `{` + link + `,"value":[` + itemBP + `]}`},
		castAgentIdentity:          {body: `{"value":[{"id":"` + agent1 + `"}]}`},
	})
	pages, _ := round(t, g.feed("service-principals"), nil)
	r, err := normalize(pages[1].Records[0])
	if err != nil || r.Entities[0].Agent == nil || r.Entities[0].Scope != scopeAgents {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestUsersAreFiltered(t *testing.T) {
	g := newGraph(t, map[string]canned{"/users/delta?$select=" + userProperties: {
		body: `{"@odata.deltaLink":"{{self}}/users/delta()?$deltatoken=A","value":[
			{"id":"e5e5e5e5-0001-4000-8000-00000000000e","displayName":"Ada"},
			{"id":"` + user1 + `","identityParentId":"` + agent1 + `"},
			{"id":"e5e5e5e5-0002-4000-8000-00000000000e","@odata.type":"#microsoft.graph.agentUser","identityParentId":null}]}`}})
	pages, _ := round(t, g.feed("users"), nil)
	if diff := cmp.Diff([]string{user1, "e5e5e5e5-0002-4000-8000-00000000000e"}, recordIDs(t, pages)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestPageSizeIsAskedFor(t *testing.T) {
	g := newGraph(t, firstRound)
	s := g.settings()
	s.Options = map[string]string{"page_size": "7"}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Feeds()[0].Pull(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := g.headers[0].Get("Prefer"); got != "odata.maxpagesize=7" {
		t.Errorf("Prefer: %q", got)
	}
}
