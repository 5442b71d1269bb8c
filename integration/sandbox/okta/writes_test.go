package okta

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	plainJSON  = "application/json"
	mergePatch = "application/merge-patch+json"
)

// serve puts another handler in place of the org's own, for tests that look at each answer.
func (o *org) serve(h http.Handler) {
	s := httptest.NewServer(h)
	o.t.Cleanup(s.Close)
	o.url = s.URL
}

// finished returns the operation that an accepted write points to.
func (o *org) finished(r reply) agentOperation {
	o.t.Helper()
	if r.status != http.StatusAccepted || len(r.body) > 0 {
		o.t.Fatalf("%d %q, want 202 and no body", r.status, r.body)
	}
	var op agentOperation
	o.read(r.header.Get("Location"), &op)
	return op
}

func (o *org) agentAt(id string) (a aiAgent) {
	o.t.Helper()
	o.read(agents+"/"+id, &a)
	return a
}

// writeEverything makes one of each write over the API and checks that it shows.
func (o *org) writeEverything() {
	t := o.t
	op := o.finished(o.do("POST", agents, plainJSON, `{"profile":{"name":"Written over the API","description":"first"}}`))
	if op.Type != "ai-agent:Register" || op.Status != "COMPLETED" || !strings.HasPrefix(op.Resource.ID, "wlp") {
		t.Errorf("registration: %+v", op)
	}
	at := agents + "/" + op.Resource.ID
	if a := o.agentAt(op.Resource.ID); a.Status != "STAGED" || a.Profile.Description != "first" {
		t.Errorf("registered agent: %+v", a)
	}
	o.finished(o.do("PATCH", at, mergePatch, `{"profile":{"name":"Patched over the API"}}`))
	if a := o.agentAt(op.Resource.ID); a.Profile.Name != "Patched over the API" || a.Profile.Description != "first" {
		t.Errorf("patched agent: %+v", a)
	}
	o.finished(o.do("PUT", at, plainJSON, `{"profile":{"name":"Replaced over the API"}}`))
	if a := o.agentAt(op.Resource.ID); a.Profile.Name != "Replaced over the API" || a.Profile.Description != "" {
		t.Errorf("replaced agent: %+v", a)
	}
	o.writeKeys(at)
	o.writeConnections(at)
	o.writeLinks(op.Resource.ID)
	o.writeLifecycle(at)
}

func (o *org) writeKeys(at string) {
	var k jwk
	o.created(o.do("POST", at+"/credentials/jwks", plainJSON, `{"kty":"RSA","kid":"mine","alg":"RS256","use":"sig","e":"AQAB","n":"abc"}`), &k)
	one := at + "/credentials/jwks/" + k.ID
	o.expect("DELETE", one, "", "", 400, "E0000001")
	o.expect("POST", one+"/lifecycle/deactivate", "", "", 200, "")
	o.read(one, &k)
	if k.Status != "INACTIVE" || k.Kid != "mine" || k.Links.Delete == nil {
		o.t.Errorf("deactivated key: %+v", k)
	}
	o.expect("POST", one+"/lifecycle/activate", "", "", 200, "")
	o.expect("POST", one+"/lifecycle/deactivate", "", "", 200, "")
	o.expect("DELETE", one, "", "", 204, "")
	o.expect("GET", one, "", "", 404, "E0000007")
}

func (o *org) writeConnections(at string) {
	var n managedConnection
	o.created(o.do("POST", at+"/connections", plainJSON,
		`{"connectionType":"IDENTITY_ASSERTION_CUSTOM_AS","scopeCondition":"ALL_SCOPES","scopes":["*"],"authorizationServer":{"orn":"`+
			o.st.serverORN(o.st.Servers[0].ID)+`"}}`), &n)
	one := at + "/connections/" + n.ID
	o.expect("PATCH", one, mergePatch, `{"scopes":["a"]}`, 400, "E0000001")
	o.expect("PATCH", one, mergePatch, `{"scopes":["a"],"scopeCondition":"INCLUDE_ONLY"}`, 200, "")
	o.expect("POST", one+"/lifecycle/deactivate", "", "", 200, "")
	o.read(one, &n)
	if n.Status != "INACTIVE" || n.ScopeCondition != "INCLUDE_ONLY" || n.Server.Name != o.st.Servers[0].Name {
		o.t.Errorf("changed connection: %+v", n)
	}
	o.expect("POST", one+"/lifecycle/activate", "", "", 200, "")
	o.expect("DELETE", one, "", "", 204, "")
	o.expect("GET", one, "", "", 404, "E0000007")
}

func (o *org) writeLinks(agent string) {
	var l delegation
	o.created(o.do("POST", delegationLinks, plainJSON,
		`{"from":{"clientOrn":"`+o.st.appORN(o.st.Apps[1])+`"},"to":{"resourceOrn":"`+o.st.agentORN(agent)+`"}}`), &l)
	filter := delegationLinks + `?filter=to.resourceOrn%20eq%20%22` + o.st.agentORN(agent) + `%22`
	if ids := o.get(filter).ids(o.t); len(ids) != 1 || ids[0] != l.ID {
		o.t.Errorf("links of the agent: %v, want %s", ids, l.ID)
	}
	o.expect("DELETE", delegationLinks+"/"+l.ID, "", "", 204, "")
	o.expect("DELETE", delegationLinks+"/"+l.ID, "", "", 404, "E0000007")
}

// writeLifecycle shows what Okta insists on: an owner to activate, and deactivation before deletion.
func (o *org) writeLifecycle(at string) {
	id := at[strings.LastIndex(at, "/")+1:]
	o.expect("POST", at+"/lifecycle/activate", "", "", 400, "E0000001")
	o.expect("DELETE", at, "", "", 400, "E0000001")
	a := o.st.agent(id)
	a.Owners, a.Bound = []owner{{"pri", "users", o.st.Users[0].ID}}, true
	o.finished(o.do("POST", at+"/lifecycle/activate", "", ""))
	o.finished(o.do("POST", at+"/lifecycle/deactivate", "", ""))
	o.finished(o.do("DELETE", at, "", ""))
	o.expect("GET", at, "", "", 404, "E0000007")
}

func (o *org) created(r reply, v any) {
	o.t.Helper()
	if r.status != http.StatusCreated {
		o.t.Fatalf("%d %s, want 201", r.status, r.body)
	}
	mustDecode(o.t, r.body, v)
}

func (o *org) expect(method, path, contentType, body string, status int, code string) {
	o.t.Helper()
	if r := o.do(method, path, contentType, body); r.status != status || r.code() != code {
		o.t.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, r.status, r.body, status, code)
	}
}

func TestWrites(t *testing.T) { start(t, Options{}).writeEverything() }

func TestRefusedWrites(t *testing.T) {
	o := start(t, Options{})
	at := agents + "/" + o.st.Agents[0].ID
	taken := `{"profile":{"name":"` + o.st.Agents[1].Name + `"}}`
	o.expect("POST", agents, plainJSON, `{"profile":{"name":"ab"}}`, 400, "E0000001")
	o.expect("POST", agents, plainJSON, taken, 400, "E0000001")
	o.expect("POST", agents, plainJSON, `{`, 400, "E0000003")
	o.expect("POST", agents, "text/plain", `{}`, 400, "E0000021")
	o.expect("PATCH", at, plainJSON, taken, 400, "E0000021")
	o.expect("PATCH", at, mergePatch, taken, 400, "E0000001")
	o.expect("PATCH", agents, mergePatch, `{}`, 405, "E0000022")
	o.expect("GET", at+"/owners", "", "", 405, "E0000022")
	o.expect("GET", "/api/v1/nonsense", "", "", 404, "E0000008")
	o.expect("POST", at+"/connections", plainJSON, `{"connectionType":"TELEPATHY"}`, 400, "E0000001")
	o.expect("POST", at+"/credentials/jwks", plainJSON, `{"kty":"oct","kid":"x"}`, 400, "E0000001")
	imported := find(o.st.Agents, func(a *agent) bool { return a.Provider != "" })
	imported.Status = "INACTIVE"
	o.expect("DELETE", agents+"/"+imported.ID, "", "", 400, "E0000001")
}

func TestOperationsTakeTheirTime(t *testing.T) {
	o := start(t, Options{OpDelay: 10 * time.Second})
	a := find(o.st.Agents, func(a *agent) bool { return a.Status == "ACTIVE" && a.Provider == "" })
	at := agents + "/" + a.ID
	r := o.do("POST", at+"/lifecycle/deactivate", "", "")
	if op := o.finished(r); op.Status != "IN_PROGRESS" || op.Completed != "" {
		t.Errorf("operation at once: %+v", op)
	}
	if got := o.agentAt(a.ID).Status; got != "ACTIVE" {
		t.Errorf("status %s right after the 202, want ACTIVE still", got)
	}
	if n := len(o.get("/api/v1/logs?filter=eventType%20eq%20%22workload_principal.deactivate%22").ids(t)); n != 1 {
		t.Errorf("%d log entries before the operation is through, want 1", n)
	}
	o.expect("DELETE", at, "", "", 400, "E0000001")
	o.clock.advance(10 * time.Second)
	if op := o.finished(r); op.Status != "COMPLETED" || op.Resource.Status != "INACTIVE" {
		t.Errorf("operation when due: %+v", op)
	}
	o.finished(o.do("DELETE", at, "", ""))
	if r := o.get(at); r.status != 200 {
		t.Errorf("%d right after the deletion was accepted, want 200 still", r.status)
	}
	o.clock.advance(10 * time.Second)
	o.expect("GET", at, "", "", 404, "E0000007")
}
