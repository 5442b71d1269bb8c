package okta

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// watch checks every answer on its way to the client. Requests are not held to the contract: this package's tests break them.
func watch(c *contract.Contract, report func(format string, args ...any), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{header: http.Header{}}
		next.ServeHTTP(rec, r)
		for _, wrong := range c.Answer(r, rec.status, rec.header, rec.body.Bytes()) {
			report("%s\n%s", wrong, rec.body.Bytes())
		}
		for k, v := range rec.header {
			w.Header()[k] = v
		}
		w.WriteHeader(rec.status)
		_, _ = w.Write(rec.body.Bytes())
	})
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func TestEveryAnswerHoldsTheContract(t *testing.T) {
	c := contract.Okta(t)
	o := start(t, Options{PageSize: 7})
	o.serve(watch(c, t.Errorf, o.Sandbox))
	for range 30 {
		for _, op := range slices.Concat(sandbox.Ops(), sandbox.ExtraOps()) {
			if _, err := o.Mutate(sandbox.Change{Op: op}); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Fatal(err)
			}
		}
	}
	o.readEverything()
	o.writeEverything()
	o.writeHooks()
	for _, want := range []string{
		"GET " + agents, "POST " + agents, "GET " + agents + "/{agentId}", "PATCH " + agents + "/{agentId}", "PUT " + agents + "/{agentId}",
		"DELETE " + agents + "/{agentId}", "POST " + agents + "/{agentId}/lifecycle/deactivate", "GET " + agents + "/{agentId}/connections",
		"POST " + agents + "/{agentId}/connections", "GET " + agents + "/{agentId}/credentials/jwks", "POST " + agents + "/{agentId}/credentials/jwks",
		"GET /workload-principals/api/v1/operations/{operationId}", "GET /governance/api/v1/resource-owners", "GET /api/v1/apps",
		"GET /api/v1/apps/{appId}", "GET /api/v1/apps/{appId}/grants", "GET /api/v1/apps/{appId}/credentials/secrets",
		"GET /api/v1/apps/{appId}/credentials/jwks", "GET /oauth2/v1/clients/{clientId}/roles", "GET /api/v1/users", "GET /api/v1/users/{id}",
		"GET /api/v1/groups", "GET /api/v1/groups/{groupId}", "GET /api/v1/api-tokens", "GET /api/v1/api-tokens/{apiTokenId}", "GET /api/v1/logs", "GET /.well-known/okta-organization",
		"GET " + eventHooks, "POST " + eventHooks, "GET " + eventHooks + "/{eventHookId}", "POST " + eventHooks + "/{eventHookId}/lifecycle/activate",
		"POST " + eventHooks + "/{eventHookId}/lifecycle/deactivate", "POST " + eventHooks + "/{eventHookId}/lifecycle/verify",
	} {
		if c.Held(want) == 0 {
			t.Errorf("%s was never held to the contract", want)
		}
	}
}

// TestTheContractTestCanSee breaks an answer on purpose.
func TestTheContractTestCanSee(t *testing.T) {
	c := contract.Okta(t)
	for path, body := range map[string]string{
		agents + "/x":             `{"id":7}`,
		agents + "/x/connections": `{"data":[{"connectionType":"STS_VAULT_SECRET"}],"_links":{"self":{"href":"x"}}}`,
		"/api/v1/apps":            `{}`,
		"/governance/api/v1/resource-owners?filter=x": `{"data":[{"principals":[]}]}`,
	} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://org.example"+path, nil)
		if wrong := c.Answer(req, 200, http.Header{"Content-Type": {"application/json"}}, []byte(body)); len(wrong) == 0 {
			t.Errorf("GET %s answered %s, and the contract test saw nothing wrong", path, body)
		}
	}
}

// readEverything visits all that can be read, each in its forms, refusals included.
func (o *org) readEverything() {
	for path := range lists(o) {
		o.walk(path)
	}
	for _, a := range o.st.Agents {
		at := agents + "/" + a.ID
		for _, path := range []string{at, at + "/credentials/jwks", at + "/connections", ownersPath + url.QueryEscape(`parentResourceOrn eq "`+o.st.agentORN(a.ID)+`"`)} {
			o.get(path)
		}
		for _, k := range a.Keys {
			o.get(at + "/credentials/jwks/" + k.ID)
		}
		for _, n := range a.Connections {
			o.get(at + "/connections/" + n.ID)
		}
	}
	for _, a := range o.st.Apps {
		at := "/api/v1/apps/" + a.ID
		for _, path := range []string{at, at + "/grants", at + "/grants?expand=scope", at + "/credentials/secrets", at + "/credentials/jwks", "/oauth2/v1/clients/" + a.ID + "/roles"} {
			o.get(path)
		}
	}
	for _, t := range o.st.Tokens {
		o.get("/api/v1/api-tokens/" + t.ID)
	}
	for _, path := range []string{
		"/.well-known/okta-organization", "/api/v1/api-tokens", "/workload-principals/api/v1/operations", "/api/v1/logs",
		"/api/v1/users/" + o.st.Users[0].ID, "/api/v1/groups/" + o.st.Groups[0].ID, "/api/v1/logs?since=yesterday", agents + "/wlp0", agents + "?limit=0",
		"/api/v1/apps/0oa0", "/api/v1/users/nobody@example.org", "/api/v1/groups/00g0", "/api/v1/api-tokens/00T0", "/oauth2/v1/clients/0oa0/roles", "/governance/api/v1/resource-owners",
	} {
		o.get(path)
		o.as("SSWS wrong", http.MethodGet, path, "", "")
	}
}
