package google

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// TestNoProjectIsNoAnswer: an account without roles gets a good and empty answer.
func TestNoProjectIsNoAnswer(t *testing.T) {
	f := company(t)
	f.set("/cloudresourcemanager/v3/projects:search")
	f.set("/cloudresourcemanager/v3/folders:search")
	f.set("/cloudresourcemanager/v3/organizations:search")
	c := f.connect(t, nil)
	for _, feed := range c.Feeds() {
		_, err := feed.Pull(context.Background(), nil)
		if fault := connectors.AsFault(err); fault == nil || fault.Kind != connectors.Forbidden || !strings.Contains(fault.Cure, "roles/browser") {
			t.Errorf("%s: %v, want forbidden with the cure", feed.Name, err)
		}
	}
}

// TestProjectsAreFoundPageByPage, those being deleted are said to be unseen, and a circle of pages is an error.
func TestProjectsAreFoundPageByPage(t *testing.T) {
	f := company(t)
	f.set("/cloudresourcemanager/v3/projects:search", `{"projectId":"zeta","state":"ACTIVE"}`,
		`{"projectId":"old","state":"DELETE_REQUESTED"}`, `{"projectId":"rc-sandbox","state":"ACTIVE"}`, `{"projectId":"new","state":"LATER_STATE"}`)
	for _, p := range []string{"zeta", "new"} {
		f.set("/iam/v1/projects/" + p + "/serviceAccounts")
	}
	pages := round(t, f.connect(t, map[string]string{"page_size": "2"}).feed(t, feedServiceAccounts))
	var want []string
	for _, p := range []string{"new", "rc-sandbox", "zeta"} { // of the accounts, and of what others were granted on them
		for _, verb := range []string{"opens", "seals"} {
			want = append(want, verb+" service-accounts/"+p, verb+" policy/iam.googleapis.com/projects/"+p+"/serviceAccounts/")
		}
	}
	if got := bounds(pages); !slices.Equal(got, want) {
		t.Errorf("passes %v, want %v", got, want)
	}
	if len(pages[0].Blind) != 1 || !strings.Contains(pages[0].Blind[0].Reason, "projects/old: the project is being deleted") {
		t.Errorf("blind %v", pages[0].Blind)
	}
	f.answer("/cloudresourcemanager/v3/projects:search", 200, `{"projects":[{"projectId":"a1"}],"nextPageToken":"x"}`)
	if _, err := f.connect(t, nil).feed(t, feedServiceAccounts).Pull(context.Background(), nil); err == nil {
		t.Error("pages that go round do not fail")
	}
	f.answer("/cloudresourcemanager/v3/projects:search", 200, `{"projects":[{"projectId":"../a"}]}`)
	if _, err := f.connect(t, nil).feed(t, feedServiceAccounts).Pull(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "projectId") {
		t.Errorf("%v, want an error for a project id that is none", err)
	}
}

// TestEngineLocations: where aiplatform lists no locations, the registry's serve; multi-regions have no engines.
func TestEngineLocations(t *testing.T) {
	f := company(t)
	delete(f.lists, "/aiplatform/v1/projects/rc-sandbox/locations")
	if got := records(round(t, f.connect(t, nil).feed(t, feedReasoningEngines))); len(got) != 2 {
		t.Errorf("%d engines, want 2", len(got))
	}
	_, err := f.connect(t, map[string]string{"locations": "global,us"}).feed(t, feedReasoningEngines).Pull(context.Background(), nil)
	if fault := connectors.AsFault(err); fault == nil || !strings.Contains(fault.Cure, "at least one region") {
		t.Errorf("%v, want the cure for no region", err)
	}
}

// TestLocationsThatRefuse: a project whose API is off is unseen, the others are read.
func TestLocationsThatRefuse(t *testing.T) {
	f := company(t)
	f.set("/cloudresourcemanager/v3/projects:search", `{"projectId":"off"}`, `{"projectId":"rc-sandbox"}`)
	f.answer("/agentregistry/v1/projects/off/locations", 403, jsonDisabled)
	feed := f.connect(t, nil).feed(t, feedRegistryAgents)
	pages := round(t, feed)
	if len(records(pages)) != 1 || len(pages[0].Blind) != 1 {
		t.Errorf("%d agents, blind %v; want 1 and the project that is off", len(records(pages)), pages[0].Blind)
	}
	f.answer("/agentregistry/v1/projects/rc-sandbox/locations", 403, jsonDisabled)
	if _, err := feed.Pull(context.Background(), nil); connectors.AsFault(err) == nil {
		t.Errorf("%v, want forbidden when every project is off", err)
	}
}

func TestProbe(t *testing.T) {
	f := company(t)
	c := f.connect(t, nil)
	if err := c.Probe(context.Background()); err != nil {
		t.Fatal(err)
	}
	f.answer("/iam/v1/projects/rc-sandbox/serviceAccounts", 403, jsonDenied)
	if err := c.Probe(context.Background()); err != nil {
		t.Errorf("one forbidden service fails the probe: %v", err)
	}
	f.answer("/agentregistry/v1/projects/rc-sandbox/locations", 403, jsonDenied)
	f.answer("/aiplatform/v1/projects/rc-sandbox/locations", 403, jsonDenied)
	if fault := connectors.AsFault(c.Probe(context.Background())); fault == nil || fault.Kind != connectors.Forbidden {
		t.Errorf("%v, want forbidden when nothing may be seen", fault)
	}
	f.answer("/iam/v1/projects/rc-sandbox/serviceAccounts", 401, `{"error":{"code":401,"message":"x","status":"UNAUTHENTICATED"}}`)
	if fault := connectors.AsFault(c.Probe(context.Background())); fault == nil || fault.Kind != connectors.Unauthorized {
		t.Errorf("%v, want unauthorized", fault)
	}
}

// TestProbeBelievesNoEmptyAnswers: good and empty answers prove nothing, because every project has locations.
func TestProbeBelievesNoEmptyAnswers(t *testing.T) {
	f := company(t)
	f.set(accountsPath)
	c := f.connect(t, map[string]string{"projects": "rc-sandbox", "locations": "us-central1"})
	if err := c.Probe(context.Background()); err != nil {
		t.Errorf("a project without service accounts: %v", err)
	}
	f.set("/agentregistry/v1/projects/rc-sandbox/locations")
	f.set("/aiplatform/v1/projects/rc-sandbox/locations")
	if fault := connectors.AsFault(c.Probe(context.Background())); fault == nil || fault.Kind != connectors.Forbidden {
		t.Errorf("%v, want forbidden", fault)
	}
}

func TestMemoForgets(t *testing.T) {
	var m memo[int]
	now, calls := time.Unix(0, 0), 0
	get := func() int {
		n, _ := m.get("x", func() time.Time { return now }, func() (int, error) { calls++; return calls, nil })
		return n
	}
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {memoLife - 1, 1}, {1, 2}, {0, 2}} {
		if now = now.Add(step.pass); get() != step.want {
			t.Errorf("%v after the start: fetched %d times, want %d", now.Sub(time.Unix(0, 0)), calls, step.want)
		}
	}
	if m.forget(); get() != 3 {
		t.Error("forget did not")
	}
}
