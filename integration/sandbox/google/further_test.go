package google

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// one is an agent of a further kind of the truth; nil when there is none.
func (w *world) one(id string) *sandbox.TruthAgent {
	for _, a := range w.Truth().Further {
		if a.ID == id {
			return &a
		}
	}
	return nil
}

// TestFurtherKinds takes one agent of each further kind through its life, and compares it with its API each time.
func TestFurtherKinds(t *testing.T) {
	for native, life := range map[string][]struct {
		op   sandbox.Op
		want string // status; empty: gone
	}{
		nativeRun: {{sandbox.DeleteAgent, ""}},
		nativeGemini: {{sandbox.DisableAgent, "disabled"}, {sandbox.EnableAgent, "active"}, {sandbox.BlockAgent, "disabled"},
			{sandbox.UnblockAgent, "active"}, {sandbox.RenameAgent, "active"}, {sandbox.DeleteAgent, ""}},
		nativeManaged: {{sandbox.DisableAgent, "disabled"}, {sandbox.EnableAgent, "active"}, {sandbox.DeleteAgent, "deleted"},
			{sandbox.RestoreAgent, "active"}},
	} {
		w := newWorld(t, 60, Options{})
		out, told := w.told(sandbox.Change{Op: sandbox.CreateAgent, Native: native})
		a := w.one(out.Agent)
		if a == nil || a.Native != native || a.Status != "active" || a.Name != out.Name || len(told) == 0 {
			t.Fatalf("%s: %+v, truth %+v, %d entries", native, out, a, len(told))
		}
		w.whole()
		for _, step := range life {
			_, told := w.told(sandbox.Change{Op: step.op, Agent: out.Agent})
			a, status := w.one(out.Agent), ""
			if a != nil {
				status = a.Status
			}
			if status != step.want || len(told) == 0 {
				t.Errorf("%s of %s: %q with %d entries, want %q", step.op, native, status, len(told), step.want)
			}
			w.whole()
		}
	}
}

func TestDeletedPoolsShowOnRequest(t *testing.T) {
	w := newWorld(t, 30, Options{PageSize: 2})
	const pools = "/iam/v1/projects/tessellate-agents/locations/global/workloadIdentityPools"
	some, _ := w.all(pools, "workloadIdentityPools", "")
	whole, pages := w.all(pools+"?showDeleted=true", "workloadIdentityPools", "")
	if len(some) != 3 || len(whole) != 4 || pages < 2 {
		t.Errorf("%d pools, %d with the deleted one, on %d pages", len(some), len(whole), pages)
	}
	i := slices.IndexFunc(whole, func(p object) bool { return p["state"] == "DELETED" })
	if i < 0 || whole[i]["expireTime"] == nil || whole[i]["disabled"] != true {
		t.Errorf("no deleted pool among %v", whole)
	}
	modes := map[any]bool{}
	for _, p := range some {
		modes[p["mode"]] = true
	}
	if len(modes) != 3 {
		t.Errorf("modes %v", modes)
	}
	w.refused("GET", "/iam/v1/projects/tessellate-agents/locations/us-central1/workloadIdentityPools", "", 403, "PERMISSION_DENIED")
}

func TestProvidersLive(t *testing.T) {
	w := newWorld(t, 60, Options{})
	out, told := w.told(sandbox.Change{Op: sandbox.CreateProvider})
	status := func() string {
		for _, p := range w.Truth().Providers {
			if p.ID == out.Key {
				return p.Status
			}
		}
		return ""
	}
	if status() != "active" || len(told) != 1 || payload(told[0])["response"].(object)["name"] != out.Key {
		t.Fatalf("%s: %q, told %v", out.Key, status(), told)
	}
	for _, step := range []struct {
		op   sandbox.Op
		want string
	}{{sandbox.DisableProvider, "disabled"}, {sandbox.EnableProvider, "active"}, {sandbox.DeleteProvider, "deleted"}, {sandbox.RestoreProvider, "active"}} {
		_, told := w.told(sandbox.Change{Op: step.op, Agent: out.Key})
		if status() != step.want || len(told) != 1 {
			t.Errorf("%s: %q, %d entries", step.op, status(), len(told))
		}
		w.whole()
	}
}

// TestConsents: a person consents, an agent uses it, the person revokes it, and what was used stays on record for a while.
func TestConsents(t *testing.T) {
	w := newWorld(t, 60, Options{})
	const who = "ana@tessellate.example"
	out := w.do(sandbox.Change{Op: sandbox.AddConsent, Native: nativeEngine, Person: who})
	mine := func() (lines []string) {
		for _, c := range w.agent(out.Agent).Consents {
			if strings.Contains(c, " for "+who) {
				lines = append(lines, c)
			}
		}
		return lines
	}
	if !slices.Contains(mine(), out.Key) {
		t.Fatalf("%s is not among %v", out.Key, mine())
	}
	w.whole()
	_, told := w.told(sandbox.Change{Op: sandbox.RemoveConsent, Person: who})
	if !slices.Contains(mine(), out.Key+" (revoked)") || len(told) != 1 || !strings.HasSuffix(payload(told[0])["methodName"].(string), ".RevokeAuthorization") {
		t.Errorf("revoked: %v, told %v", mine(), told)
	}
	w.whole()
	w.clock.Advance(181 * 24 * time.Hour)
	if len(mine()) != 0 {
		t.Errorf("after 181 days the record still has %v", mine())
	}
	w.whole()
}

// TestWorkloadsInBothSpellings: access summaries name agents as principals or as SPIFFE ids, and can be filtered by either.
func TestWorkloadsInBothSpellings(t *testing.T) {
	w := newWorld(t, 90, Options{})
	const path = "/agentidentity/v1/projects/tessellate-agents/locations/us-central1"
	for range 12 {
		w.do(sandbox.Change{Op: sandbox.AddConsent, Native: nativeEngine})
	}
	list, _ := w.all(path+"/accessSummaries", "accessSummaries", "")
	schemes := map[string]bool{}
	for _, a := range list {
		id := a["workloadId"].(string)
		scheme, _, _ := strings.Cut(id, "://")
		schemes[scheme] = true
		found, _ := w.all(path+"/accessSummaries?filter="+url.QueryEscape(`workload_id="`+id+`"`), "accessSummaries", "")
		if !slices.ContainsFunc(found, func(b object) bool { return b["name"] == a["name"] }) {
			t.Errorf("the filter does not find %s", id)
		}
		used := w.get(path + "/authProviders:query?workloadId=" + url.QueryEscape(id))
		if !slices.Contains(texts(used["authProviderNames"]), a["authProvider"].(string)) {
			t.Errorf("%s has used %v", id, used)
		}
	}
	if !schemes["principal"] || !schemes["spiffe"] {
		t.Errorf("schemes %v", schemes)
	}
}

func TestConnections(t *testing.T) {
	w := newWorld(t, 60, Options{})
	out, told := w.told(sandbox.Change{Op: sandbox.AddConnection})
	if len(told) != 2 || payload(told[1])["resourceName"] != out.Key {
		t.Errorf("told %v", told)
	}
	w.whole()
	for range 100 {
		if w.do(sandbox.Change{Op: sandbox.RemoveConnection, Agent: out.Agent}).Key == out.Key {
			break
		}
	}
	w.whole()
}

func TestKeysAreDisabled(t *testing.T) {
	w := newWorld(t, 60, Options{})
	reasons := map[any]bool{}
	for range 12 {
		out, told := w.told(sandbox.Change{Op: sandbox.DisableCredential})
		key := w.get("/iam/v1/projects/-/serviceAccounts/" + out.Agent + "/keys/" + out.Key)
		if key["disabled"] != true || len(told) != 1 {
			t.Errorf("key %v, told %v", key, told)
		}
		reasons[key["disableReason"]] = true
		if exposed := key["disableReason"] == "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED"; exposed != (key["extendedStatus"] != nil) {
			t.Errorf("%v with the status %v", key["disableReason"], key["extendedStatus"])
		}
		w.do(sandbox.Change{Op: sandbox.EnableCredential, Agent: out.Agent})
	}
	if len(reasons) != 2 {
		t.Errorf("reasons %v", reasons)
	}
}

// TestSecretsAreKnown: what the APIs give out that nobody may keep can be looked for.
func TestSecretsAreKnown(t *testing.T) {
	w := newWorld(t, 30, Options{})
	list, _ := w.all("/discoveryengine/v1alpha/projects/tessellate-agents/locations/global/authorizations", "authorizations", "")
	for _, a := range list {
		if s := a["serverSideOauth2"].(object)["clientSecret"].(string); !slices.Contains(w.Secrets(), s) {
			t.Errorf("the secret of %v is not told", a["name"])
		}
	}
	if len(list) != 2 || len(w.Secrets()) != 3 {
		t.Errorf("%d clients, %d secrets", len(list), len(w.Secrets()))
	}
}

func TestSharedAgentsOnly(t *testing.T) {
	const path = "/discoveryengine/v1alpha/projects/tessellate-agents/locations/global/collections/default_collection/engines/tessellate-app/assistants/default_assistant/agents"
	w := newWorld(t, 90, Options{})
	whole, _ := w.all(path, "agents", "")
	w.Options.SharedOnly = true
	some, _ := w.all(path, "agents", "")
	if len(some) == 0 || len(some) >= len(whole) {
		t.Errorf("%d of %d agents are shared", len(some), len(whole))
	}
}

// TestStatesThatNoDocumentKnows: a reader must keep them and must not take them for gone.
func TestStatesThatNoDocumentKnows(t *testing.T) {
	w := newWorld(t, 90, Options{NovelEvery: 2})
	truth := w.Truth()
	agents, providers := 0, 0
	for _, a := range truth.Further {
		if a.Status == "unknown" {
			agents++
			if got := w.get("/discoveryengine/v1alpha/" + a.ID)["state"]; got != novelState {
				t.Errorf("%s is %v", a.ID, got)
			}
		}
	}
	for _, p := range truth.Providers {
		if p.Status == "unknown" {
			providers++
			if got := w.get("/agentidentity/v1/" + p.ID)["state"]; got != novelState {
				t.Errorf("%s is %v", p.ID, got)
			}
		}
	}
	if agents == 0 || providers == 0 || providers == len(truth.Providers) {
		t.Errorf("%d agents and %d providers have such a state", agents, providers)
	}
}

func TestServicesThatAProjectDoesNotUse(t *testing.T) {
	w := newWorld(t, 30, Options{Disabled: []string{"agentregistry@tessellate-labs"}})
	const agents = "/locations/us-central1/agents"
	w.get("/agentregistry/v1/projects/tessellate-agents" + agents)
	e := w.refused("GET", "/agentregistry/v1/projects/tessellate-labs"+agents, "", 403, "PERMISSION_DENIED")
	if d := e["details"].([]any)[0].(object); d["reason"] != "SERVICE_DISABLED" || d["metadata"].(object)["service"] != "agentregistry.googleapis.com" {
		t.Errorf("details %v", d)
	}
	w.get("/iam/v1/projects/tessellate-labs/serviceAccounts")
}

// TestQuotasAreOfProjects: each project has its own, and each service; the log's is 60 reads a minute.
func TestQuotasAreOfProjects(t *testing.T) {
	w := newWorld(t, 30, Options{Quotas: DocumentedQuotas(), NoRetryInfo: true})
	read := func(project string) (int, object) {
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.base+"/logging/v2/entries:list",
			strings.NewReader(`{"resourceNames":["projects/tessellate-labs"],"pageSize":1}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+w.Token())
		req.Header.Set("X-Goog-User-Project", project)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b := make([]byte, 1<<16)
		n, _ := res.Body.Read(b)
		if res.StatusCode == http.StatusOK {
			return res.StatusCode, nil
		}
		return res.StatusCode, decodeObject(t, b[:n])["error"].(object)
	}
	for i := range 60 {
		if code, _ := read("tessellate-agents"); code != 200 {
			t.Fatalf("read %d: %d", i+1, code)
		}
	}
	code, e := read("tessellate-agents")
	if code != 429 || len(e["details"].([]any)) != 1 {
		t.Errorf("read 61: %d %v", code, e)
	}
	if code, _ := read("tessellate-labs"); code != 200 {
		t.Errorf("another project: %d", code)
	}
	w.get(accountsPath) // another service
	w.clock.Advance(time.Minute)
	if code, _ := read("tessellate-agents"); code != 200 {
		t.Errorf("a minute later: %d", code)
	}
}

func TestAssetsAreAHint(t *testing.T) {
	w := newWorld(t, 60, Options{PageSize: 9, AssetLag: time.Hour})
	organization := "/cloudasset/v1/organizations/" + w.Organization()
	count := func(query string) int {
		list, _ := w.all(organization+":searchAllResources?"+query, "results", "")
		return len(list)
	}
	accounts := "assetTypes=iam.googleapis.com/ServiceAccount"
	before := count(accounts)
	have := 0
	for _, a := range w.Truth().Agents {
		if a.Native == nativeAccount {
			have++
		}
	}
	if before != have || count(accounts+"&assetTypes=cloudresourcemanager.googleapis.com/Project") != have+2 {
		t.Errorf("%d accounts, want %d", before, have)
	}
	out := w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeAccount, Name: "Zeppelin pilot"})
	if count(accounts) != before {
		t.Error("the inventory knows of a new account at once")
	}
	w.clock.Advance(time.Hour)
	if count(accounts) != before+1 || count("query="+url.QueryEscape(`displayName:"zeppelin"`)) != 1 {
		t.Error("the inventory never hears of a new account")
	}
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: out.Agent})
	if count(accounts) != before {
		t.Error("a deleted account is still there")
	}
	w.refused("GET", organization+":searchAllResources?assetTypes=agentregistry.googleapis.com/Agent", "", 400, "INVALID_ARGUMENT")
	w.refused("GET", "/cloudasset/v1/organizations/1:searchAllResources", "", 403, "PERMISSION_DENIED")
}

// TestAssetPoliciesAreThose: the search must show what the policies themselves say of agents.
func TestAssetPoliciesAreThose(t *testing.T) {
	w := newWorld(t, 60, Options{PageSize: 9})
	trust := "agents.global.org-" + w.Organization()
	got := map[string][]string{}
	list, _ := w.all("/cloudasset/v1/organizations/"+w.Organization()+":searchAllIamPolicies?query="+url.QueryEscape(`policy:"`+trust+`"`), "results", "")
	for _, r := range list {
		for _, b := range r["policy"].(object)["bindings"].([]any) {
			key := b.(object)["role"].(string) + "@" + r["resource"].(string)
			if c, ok := b.(object)["condition"].(object); ok {
				key += " if " + c["expression"].(string)
			}
			for _, m := range texts(b.(object)["members"]) {
				if strings.Contains(m, trust) {
					got[m] = append(got[m], key)
				}
			}
		}
	}
	want := map[string][]string{}
	for m, keys := range w.mirror().bindings {
		if strings.Contains(m, trust) {
			want[m] = keys
		}
	}
	for m := range want {
		w.same(m, "bindings", want[m], got[m])
	}
	if len(want) == 0 || len(got) != len(want) {
		t.Errorf("%d members, want %d", len(got), len(want))
	}
	project := w.st.Projects[governed]
	var in []string
	list, _ = w.all("/cloudasset/v1/folders/"+w.st.Folders[0].Number+":searchAllResources?assetTypes=cloudresourcemanager.googleapis.com/Project", "results", "")
	for _, r := range list {
		in = append(in, r["project"].(string))
		if diff := cmp.Diff([]any{"folders/" + w.st.Folders[1].Number, "folders/" + w.st.Folders[0].Number}, r["folders"]); diff != "" {
			t.Errorf("folders:\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"projects/" + project.Number}, in); diff != "" {
		t.Errorf("projects in the upper folder:\n%s", diff)
	}
}
