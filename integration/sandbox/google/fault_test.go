package google

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// fail asks the sandbox to play a fault on a request, and returns whether it did and what it answered.
func (w *world) fail(kind sandbox.FaultKind, method, path, body string) (bool, int, object) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	if !w.Fail(rec, req, sandbox.Fault{Kind: kind, After: 7e9}) {
		if rec.Body.Len() > 0 {
			w.t.Errorf("%s %s %s: refused the fault but wrote %s", kind, method, path, rec.Body)
		}
		return false, 0, nil
	}
	return true, rec.Code, decodeObject(w.t, rec.Body.Bytes())
}

func TestFormsOfFaults(t *testing.T) {
	w := newWorld(t, 30, Options{})
	const path = "/agentregistry/v1/projects/tessellate-agents/locations/us-central1/agents"
	for kind, want := range map[sandbox.FaultKind]struct {
		code           int
		status, reason string
	}{
		sandbox.RateLimit:    {429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"},
		sandbox.ServerError:  {500, "INTERNAL", ""},
		sandbox.Unauthorized: {401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED"},
		sandbox.Forbidden:    {403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"},
	} {
		played, code, body := w.fail(kind, "GET", path, "")
		e, _ := body["error"].(object)
		if !played || code != want.code || e["status"] != want.status || e["code"] != float64(code) {
			t.Errorf("%s: %v %d %v", kind, played, code, body)
			continue
		}
		if details, _ := e["details"].([]any); want.reason != "" && (len(details) == 0 || details[0].(object)["reason"] != want.reason) {
			t.Errorf("%s: details %v, want %s", kind, details, want.reason)
		}
	}
	if _, _, body := w.fail(sandbox.RateLimit, "GET", path, ""); body["error"].(object)["details"].([]any)[1].(object)["retryDelay"] != "7s" {
		t.Errorf("429: %v", body)
	}
	_, _, body := w.fail(sandbox.Forbidden, "GET", path, "")
	want := "Permission 'agentregistry.agents.list' denied on resource '//agentregistry.googleapis.com/projects/tessellate-agents/locations/us-central1' (or it may not exist)."
	if got := body["error"].(object)["message"]; got != want {
		t.Errorf("403 says %q", got)
	}
}

func TestFaultsThatFitOnlySomeRequests(t *testing.T) {
	w := newWorld(t, 30, Options{})
	const list, get = "/iam/v1/projects/p/serviceAccounts", "/iam/v1/projects/p/serviceAccounts/a"
	for _, c := range []struct {
		kind               sandbox.FaultKind
		method, path, body string
		code               int // 0: not played
	}{
		{sandbox.Expired, "GET", list + "?pageToken=x", "", 400},
		{sandbox.Expired, "GET", list + "?page_token=x", "", 400},
		{sandbox.Expired, "GET", list, "", 0},
		{sandbox.Expired, "POST", "/logging/v2/entries:list", `{"pageToken":"x"}`, 400},
		{sandbox.Expired, "POST", "/logging/v2/entries:list", `{}`, 0},
		{sandbox.EmptyOK, "GET", list, "", 200},
		{sandbox.EmptyOK, "GET", "/cloudresourcemanager/v3/projects:search", "", 200},
		{sandbox.EmptyOK, "POST", "/logging/v2/entries:list", `{}`, 200},
		{sandbox.EmptyOK, "GET", get, "", 0},
		{sandbox.Slow, "GET", list, "", 0},
		{sandbox.ServerError, "GET", "/nowhere", "", 0},
		{sandbox.ServerError, "POST", "/token", "", 500},
		{sandbox.Unauthorized, "POST", "/token", "", 400},
		{sandbox.RateLimit, "POST", "/token", "", 429},
		{sandbox.EmptyOK, "POST", "/token", "", 0},
	} {
		played, code, body := w.fail(c.kind, c.method, c.path, c.body)
		if played != (c.code != 0) || code != c.code {
			t.Errorf("%s on %s %s: %v %d, want %d", c.kind, c.method, c.path, played, code, c.code)
		}
		if c.code == http.StatusOK && len(body) != 0 {
			t.Errorf("%s on %s: %v is not empty", c.kind, c.path, body)
		}
	}
}

// TestBodySurvivesTheLookForAToken: a fault that does not fit must leave the request whole for the sandbox.
func TestBodySurvivesTheLookForAToken(t *testing.T) {
	w := newWorld(t, 30, Options{})
	front := sandbox.Serve(w.Sandbox)
	if err := front.Inject(sandbox.Fault{Kind: sandbox.Expired}); err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), "POST", "/logging/v2/entries:list",
		strings.NewReader(`{"resourceNames":["projects/tessellate-agents"]}`))
	req.Header.Set("Authorization", "Bearer "+w.Token())
	front.ServeHTTP(rec, req)
	if entries, _ := decodeObject(t, rec.Body.Bytes())["entries"].([]any); rec.Code != 200 || len(entries) == 0 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestPermissions(t *testing.T) {
	want := map[string]string{
		"google.iam.admin.v1.IAM.ListServiceAccountKeys":                         "iam.serviceAccountKeys.list",
		"google.iam.admin.v1.IAM.GetServiceAccount":                              "iam.serviceAccounts.get",
		"google.cloud.resourcemanager.v3.Projects.SearchProjects":                "resourcemanager.projects.get",
		"google.cloud.resourcemanager.v3.Projects.GetIamPolicy":                  "resourcemanager.projects.getIamPolicy",
		"google.logging.v2.LoggingServiceV2.ListLogEntries":                      "logging.logEntries.list",
		"google.cloud.aiplatform.v1.ReasoningEngineService.ListReasoningEngines": "aiplatform.reasoningEngines.list",
	}
	for i := range routes {
		if p, ok := want[routes[i].method]; ok && routes[i].permission() != p {
			t.Errorf("%s needs %s, want %s", routes[i].method, routes[i].permission(), p)
		}
	}
}
