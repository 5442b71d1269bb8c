package integration

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
	googleconnector "github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
)

// What an audit of policies costs follows the policies that there are, not the accounts, where the inventory may be asked.
func TestGoogleInventoryNarrowsTheAudit(t *testing.T) {
	t.Parallel()
	const accounts = 1000
	org := google.NewWith(sandbox.NewCompanyAt(1, "google", map[string]int{"service_account": accounts}), 1, google.Layout{Projects: 20, Folders: 3})
	server := httptest.NewServer(sandbox.Serve(org))
	t.Cleanup(server.Close)
	var calls, policies atomic.Int64
	watch := &contract.Watch{Next: http.DefaultTransport, See: func(x contract.Exchange) {
		calls.Add(1)
		if strings.HasSuffix(x.Request.URL.Path, ":getIamPolicy") {
			policies.Add(1)
		}
	}}
	r := newReader(t, &googleconnector.Vendor, connectors.Settings{
		Tenant: "acme", Connection: "google", Endpoint: server.URL, Options: map[string]string{"asset_inventory": "organizations/" + org.Organization()},
		Auth:      map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(org.Token())},
		Transport: connectors.NewTransport(watch, connectors.Limits{Share: 1}),
	})
	round := func() (all, of int64) {
		calls.Store(0)
		policies.Store(0)
		r.read(t, "account-policies")
		return calls.Load(), policies.Load()
	}
	whole, wholePolicies := round()
	narrow, narrowPolicies := round()
	t.Logf("a whole round: %d calls, %d policies; a narrowed one: %d calls, %d policies", whole, wholePolicies, narrow, narrowPolicies)
	if shown := accountsWithPolicy(t, org, server.URL); wholePolicies < accounts || narrowPolicies != shown || narrow > whole-wholePolicies+shown {
		t.Errorf("%d accounts have a policy; a whole round costs %d calls, a narrowed one %d", shown, whole, narrow)
	}
	before := map[string]bool{}
	for _, a := range org.Truth().Agents {
		for _, b := range a.Bindings {
			before[b] = true
		}
	}
	if _, err := org.Mutate(sandbox.Change{Op: sandbox.AddBinding, Name: "account"}); err != nil {
		t.Fatal(err)
	}
	readings := r.read(t, "account-policies")
	found := false
	for _, reading := range readings {
		for _, e := range reading.Entities {
			if e.Grant == nil {
				continue
			}
			binding := e.Grant.Role + "@" + e.Grant.Resource
			if e.Grant.Condition != "" {
				binding += " if " + e.Grant.Condition
			}
			found = found || !before[binding]
		}
	}
	if !found {
		t.Error("a role that was given on an account is not found in a narrowed round")
	}
}

// accountsWithPolicy is how many accounts' policies the inventory shows.
func accountsWithPolicy(t *testing.T, org *google.Sandbox, base string) (n int64) {
	t.Helper()
	for token := ""; ; {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/cloudasset/v1/organizations/"+org.Organization()+
			":searchAllIamPolicies?pageSize=500&assetTypes=iam.googleapis.com%2FServiceAccount&pageToken="+url.QueryEscape(token), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+org.Token())
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Results []json.RawMessage `json:"results"`
			Next    string            `json:"nextPageToken"`
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		n += int64(len(page.Results))
		if token = page.Next; token == "" {
			return n
		}
	}
}
