package google

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// mirror is what the APIs show of everything that a truth tells beyond names, gathered as a reader would.
type mirror struct {
	*world
	bindings  map[string][]string // by member
	federated map[string][]string // by unique id of the account
	consents  map[string][]string // by workload
	calls     map[string][]string // by URN
	further   map[string][]string // by id: native, name and status
	providers map[string]sandbox.TruthProvider
}

func (w *world) mirror() *mirror {
	w.t.Helper()
	m := &mirror{w, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{}, map[string][]string{},
		map[string]sandbox.TruthProvider{}}
	const v3 = "/cloudresourcemanager/v3/"
	organization := "organizations/" + w.Organization()
	m.policy("POST", v3+organization+":getIamPolicy", "//cloudresourcemanager.googleapis.com/"+organization, "")
	folders, _ := w.all(v3+"folders:search", "folders", "")
	for _, f := range folders {
		name := f["name"].(string)
		m.policy("POST", v3+name+":getIamPolicy", "//cloudresourcemanager.googleapis.com/"+name, "")
	}
	for _, p := range w.Projects() {
		m.policy("POST", v3+"projects/"+p+":getIamPolicy", "//cloudresourcemanager.googleapis.com/projects/"+p, "")
		m.accounts(p)
		m.places(p)
		m.pools(p)
	}
	return m
}

// policy reads one policy, with the version in the body of a POST to Resource Manager or IAM's pools, in the query otherwise.
func (m *mirror) policy(verb, path, full, account string) {
	m.t.Helper()
	body := ""
	if strings.Contains(path, "cloudresourcemanager") || strings.Contains(path, "workloadIdentityPools") {
		body = `{"options":{"requestedPolicyVersion":3}}`
	} else {
		path += "?options.requestedPolicyVersion=3"
	}
	list, _ := m.ok(verb, path, body)["bindings"].([]any)
	for _, x := range list {
		b := x.(object)
		key := b["role"].(string) + "@" + full
		if c, ok := b["condition"].(object); ok {
			key += " if " + c["expression"].(string)
		}
		for _, member := range b["members"].([]any) {
			m.bindings[member.(string)] = append(m.bindings[member.(string)], key)
			if account != "" && b["role"] == "roles/iam.workloadIdentityUser" {
				m.federated[account] = append(m.federated[account], member.(string))
			}
		}
	}
}

func (m *mirror) accounts(p string) {
	list, _ := m.all("/iam/v1/projects/"+p+"/serviceAccounts", "accounts", "")
	for _, a := range list {
		id := a["uniqueId"].(string)
		m.policy("POST", "/iam/v1/"+a["name"].(string)+":getIamPolicy", "//iam.googleapis.com/projects/"+p+"/serviceAccounts/"+id, id)
	}
}

// places reads what lies in locations.
func (m *mirror) places(p string) {
	for _, l := range served(serviceRegistry) {
		at := "projects/" + p + "/locations/" + l
		engines, _ := m.all("/aiplatform/v1/"+at+"/reasoningEngines", "reasoningEngines", "")
		for _, e := range engines {
			name := e["name"].(string)
			m.policy("POST", "/aiplatform/v1/"+name+":getIamPolicy", "//aiplatform.googleapis.com/"+name, "")
		}
		services, _ := m.all("/agentregistry/v1/"+at+"/services", "services", "")
		for _, s := range services {
			if s["agentSpec"] != nil {
				m.further[s["name"].(string)] = []string{nativeService, s["displayName"].(string), "active"}
			}
		}
		bindings, _ := m.all("/agentregistry/v1/"+at+"/bindings", "bindings", "")
		for _, b := range bindings {
			from, to := b["source"].(object)["identifier"].(string), b["target"].(object)["identifier"].(string)
			if use, ok := b["authProviderBinding"].(object); ok {
				to += " with " + use["authProvider"].(string)
			}
			m.calls[from] = append(m.calls[from], to)
		}
	}
	runs, _ := m.all("/run/v2/projects/"+p+"/locations/-/services", "services", "")
	for _, r := range runs {
		name := r["name"].(string)
		m.policy("GET", "/run/v2/"+name+":getIamPolicy", "//run.googleapis.com/"+name, "")
		if r["functionalType"] == "FUNCTIONAL_TYPE_AGENT" {
			_, id := cutLast(name, "/")
			host := strings.Replace(name, "projects/"+p+"/", "projects/"+m.st.project(p).Number+"/", 1)
			m.further[host] = []string{nativeRun, id, "active"}
		}
	}
	m.gemini(p)
	m.providersOf(p)
}

func (m *mirror) gemini(p string) {
	const v = "/discoveryengine/v1alpha/"
	apps, _ := m.all(v+"projects/"+p+"/locations/global/collections/default_collection/engines", "engines", "")
	for _, a := range apps {
		name := a["name"].(string)
		m.policy("GET", v+name+":getIamPolicy", "//discoveryengine.googleapis.com/"+name, "")
		agents, _ := m.all(v+name+"/assistants/default_assistant/agents", "agents", "")
		for _, g := range agents {
			m.further[g["name"].(string)] = []string{nativeGemini, g["displayName"].(string), geminiStatus[g["state"].(string)]}
		}
	}
}

func (m *mirror) providersOf(p string) {
	const v = "/agentidentity/v1/"
	providers, _ := m.all(v+"projects/"+p+"/locations/-/authProviders?showDeleted=true", "authProviders", "")
	for _, x := range providers {
		name := x["name"].(string)
		t := sandbox.TruthProvider{ID: name, Status: map[string]string{"ENABLED": "active", "DISABLED": "disabled"}[x["state"].(string)],
			Scopes: texts(x["allowedScopes"]), Consents: []string{}}
		if x["deleted"] == true {
			t.Status = "deleted"
		} else {
			m.policy("GET", v+name+":getIamPolicy", "//agentidentity.googleapis.com/"+name, "")
		}
		for kind := range x["authProviderTypeParams"].(object) {
			t.Kind = snakeCase(kind)
		}
		consents, _ := m.all(v+name+"/authorizations", "authorizations", "")
		for _, a := range consents {
			text := a["clientUserId"].(string) + ": " + strings.Join(texts(a["scopes"]), " ")
			if a["state"] == "SUSPENDED" {
				text += " (suspended)"
			}
			t.Consents = append(t.Consents, text)
		}
		slices.Sort(t.Consents)
		m.providers[name] = t
	}
	summaries, _ := m.all(v+"projects/"+p+"/locations/-/accessSummaries", "accessSummaries", "")
	for _, a := range summaries {
		provider, workload := a["authProvider"].(string), strings.Replace(a["workloadId"].(string), "spiffe://", "principal://", 1)
		standing := " (revoked)"
		for _, line := range m.providers[provider].Consents {
			if user, _, _ := strings.Cut(line, ":"); user == a["userId"] {
				standing = ""
				if strings.HasSuffix(line, "(suspended)") {
					standing = " (suspended)"
				}
			}
		}
		for _, s := range texts(a["scopes"]) {
			m.consents[workload] = append(m.consents[workload], s+"@"+provider+" for "+a["userId"].(string)+standing)
		}
	}
}

func (m *mirror) pools(p string) {
	const v, deleted = "/iam/v1/", "?showDeleted=true"
	pools, _ := m.all(v+"projects/"+p+"/locations/global/workloadIdentityPools"+deleted, "workloadIdentityPools", "")
	for _, x := range pools {
		pool := x["name"].(string)
		m.policy("POST", v+pool+":getIamPolicy", "//iam.googleapis.com/"+pool, "")
		spaces, _ := m.all(v+pool+"/namespaces", "workloadIdentityPoolNamespaces", "")
		for _, ns := range spaces {
			list, _ := m.all(v+ns["name"].(string)+"/managedIdentities"+deleted, "workloadIdentityPoolManagedIdentities", "")
			for _, i := range list {
				status := "active"
				if i["disabled"] == true {
					status = "disabled"
				}
				if i["state"] == "DELETED" {
					status = "deleted"
				}
				name := i["name"].(string)
				_, id := cutLast(name, "/")
				m.further[name] = []string{nativeManaged, id, status}
			}
		}
	}
}

func texts(v any) []string {
	out := []string{}
	list, _ := v.([]any)
	for _, x := range list {
		out = append(out, x.(string))
	}
	return out
}

// whole compares all that a truth tells with what the APIs show.
func (w *world) whole() {
	w.t.Helper()
	w.agreed()
	m, truth := w.mirror(), w.Truth()
	further := map[string][]string{}
	living := map[string]bool{}
	for _, a := range slices.Concat(truth.Agents, truth.Further) {
		member := identifier(a, "principal")
		living[member] = true
		if a.Native == nativeRegistry {
			member = ""
		}
		w.same(a.ID, "bindings", a.Bindings, m.bindings[member])
		w.same(a.ID, "federated", a.Federated, m.federated[a.ID])
		w.same(a.ID, "consents", a.Consents, m.consents[member])
		w.same(a.ID, "connections", a.Connections, m.calls[a.ID])
	}
	for _, a := range truth.Further {
		further[a.ID] = []string{a.Native, a.Name, a.Status}
	}
	if diff := cmp.Diff(further, m.further); diff != "" {
		w.t.Errorf("further agents, truth (-) and APIs (+):\n%s", diff)
	}
	providers := map[string]sandbox.TruthProvider{}
	for _, p := range truth.Providers {
		providers[p.ID] = p
	}
	if diff := cmp.Diff(providers, m.providers); diff != "" {
		w.t.Errorf("providers, truth (-) and APIs (+):\n%s", diff)
	}
	var dangling []string
	for member, keys := range m.bindings {
		own := strings.HasPrefix(member, "principal://agents.") || strings.HasSuffix(member, ".iam.gserviceaccount.com") || strings.HasPrefix(member, "deleted:")
		for _, key := range keys {
			if own && !living[member] {
				dangling = append(dangling, member+" "+key)
			}
		}
	}
	w.same("organization", "dangling", truth.Dangling, dangling)
}

func (w *world) same(id, what string, truth, shown []string) {
	w.t.Helper()
	if diff := cmp.Diff(set(truth), set(shown)); diff != "" {
		w.t.Errorf("%s of %s, truth (-) and APIs (+):\n%s", what, id, diff)
	}
}

// identifier is the value of an agent's first identifier of a type.
func identifier(a sandbox.TruthAgent, typ string) string {
	for _, x := range a.Identifiers {
		if v, ok := strings.CutPrefix(x, typ+"="); ok {
			return v
		}
	}
	return ""
}

// TestTheWholeTruth makes many changes of all kinds and looks whether the APIs show what the truth says.
func TestTheWholeTruth(t *testing.T) {
	w := newWorld(t, 60, Options{PageSize: 50})
	w.whole()
	r, all := sandbox.NewRand(11, "walk"), everything()
	done := map[sandbox.Op]int{}
	for i := range 1200 {
		c := all[r.Pick(len(all))]
		switch {
		case i%10 == 0: // as many are deleted otherwise
			c = sandbox.Change{Op: sandbox.CreateAgent, Native: natives[i/10%len(natives)]}
		case i%5 == 0: // or the kinds of agents, of which there are many for one change, would leave little else
			c = sandbox.Change{Op: c.Op}
		}
		out, err := w.Mutate(c)
		switch {
		case err == nil:
			done[c.Op]++
			if out.Op != c.Op || out.Text == "" {
				t.Errorf("%+v: outcome %+v", c, out)
			}
		case !errors.Is(err, sandbox.ErrNoTarget):
			t.Fatalf("%+v: %v", c, err)
		}
		w.clock.Advance(1e9)
		if i%200 == 199 {
			w.whole()
		}
	}
	for _, op := range slices.Concat(sandbox.Ops(), sandbox.CloudOps()) {
		if none := []sandbox.Op{sandbox.AddOwner, sandbox.RemoveOwner}; done[op] == 0 && !slices.Contains(none, op) {
			t.Errorf("%s never found a target", op)
		}
	}
}

// TestRolesAnywhere gives and takes roles on each kind of resource.
func TestRolesAnywhere(t *testing.T) {
	w := newWorld(t, 60, Options{})
	for kind := range rolesOn {
		out := w.do(sandbox.Change{Op: sandbox.AddBinding, Name: kind})
		role, full, _ := strings.Cut(out.Key, "@")
		has := func() bool {
			truth := w.Truth()
			for _, a := range slices.Concat(truth.Agents, truth.Further) {
				if a.ID == out.Agent {
					return slices.ContainsFunc(a.Bindings, func(b string) bool { return b == out.Key || strings.HasPrefix(b, out.Key+" if ") })
				}
			}
			return false
		}
		if !has() {
			t.Errorf("%s: %s has no %s on %s", kind, out.Agent, role, full)
		}
		for range 500 {
			gone := w.do(sandbox.Change{Op: sandbox.RemoveBinding, Name: kind, Agent: out.Agent})
			if gone.Key == out.Key {
				break
			}
		}
		if has() {
			t.Errorf("%s: %s still has %s", kind, out.Agent, out.Key)
		}
	}
}

// TestRedeployedEngineLeavesItsRoles: a new engine is a new principal, and what the old one was given dangles.
func TestRedeployedEngineLeavesItsRoles(t *testing.T) {
	w := newWorld(t, 60, Options{})
	old := w.first(func(a sandbox.TruthAgent) bool { return a.Native == nativeEngine && len(a.Bindings) > 0 })
	before := w.Truth().Dangling
	out := w.do(sandbox.Change{Op: sandbox.RedeployAgent, Agent: old.ID})
	a := w.agent(out.Agent)
	if w.agent(old.ID) != nil || a == nil || a.Name != old.Name || len(a.Bindings) != 0 || out.Key != old.ID {
		t.Fatalf("outcome %+v, truth %+v", out, a)
	}
	for _, b := range old.Bindings {
		if line := identifier(old, "principal") + " " + b; !slices.Contains(w.Truth().Dangling, line) || slices.Contains(before, line) {
			t.Errorf("%s does not dangle, or did before", line)
		}
	}
	w.whole()
}

// TestSameEmailIsNotTheSameAccount: an account that is deleted and made anew has another id and nothing of the old one's.
func TestSameEmailIsNotTheSameAccount(t *testing.T) {
	w := newWorld(t, 60, Options{})
	old := w.first(func(a sandbox.TruthAgent) bool { return a.Native == nativeAccount && hasKey(a) && hasGrant(a) })
	out := w.do(sandbox.Change{Op: sandbox.RedeployAgent, Agent: old.ID})
	a := w.agent(out.Agent)
	if w.agent(old.ID) != nil || a == nil || out.Agent == old.ID || identifier(*a, "email") != identifier(old, "email") {
		t.Fatalf("outcome %+v, truth %+v", out, a)
	}
	if len(a.Bindings)+len(a.Credentials)+len(a.Grants) != 0 {
		t.Errorf("the new account has %+v", a)
	}
	w.whole()
	if got := w.get("/iam/v1/projects/-/serviceAccounts/" + identifier(old, "email"))["uniqueId"]; got != out.Agent {
		t.Errorf("the e-mail is now that of %v", got)
	}
	if _, err := w.Mutate(sandbox.Change{Op: sandbox.RestoreAgent, Agent: old.ID}); !errors.Is(err, sandbox.ErrNoTarget) {
		t.Errorf("the old account came back beside the new one: %v", err)
	}
	w.do(sandbox.Change{Op: sandbox.PurgeAgent, Agent: old.ID})
	if got := w.get("/iam/v1/projects/-/serviceAccounts/" + identifier(old, "email"))["uniqueId"]; got != out.Agent {
		t.Errorf("after the purge the e-mail is that of %v", got)
	}
	w.whole()
}

// TestDeletedAccountIsRenamedEverywhere looks at the policies of the organization and of an engine.
func TestDeletedAccountIsRenamedEverywhere(t *testing.T) {
	w := newWorld(t, 60, Options{})
	a := w.first(func(a sandbox.TruthAgent) bool { return a.Native == nativeAccount })
	w.do(sandbox.Change{Op: sandbox.AddBinding, Agent: a.ID, Name: kindOrganization})
	w.do(sandbox.Change{Op: sandbox.AddBinding, Agent: a.ID, Name: kindEngine})
	w.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: a.ID})
	gone := w.mirror().bindings["deleted:"+identifier(a, "principal")+"?uid="+a.ID]
	organization := func(b string) bool { return strings.Contains(b, "/organizations/") }
	engine := func(b string) bool { return strings.Contains(b, "/reasoningEngines/") }
	if !slices.ContainsFunc(gone, organization) || !slices.ContainsFunc(gone, engine) {
		t.Errorf("the deleted account has %v", gone)
	}
	w.whole()
	w.do(sandbox.Change{Op: sandbox.RestoreAgent, Agent: a.ID})
	w.whole()
}

func TestPoliciesOfWhatIsNotThere(t *testing.T) {
	w := newWorld(t, 30, Options{})
	w.refused("POST", "/cloudresourcemanager/v3/organizations/1:getIamPolicy", "", 403, "PERMISSION_DENIED")
	w.refused("POST", "/cloudresourcemanager/v3/folders/1:getIamPolicy", "", 403, "PERMISSION_DENIED")
	w.refused("GET", "/cloudresourcemanager/v3/folders/1", "", 403, "PERMISSION_DENIED")
	w.refused("GET", "/cloudresourcemanager/v3/projects?parent=projects/1", "", 400, "INVALID_ARGUMENT")
	w.refused("GET", "/cloudresourcemanager/v3/folders?parent="+url.QueryEscape("folders/1"), "", 403, "PERMISSION_DENIED")
	w.refused("GET", "/cloudresourcemanager/v3/folders:search?query=colour:red", "", 400, "INVALID_ARGUMENT")
	w.refused("GET", "/iam/v1/projects/tessellate-agents/locations/global/workloadIdentityPools/none", "", 404, "NOT_FOUND")
	w.refused("GET", "/run/v2/projects/tessellate-agents/locations/us-central1/services/none:getIamPolicy", "", 404, "NOT_FOUND")
}
