package google

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// hasKey fits an agent with a credential, and so on for the others.
func hasKey(a sandbox.TruthAgent) bool   { return len(a.Credentials) > 0 }
func hasGrant(a sandbox.TruthAgent) bool { return len(a.Grants) > 0 }

func of(native string) func(sandbox.TruthAgent) bool {
	return func(a sandbox.TruthAgent) bool { return a.Native == native }
}

// agreed checks that the lists show the truth.
func (w *world) agreed() {
	w.t.Helper()
	if diff := cmp.Diff(w.named(), w.seen()); diff != "" {
		w.t.Errorf("truth (-) and lists (+) differ:\n%s", diff)
	}
}

func TestCreateAndDelete(t *testing.T) {
	for native, also := range map[string]int{nativeAccount: 1, nativeEngine: 2, nativeRegistry: 2} {
		t.Run(native, func(t *testing.T) {
			w := newWorld(t, 60, Options{})
			before := len(w.Truth().Agents)
			out := w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: native, Name: "Späher 7"})
			a := w.agent(out.Agent)
			if a == nil || a.Native != native || a.Name != "Späher 7" || a.Status != "active" || !out.At.Equal(w.clock.Now()) {
				t.Fatalf("outcome %+v, truth %+v", out, a)
			}
			if n := len(w.Truth().Agents) - before; n != also {
				t.Errorf("%d agents came, want %d", n, also)
			}
			w.agreed()
			w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: out.Agent})
			if w.agent(out.Agent) != nil || len(w.Truth().Agents) != before {
				t.Error("something of it is still there")
			}
			w.agreed()
		})
	}
}

func TestRegisteredAgentIsLinkedToItsEngine(t *testing.T) {
	w := newWorld(t, 60, Options{})
	a := w.first(func(a sandbox.TruthAgent) bool { return a.LinkedTo != "" })
	if e := w.agent(a.LinkedTo); e == nil || e.Native != nativeEngine || e.Name != a.Name {
		t.Fatalf("%+v is linked to %+v", a, e)
	}
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a.LinkedTo})
	if w.agent(a.ID) != nil {
		t.Error("the engine is gone and its registered agent is not")
	}
}

func TestDisableAndEnable(t *testing.T) {
	w := newWorld(t, 60, Options{})
	out := w.do(sandbox.Change{Op: sandbox.DisableAgent})
	shown := func() any { return w.get("/iam/v1/projects/-/serviceAccounts/" + out.Agent)["disabled"] }
	if w.agent(out.Agent).Status != "disabled" || shown() != true {
		t.Errorf("status %s, disabled %v", w.agent(out.Agent).Status, shown())
	}
	w.do(sandbox.Change{Op: sandbox.EnableAgent, Agent: out.Agent})
	if w.agent(out.Agent).Status != "active" || shown() != nil {
		t.Errorf("status %s, disabled %v", w.agent(out.Agent).Status, shown())
	}
}

func TestRename(t *testing.T) {
	w := newWorld(t, 60, Options{})
	for _, native := range []string{nativeAccount, nativeEngine, nativeRegistry} {
		out := w.do(sandbox.Change{Op: sandbox.RenameAgent, Native: native, Name: "New " + native})
		if a := w.agent(out.Agent); a.Name != "New "+native || out.Name != a.Name {
			t.Errorf("outcome %+v, truth %+v", out, a)
		}
		w.agreed()
	}
}

func TestDeletedAccountComesBackWithEverything(t *testing.T) {
	w := newWorld(t, 60, Options{})
	a := w.first(func(a sandbox.TruthAgent) bool { return a.Native == nativeAccount && hasKey(a) && hasGrant(a) })
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a.ID})
	w.refused("GET", "/iam/v1/projects/tessellate-agents/serviceAccounts/"+a.ID, "", 404, "NOT_FOUND")
	w.refused("GET", "/iam/v1/projects/-/serviceAccounts/"+a.ID, "", 403, "PERMISSION_DENIED")
	if w.agent(a.ID) != nil || len(w.membersWith("?uid="+a.ID)) == 0 {
		t.Errorf("deleted: truth %v, bindings %v", w.agent(a.ID), w.membersWith("?uid="+a.ID))
	}
	w.do(sandbox.Change{Op: sandbox.RestoreAgent, Agent: a.ID})
	if diff := cmp.Diff(&a, w.agent(a.ID)); diff != "" || len(w.membersWith("?uid="+a.ID)) != 0 {
		t.Errorf("restored:\n%s", diff)
	}
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a.ID})
	w.clock.Advance(31 * 24 * time.Hour)
	if _, err := w.Mutate(sandbox.Change{Op: sandbox.RestoreAgent, Agent: a.ID}); !errors.Is(err, sandbox.ErrNoTarget) {
		t.Errorf("after 31 days it can be restored: %v", err)
	}
	w.do(sandbox.Change{Op: sandbox.PurgeAgent, Agent: a.ID})
}

// membersWith are the members of all project policies that contain a text.
func (w *world) membersWith(text string) (out []string) {
	for _, p := range w.Projects() {
		policy := w.ok("POST", "/cloudresourcemanager/v3/projects/"+p+":getIamPolicy", `{"options":{"requestedPolicyVersion":3}}`)
		for _, b := range policy["bindings"].([]any) {
			for _, m := range b.(object)["members"].([]any) {
				if strings.Contains(m.(string), text) {
					out = append(out, b.(object)["role"].(string)+"@projects/"+p)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestKeys(t *testing.T) {
	w := newWorld(t, 60, Options{})
	keys := func(id, types string) (out []string) {
		list, _ := w.get("/iam/v1/projects/-/serviceAccounts/" + id + "/keys" + types)["keys"].([]any)
		for _, k := range list {
			_, name := cutLast(k.(object)["name"].(string), "/")
			out = append(out, name)
		}
		slices.Sort(out)
		return out
	}
	out := w.do(sandbox.Change{Op: sandbox.AddCredential})
	for range 2 {
		if got := keys(out.Agent, "?keyTypes=USER_MANAGED"); !slices.Equal(got, w.agent(out.Agent).Credentials) {
			t.Errorf("the API has %v, the truth %v", got, w.agent(out.Agent).Credentials)
		}
		if all := keys(out.Agent, ""); len(all) != len(w.agent(out.Agent).Credentials)+1 {
			t.Errorf("%d keys with Google's own", len(all))
		}
		out = w.do(sandbox.Change{Op: sandbox.RemoveCredential, Agent: out.Agent})
		if slices.Contains(w.agent(out.Agent).Credentials, out.Key) {
			t.Errorf("key %s is still there", out.Key)
		}
		w.do(sandbox.Change{Op: sandbox.AddCredential, Agent: out.Agent})
	}
	system := keys(out.Agent, "?keyTypes=SYSTEM_MANAGED")
	w.clock.Advance(8 * 24 * time.Hour)
	if slices.Equal(system, keys(out.Agent, "?keyTypes=SYSTEM_MANAGED")) {
		t.Error("Google's own key did not rotate in a week")
	}
}

func TestGrants(t *testing.T) {
	w := newWorld(t, 60, Options{})
	for range 30 {
		out := w.do(sandbox.Change{Op: sandbox.AddGrant})
		w.granted(out.Agent, out.Key, true)
		out = w.do(sandbox.Change{Op: sandbox.RemoveGrant})
		w.granted(out.Agent, out.Key, false)
	}
}

// granted checks that truth and policies agree about an agent's grants, and that they hold key or do not.
func (w *world) granted(id, key string, want bool) {
	w.t.Helper()
	member := id
	if a := w.agent(id); a.Native == nativeAccount {
		member = w.get("/iam/v1/projects/-/serviceAccounts/" + id)["email"].(string)
	} else if a.Native == nativeRegistry {
		host := strings.TrimPrefix(strings.ReplaceAll(id, ":", "/"), "urn/agent/")
		_, member, _ = strings.Cut(host, "/run/services/")
	}
	var got []string
	for _, g := range w.membersWith(member) {
		if !slices.Contains(got, g) {
			got = append(got, g)
		}
	}
	if diff := cmp.Diff(w.agent(id).Grants, got); diff != "" && !(len(got) == 0 && len(w.agent(id).Grants) == 0) {
		w.t.Errorf("grants of %s, truth (-) and policies (+):\n%s", id, diff)
	}
	if slices.Contains(got, key) != want {
		w.t.Errorf("%s: grant %s is there: %v, want %v", id, key, !want, want)
	}
}

func TestWhatGoogleCannotDo(t *testing.T) {
	w := newWorld(t, 60, Options{})
	engine, entry := w.first(of(nativeEngine)).ID, w.first(of(nativeRegistry)).ID
	for _, c := range []sandbox.Change{
		{Op: sandbox.AddOwner}, {Op: sandbox.RemoveOwner}, {Op: "agent.praise"},
		{Op: sandbox.DisableAgent, Agent: engine}, {Op: sandbox.EnableAgent, Agent: entry},
		{Op: sandbox.AddCredential, Agent: engine}, {Op: sandbox.RestoreAgent}, {Op: sandbox.PurgeAgent, Agent: engine},
		{Op: sandbox.DeleteAgent, Agent: "104"}, {Op: sandbox.CreateAgent, Native: "okta_app"},
		{Op: sandbox.CreateAgent, Agent: "mine"}, {Op: sandbox.RenameAgent, Agent: engine, Native: nativeAccount},
	} {
		before, err := w.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Mutate(c); !errors.Is(err, sandbox.ErrNoTarget) {
			t.Errorf("%+v: %v, want ErrNoTarget", c, err)
		}
		after, err := w.Snapshot()
		if err != nil || string(before) != string(after) {
			t.Errorf("%+v changed the state, or %v", c, err)
		}
	}
}
