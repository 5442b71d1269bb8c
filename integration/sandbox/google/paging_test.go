package google

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func TestListsShowTheTruth(t *testing.T) {
	for name, opt := range map[string]Options{
		"defaults":    {},
		"small pages": {PageSize: 3},
		"empty pages": {PageSize: 3, EmptyPages: true},
		"one by one":  {PageSize: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 90, opt)
			if diff := cmp.Diff(w.named(), w.seen()); diff != "" {
				t.Errorf("truth (-) and lists (+) differ:\n%s", diff)
			}
		})
	}
}

func TestEachItemComesOnce(t *testing.T) {
	w := newWorld(t, 240, Options{PageSize: 3})
	for _, list := range []struct{ path, items, key string }{
		{"/iam/v1/projects/tessellate-agents/serviceAccounts", "accounts", "uniqueId"},
		{"/agentregistry/v1/projects/tessellate-agents/locations/us-central1/agents", "agents", "agentId"},
		{"/agentregistry/v1/projects/tessellate-agents/locations/us-central1/agents?orderBy=create_time+desc", "agents", "agentId"},
		{"/agentregistry/v1/projects/tessellate-agents/locations", "locations", "name"},
		{"/agentregistry/v1/projects/tessellate-agents/locations/us-central1/bindings", "bindings", "name"},
		{"/aiplatform/v1/projects/tessellate-agents/locations/us-central1/reasoningEngines", "reasoningEngines", "name"},
		{"/discoveryengine/v1alpha/projects/tessellate-agents/locations/global/collections/default_collection/engines/tessellate-app/assistants/default_assistant/agents", "agents", "name"},
		{"/agentidentity/v1/projects/tessellate-agents/locations/us-central1/authProviders/jira-3lo/authorizations", "authorizations", "name"},
		{"/agentidentity/v1/projects/tessellate-agents/locations/-/accessSummaries", "accessSummaries", "name"},
	} {
		whole := map[string]bool{}
		items, pages := w.all(list.path, list.items, "")
		for _, it := range items {
			key := it[list.key].(string)
			if whole[key] {
				t.Errorf("%s: %s came twice", list.path, key)
			}
			whole[key] = true
		}
		if pages < 2 || len(items) < 4 {
			t.Errorf("%s: %d items on %d pages; a test of paging needs more", list.path, len(items), pages)
		}
	}
}

func TestPagingHoldsUnderChanges(t *testing.T) {
	w := newWorld(t, 90, Options{PageSize: 1})
	const path = "/iam/v1/projects/tessellate-agents/serviceAccounts"
	before, _ := w.all(path, "accounts", "")
	seen := map[string]int{}
	token := ""
	for {
		page := w.get(path + "?pageToken=" + url.QueryEscape(token))
		for _, a := range page["accounts"].([]any) {
			seen[a.(object)["uniqueId"].(string)]++
		}
		w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeAccount})
		if token, _ = page["nextPageToken"].(string); token == "" {
			break
		}
	}
	for _, a := range before {
		if id := a["uniqueId"].(string); seen[id] == 0 {
			t.Errorf("%s was there all the time and did not come", id)
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

func TestRepeatedItems(t *testing.T) {
	w := newWorld(t, 90, Options{PageSize: 3, RepeatLast: true})
	items, pages := w.all("/iam/v1/projects/tessellate-agents/serviceAccounts", "accounts", "")
	distinct := map[any]bool{}
	for _, it := range items {
		distinct[it["uniqueId"]] = true
	}
	if pages < 2 || len(items) != len(distinct)+pages-1 {
		t.Errorf("%d items, %d distinct, on %d pages; want one repeated on each page but the first", len(items), len(distinct), pages)
	}
}

func TestPageTokensAreBound(t *testing.T) {
	w := newWorld(t, 90, Options{PageSize: 3})
	const registry = "/agentregistry/v1/projects/tessellate-agents/locations/us-central1/agents"
	token := url.QueryEscape(w.get(registry)["nextPageToken"].(string))
	w.get(registry + "?pageToken=" + token)
	w.get(registry + "?pageToken=" + token + "&pageSize=2")
	for _, path := range []string{
		registry + "?pageToken=" + token + "&orderBy=name+desc",
		registry + "?pageToken=" + token[:len(token)-4],
		registry + "?pageToken=made-up",
		"/agentregistry/v1/projects/tessellate-agents/locations/europe-west4/agents?pageToken=" + token,
		"/agentregistry/v1/projects/tessellate-agents/locations/us-central1/bindings?pageToken=" + token,
	} {
		w.refused("GET", path, "", 400, "INVALID_ARGUMENT")
	}
	w.ExpireCursors()
	w.refused("GET", registry+"?pageToken="+token, "", 400, "INVALID_ARGUMENT")
	if _, pages := w.all(registry, "agents", ""); pages < 2 {
		t.Error("a new listing does not page")
	}
}
