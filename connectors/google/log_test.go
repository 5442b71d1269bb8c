package google

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const account1 = "projects/-/serviceAccounts/104857600000000000001"

// TestLogEntriesGolden reads one realistic entry of each kind and compares what is told with testdata/log.json.
func TestLogEntriesGolden(t *testing.T) {
	iamDelta := map[string]any{"serviceData": map[string]any{"@type": "type.googleapis.com/google.iam.v1.logging.AuditData",
		"policyDelta": map[string]any{"bindingDeltas": []any{
			map[string]any{"action": "ADD", "role": "roles/bigquery.dataViewer", "member": canonical,
				"condition": map[string]any{"title": "until-2027", "expression": `request.time < timestamp("2027-01-01T00:00:00Z")`}},
			map[string]any{"action": "REMOVE", "role": "roles/editor", "member": "serviceAccount:invoice-agent@rc-sandbox.iam.gserviceaccount.com"},
		}}}}
	created := map[string]any{"/resource": map[string]any{"type": "service_account", "labels": map[string]any{"project_id": "rc-sandbox",
		"email_id": "invoice-agent@rc-sandbox.iam.gserviceaccount.com", "unique_id": "104857600000000000001"}},
		"response": map[string]any{"unique_id": "104857600000000000001"},
		"authenticationInfo": map[string]any{"principalEmail": "old-bot@rc-sandbox.iam.gserviceaccount.com", "principalSubject": "serviceAccount:old-bot@rc-sandbox.iam.gserviceaccount.com",
			"serviceAccountKeyName":        "//iam.googleapis.com/projects/rc-sandbox/serviceAccounts/old-bot@rc-sandbox.iam.gserviceaccount.com/keys/k77",
			"serviceAccountDelegationInfo": []any{map[string]any{"principalSubject": "principal://iam.googleapis.com/projects/444455556666/locations/global/workloadIdentityPools/gh/subject/repo:acme/infra"}}}}
	first, last := map[string]any{"/operation": map[string]any{"id": enginePath + "/operations/77", "first": true}},
		map[string]any{"/operation": map[string]any{"id": enginePath + "/operations/77", "last": true}, "response": map[string]any{"name": enginePath}}
	byAgent := map[string]any{"/operation": map[string]any{"id": enginePath + "/operations/78", "last": true},
		"authenticationInfo": map[string]any{"principalSubject": strings.Replace(canonical, "4411", "900", 1)},
		"callerAgent":        map[string]any{"id": "urn:agent:projects-444455556666:projects:444455556666:locations:us-central1:aiplatform:reasoningEngines:900", "authority": "ON_BEHALF_OF"}}
	failed := map[string]any{"status": map[string]any{"code": 7, "message": "denied to admin@example.com"}}
	cases := []struct {
		name, service, method, resource string
		more                            map[string]any
	}{
		{"account created by another account", "iam", "google.iam.admin.v1.CreateServiceAccount", "projects/rc-sandbox", created},
		{"account patched", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil},
		{"account disabled, not shown yet", "iam", "google.iam.admin.v1.DisableServiceAccount", account1, nil},
		{"account deleted", "iam", "google.iam.admin.v1.DeleteServiceAccount", "projects/-/serviceAccounts/104857600000000000007", nil},
		{"account undeleted", "iam", "google.iam.admin.v1.UndeleteServiceAccount", account1, nil},
		{"attempt that failed", "iam", "google.iam.admin.v1.DeleteServiceAccount", account1, failed},
		{"key deleted", "iam", "google.iam.admin.v1.DeleteServiceAccountKey", account1 + "/keys/k1", nil},
		{"account's policy, capital IAM", "iam", "google.iam.admin.v1.SetIAMPolicy", account1, nil},
		{"project's policy", "cloudresourcemanager", "SetIamPolicy", "projects/rc-sandbox", iamDelta},
		{"folder's policy, long name", "cloudresourcemanager", "google.cloud.resourcemanager.v3.Folders.SetIamPolicy", "folders/333344445555", nil},
		{"bucket's policy", "storage", "storage.setIamPermissions", "projects/_/buckets/b", iamDelta},
		{"engine, begun", "aiplatform", "google.cloud.aiplatform.v1.ReasoningEngineService.CreateReasoningEngine", "projects/444455556666/locations/us-central1", first},
		{"engine, done", "aiplatform", "google.cloud.aiplatform.v1beta1.ReasoningEngineService.UpdateReasoningEngine", "projects/444455556666/locations/us-central1", last},
		{"engine made by an agent for somebody", "aiplatform", "google.cloud.aiplatform.v1.ReasoningEngineService.CreateReasoningEngine", "projects/444455556666/locations/us-central1", byAgent},
		{"engine deleted", "aiplatform", "google.cloud.aiplatform.v1.ReasoningEngineService.DeleteReasoningEngine", strings.Replace(enginePath, "4411", "4499", 1), map[string]any{"/operation": map[string]any{"last": true}}},
		{"engine's policy", "aiplatform", "google.cloud.aiplatform.v1.ReasoningEngineService.SetIamPolicy", enginePath, nil},
		{"Cloud Run service's policy", "run", "google.cloud.run.v1.Services.SetIamPolicy", "projects/rc-sandbox/locations/us-central1/services/desk", map[string]any{"serviceData": map[string]any{
			"policyDelta": map[string]any{"bindingDeltas": []any{map[string]any{"action": "ADD", "role": "roles/run.invoker", "member": canonical}}}}}},
		{"Gemini app's policy", "discoveryengine", "google.cloud.discoveryengine.v1alpha.EngineService.SetIamPolicy", "projects/rc-sandbox/locations/global/collections/default_collection/engines/acme-app", nil},
		{"provider's policy, project by number", "agentidentity", "google.iam.v1.IAMPolicy.SetIamPolicy", strings.Replace(authProviderName, "rc-sandbox", "444455556666", 1), nil},
		{"provider undeleted", "agentidentity", "google.cloud.agentidentity.v1.AuthProviderService.UndeleteAuthProvider", authProviderName, nil},
		{"pool's policy", "iam", "google.iam.v1.WorkloadIdentityPools.SetIamPolicy", "projects/rc-sandbox/locations/global/workloadIdentityPools/gh", nil},
		{"pool deleted", "iam", "google.iam.v1.WorkloadIdentityPools.DeleteWorkloadIdentityPool", "projects/rc-sandbox/locations/global/workloadIdentityPools/gh", nil},
		{"Cloud Run job's policy", "run", "google.cloud.run.v1.Jobs.SetIamPolicy", "projects/rc-sandbox/locations/us-central1/jobs/desk", nil},
		{"Cloud Run service replaced, older API", "run", "google.cloud.run.v1.Services.ReplaceService", "namespaces/rc-sandbox/services/desk", map[string]any{
			"/resource": map[string]any{"type": "cloud_run_revision", "labels": map[string]any{"project_id": "rc-sandbox", "location": "us-central1", "service_name": "desk"}}}},
		{"Cloud Run service deleted", "run", "google.cloud.run.v2.Services.DeleteService", "projects/rc-sandbox/locations/us-central1/services/gone", nil},
		{"Cloud Run service that is no agent", "run", "google.cloud.run.v2.Services.UpdateService", "projects/rc-sandbox/locations/us-central1/services/shop", nil},
		{"Gemini agent, named by the response", "discoveryengine", "google.cloud.discoveryengine.v1alpha.AgentService.CreateAgent",
			"projects/444455556666/locations/global/collections/default_collection/engines/acme-app/assistants/default_assistant",
			map[string]any{"response": map[string]any{"name": jsonText(jsonGemini, "name")}}},
		{"Gemini agent deleted", "discoveryengine", "google.cloud.discoveryengine.v1alpha.AgentService.DeleteAgent", strings.Replace(jsonText(jsonGemini, "name"), "8801", "8899", 1), nil},
		{"Gemini app deleted", "discoveryengine", "google.cloud.discoveryengine.v1.EngineService.DeleteEngine", "projects/444455556666/locations/global/collections/default_collection/engines/acme-app", nil},
		{"registry's service, project by number", "agentregistry", "google.cloud.agentregistry.v1.AgentRegistry.CreateService", "projects/444455556666/locations/us-central1/services/triage", nil},
		{"registry's service that is a server", "agentregistry", "google.cloud.agentregistry.v1.AgentRegistry.CreateService", "projects/rc-sandbox/locations/us-central1/services/ledger", nil},
		{"registry's service updated, not shown yet", "agentregistry", "google.cloud.agentregistry.v1.AgentRegistry.UpdateService", "projects/rc-sandbox/locations/us-central1/services/triage", nil},
		{"registry's service deleted", "agentregistry", "google.cloud.agentregistry.v1.AgentRegistry.DeleteService", "projects/rc-sandbox/locations/us-central1/services/gone", nil},
		{"registry's binding", "agentregistry", "google.cloud.agentregistry.v1.AgentRegistry.CreateBinding", "projects/rc-sandbox/locations/us-central1/bindings/b1", nil},
		{"registry's binding deleted", "agentregistry", "google.cloud.agentregistry.v1alpha.AgentRegistry.DeleteBinding", "projects/rc-sandbox/locations/us-central1/bindings/b1", nil},
		{"consent taken back", "agentidentity", "google.cloud.agentidentity.v1.AuthProviderService.RevokeAuthorization", authProviderName, map[string]any{"request": map[string]any{"user_id": "carol"}}},
		{"provider disabled, beta", "agentidentity", "google.cloud.agentidentity.v1beta.AuthProviderService.DisableAuthProvider", authProviderName, nil},
		{"pool disabled", "iam", "google.iam.v1.WorkloadIdentityPools.UpdateWorkloadIdentityPool", "projects/rc-sandbox/locations/global/workloadIdentityPools/gh", nil},
		{"a method of which nothing is known", "aiplatform", "google.cloud.aiplatform.v1.ReasoningEngineService.PauseReasoningEngine", enginePath, nil},
		{"a method that is about no agent", "iam", "google.iam.admin.v1.CreateRole", "projects/rc-sandbox/roles/x", nil},
	}
	type told struct {
		Name  string   `json:"name"`
		Told  []golden `json:"told,omitzero"`
		Wakes []string `json:"wakes,omitzero"`
	}
	var got []told
	for _, c := range cases {
		f := follow(t, map[string]string{})
		f.bodies["/run/v2/projects/rc-sandbox/locations/us-central1/services/shop"] = jsonPlainRun
		f.later(1)
		f.tell("e1", c.service, c.method, c.resource, c.more)
		one := told{Name: c.name}
		for _, r := range f.pollRecords(t) {
			one.Told = append(one.Told, reading(f.c, r))
		}
		one.Wakes = f.page.Wakes
		got = append(got, one)
	}
	checkGoldenValue(t, "log", got)
}

// TestLogRereadsAndDedupes: an entry is told once however often it is read, and by whichever process.
func TestLogRereadsAndDedupes(t *testing.T) {
	f := follow(t, nil)
	f.later(1)
	f.tell("e1", "iam", "google.iam.admin.v1.DisableServiceAccount", account1, nil)
	f.tell("e1", "iam", "google.iam.admin.v1.DisableServiceAccount", account1, nil) // an exact repetition is the same entry
	f.bodies[accountsPath+"/104857600000000000001"] = edit(t, jsonAccount, map[string]any{"disabled": true})
	got := f.poll(t)
	var statuses, activities []string
	for _, r := range got {
		for _, e := range r.Entities {
			if e.Agent != nil {
				statuses = append(statuses, fmt.Sprintf("%s by %s", e.Agent.Status, r.Actor.ID))
			}
		}
		for _, a := range r.Activities {
			activities = append(activities, a.Holder+" "+a.Native)
		}
	}
	want := []string{"disabled by " + personID("user", "admin@example.com")}
	if diff := cmp.Diff(want, statuses); diff != "" || len(activities) != 1 {
		t.Errorf("told (-want +got):\n%s\nactivities %v, want one", diff, activities)
	}
	for range 3 {
		f.later(10)
		f.restart(t, nil)
		if got := f.poll(t); len(got) != 0 {
			t.Fatalf("told again: %+v", got)
		}
	}
}

// TestLogFindsWhatArrivesLate: an entry that stands behind the cursor is read, and the cursor moves over no time of which entries
// may be on their way.
func TestLogFindsWhatArrivesLate(t *testing.T) {
	f := follow(t, nil)
	late := f.entry("late", "iam", "google.iam.admin.v1.DisableServiceAccount", account1, nil)
	f.later(4)
	f.tell("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	f.poll(t)
	if at := f.place(t).At; at.After(f.now.Add(-arrival)) {
		t.Errorf("the cursor is at %v, closer than %v to now", at, arrival)
	}
	f.later(16) // four minutes
	f.entries = append(f.entries, late)
	if got := f.poll(t); len(got) == 0 {
		t.Error("an entry that arrived five minutes late was not read")
	}
	f.asks = nil
	f.later(1)
	f.poll(t)
	_, from, _ := strings.Cut(f.asks[0]["filter"].(string), `timestamp>="`)
	if at := when(strings.TrimSuffix(from, `"`)); f.now.Sub(at) > 3*time.Minute {
		t.Errorf("the next poll reads from %v on, so soon after one that read far back", at)
	}
}

func (f *follower) place(t *testing.T) (c logCursor) {
	t.Helper()
	if err := json.Unmarshal(f.cur, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLogTellsOfEachPolicyChangeWhoMadeIt although the policy is read once for all.
func TestLogTellsOfEachPolicyChangeWhoMadeIt(t *testing.T) {
	f := follow(t, nil)
	f.later(1)
	member := "serviceAccount:invoice-agent@rc-sandbox.iam.gserviceaccount.com"
	set := func(id, who, action, role string) {
		f.tell(id, "cloudresourcemanager", "SetIamPolicy", "projects/rc-sandbox", map[string]any{
			"authenticationInfo": map[string]any{"principalEmail": who}, "serviceData": map[string]any{"policyDelta": map[string]any{
				"bindingDeltas": []any{map[string]any{"action": action, "role": role, "member": member}}}}})
	}
	set("e1", "ann@example.com", "ADD", "roles/viewer")
	set("e2", "bob@example.com", "REMOVE", "roles/editor")
	set("e3", "eve@example.com", "ADD", "roles/owner") // not shown: taken away again, or not there yet
	f.bodies[policyPath] = policyWith(member)
	var told []string
	whole := 0
	for _, r := range f.poll(t) {
		if len(r.Replaces) > 0 {
			whole++
			if r.LogID != "" {
				t.Errorf("the whole policy is told as %s's", r.LogID)
			}
			continue
		}
		for _, e := range r.Entities {
			if e.Grant != nil {
				told = append(told, fmt.Sprintf("%s %s %s", r.Actor.ID, e.Holder, e.Grant.Role))
			}
		}
		for _, x := range r.Tombstones {
			told = append(told, fmt.Sprintf("%s %s gone", r.Actor.ID, x.Ref.Holder))
		}
	}
	want := []string{personID("user", "ann@example.com") + " 104857600000000000001 roles/viewer", personID("user", "bob@example.com") + " 104857600000000000001 gone"}
	if diff := cmp.Diff(want, told); diff != "" || whole != 1 {
		t.Errorf("told (-want +got):\n%s\n%d whole policies, want one", diff, whole)
	}
}

// TestLogIsPatientWithWhatIsNew: 404 and 403 about a new account are answers that came too early.
func TestLogIsPatientWithWhatIsNew(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.later(1)
	const path, id = accountsPath + "/104857600000000000003", "104857600000000000003"
	f.tell("e1", "iam", "google.iam.admin.v1.CreateServiceAccount", "projects/rc-sandbox", map[string]any{"response": map[string]any{"unique_id": id}})
	f.answer(path, 404, `{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}`)
	f.poll(t)
	f.answer(path, 403, jsonDenied)
	f.later(2)
	f.poll(t)
	f.poll(t)
	f.answer(path, 0, "")
	f.bodies[path] = edit(t, jsonAccount, map[string]any{"uniqueId": id})
	found := false
	for range 8 {
		f.later(1)
		for _, r := range f.poll(t) {
			found = found || len(r.Entities) == 1 && r.Entities[0].Holder == id && r.LogID != ""
		}
	}
	if !found {
		t.Error("the new account was not read again")
	}
	if c := f.place(t); len(c.Todo) != 0 {
		t.Errorf("still to do: %+v", c.Todo)
	}
}

// TestLogReadsOthersWhenOneRefuses: a project whose log may not be read does not keep the others' from being read, and is named.
func TestLogReadsOthersWhenOneRefuses(t *testing.T) {
	f := follow(t, map[string]string{"projects": "acme,beta,rc-sandbox,zeta"})
	f.override[logPath] = func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if strings.Contains(string(b), "projects/beta") {
			refuse(w, 403, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED","metadata":{"permission":"logging.logEntries.list"}}]}}`)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		f.serveLog(w, r)
	}
	f.later(1)
	f.tell("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	if got := f.poll(t); len(got) == 0 || len(f.page.Blind) != 1 || !strings.Contains(f.page.Blind[0].Reason, "projects/beta") ||
		!strings.Contains(f.page.Blind[0].Reason, "logging.logEntries.list") {
		t.Errorf("told %+v, blind %+v; want the entry, and beta named", got, f.page.Blind)
	}
	f.answer(logPath, 403, jsonDenied)
	f.override[logPath] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, jsonDenied) }
	f.restart(t, map[string]string{"projects": "acme,beta,rc-sandbox,zeta"})
	var err error
	for range 10 {
		var p connectors.Page
		if p, err = f.c.feed(t, feedAuditLog).Pull(t.Context(), f.cur); err != nil {
			break
		}
		f.cur = p.Next
	}
	if fault := connectors.AsFault(err); fault == nil || fault.Kind != connectors.Forbidden {
		t.Errorf("with no log to read: %v, want forbidden", err)
	}
}

// TestLogPages: every page of every batch is read, whichever process reads it.
func TestLogPages(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.later(1)
	for n := range 7 {
		f.tell(fmt.Sprint("e", n), "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
		f.now = f.now.Add(time.Second)
	}
	f.size = 2
	var c logCursor
	for range 20 {
		f.restart(t, map[string]string{"activities": "none"})
		p, err := f.c.feed(t, feedAuditLog).Pull(t.Context(), f.cur)
		if err != nil {
			t.Fatal(err)
		}
		if f.cur = p.Next; !p.More {
			break
		}
	}
	if c = f.place(t); len(c.Seen) != 7 || c.Poll != nil {
		t.Errorf("%d entries were read, poll %+v; want 7 and none under way", len(c.Seen), c.Poll)
	}
}

// TestLogKeepsNobodysAddress: a person's address stands in the person's record alone.
func TestLogKeepsNobodysAddress(t *testing.T) {
	f := follow(t, map[string]string{"activities": "all"})
	f.later(1)
	f.tell("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, map[string]any{"request": map[string]any{"owner": "carol@example.com"}})
	f.tell("e2", "iam", "google.iam.admin.v1.DeleteServiceAccount", "projects/rc-sandbox/users/dan@example.com", map[string]any{
		"status": map[string]any{"code": 7, "message": "erin@example.com may not"}})
	people := 0
	for _, r := range f.pollRecords(t) {
		text := string(r.Body) + fmt.Sprint(r.Context)
		if r.Type == typePerson {
			people++
		} else if strings.Contains(text, "@example.com") {
			t.Errorf("%s: %s", r.Type, text)
		}
	}
	if strings.Contains(string(f.cur), "@example.com") || people != 1 {
		t.Errorf("the cursor is %s; %d persons, want 1", f.cur, people)
	}
}

// TestLogBoundsActivities: what is left out of a minute is told.
func TestLogBoundsActivities(t *testing.T) {
	f := follow(t, map[string]string{"activities_per_minute": "2"})
	f.later(1)
	for n := range 5 {
		f.tell(fmt.Sprint("e", n), "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	}
	got := activitiesOf(f.poll(t))
	f.now = f.now.Add(2 * time.Minute)
	f.entries = nil
	left := activitiesOf(f.poll(t))
	if len(got) != 2 || len(left) != 1 || left[0].Type != activityBounded || left[0].Details["left_out"] != "3" {
		t.Errorf("%d activities, then %+v; want 2, and 3 left out", len(got), left)
	}
}

func activitiesOf(readings []connectors.Reading) (out []events.Activity) {
	for _, r := range readings {
		out = append(out, r.Activities...)
	}
	return out
}

// TestLogWakesTheRegistry now and again, since it follows engines within minutes and nobody logs it.
func TestLogWakesTheRegistry(t *testing.T) {
	f := follow(t, nil)
	f.later(1)
	f.tell("e1", "aiplatform", "google.cloud.aiplatform.v1.ReasoningEngineService.UpdateReasoningEngine", enginePath, nil)
	wakes := 0
	for range 80 {
		f.poll(t)
		if slices.Contains(f.page.Wakes, feedRegistryAgents) {
			wakes++
		}
		f.later(1)
	}
	if wakes != len(lags) {
		t.Errorf("the registry's feed was woken %d times, want %d", wakes, len(lags))
	}
}

// TestLogGap: who comes after the log's retention says so.
func TestLogGap(t *testing.T) {
	f := follow(t, nil)
	f.now = f.now.Add(logRetention + 24*time.Hour)
	got := activitiesOf(f.poll(t))
	if len(got) != 1 || got[0].Type != activityGap {
		t.Errorf("told %+v, want a gap", got)
	}
}

// TestLogIsNotHeldUpByOneAccount of which Google says nothing sensible.
func TestLogIsNotHeldUpByOneAccount(t *testing.T) {
	f := follow(t, nil)
	f.later(1)
	f.bodies[accountsPath+"/odd@rc-sandbox.iam.gserviceaccount.com"] = `{}`
	f.tell("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, map[string]any{
		"authenticationInfo": map[string]any{"principalEmail": "odd@rc-sandbox.iam.gserviceaccount.com"}})
	var err error
	for range mostLookUps {
		if _, err = f.c.feed(t, feedAuditLog).Pull(t.Context(), f.cur); err == nil {
			return
		}
	}
	t.Errorf("after %d pulls: %v", mostLookUps, err)
}

// TestLogBeginsABatchAnewWhenItsTokenHasExpired, and tells nothing twice.
func TestLogBeginsABatchAnewWhenItsTokenHasExpired(t *testing.T) {
	f := follow(t, nil)
	f.later(1)
	for n := range 5 {
		f.tell(fmt.Sprint("e", n), "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	}
	f.size = 3
	expired := false
	f.override[logPath] = func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if !expired && strings.Contains(string(b), "pageToken") {
			expired = true
			refuse(w, 400, `{"error":{"code":400,"message":"page_token is invalid","status":"INVALID_ARGUMENT"}}`)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(b)))
		f.serveLog(w, r)
	}
	if got := activitiesOf(f.poll(t)); len(got) != 5 || !expired || len(f.page.Blind) != 0 {
		t.Errorf("%d activities, blind %v; want 5 and nothing unseen", len(got), f.page.Blind)
	}
}
