package integration

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	googleconnector "github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
)

// googleReads are the operations that the Google connector asks for: as oktaReads.
var googleReads = []apiCall{
	{"GET /cloudresourcemanager/v3/projects:search", ""},
	{"GET /cloudresourcemanager/v3/folders:search", ""},
	{"GET /cloudresourcemanager/v3/organizations:search", ""},
	{"GET /cloudresourcemanager/v3/projects/{projectsId}", ""},
	{"POST /cloudresourcemanager/v3/projects/{projectsId}:getIamPolicy", ""},
	{"POST /cloudresourcemanager/v3/folders/{foldersId}:getIamPolicy", ""},
	{"POST /cloudresourcemanager/v3/organizations/{organizationsId}:getIamPolicy", ""},
	{"GET /agentregistry/v1/projects/{projectsId}/locations", ""},
	{"GET /agentregistry/v1/projects/{projectsId}/locations/{locationsId}/agents", ""},
	{"GET /agentregistry/v1/projects/{projectsId}/locations/{locationsId}/bindings", ""},
	{"GET /agentregistry/v1/projects/{projectsId}/locations/{locationsId}/bindings/{bindingsId}", ""},
	{"GET /aiplatform/v1/projects/{projectsId}/locations", ""},
	{"GET /aiplatform/v1/projects/{projectsId}/locations/{locationsId}/reasoningEngines", ""},
	{"GET /aiplatform/v1/projects/{projectsId}/locations/{locationsId}/reasoningEngines/{reasoningEnginesId}", ""},
	{"POST /aiplatform/v1/projects/{projectsId}/locations/{locationsId}/reasoningEngines/{reasoningEnginesId}:getIamPolicy", ""},
	{"GET /iam/v1/projects/{projectsId}/serviceAccounts", ""},
	{"GET /iam/v1/projects/{projectsId}/serviceAccounts/{serviceAccountsId}", ""},
	{"GET /iam/v1/projects/{projectsId}/serviceAccounts/{serviceAccountsId}/keys", ""},
	{"POST /iam/v1/projects/{projectsId}/serviceAccounts/{serviceAccountsId}:getIamPolicy", ""},
	{"GET /iam/v1/projects/{projectsId}/locations/{locationsId}/workloadIdentityPools/{workloadIdentityPoolsId}", ""},
	{"GET /iam/v1/projects/{projectsId}/locations/{locationsId}/workloadIdentityPools/{workloadIdentityPoolsId}/providers", ""},
	{"GET /run/v2/projects/{projectsId}/locations/{locationsId}/services", ""},
	{"GET /run/v2/projects/{projectsId}/locations/{locationsId}/services/{servicesId}", ""},
	{"GET /discoveryengine/v1alpha/projects/{projectsId}/locations/{locationsId}/authorizations", ""},
	{"GET /discoveryengine/v1alpha/projects/{projectsId}/locations/{locationsId}/collections/{collectionsId}/engines", ""},
	{"GET /discoveryengine/v1alpha/projects/{projectsId}/locations/{locationsId}/collections/{collectionsId}/engines/{enginesId}/assistants", ""},
	{"GET /discoveryengine/v1alpha/projects/{projectsId}/locations/{locationsId}/collections/{collectionsId}/engines/{enginesId}/assistants/{assistantsId}/agents", ""},
	{"GET /discoveryengine/v1alpha/projects/{projectsId}/locations/{locationsId}/collections/{collectionsId}/engines/{enginesId}/assistants/{assistantsId}/agents/{agentsId}", ""},
	{"GET /agentidentity/v1/projects/{projectsId}/locations", ""},
	{"GET /agentidentity/v1/projects/{projectsId}/locations/{locationsId}/authProviders", ""},
	{"GET /agentidentity/v1/projects/{projectsId}/locations/{locationsId}/authProviders/{authProvidersId}", ""},
	{"GET /agentidentity/v1/projects/{projectsId}/locations/{locationsId}/authProviders/{authProvidersId}/authorizations", ""},
	{"GET /agentidentity/v1/projects/{projectsId}/locations/{locationsId}/accessSummaries", ""},
	{"POST /logging/v2/entries:list", ""},
	{"GET /cloudasset/v1/{v1Id}/{v1Id1}:searchAllIamPolicies", ""},
	{"GET /admin/admin/reports/v1/activity/users/{userKey}/applications/{applicationName}", ""},
	{"POST /pubsub/v1/projects/{projectsId}/subscriptions/{subscriptionsId}:pull", ""},
	{"POST /pubsub/v1/projects/{projectsId}/subscriptions/{subscriptionsId}:acknowledge", ""},
}

// googleShuns are operations that the connector must never ask for.
var googleShuns = []apiCall{
	{"POST /agentidentity/v1/projects/{projectsId}/locations/{locationsId}/authProviders/{authProvidersId}:resolveAuthorization", "it makes a record where there is none"},
}

// googleSettings connects to a sandbox with its token, in small pages.
func googleSettings(org *google.Sandbox, url string, base http.RoundTripper, options map[string]string) connectors.Settings {
	all := map[string]string{"page_size": "3", "activities": "all"}
	maps.Copy(all, options)
	return connectors.Settings{
		Tenant: "acme", Connection: "google", Endpoint: url, Options: all,
		Auth:      map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(org.Token())},
		Transport: connectors.NewTransport(base, connectors.Limits{Share: 1}),
	}
}

// Whatever the Google connector asks, through every change that an organization has, is a method, parameters and members of Google's
// discovery documents; and so are the sandbox's answers.
func TestGoogleConnectorHoldsTheContract(t *testing.T) {
	t.Parallel()
	h := &held{contract: contract.Google(t), reads: googleReads, shuns: googleShuns, report: t.Errorf, asked: map[string]int{}, found: map[string]int{}}
	for _, queued := range []bool{false, true} {
		org := google.New(sandbox.NewCompany(suiteSeed, 60), suiteSeed)
		server := httptest.NewServer(sandbox.Serve(org))
		t.Cleanup(server.Close)
		options := map[string]string{"projects": strings.Join(org.Projects(), ","), "workspace_admin": "cloud-admin@tessellate.example"}
		if queued {
			out, err := org.Mutate(sandbox.Change{Op: sandbox.OpenSink})
			if err != nil {
				t.Fatal(err)
			}
			options = map[string]string{"subscription": out.Key, "asset_inventory": "organizations/" + org.Organization()}
		}
		settings := googleSettings(org, server.URL, &contract.Watch{Next: http.DefaultTransport, See: h.see}, options)
		var later atomic.Int64
		settings.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		r := newReader(t, &googleconnector.Vendor, settings)
		r.readAll(t)
		later.Store(int64(time.Hour)) // Workspace's reports are read when the agents are known
		org.Now = settings.Now
		natives := []string{"", "cloud_run_service", "gemini_agent"}
		for _, native := range natives {
			for _, change := range googleChanges() {
				if change.Native == "" {
					change.Native = native
				}
				if _, err := org.Mutate(change); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
					t.Fatal(err)
				}
				r.read(t, "audit-log")
			}
		}
		r.readAll(t)
	}
	for _, m := range h.missed() {
		t.Errorf("%s; asked for were %v", m, slices.Sorted(maps.Keys(h.asked)))
	}
}

// The test above can fail: each of these requests is one that Google does not have.
func TestGoogleContractSeesABrokenRequest(t *testing.T) {
	t.Parallel()
	org := google.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	server := httptest.NewServer(sandbox.Serve(org))
	t.Cleanup(server.Close)
	project := "projects/" + org.Projects()[0]
	for target, want := range map[string]string{
		"/iam/v1/" + project + "/serviceAccounts?pageSize=5":                     "",
		"/iam/v1/" + project + "/serviceAccounts?pageSize=many":                  "is no integer",
		"/iam/v1/" + project + "/serviceAccounts?showDeleted=true":               "is unknown",
		"/iam/v1/" + project + "/accounts":                                       "neither in the contract nor allowed",
		"/vault/v1/" + project + "/secrets":                                      "neither in the contract nor allowed",
		"/agentidentity/v1/" + project + "/locations/us/authProviders/x:resolve": "neither in the contract nor allowed",
	} {
		var found []string
		h := &held{contract: contract.Google(t), reads: googleReads, shuns: googleShuns, asked: map[string]int{}, found: map[string]int{},
			report: func(_ string, args ...any) { found = append(found, args[0].(string)) }}
		client := http.Client{Transport: &contract.Watch{Next: http.DefaultTransport, See: h.see}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+org.Token())
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := strings.Join(found, "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("GET %s: findings are %q, want %q", target, got, want)
		}
	}
}
