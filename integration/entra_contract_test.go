package integration

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
	entraconnector "github.com/rollcallhq/rollcall/connectors/entra"
	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/entra"
)

// entraReads are the operations that the Entra connector asks for, parts of batches among them, each with the reason why the published
// types lack it, if they do: as oktaReads.
var entraReads = []apiCall{
	{"GET /v1.0/servicePrincipals", ""},
	{"GET /v1.0/servicePrincipals/delta", ""},
	{"GET /v1.0/applications/delta", ""},
	{"GET /v1.0/users/delta", ""},
	{"GET /v1.0/oauth2PermissionGrants/delta", ""},
	{"GET /v1.0/servicePrincipals/microsoft.graph.agentIdentity", ""},
	{"GET /v1.0/servicePrincipals/microsoft.graph.agentIdentityBlueprintPrincipal", ""},
	{"GET /v1.0/applications/microsoft.graph.agentIdentityBlueprint", ""},
	{"GET /v1.0/users/microsoft.graph.agentUser", ""},
	{"GET /v1.0/servicePrincipals/{id}", ""},
	{"GET /v1.0/applications/{id}", ""},
	{"GET /v1.0/users", ""},
	{"GET /v1.0/users/{id}", ""},
	{"GET /v1.0/groups/{id}", ""},
	{"GET /v1.0/servicePrincipals/{id}/owners", ""},
	{"GET /v1.0/servicePrincipals/{id}/microsoft.graph.agentIdentity/sponsors", ""},
	{"GET /v1.0/servicePrincipals/{id}/microsoft.graph.agentIdentityBlueprintPrincipal/sponsors", ""},
	{"GET /v1.0/applications/{id}/owners", ""},
	{"GET /v1.0/applications/{id}/microsoft.graph.agentIdentityBlueprint/sponsors", ""},
	{"GET /v1.0/applications/{id}/microsoft.graph.agentIdentityBlueprint/inheritablePermissions", ""},
	{"GET /v1.0/applications/{id}/federatedIdentityCredentials", ""},
	{"GET /v1.0/applications(appId={appId})/microsoft.graph.agentIdentityBlueprint/inheritablePermissions", ""},
	{"GET /v1.0/servicePrincipals(appId={appId})", ""},
	{"GET /v1.0/servicePrincipals(appId={appId})/appRoleAssignments", ""},
	{"GET /v1.0/servicePrincipals(appId={appId})/oauth2PermissionGrants", ""},
	{"GET /v1.0/users/{id}/manager", ""},
	{"GET /v1.0/users/{id}/sponsors", ""},
	{"GET /v1.0/users/{id}/appRoleAssignments", ""},
	{"GET /v1.0/servicePrincipals/{id}/appRoleAssignments", ""},
	{"GET /v1.0/servicePrincipals/{id}/oauth2PermissionGrants", ""},
	{"GET /v1.0/roleManagement/directory/roleAssignments", ""},
	{"GET /v1.0/auditLogs/directoryAudits", ""},
	{"GET /v1.0/directory/deletedItems/microsoft.graph.servicePrincipal", ""},
	{"GET /v1.0/directory/deletedItems/microsoft.graph.application", ""},
	{"GET /v1.0/directory/deletedItems/microsoft.graph.user", ""},
	{"GET /v1.0/subscriptions", ""},
	{"POST /v1.0/subscriptions", ""},
	{"GET /v1.0/roleManagement/directory/roleDefinitions/{id}", "the excerpt of the metadata has no unifiedRoleDefinition"},
	{"GET /beta/servicePrincipals/microsoft.graph.agentIdentity/{id}/inheritedAppRoleAssignments", "beta's, which has no metadata here"},
	{"GET /beta/servicePrincipals/microsoft.graph.agentIdentity/{id}/{id}", "beta's inheritedOauth2PermissionGrants, whose digit makes it look like an id"},
	{"GET /beta/identityProtection/riskyAgents", "beta's"},
	{"GET /beta/identityProtection/agentRiskDetections", "beta's"},
	{"GET /beta/auditLogs/signIns", "beta's"},
}

// entraShuns are operations that the connector must never ask for.
var entraShuns = []apiCall{
	{"GET /v1.0/servicePrincipals/{id}/sponsors", "only the agent types have sponsors: a real tenant answers 400"},
}

// entraSettings connects to a sandbox with its token, in small pages and with everything that is optional.
func entraSettings(org *entra.Sandbox, url string, base http.RoundTripper) connectors.Settings {
	return connectors.Settings{
		Tenant: "acme", Connection: "entra", Endpoint: url,
		Auth:      map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(org.Token())},
		Options:   map[string]string{"page_size": "3", "activities": "all", "notification_url": "https://hub.example/hooks/acme/entra"},
		Hook:      connectors.Hook{Secret: "s3cr3t-of-the-hook"},
		Transport: connectors.NewTransport(base, connectors.Limits{Share: 1}),
	}
}

// Whatever the Entra connector asks, through every change that a tenant has, is of types and properties that Microsoft has published; and
// so are the sandbox's answers. Items that do not say their type, as the vendor may send them, are of none that could be looked up.
func TestEntraConnectorHoldsTheContract(t *testing.T) {
	t.Parallel()
	h := &held{contract: contract.Entra(t), reads: entraReads, shuns: entraShuns, report: t.Errorf, asked: map[string]int{}, found: map[string]int{}}
	for _, mood := range []entra.Nature{{}, {EmptyPages: true, Replays: true, Risk: entra.Absent}} {
		org := entra.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
		t.Cleanup(func() { _ = org.Close() })
		org.Nature = mood
		org.NotifyClient = &http.Client{Transport: echo{}}
		server := httptest.NewServer(sandbox.Serve(org))
		t.Cleanup(server.Close)
		r := newReader(t, &entraconnector.Vendor, entraSettings(org, server.URL, &contract.Watch{Next: http.DefaultTransport, See: h.see}))
		r.bears = mood.Risk == entra.Absent
		r.readAll(t)
		for range 2 {
			for _, op := range slices.Concat(sandbox.Ops(), sandbox.DirectoryOps()) {
				if _, err := org.Mutate(sandbox.Change{Op: op}); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
					t.Fatal(err)
				}
				r.read(t, "directory-audits")
			}
			for _, feed := range []string{"service-principals", "applications", "users", "oauth2-grants"} {
				r.read(t, feed)
			}
		}
		r.readAll(t)
	}
	for _, m := range h.missed() {
		t.Errorf("%s; asked for were %v", m, slices.Sorted(maps.Keys(h.asked)))
	}
}

// The test above can fail: each of these requests is one that Graph does not have.
func TestEntraContractSeesABrokenRequest(t *testing.T) {
	t.Parallel()
	org := entra.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	server := httptest.NewServer(sandbox.Serve(org))
	t.Cleanup(server.Close)
	for target, want := range map[string]string{
		"/v1.0/users?$top=5":           "",
		"/v1.0/users?$top=5000":        "$top",
		"/v1.0/users?$select=nickname": "names nickname",
		"/v1.0/servicePrincipals/a1a1a1a1-0001-4000-8000-000000000001/sponsors": "never to be asked for",
		"/v1.0/servicePrincipals/x/elsewhere":                                   "neither in the contract nor allowed",
		"/beta/users":                                                           "neither in the contract nor allowed",
		"/beta/identityProtection/riskyAgents":                                  "",
		"/v1.0/auditLogs/directoryAudits?$skip=1":                               "$skip is an option",
		"/v1.0/applications/microsoft.graph.agentUser":                          "neither in the contract nor allowed",
		"/v1.0/directory/deletedItems/microsoft.graph.user?$select=id":          "",
	} {
		var found []string
		h := &held{contract: contract.Entra(t), reads: entraReads, shuns: entraShuns, asked: map[string]int{}, found: map[string]int{},
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

// echo validates every address of a hook, and takes all that is delivered.
type echo struct{}

func (echo) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain")
	_, err := w.WriteString(r.URL.Query().Get("validationToken"))
	return w.Result(), err
}
