package google

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	agentsPath = "/agentregistry/v1/projects/%s/locations/%s/agents"
	cfgPlaces  = "us-central1, global"
)

// registry is a fake with agents at two locations of each project.
func registry(t *testing.T, perPlace int, projects ...string) *fake {
	f := newFake(t)
	for _, p := range projects {
		for _, l := range []string{"global", "us-central1"} {
			var agents []string
			for i := range perPlace {
				id := fmt.Sprintf("%s-%s-%d", p, l, i)
				agents = append(agents, edit(t, jsonAgent, map[string]any{"agentId": "urn:agent:" + id, "name": fmt.Sprintf("projects/%s/locations/%s/agents/%d", p, l, i)}))
			}
			f.set(fmt.Sprintf(agentsPath, p, l), agents...)
		}
	}
	return f
}

func holdersOf(t *testing.T, c *connector, pages []connectors.Page) []string {
	t.Helper()
	var out []string
	for _, r := range records(pages) {
		read, err := c.Normalize(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range read.Entities {
			out = append(out, e.Holder)
		}
	}
	slices.Sort(out)
	return out
}

// bounds are the passes that pages open, seal and break, in order.
func bounds(pages []connectors.Page) (out []string) {
	for _, p := range pages {
		for _, s := range p.Opens {
			out = append(out, "opens "+s)
		}
		for _, s := range p.Breaks {
			out = append(out, "breaks "+s)
		}
		for _, s := range p.Seals {
			out = append(out, "seals "+s)
		}
	}
	return out
}

func TestWalkSealsEachPlaceOnce(t *testing.T) {
	f := registry(t, 3, "acme")
	c := f.connect(t, map[string]string{"projects": "acme", "locations": cfgPlaces, "page_size": "2"})
	pages := round(t, c.feed(t, feedRegistryAgents))
	want := []string{"opens registry-agents/acme/global", "seals registry-agents/acme/global",
		"opens registry-agents/acme/us-central1", "seals registry-agents/acme/us-central1"}
	if diff := cmp.Diff(want, bounds(pages)); diff != "" {
		t.Errorf("passes (-want +got):\n%s", diff)
	}
	if len(pages) != 4 || len(holdersOf(t, c, pages)) != 6 {
		t.Errorf("%d pages with agents %v; want 4 with 6", len(pages), holdersOf(t, c, pages))
	}
}

// TestWalkResumesAfterEveryPage goes on from each page's cursor in a connector of its own.
func TestWalkResumesAfterEveryPage(t *testing.T) {
	f := registry(t, 3, "acme", "beta")
	options := map[string]string{"projects": "beta,acme", "locations": cfgPlaces, "page_size": "2"}
	c := f.connect(t, options)
	want := holdersOf(t, c, round(t, c.feed(t, feedRegistryAgents)))
	var got []connectors.Page
	for cur := connectors.Cursor(nil); ; {
		p, err := f.connect(t, options).feed(t, feedRegistryAgents).Pull(context.Background(), cur)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
		if !p.More {
			break
		}
		if cur = p.Next; strings.Contains(string(cur), testToken) {
			t.Fatalf("cursor %s holds the token", cur)
		}
	}
	if diff := cmp.Diff(want, holdersOf(t, c, got)); diff != "" {
		t.Errorf("agents (-one process +many):\n%s", diff)
	}
}

// TestWalkGoesOnWherePlacesCameAndWent resumes at a place that is no more, and does not use its page token elsewhere.
func TestWalkGoesOnWherePlacesCameAndWent(t *testing.T) {
	f := registry(t, 1, "acme", "gamma")
	c := f.connect(t, map[string]string{"projects": "acme,gamma", "locations": "global"})
	cur := connectors.Cursor(`{"v":1,"place":{"project":"beta","location":"global"},"token":"1"}`)
	p, err := c.feed(t, feedRegistryAgents).Pull(context.Background(), cur)
	if err != nil {
		t.Fatal(err)
	}
	if got := holdersOf(t, c, []connectors.Page{p}); !slices.Equal(got, []string{"urn:agent:gamma-global-0"}) {
		t.Errorf("resumed at %v, want the project after the one that went", got)
	}
}

func TestWalkRefusesForeignCursors(t *testing.T) {
	c := registry(t, 1, "acme").connect(t, map[string]string{"projects": "acme", "locations": "global"})
	for _, cur := range []string{"x", "[]", "{}", `{"v":9,"place":{"project":"acme"}}`, `{"v":1,"place":{"project":"../x"}}`} {
		_, err := c.feed(t, feedRegistryAgents).Pull(context.Background(), connectors.Cursor(cur))
		if f := connectors.AsFault(err); f == nil || f.Kind != connectors.CursorExpired {
			t.Errorf("cursor %s: %v, want an expired cursor", cur, err)
		}
	}
}

// TestWalkLeavesARefusingPlaceOut: the others are read and sealed, and what is not seen is said.
func TestWalkLeavesARefusingPlaceOut(t *testing.T) {
	f := registry(t, 1, "acme", "beta")
	f.answer(fmt.Sprintf(agentsPath, "acme", "global"), 403, jsonDisabled)
	c := f.connect(t, map[string]string{"projects": "acme,beta", "locations": "global"})
	pages := round(t, c.feed(t, feedRegistryAgents))
	if diff := cmp.Diff([]string{"opens registry-agents/beta/global", "seals registry-agents/beta/global"}, bounds(pages)); diff != "" {
		t.Errorf("passes (-want +got):\n%s", diff)
	}
	if len(pages[0].Blind) != 1 || !strings.Contains(pages[0].Blind[0].Reason, "gcloud services enable agentregistry.googleapis.com") {
		t.Errorf("blindness %v, want the cure", pages[0].Blind)
	}
}

// TestWalkFailsWhenEveryPlaceRefuses, and looks at all of them again at the next pull.
func TestWalkFailsWhenEveryPlaceRefuses(t *testing.T) {
	f := registry(t, 1, "acme", "beta")
	for _, p := range []string{"acme", "beta"} {
		f.answer(fmt.Sprintf(agentsPath, p, "global"), 403, jsonDenied)
	}
	feed := f.connect(t, map[string]string{"projects": "acme,beta", "locations": "global"}).feed(t, feedRegistryAgents)
	_, err := feed.Pull(context.Background(), nil)
	fault := connectors.AsFault(err)
	if fault == nil || fault.Kind != connectors.Forbidden || !strings.Contains(fault.Cure, "agentregistry.agents.list") {
		t.Fatalf("%v, want forbidden with the permission", err)
	}
	f.answer(fmt.Sprintf(agentsPath, "acme", "global"), 0, "")
	if pages := round(t, feed); len(records(pages)) != 1 {
		t.Errorf("after the cure: %d records, want 1", len(records(pages)))
	}
}

// TestWalkBreaksWhatIsNotWhole: a pass of which one page was partial is not sealed, whichever process reads its end.
func TestWalkBreaksWhatIsNotWhole(t *testing.T) {
	f := registry(t, 2, "acme")
	path := fmt.Sprintf(agentsPath, "acme", "global")
	options := map[string]string{"projects": "acme", "locations": "global"}
	f.answer(path, 200, `{"agents":[`+jsonAgent+`],"nextPageToken":"1","unreachable":["projects/acme/locations/global"]}`)
	p, err := f.connect(t, options).feed(t, feedRegistryAgents).Pull(context.Background(), nil)
	if err != nil || len(p.Breaks) != 1 || len(p.Blind) != 1 {
		t.Fatalf("page %+v, %v; want a broken pass and why", p, err)
	}
	f.answer(path, 0, "")
	p, err = f.connect(t, options).feed(t, feedRegistryAgents).Pull(context.Background(), p.Next)
	if err != nil || len(p.Seals) != 0 || len(p.Breaks) != 1 || p.More {
		t.Errorf("last page %+v, %v; want no seal", p, err)
	}
}

// TestWalkGoesOnWithoutADeadRegion: after some failures, if another place answers.
func TestWalkGoesOnWithoutADeadRegion(t *testing.T) {
	f := registry(t, 1, "acme")
	dead := fmt.Sprintf(agentsPath, "acme", "global")
	f.answer(dead, 503, `{"error":{"code":503,"message":"The service is currently unavailable.","status":"UNAVAILABLE"}}`)
	feed := f.connect(t, map[string]string{"projects": "acme", "locations": cfgPlaces}).feed(t, feedRegistryAgents)
	for i := range maxFailures {
		if _, err := feed.Pull(context.Background(), nil); err == nil || connectors.AsFault(err) != nil {
			t.Fatalf("pull %d: %v, want a transient error", i, err)
		}
	}
	p, err := feed.Pull(context.Background(), nil)
	if err != nil || len(p.Records) != 1 || len(p.Blind) != 1 || !slices.Equal(p.Opens, []string{"registry-agents/acme/us-central1"}) {
		t.Errorf("page %+v, %v; want the other location and what is not seen", p, err)
	}
	f.answer(fmt.Sprintf(agentsPath, "acme", "us-central1"), 503, `{}`)
	for range 3 * maxFailures {
		if _, err := feed.Pull(context.Background(), nil); err == nil {
			t.Fatal("with every place down, a pull succeeds")
		}
	}
}

// TestWalkDoesNotGoRound: a next page that is the page itself is an error, not a new page.
func TestWalkDoesNotGoRound(t *testing.T) {
	f := registry(t, 1, "acme")
	f.answer(fmt.Sprintf(agentsPath, "acme", "global"), 200, `{"agents":[],"nextPageToken":"7"}`)
	feed := f.connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents)
	p, err := feed.Pull(context.Background(), nil)
	if err != nil || !p.More || len(p.Seals) != 0 {
		t.Fatalf("an empty page with a next one: %+v, %v; want to go on", p, err)
	}
	if _, err := feed.Pull(context.Background(), p.Next); err == nil || !strings.Contains(err.Error(), "the page itself") {
		t.Errorf("%v, want an error", err)
	}
}

func TestWalkSendsMaximumPageSizes(t *testing.T) {
	f := company(t)
	c := f.connect(t, nil)
	for _, feed := range c.Feeds() {
		if feed.Name != feedEnginePolicies { // asks about each of a few
			round(t, feed)
		}
	}
	want := map[string]string{"/agents": "100", "/reasoningEngines": "100", "/projects:search": ""}
	for i, call := range f.calls {
		for suffix, size := range want {
			has := strings.Contains("&"+f.queries[i], "&pageSize="+size)
			if strings.HasSuffix(call, suffix) && has != (size != "") {
				t.Errorf("%s?%s, want pageSize %q", call, f.queries[i], size)
			}
		}
	}
}
