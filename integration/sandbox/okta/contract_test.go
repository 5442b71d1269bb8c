package okta

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// specs finds the folder with the vendors' published contracts. Without it the test fails, so that a green run always means
// that the contract was held; ROLLCALL_SPECS=skip is the only way around.
func specs(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ROLLCALL_SPECS")
	switch {
	case dir == "skip" && os.Getenv("CI") != "true":
		return ""
	case dir == "" && os.Getenv("CI") == "true":
		t.Fatal("ROLLCALL_SPECS is not set: CI must name the folder of the vendors' contracts")
	case dir == "":
		dir = "../shared/specs"
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join("../../..", dir) // from this package to the repository's root
	}
	if _, err := os.Stat(filepath.Join(dir, "okta-management.json")); err != nil {
		t.Fatalf("no contracts of Okta in %s: set ROLLCALL_SPECS to the folder that holds okta-management.json, or to skip", dir)
	}
	return dir
}

// contract is Okta's three specifications, which together describe one org.
type contract struct {
	report  func(format string, args ...any)
	routers []routers.Router
	held    map[string]int // operation → responses checked
}

func loadContract(t *testing.T, dir string) *contract {
	t.Helper()
	c := &contract{report: t.Errorf, held: map[string]int{}}
	for _, name := range []string{"okta-management.json", "okta-ai-agents.json", "okta-governance.json"} {
		doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		doc.Servers = nil // any host
		if d := doc.Components.Schemas["TimeDuration"]; d != nil {
			d.Value.Pattern = "^P" // Okta's own uses a lookahead, which the copy turned into a pattern that fits nothing
		}
		r, err := gorillamux.NewRouter(doc)
		if err != nil {
			t.Fatal(err)
		}
		c.routers = append(c.routers, r)
	}
	return c
}

// check holds one answer to the contract of its request, and reports whether there is one.
func (c *contract) check(req *http.Request, status int, header http.Header, body []byte) bool {
	for _, r := range c.routers {
		route, params, err := r.FindRoute(req)
		if err != nil {
			continue
		}
		op := req.Method + " " + route.Path
		c.held[op]++
		if route.Operation.Responses.Status(status) == nil {
			c.undeclared(op, status, body)
			return true
		}
		in := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route},
			Status:                 status, Header: header, Body: io.NopCloser(bytes.NewReader(withoutNulls(route.Path, body))),
			Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
		}
		if err := openapi3filter.ValidateResponse(req.Context(), in); err != nil {
			c.report("%s %d breaks the contract: %v\n%s", op, status, err, body)
		}
		return true
	}
	return false
}

// undeclared takes a status that the contract leaves out only as a refusal in the common form of errors.
func (c *contract) undeclared(op string, status int, body []byte) {
	var e apiError
	if err := json.Unmarshal(body, &e); status < 400 || err != nil || e.Code == "" || e.ID == "" {
		c.report("%s %d: neither declared by the contract nor an error in Okta's form: %s", op, status, body)
	}
}

// withoutNulls drops the nulls of log entries and people. The live API sends them where the contract has no null.
func withoutNulls(path string, body []byte) []byte {
	var v any
	if !strings.HasPrefix(path, "/api/v1/logs") || json.Unmarshal(body, &v) != nil {
		return body
	}
	b, _ := json.Marshal(dropNulls(v))
	return b
}

func dropNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if m == nil {
				delete(v, k)
			} else {
				v[k] = dropNulls(m)
			}
		}
	case []any:
		for i := range v {
			v[i] = dropNulls(v[i])
		}
	}
	return v
}

// watch checks every answer on its way to the client.
func (c *contract) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{header: http.Header{}}
		next.ServeHTTP(rec, r)
		c.check(r, rec.status, rec.header, rec.body.Bytes())
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
	dir := specs(t)
	if dir == "" {
		return // by the explicit word of whoever runs this
	}
	c := loadContract(t, dir)
	o := start(t, Options{PageSize: 7})
	o.serve(c.watch(o.Sandbox))
	for range 30 {
		for _, op := range sandbox.Ops() {
			if _, err := o.Mutate(sandbox.Change{Op: op}); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Fatal(err)
			}
		}
	}
	o.readEverything()
	o.writeEverything()
	for _, want := range []string{
		"GET " + agents, "POST " + agents, "GET " + agents + "/{agentId}", "PATCH " + agents + "/{agentId}", "PUT " + agents + "/{agentId}",
		"DELETE " + agents + "/{agentId}", "POST " + agents + "/{agentId}/lifecycle/deactivate", "GET " + agents + "/{agentId}/connections",
		"POST " + agents + "/{agentId}/connections", "GET " + agents + "/{agentId}/credentials/jwks", "POST " + agents + "/{agentId}/credentials/jwks",
		"GET /workload-principals/api/v1/operations/{operationId}", "GET /governance/api/v1/resource-owners", "GET /api/v1/apps",
		"GET /api/v1/apps/{appId}", "GET /api/v1/apps/{appId}/grants", "GET /api/v1/apps/{appId}/credentials/secrets",
		"GET /api/v1/apps/{appId}/credentials/jwks", "GET /oauth2/v1/clients/{clientId}/roles", "GET /api/v1/users", "GET /api/v1/users/{id}",
		"GET /api/v1/groups", "GET /api/v1/groups/{groupId}", "GET /api/v1/api-tokens", "GET /api/v1/logs", "GET /.well-known/okta-organization",
	} {
		if c.held[want] == 0 {
			t.Errorf("%s was never held to the contract; it knows %v", want, c.held)
		}
	}
}

// TestTheContractTestCanSee breaks an answer on purpose.
func TestTheContractTestCanSee(t *testing.T) {
	dir := specs(t)
	if dir == "" {
		return // by the explicit word of whoever runs this
	}
	for path, body := range map[string]string{
		agents + "/x":             `{"id":7}`,
		agents + "/x/connections": `{"data":[{"connectionType":"STS_VAULT_SECRET"}],"_links":{"self":{"href":"x"}}}`,
		"/api/v1/apps":            `{}`,
		"/governance/api/v1/resource-owners?filter=x": `{"data":[{"principals":[]}]}`,
	} {
		seen := 0
		c := loadContract(t, dir)
		c.report = func(string, ...any) { seen++ }
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://org.example"+path, nil)
		known := c.check(req, 200, http.Header{"Content-Type": {"application/json"}}, []byte(body))
		if !known || seen == 0 {
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
	for _, path := range []string{
		"/.well-known/okta-organization", "/api/v1/api-tokens", "/workload-principals/api/v1/operations", "/api/v1/logs",
		"/api/v1/users/" + o.st.Users[0].ID, "/api/v1/groups/" + o.st.Groups[0].ID, "/api/v1/logs?since=yesterday", agents + "/wlp0", agents + "?limit=0",
		"/api/v1/apps/0oa0", "/api/v1/users/nobody@example.org", "/api/v1/groups/00g0", "/oauth2/v1/clients/0oa0/roles", "/governance/api/v1/resource-owners",
	} {
		o.get(path)
		o.as("SSWS wrong", http.MethodGet, path, "", "")
	}
}
