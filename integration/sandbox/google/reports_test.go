package google

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const tokensPath = "/admin/admin/reports/v1/activity/users/all/applications/token"

// activities lists a report to its end.
func (w *world) activities(path, size string) (out []object) {
	w.t.Helper()
	token := ""
	for {
		page := w.get(path + "&maxResults=" + size + "&pageToken=" + url.QueryEscape(token))
		list, _ := page["items"].([]any)
		for _, x := range list {
			out = append(out, x.(object))
		}
		if token, _ = page["nextPageToken"].(string); token == "" {
			return out
		}
	}
}

func TestReportsComeNewestFirst(t *testing.T) {
	w := newWorld(t, 60, Options{})
	list := w.activities(tokensPath+"?", "7")
	whole := w.activities(tokensPath+"?", "1000")
	if diff := cmp.Diff(whole, list); diff != "" || len(list) < 20 {
		t.Errorf("%d activities; one page (-) and many (+):\n%s", len(list), diff)
	}
	last := "9"
	agentic := 0
	for _, a := range list {
		at := a["id"].(object)["time"].(string)
		if at > last {
			t.Errorf("%s comes behind %s", at, last)
		}
		last = at
		info := a["actor"].(object)["agentAttributionInfo"]
		if (info != nil) != (a["isAgenticAction"] == true) {
			t.Errorf("%v is attributed to %v", a["isAgenticAction"], info)
		}
		if info != nil {
			agentic++
		}
	}
	if agentic == 0 || agentic == len(list) {
		t.Errorf("%d of %d are an agent's", agentic, len(list))
	}
}

func TestAgentsAreReported(t *testing.T) {
	w := newWorld(t, 60, Options{ReportLag: 10 * time.Minute})
	w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeGemini})
	from := stamp(w.clock.Now())
	w.clock.Advance(time.Second)
	out := w.do(sandbox.Change{Op: sandbox.UseAgent, Person: "ana@tessellate.example"})
	w.clock.Advance(time.Minute)
	path := tokensPath + "?startTime=" + from
	if early := w.activities(path, "10"); len(early) != 0 {
		t.Errorf("%d activities are reported at once", len(early))
	}
	w.clock.Advance(10 * time.Minute)
	list := w.activities(path, "10")
	if len(list) != 1 || list[0]["id"].(object)["uniqueQualifier"] != out.Key || list[0]["actor"].(object)["email"] != "ana@tessellate.example" {
		t.Fatalf("reported: %v, done: %+v", list, out)
	}
	info := list[0]["actor"].(object)["agentAttributionInfo"].(object)
	if !strings.HasSuffix(out.Agent, "/agents/"+info["agentId"].(string)) || info["agentName"] != out.Name {
		t.Errorf("the agent is %v, want %s", info, out.Agent)
	}
	for filter, want := range map[string]int{
		`agentId="` + info["agentId"].(string) + `"`: 1, `agentName="nobody"`: 0,
		`agentName="` + out.Name + `" AND agentOwnerEmail="cloud-admin@tessellate.example"`: 1,
	} {
		if got := w.activities(path+"&agentInfoFilter="+url.QueryEscape(filter), "10"); len(got) != want {
			t.Errorf("%s finds %d, want %d", filter, len(got), want)
		}
	}
	event := list[0]["events"].([]any)[0].(object)["name"].(string)
	for query, want := range map[string]int{"&eventName=" + event: 1, "&eventName=other": 0, "&endTime=" + from: -1, "&endTime=" + stamp(w.clock.Now()): 1} {
		if want < 0 {
			w.refused("GET", path+query, "", 400, "INVALID_ARGUMENT")
		} else if got := w.activities(path+query, "10"); len(got) != want {
			t.Errorf("%s finds %d, want %d", query, len(got), want)
		}
	}
	one := strings.Replace(path, "/all/", "/ana@tessellate.example/", 1)
	if got := w.activities(one, "10"); len(got) != 1 {
		t.Errorf("of the person %d activities, want 1", len(got))
	}
	w.clock.Advance(181 * 24 * time.Hour)
	if got := w.activities(path, "10"); len(got) != 0 {
		t.Errorf("%d activities are kept for more than 180 days", len(got))
	}
}

// TestDelegationsAreReported: what clients may do for people is reported and in the truth, whoever the clients' are.
func TestDelegationsAreReported(t *testing.T) {
	w := newWorld(t, 60, Options{})
	w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeGemini})
	w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeGemini})
	w.clock.Advance(time.Second)
	domain := w.do(sandbox.Change{Op: sandbox.DelegateDomain})
	consent := w.do(sandbox.Change{Op: sandbox.AuthorizeClient, Person: "ana@tessellate.example"})
	admin := strings.Replace(tokensPath, "token", "admin", 1) + "?"
	list := w.activities(admin, "10")
	if len(list) != 1 {
		t.Fatalf("%d administrators' activities", len(list))
	}
	parameters := list[0]["events"].([]any)[0].(object)["parameters"].([]any)
	if p := parameters[0].(object); p["name"] != "API_CLIENT_NAME" || p["value"] != domain.Agent || len(parameters) != 3 {
		t.Errorf("reported are %v of %s", parameters, domain.Agent)
	}
	holds := func(want string) (n int) {
		truth := w.Truth()
		for _, a := range append(truth.Agents, truth.Further...) {
			for _, d := range a.Delegated {
				if strings.Contains(d, want) {
					n++
				}
			}
		}
		return n
	}
	if holds(domain.Agent+" for *") == 0 || holds(consent.Key+" for ana@tessellate.example") < 2 {
		t.Errorf("the truth has neither %+v nor %+v", domain, consent)
	}
	w.clock.Advance(time.Second)
	w.do(sandbox.Change{Op: sandbox.UndelegateDomain})
	w.do(sandbox.Change{Op: sandbox.RevokeClient, Person: "ana@tessellate.example"})
	if holds(domain.Agent+" for * (taken back)") != 1 || holds(consent.Key+" for ana@tessellate.example (taken back)") == 0 || len(w.activities(admin, "10")) != 2 {
		t.Error("what was taken back is not said")
	}
	for _, application := range []string{"workspace_studio", "gemini_in_workspace_apps"} {
		w.do(sandbox.Change{Op: sandbox.UseAgent, Name: application})
		list := w.activities(strings.Replace(tokensPath, "token", application, 1)+"?", "10")
		if len(list) != 1 || list[0]["isAgenticAction"] != true {
			t.Errorf("%s: %v", application, list)
		}
	}
}

func TestReportRequests(t *testing.T) {
	w := newWorld(t, 30, Options{Quotas: map[string]int{serviceAdmin: 6}})
	for _, path := range []string{strings.Replace(tokensPath, "token", "cooking", 1), tokensPath + "?maxResults=1001", tokensPath + "?startTime=yesterday",
		tokensPath + "?filters=client_id==1", tokensPath + "?agentInfoFilter=%28"} {
		e := w.refused("GET", path, "", 400, "INVALID_ARGUMENT")
		if list, _ := e["errors"].([]any); len(list) != 1 {
			t.Errorf("%s: %v is not in the older form", path, e)
		}
	}
	w.refused("GET", tokensPath+"?customerId=C01", "", 403, "PERMISSION_DENIED")
	e := w.refused("GET", tokensPath, "", 403, "PERMISSION_DENIED") // the seventh call
	if first := e["errors"].([]any)[0].(object); first["reason"] != "rateLimitExceeded" || first["domain"] != "usageLimits" {
		t.Errorf("over the quota: %v", e)
	}
}

// TestReportsNeedAnAdministrator: a service account sees reports only in the name of a Workspace administrator.
func TestReportsNeedAnAdministrator(t *testing.T) {
	w := newWorld(t, 30, Options{})
	w.mu.Lock()
	own := w.st.issue("rollcall@ops.iam.gserviceaccount.com", "", w.clock.Now())
	admin := w.st.issue("rollcall@ops.iam.gserviceaccount.com", w.st.Admin, w.clock.Now())
	w.mu.Unlock()
	for token, want := range map[string]int{own: http.StatusUnauthorized, admin: http.StatusOK} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.base+tokensPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("status %d, want %d", res.StatusCode, want)
		}
	}
}
