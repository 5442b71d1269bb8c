package google

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

// TestFeeds: names are stable for ever, since they name cursors; what a list no longer shows must be missing twice.
func TestFeeds(t *testing.T) {
	want := map[string]int{feedRegistryAgents: 2, feedReasoningEngines: 2, feedServiceAccounts: 2, feedServiceAccountKeys: 0, feedIAMPolicies: 0,
		feedFolderPolicies: 0, feedAccountPolicies: 0, feedEnginePolicies: 0, feedAuditLog: 0, feedRunAgents: 2, feedGeminiAgents: 2,
		feedRegistryBindings: 2, feedDelegations: 2, feedRunPolicies: 0, feedAppPolicies: 0, feedProviderPolicies: 0, feedPoolPolicies: 0,
		feedRegistryServices: 2}
	got := map[string]int{}
	for _, f := range company(t).connect(t, nil).Feeds() {
		got[f.Name] = f.Passes
		if led := f.Led == feedAuditLog; len(f.Kinds) == 0 || led == (f.Name == feedAuditLog) || led != (f.Every > time.Minute) {
			t.Errorf("%s: kinds %v every %v, led by %q", f.Name, f.Kinds, f.Every, f.Led)
		}
		if f.Led != "" && !slices.Contains(audits, f.Name) {
			t.Errorf("%s is no audit", f.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("feeds and passes (-want +got):\n%s", diff)
	}
}

// TestSecretsAreStrippedOnReceipt: no record holds a secret, wherever in an answer it stood.
func TestSecretsAreStrippedOnReceipt(t *testing.T) {
	const secret = "hunter2-hunter2"
	f := company(t)
	agent := edit(t, jsonAgent, map[string]any{"card": map[string]any{"content": map[string]any{"clientSecret": secret, "private_key": secret}}})
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/us-central1/agents", agent)
	f.set("/iam/v1/projects/rc-sandbox/serviceAccounts/104857600000000000001/keys", edit(t, jsonKey, map[string]any{"privateKeyData": secret}))
	f.bodies[policyPath] = edit(t, jsonPolicy, map[string]any{"accessToken": secret})
	c := f.connect(t, nil)
	marked := 0
	for _, feed := range c.Feeds() {
		for _, r := range records(round(t, feed)) {
			if strings.Contains(string(r.Body), secret) {
				t.Errorf("%s: %s", r.Type, r.Body)
			}
			marked += strings.Count(string(r.Body), redacted)
		}
	}
	if marked != 4 {
		t.Errorf("%d marks of secrets, want 4", marked)
	}
}

// TestAskedIsBeforeTheRequest: a record must not look newer than the state that it shows.
func TestAskedIsBeforeTheRequest(t *testing.T) {
	f := company(t)
	began := map[string]time.Time{}
	f.spoil = func(_ http.ResponseWriter, r *http.Request) bool {
		if path := r.URL.Path; began[path].IsZero() {
			began[path] = time.Now()
		}
		return false
	}
	c := f.connect(t, nil)
	paths := map[string]string{feedRegistryAgents: "/agentregistry/v1/projects/rc-sandbox/locations/us-central1/agents",
		feedReasoningEngines: "/aiplatform/v1/projects/rc-sandbox/locations/us-central1/reasoningEngines", feedServiceAccounts: accountsPath,
		feedServiceAccountKeys: accountsPath + "/104857600000000000001/keys", feedIAMPolicies: policyPath,
		feedFolderPolicies: "/cloudresourcemanager/v3/folders/333344445555:getIamPolicy",
		feedRunAgents:      "/run/v2/projects/rc-sandbox/locations/-/services", feedDelegations: "/agentidentity/v1/projects/rc-sandbox/locations/us-central1/authProviders",
		feedGeminiAgents:     "/discoveryengine/v1alpha/projects/rc-sandbox/locations/global/collections/default_collection/engines",
		feedRegistryBindings: "/agentregistry/v1/projects/rc-sandbox/locations/us-central1/bindings",
		feedAccountPolicies:  accountsPath + "/104857600000000000001:getIamPolicy", feedEnginePolicies: "/aiplatform/v1/" + enginePath + ":getIamPolicy",
		feedRegistryServices: "/agentregistry/v1/projects/rc-sandbox/locations/us-central1/services",
		feedRunPolicies:      "/run/v2/projects/rc-sandbox/locations/us-central1/services/desk:getIamPolicy",
		feedAppPolicies:      "/discoveryengine/v1alpha/projects/444455556666/locations/global/collections/default_collection/engines/acme-app:getIamPolicy",
		feedProviderPolicies: "/agentidentity/v1/" + authProviderName + ":getIamPolicy",
		feedPoolPolicies:     "/iam/v1/projects/444455556666/locations/global/workloadIdentityPools/gh:getIamPolicy"}
	for _, feed := range c.Feeds() {
		if feed.Name == feedAuditLog {
			continue
		}
		for _, r := range records(round(t, feed))[:1] {
			if at := began[paths[feed.Name]]; at.IsZero() || r.Asked.After(at) {
				t.Errorf("%s: asked at %v, the request began at %v", r.Type, r.Asked, at)
			}
		}
	}
}

// TestRedirectsAreNotFollowed: the credentials stay with the host that they are for.
func TestRedirectsAreNotFollowed(t *testing.T) {
	called := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer elsewhere.Close()
	f := company(t)
	f.override[accountsPath] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }
	_, err := f.connect(t, map[string]string{"projects": "rc-sandbox"}).feed(t, feedServiceAccounts).Pull(context.Background(), nil)
	if called || err == nil || connectors.AsFault(err) != nil || !strings.Contains(err.Error(), "redirects are not followed") {
		t.Errorf("%v; the other host was called: %v", err, called)
	}
}

// TestNamesFromTheVendorStayInTheirPlace: an id that would lead to another path is an error.
func TestNamesFromTheVendorStayInTheirPlace(t *testing.T) {
	for _, id := range []string{"../../x", "a/b", "", "x?y", ".."} {
		f := company(t)
		f.set(accountsPath, edit(t, jsonAccount, map[string]any{"uniqueId": id}))
		_, err := f.connect(t, map[string]string{"projects": "rc-sandbox"}).feed(t, feedServiceAccountKeys).Pull(context.Background(), nil)
		if err == nil || len(f.calls) != 1 {
			t.Errorf("uniqueId %q: %v after the calls %v", id, err, f.calls)
		}
	}
}
