package google

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// large is an organization of 500 projects and 5,000 service accounts.
func large() *Sandbox {
	c := sandbox.NewCompanyAt(1, "google", map[string]int{nativeAccount: 5000, nativeEngine: 400, nativeRegistry: 600})
	s := NewWith(c, 1, Layout{Projects: 500, Folders: 25, Bindings: 1500, At: seedTime})
	now := seedTime.AddDate(0, 0, 1)
	s.Now = func() time.Time { return now }
	return s
}

// ask calls an organization in this process.
func ask(tb testing.TB, s *Sandbox, method, target, body string) *httptest.ResponseRecorder {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.Token())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		tb.Fatalf("%s %s: %d %s", method, target, w.Code, w.Body)
	}
	return w
}

type request struct{ method, target, body string }

// requests of a reader, of things at the far end of what there is, where a search through all of it shows most.
func requests(s *Sandbox) map[string]request {
	p, a := s.st.Projects[len(s.st.Projects)-1], s.st.Accounts[len(s.st.Accounts)-1]
	var names []string
	for _, p := range s.st.Projects[len(s.st.Projects)-100:] {
		names = append(names, `"projects/`+p.ProjectID+`"`)
	}
	const registry = "/agentregistry/v1/projects/tessellate-agents/locations/us-central1/"
	three := `{"options":{"requestedPolicyVersion":3}}`
	return map[string]request{
		"projects":        {"GET", "/cloudresourcemanager/v3/projects:search?pageSize=500", ""},
		"policy":          {"POST", "/cloudresourcemanager/v3/projects/" + p.ProjectID + ":getIamPolicy", three},
		"largest policy":  {"POST", "/cloudresourcemanager/v3/projects/tessellate-agents:getIamPolicy", three},
		"accounts":        {"GET", "/iam/v1/projects/" + p.ProjectID + "/serviceAccounts?pageSize=100", ""},
		"account":         {"GET", "/iam/v1/projects/-/serviceAccounts/" + a.UniqueID, ""},
		"keys":            {"GET", "/iam/v1/projects/-/serviceAccounts/" + a.UniqueID + "/keys?keyTypes=USER_MANAGED", ""},
		"account policy":  {"POST", "/iam/v1/projects/-/serviceAccounts/" + a.UniqueID + ":getIamPolicy?options.requestedPolicyVersion=3", ""},
		"engines":         {"GET", "/aiplatform/v1/projects/" + p.ProjectID + "/locations/us-central1/reasoningEngines", ""},
		"registry":        {"GET", registry + "agents?pageSize=100", ""},
		"registry places": {"GET", "/agentregistry/v1/projects/" + p.ProjectID + "/locations", ""},
		"bindings":        {"GET", registry + "bindings", ""},
		"runs":            {"GET", "/run/v2/projects/" + p.ProjectID + "/locations/-/services", ""},
		"pools":           {"GET", "/iam/v1/projects/" + p.ProjectID + "/locations/global/workloadIdentityPools", ""},
		"providers":       {"GET", "/agentidentity/v1/projects/" + p.ProjectID + "/locations/-/authProviders", ""},
		"quiet log": {"POST", "/logging/v2/entries:list", `{"resourceNames":[` + strings.Join(names, ",") + `],"orderBy":"timestamp asc","pageSize":1000,` +
			`"filter":"log_id(\"cloudaudit.googleapis.com/activity\") AND timestamp>=\"` + stamp(seedTime) + `\" AND protoPayload.methodName:\"SetIamPolicy\""}`},
		"assets":         {"GET", "/cloudasset/v1/organizations/" + s.st.Org + ":searchAllResources?pageSize=500&assetTypes=iam.googleapis.com/ServiceAccount", ""},
		"asset policies": {"GET", "/cloudasset/v1/organizations/" + s.st.Org + ":searchAllIamPolicies?pageSize=500&query=policy:agents.global", ""},
	}
}

// BenchmarkRequests measures calls to a large organization in this process, without a network.
func BenchmarkRequests(b *testing.B) {
	s := large()
	for name, r := range requests(s) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask(b, s, r.method, r.target, r.body)
			}
		})
	}
}

// BenchmarkFirstRead measures a reading of all projects, accounts, keys and policies of a large organization.
func BenchmarkFirstRead(b *testing.B) {
	s := large()
	three := `{"options":{"requestedPolicyVersion":3}}`
	calls := 0
	call := func(method, target, body string) {
		calls++
		ask(b, s, method, target, body)
	}
	for b.Loop() {
		calls = 0
		for _, p := range s.st.Projects {
			call("POST", "/cloudresourcemanager/v3/projects/"+p.ProjectID+":getIamPolicy", three)
			call("GET", "/iam/v1/projects/"+p.ProjectID+"/serviceAccounts?pageSize=100", "")
			call("GET", "/aiplatform/v1/projects/"+p.ProjectID+"/locations/us-central1/reasoningEngines", "")
			call("GET", "/agentregistry/v1/projects/"+p.ProjectID+"/locations/us-central1/agents", "")
		}
		for _, a := range s.st.Accounts {
			call("GET", "/iam/v1/"+a.name()+"/keys?keyTypes=USER_MANAGED", "")
			call("POST", "/iam/v1/"+a.name()+":getIamPolicy?options.requestedPolicyVersion=3", "")
		}
	}
	b.ReportMetric(float64(calls), "calls/op")
}

// BenchmarkSeed measures how long a large organization takes to build.
func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		large()
	}
}

// BenchmarkChange measures one change, the truth after it, and a snapshot.
func BenchmarkChange(b *testing.B) {
	s := large()
	for name, c := range map[string]sandbox.Change{
		"key":     {Op: sandbox.AddCredential},
		"grant":   {Op: sandbox.AddGrant, Native: nativeAccount},
		"binding": {Op: sandbox.AddBinding, Name: kindFolder},
		"create":  {Op: sandbox.CreateAgent, Native: nativeAccount},
		"rename":  {Op: sandbox.RenameAgent},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Mutate(c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("truth", func(b *testing.B) {
		for b.Loop() {
			s.Truth()
		}
	})
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Snapshot(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestLargeOrganization reads a large organization's shape, and that it is the same each time.
func TestLargeOrganization(t *testing.T) {
	l := Layout{Projects: 20, Folders: 6, Bindings: 200, At: seedTime}
	c := sandbox.NewCompanyAt(3, "google", map[string]int{nativeAccount: 120, nativeEngine: 20})
	s, again := NewWith(c, 3, l), NewWith(c, 3, l)
	if snapshot(t, s) != snapshot(t, again) {
		t.Error("the same layout and seed gave two organizations")
	}
	if len(s.Projects()) != 20 || len(s.st.Folders) != 6 {
		t.Errorf("%d projects in %d folders", len(s.Projects()), len(s.st.Folders))
	}
	if n := len(s.st.Policies[projectPolicyKey(s.Projects()[0])].Bindings); n != 200 {
		t.Errorf("the first project's policy has %d bindings", n)
	}
	clock := &clock{now: seedTime.AddDate(0, 0, 1)}
	s.Now, s.Options = clock.Now, Options{PageSize: 17}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	w := &world{Sandbox: s, t: t, clock: clock, base: srv.URL}
	w.whole()
	in := map[string]int{}
	for _, a := range s.st.Accounts {
		in[a.Project]++
	}
	if len(in) < 18 {
		t.Errorf("the accounts are in %d projects", len(in))
	}
	inFolder := 0
	for _, f := range s.st.Folders {
		list, _ := w.all(fmt.Sprintf("/cloudresourcemanager/v3/projects?parent=folders/%s", f.Number), "projects", "")
		inFolder += len(list)
	}
	if inFolder != 19 { // all but the labs
		t.Errorf("%d projects are in folders", inFolder)
	}
}
