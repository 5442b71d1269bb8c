package google

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// since reads the entries of both projects after a moment, by event time.
func (w *world) since(at time.Time) (out []object) {
	for _, p := range w.Projects() {
		out = append(out, w.entries(p, `log_id("cloudaudit.googleapis.com/activity") AND timestamp > "`+stamp(at)+`"`, 2)...)
	}
	return out
}

// line is what a reader looks at first in an entry.
func line(e object) string {
	p := e["protoPayload"].(object)
	_, method := cutLast(p["methodName"].(string), ".")
	out := method + " " + p["resourceName"].(string)
	if op, ok := e["operation"].(object); ok {
		if op["first"] == true {
			out += " first"
		}
		if op["last"] == true {
			out += " last"
		}
	}
	return out
}

func TestEachChangeIsLogged(t *testing.T) {
	w := newWorld(t, 60, Options{})
	account := w.first(func(a sandbox.TruthAgent) bool { return a.Native == nativeAccount && a.Status == "active" && hasKey(a) })
	engine := w.first(func(a sandbox.TruthAgent) bool { return a.Native == nativeEngine && hasGrant(a) })
	id := "projects/-/serviceAccounts/" + account.ID
	for _, c := range []struct {
		op    sandbox.Op
		agent string
		want  []string
	}{
		{sandbox.DisableAgent, account.ID, []string{"DisableServiceAccount " + id}},
		{sandbox.EnableAgent, account.ID, []string{"EnableServiceAccount " + id}},
		{sandbox.RenameAgent, account.ID, []string{"PatchServiceAccount " + id}},
		{sandbox.AddCredential, account.ID, []string{"CreateServiceAccountKey " + id}},
		{sandbox.RemoveCredential, account.ID, []string{"DeleteServiceAccountKey " + id + "/keys/KEY"}},
		{sandbox.DeleteAgent, account.ID, []string{"DeleteServiceAccount " + id}},
		{sandbox.RestoreAgent, account.ID, []string{"UndeleteServiceAccount " + id}},
		{sandbox.AddGrant, engine.ID, []string{"SetIamPolicy PROJECT"}},
		{sandbox.RemoveGrant, engine.ID, []string{"SetIamPolicy PROJECT"}},
		{sandbox.RenameAgent, engine.ID, []string{"UpdateReasoningEngine " + engine.ID + " first", "UpdateReasoningEngine " + engine.ID + " last"}},
		{sandbox.DeleteAgent, engine.ID, []string{"DeleteReasoningEngine " + engine.ID + " first", "DeleteReasoningEngine " + engine.ID + " last"}},
	} {
		before := w.clock.Now()
		w.clock.Advance(time.Minute)
		out := w.do(sandbox.Change{Op: c.op, Agent: c.agent})
		w.clock.Advance(time.Second)
		var got []string
		for _, e := range w.since(before) {
			got = append(got, line(e))
		}
		for i, s := range c.want {
			_, project, _ := strings.Cut(out.Key, "@")
			c.want[i] = strings.NewReplacer("KEY", out.Key, "PROJECT", project).Replace(s)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: want (-), logged (+):\n%s", c.op, diff)
		}
	}
}

func TestCreationNamesTheParentFirst(t *testing.T) {
	w := newWorld(t, 30, Options{})
	before := w.clock.Now()
	w.clock.Advance(time.Minute)
	out := w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeEngine})
	w.clock.Advance(time.Second)
	entries := w.since(before)
	if len(entries) != 2 {
		t.Fatalf("%d entries, want 2", len(entries))
	}
	first, last := entries[0]["protoPayload"].(object), entries[1]["protoPayload"].(object)
	response, _ := last["response"].(object)
	if first["response"] != nil || response["name"] != out.Agent || !strings.HasPrefix(out.Agent, last["resourceName"].(string)+"/reasoningEngines/") {
		t.Errorf("first %v\nlast %v", first, last)
	}
	if id := entries[0]["operation"].(object)["id"].(string); !strings.HasPrefix(id, out.Agent+"/operations/") {
		t.Errorf("operation %s", id)
	}
}

func TestGrantEntriesHaveTheDelta(t *testing.T) {
	w := newWorld(t, 30, Options{})
	before := w.clock.Now()
	w.clock.Advance(time.Minute)
	out := w.do(sandbox.Change{Op: sandbox.AddGrant})
	w.clock.Advance(time.Second)
	data := w.since(before)[0]["protoPayload"].(object)["serviceData"].(object)
	delta := data["policyDelta"].(object)["bindingDeltas"].([]any)[0].(object)
	role, _, _ := strings.Cut(out.Key, "@")
	if data["@type"] != "type.googleapis.com/google.iam.v1.logging.AuditData" || delta["action"] != "ADD" || delta["role"] != role {
		t.Errorf("service data %v, want ADD of %s", data, role)
	}
}

func TestLateEntriesComeBehindTheCursor(t *testing.T) {
	w := newWorld(t, 30, Options{LateEvery: 3, LateBy: 10 * time.Minute, LogDelay: 2 * time.Second})
	before := w.clock.Now()
	for range 9 {
		w.clock.Advance(time.Second)
		w.do(sandbox.Change{Op: sandbox.AddCredential})
	}
	w.clock.Advance(time.Second)
	if n := len(w.since(before)); n >= 9 {
		t.Errorf("%d entries are readable at once", n)
	}
	w.clock.Advance(time.Minute)
	early := w.since(before)
	if len(early) != 6 {
		t.Errorf("%d entries are readable after a minute, want 6 of 9", len(early))
	}
	w.clock.Advance(10 * time.Minute)
	all := w.since(before)
	if len(all) != 9 {
		t.Errorf("%d entries are readable in the end, want 9", len(all))
	}
}

func TestLogPaging(t *testing.T) {
	w := newWorld(t, 60, Options{EmptyPages: true})
	seen := map[any]bool{}
	last := ""
	for _, e := range w.entries("tessellate-agents", "", 7) {
		if seen[e["insertId"]] {
			t.Errorf("entry %v came twice", e["insertId"])
		}
		seen[e["insertId"]] = true
		at, err := time.Parse(time.RFC3339Nano, e["timestamp"].(string))
		if err != nil || sortable(at) < last {
			t.Errorf("entry of %v after %s, %v", e["timestamp"], last, err)
		}
		last = sortable(at)
	}
	if len(seen) < 20 {
		t.Errorf("only %d entries", len(seen))
	}
	first := w.ok("POST", "/logging/v2/entries:list", `{"resourceNames":["projects/tessellate-agents"],"pageSize":5}`)
	next := `{"resourceNames":["projects/tessellate-agents"],"pageToken":"` + first["nextPageToken"].(string) + `"}`
	w.ok("POST", "/logging/v2/entries:list", next)
	w.clock.Advance(25 * time.Hour)
	w.refused("POST", "/logging/v2/entries:list", next, 400, "INVALID_ARGUMENT")
}

func TestLogRequests(t *testing.T) {
	w := newWorld(t, 30, Options{})
	const path = "/logging/v2/entries:list"
	for body, want := range map[string]string{
		`{}`: "INVALID_ARGUMENT",
		`{"resourceNames":["projects/tessellate-agents"],"pageSize":-1}`:          "INVALID_ARGUMENT",
		`{"resourceNames":["projects/tessellate-agents"],"orderBy":"insertId"}`:   "INVALID_ARGUMENT",
		`{"resourceNames":["projects/tessellate-agents"],"filter":"colour=red"}`:  "INVALID_ARGUMENT",
		`{"resourceNames":["projects/tessellate-agents"],"filter":"severity >="}`: "INVALID_ARGUMENT",
		`{"resourceNames":["projects/tessellate-agents"],"limit":5}`:              "INVALID_ARGUMENT",
		`{"resourceNames":["a/b/c"]}`:                                             "INVALID_ARGUMENT",
		`[]`:                                                                      "INVALID_ARGUMENT",
		`{"resourceNames":["projects/somebody-else"]}`:                            "PERMISSION_DENIED",
		`{"resourceNames":["folders/1"]}`:                                         "PERMISSION_DENIED",
	} {
		code := map[string]int{"INVALID_ARGUMENT": 400, "PERMISSION_DENIED": 403}[want]
		w.refused("POST", path, body, code, want)
	}
	own := w.ok("POST", path, `{"resourceNames":["organizations/`+w.Organization()+`"]}`)
	for _, e := range own["entries"].([]any) {
		if name := e.(object)["protoPayload"].(object)["resourceName"]; name != "organizations/"+w.Organization() {
			t.Errorf("the organization's own log tells of %v", name)
		}
	}
	view := w.ok("POST", path, `{"resourceNames":["projects/tessellate-agents/locations/global/buckets/_Required/views/_AllLogs"]}`)
	if len(view["entries"].([]any)) == 0 {
		t.Error("the view of the _Required bucket is empty")
	}
}
