package google

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func TestRegistryLag(t *testing.T) {
	w := newWorld(t, 30, Options{RegistryLag: 5 * time.Minute})
	out := w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeRegistry})
	engine := strings.ReplaceAll(strings.ReplaceAll(strings.SplitN(out.Agent, ":", 4)[3], ":aiplatform:", ":"), ":", "/")
	if want := w.clock.Now().Add(5 * time.Minute); !out.At.Equal(want) {
		t.Errorf("the outcome says %s, want %s", out.At, want)
	}
	for _, step := range []struct {
		wait          time.Duration
		entry, engine bool
	}{{0, false, true}, {4 * time.Minute, false, true}, {time.Minute, true, true}} {
		w.clock.Advance(step.wait)
		if (w.agent(out.Agent) != nil) != step.entry || (w.agent(engine) != nil) != step.engine {
			t.Errorf("after %s: entry %v, engine %v", step.wait, w.agent(out.Agent), w.agent(engine))
		}
		w.agreed()
	}
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: engine})
	if w.agent(out.Agent) == nil || w.agent(engine) != nil {
		t.Error("the engine should be gone at once, its entry later")
	}
	w.agreed()
	w.clock.Advance(5 * time.Minute)
	if w.agent(out.Agent) != nil {
		t.Error("the entry outlived the lag")
	}
	w.agreed()
}

func TestSettle(t *testing.T) {
	w := newWorld(t, 30, Options{Settle: time.Minute})
	codes := map[int]bool{}
	var paths []string
	for range 12 {
		out := w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeAccount})
		path := "/iam/v1/projects/tessellate-agents/serviceAccounts/" + out.Agent
		paths = append(paths, path)
		code, _, _ := w.send("GET", path, "")
		codes[code] = true
	}
	if len(codes) != 2 || !codes[403] || !codes[404] {
		t.Errorf("new accounts answered %v, want 403 and 404", codes)
	}
	w.agreed() // lists show them already
	w.clock.Advance(time.Minute)
	for _, p := range paths {
		w.get(p)
	}
	engine := w.do(sandbox.Change{Op: sandbox.CreateAgent, Native: nativeEngine}).Agent
	if code, _, _ := w.send("GET", "/aiplatform/v1/"+engine, ""); code != 403 && code != 404 {
		t.Errorf("a new engine answers %d", code)
	}
}

func TestMissingRuntimeIdentity(t *testing.T) {
	count := func(opt Options) (with, without int) {
		w := newWorld(t, 150, opt)
		agents, _ := w.all("/agentregistry/v1/projects/tessellate-agents/locations/us-central1/agents", "agents", "")
		for _, a := range agents {
			attributes, _ := a["attributes"].(object)
			if ref, ok := attributes[systemAttribute+"RuntimeReference"].(object); !ok || !strings.HasPrefix(ref["uri"].(string), "//aiplatform.") {
				continue
			}
			if id, ok := attributes[systemAttribute+"RuntimeIdentity"].(object); ok && strings.HasPrefix(id["principal"].(string), "principal://agents.global.org-") {
				with++
			} else {
				without++
			}
		}
		return with, without
	}
	if with, without := count(Options{}); with == 0 || without != 0 {
		t.Errorf("by default %d with and %d without a runtime identity", with, without)
	}
	if with, without := count(Options{NoRuntimeIdentityEvery: 2}); with == 0 || without == 0 {
		t.Errorf("with the option %d with and %d without a runtime identity", with, without)
	}
}

func TestUnreachable(t *testing.T) {
	const path = "/agentidentity/v1/projects/tessellate-agents/locations/"
	w := newWorld(t, 60, Options{})
	whole, _ := w.all(path+"-/authProviders", "authProviders", "")
	w.Options.Unreachable = []string{"europe-west4"}
	part := w.get(path + "-/authProviders")
	if n := len(part["authProviders"].([]any)); n >= len(whole) {
		t.Errorf("%d of %d providers, want fewer", n, len(whole))
	}
	want := "projects/tessellate-agents/locations/europe-west4"
	for _, answer := range []object{part, w.get(path + "europe-west4/authProviders"), w.get(path + "europe-west4/accessSummaries"),
		w.get("/run/v2/projects/tessellate-agents/locations/-/services")} {
		if list, ok := answer["unreachable"].([]any); !ok || len(list) != 1 || list[0] != want {
			t.Errorf("unreachable is %v", answer["unreachable"])
		}
	}
	if other := w.get(path + "us-central1/authProviders"); other["unreachable"] != nil {
		t.Errorf("us-central1 says %v", other["unreachable"])
	}
}

func TestQuota(t *testing.T) {
	w := newWorld(t, 30, Options{ReadsPerMinute: 3})
	const path = "/iam/v1/projects/tessellate-agents/serviceAccounts"
	for range 3 {
		w.get(path)
	}
	w.clock.Advance(20 * time.Second)
	e := w.refused("GET", path, "", 429, "RESOURCE_EXHAUSTED")
	details := e["details"].([]any)
	info, retry := details[0].(object), details[1].(object)
	if info["reason"] != "RATE_LIMIT_EXCEEDED" || info["metadata"].(object)["quota_limit_value"] != "3" || retry["retryDelay"] != "40s" {
		t.Errorf("details %v", details)
	}
	w.get("/cloudresourcemanager/v3/projects:search") // each service has its own quota
	w.clock.Advance(40 * time.Second)
	w.get(path)
}
