package google

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// told makes a change and returns what the logs of all containers tell of it.
func (w *world) told(c sandbox.Change) (sandbox.Outcome, []object) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	out := w.do(c)
	w.clock.Advance(time.Second)
	names := []string{`"organizations/` + w.Organization() + `"`}
	for _, p := range w.Projects() {
		names = append(names, `"projects/`+p+`"`)
	}
	for _, f := range w.st.Folders {
		names = append(names, `"folders/`+f.Number+`"`)
	}
	filter := `timestamp >= \"` + stamp(w.clock.Now().Add(-time.Second)) + `\"`
	page := w.ok("POST", "/logging/v2/entries:list", `{"resourceNames":[`+strings.Join(names, ",")+`],"filter":"`+filter+`","pageSize":1000}`)
	var entries []object
	list, _ := page["entries"].([]any)
	for _, e := range list {
		entries = append(entries, e.(object))
	}
	return out, entries
}

func payload(e object) object { return e["protoPayload"].(object) }

func TestPolicyChangesAreToldEachInItsOwnWay(t *testing.T) {
	for kind, want := range map[string]struct {
		method, permission string
		delta              bool
	}{
		kindOrganization: {"SetIamPolicy", "resourcemanager.organizations.setIamPolicy", true},
		kindFolder:       {"SetIamPolicy", "resourcemanager.folders.setIamPolicy", true},
		kindProject:      {"SetIamPolicy", "resourcemanager.projects.setIamPolicy", true},
		kindAccount:      {"google.iam.admin.v1.SetIAMPolicy", "iam.serviceAccounts.setIamPolicy", true},
		kindRun:          {"google.cloud.run.v1.Services.SetIamPolicy", "run.services.setIamPolicy", true},
		kindEngine:       {"google.iam.v1.IAMPolicy.SetIamPolicy", "aiplatform.reasoningEngines.setIamPolicy", false},
	} {
		w := newWorld(t, 60, Options{})
		out, entries := w.told(sandbox.Change{Op: sandbox.AddBinding, Name: kind})
		if len(entries) != 1 {
			t.Errorf("%s: %d entries, want 1", kind, len(entries))
			continue
		}
		p := payload(entries[0])
		permission := p["authorizationInfo"].([]any)[0].(object)["permission"]
		if p["methodName"] != want.method || permission != want.permission {
			t.Errorf("%s: %v with %v, want %s with %s", kind, p["methodName"], permission, want.method, want.permission)
		}
		name := p["resourceName"].(string)
		if !strings.HasSuffix(out.Key, strings.TrimPrefix(name, "projects/-")) {
			t.Errorf("%s: the resource is %s, the outcome %s", kind, name, out.Key)
		}
		in, _, _ := strings.Cut(entries[0]["logName"].(string), "/logs/")
		if alone := kind == kindOrganization || kind == kindFolder; alone && in != name || !alone && !strings.HasPrefix(in, "projects/") {
			t.Errorf("%s: in the log of %s", kind, in)
		}
		role, _, _ := strings.Cut(out.Key, "@")
		if !want.delta {
			if policy := p["request"].(object)["policy"].(object); p["serviceData"] != nil || !strings.Contains(cmp.Diff(nil, policy), role) {
				t.Errorf("%s: the request %v does not hold the policy with %s", kind, p["request"], role)
			}
			continue
		}
		delta := p["serviceData"].(object)["policyDelta"].(object)["bindingDeltas"].([]any)[0].(object)
		if delta["action"] != "ADD" || delta["role"] != role {
			t.Errorf("%s: delta %v, want ADD of %s", kind, delta, role)
		}
	}
}

func TestFailuresAreToldAndChangeNothing(t *testing.T) {
	for native, entries := range map[string]int{nativeAccount: 1, nativeEngine: 2} {
		w := newWorld(t, 60, Options{})
		before := w.Truth()
		out, told := w.told(sandbox.Change{Op: sandbox.FailChange, Native: native})
		if diff := cmp.Diff(before, w.Truth()); diff != "" {
			t.Errorf("%s: a failure changed something:\n%s", native, diff)
		}
		if len(told) != entries {
			t.Fatalf("%s: %d entries, want %d", native, len(told), entries)
		}
		last := told[entries-1]
		status := payload(last)["status"].(object)
		if payload(last)["methodName"] != out.Key || status["code"] == nil || status["message"] == "" || last["severity"] != "ERROR" {
			t.Errorf("%s: %v", native, last)
		}
		if granted := payload(last)["authorizationInfo"].([]any)[0].(object)["granted"]; granted != (status["code"] != 7.0) {
			t.Errorf("%s: granted %v with the status %v", native, granted, status)
		}
		if first := told[0]; entries == 2 && (len(payload(first)["status"].(object)) != 0 || first["severity"] != "NOTICE") {
			t.Errorf("the first entry of a long-running call knows already that it fails: %v", first)
		}
	}
}

func TestAgentsCallUnderTheirOwnName(t *testing.T) {
	w := newWorld(t, 60, Options{})
	authorities := map[any]bool{}
	for range 20 {
		out, told := w.told(sandbox.Change{Op: sandbox.CallAgent, Native: nativeEngine})
		p := payload(told[0])
		who, agent := p["authenticationInfo"].(object), p["callerAgent"].(object)
		if len(told) != 1 || who["principalEmail"] != nil || !strings.HasSuffix(who["principalSubject"].(string), "/resources/aiplatform/"+out.Agent) {
			t.Fatalf("%d entries, by %v, of %s", len(told), who, out.Agent)
		}
		if !strings.HasPrefix(agent["id"].(string), "urn:agent:projects-") {
			t.Errorf("caller %v", agent)
		}
		authorities[agent["authority"]] = true
	}
	if len(authorities) != 2 || !authorities["SELF"] || !authorities["ON_BEHALF_OF"] {
		t.Errorf("authorities %v", authorities)
	}
}

// TestCallersDiffer: changes come from people, from pipelines behind a service account, and from keys.
func TestCallersDiffer(t *testing.T) {
	w := newWorld(t, 90, Options{})
	people, chains, keys, nobody := 0, 0, 0, 0
	versions := map[string]bool{}
	for _, p := range w.Projects() {
		for _, e := range w.entries(p, "", 1000) {
			who := payload(e)["authenticationInfo"].(object)
			chain, _ := who["serviceAccountDelegationInfo"].([]any)
			switch {
			case len(chain) > 0:
				chains++
				if subject := chain[0].(object)["principalSubject"].(string); !strings.Contains(subject, "/workloadIdentityPools/pipelines/subject/repo:") {
					t.Errorf("the chain ends at %s", subject)
				}
			case who["serviceAccountKeyName"] != nil:
				keys++
			case len(who) == 0:
				nobody++
			case strings.HasPrefix(who["principalSubject"].(string), "user:"):
				people++
			}
			method := payload(e)["methodName"].(string)
			if i := strings.Index(method, ".v"); i > 0 {
				service, rest := method[:i], method[i+1:]
				version, _, _ := strings.Cut(rest, ".")
				versions[service+" "+version] = true
			}
		}
	}
	if people == 0 || chains == 0 || keys == 0 || nobody == 0 {
		t.Errorf("%d entries of people, %d of pipelines, %d of keys, %d of nobody", people, chains, keys, nobody)
	}
	for _, v := range []string{"google.cloud.aiplatform v1", "google.cloud.aiplatform v1beta1", "google.cloud.run v1", "google.cloud.run v2"} {
		if !versions[v] {
			t.Errorf("no call of %s among %v", v, versions)
		}
	}
}

// TestSeveralRolesAtOnce: one call, one entry, a delta for each member, and the policy as the deltas say.
func TestSeveralRolesAtOnce(t *testing.T) {
	w := newWorld(t, 90, Options{})
	for range 10 {
		out, told := w.told(sandbox.Change{Op: sandbox.RewritePolicy, Name: kindProject})
		if len(told) != 1 {
			t.Fatalf("%d entries", len(told))
		}
		shown := w.mirror().bindings
		deltas := payload(told[0])["serviceData"].(object)["policyDelta"].(object)["bindingDeltas"].([]any)
		for _, x := range deltas {
			d := x.(object)
			key := d["role"].(string) + "@" + out.Key
			has := slices.ContainsFunc(shown[d["member"].(string)], func(b string) bool { return b == key || strings.HasPrefix(b, key+" if ") })
			if has != (d["action"] == "ADD") {
				t.Errorf("%v, but the policy has it: %v", d, has)
			}
		}
		if len(deltas) < 2 {
			t.Errorf("%d deltas, want several", len(deltas))
		}
	}
	w.whole()
}

// TestOperationsTakeTime: the last entry of a long-running call comes later.
func TestOperationsTakeTime(t *testing.T) {
	w := newWorld(t, 30, Options{OperationLag: time.Minute})
	before := w.clock.Now()
	w.clock.Advance(time.Second)
	w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeEngine})
	w.clock.Advance(time.Second)
	if now := w.since(before); len(now) != 1 || now[0]["operation"].(object)["first"] != true {
		t.Errorf("at first the log has %v", now)
	}
	w.clock.Advance(time.Minute)
	if then := w.since(before); len(then) != 2 || then[1]["operation"].(object)["last"] != true {
		t.Errorf("at last the log has %v", then)
	}
}

// TestTheFloorLosesNothing: a restriction of the timestamp that is looked up must find what one finds that is not.
func TestTheFloorLosesNothing(t *testing.T) {
	w := newWorld(t, 90, Options{})
	at := stamp(seedTime.AddDate(0, -3, 0))
	for fast, slow := range map[string]string{
		`timestamp>="` + at + `"`:                                                                   `NOT timestamp<"` + at + `"`,
		`severity=NOTICE AND timestamp>"` + at + `"`:                                                `severity=NOTICE AND NOT timestamp<="` + at + `"`,
		`timestamp>="` + at + `" timestamp>="` + stamp(seedTime.AddDate(0, -1, 0)) + `"`:            `NOT timestamp<"` + stamp(seedTime.AddDate(0, -1, 0)) + `"`,
		`timestamp>="` + stamp(seedTime) + `" OR protoPayload.methodName:"CreateServiceAccountKey"`: `protoPayload.methodName:"CreateServiceAccountKey"`,
	} {
		a, b := w.entries("tessellate-agents", fast, 1000), w.entries("tessellate-agents", slow, 1000)
		if diff := cmp.Diff(b, a); diff != "" || len(a) == 0 {
			t.Errorf("%s finds %d, %s %d", fast, len(a), slow, len(b))
		}
	}
}

func TestLogsOfFoldersAndTheOrganization(t *testing.T) {
	w := newWorld(t, 30, Options{})
	w.do(sandbox.Change{Op: sandbox.AddBinding, Name: kindFolder})
	w.clock.Advance(time.Second)
	found := 0
	for _, f := range w.st.Folders {
		page := w.ok("POST", "/logging/v2/entries:list", `{"resourceNames":["folders/`+f.Number+`"],"orderBy":"timestamp desc"}`)
		list, _ := page["entries"].([]any)
		for _, e := range list {
			found++
			if name := e.(object)["resource"].(object)["labels"].(object)["folder_id"]; name != f.Number {
				t.Errorf("the log of folder %s tells of folder %v", f.Number, name)
			}
		}
	}
	if found == 0 {
		t.Error("the folders' logs are empty")
	}
}
