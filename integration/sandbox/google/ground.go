package google

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ground is a resource that has an IAM policy.
type ground struct {
	key  string // of state.Policies
	kind string // organization, folder, project, engine, account, run, app, provider or pool
	name string // as its own API and the log spell it
	full string // full resource name, with its service; of an account by its unique id
	in   string // whose log tells of its policy
	host any    // the *engine, *account or *runService that it is, if it is one
}

// The kinds of grounds. They begin the keys of state.Policies.
const (
	kindOrganization = "organization"
	kindFolder       = "folder"
	kindProject      = "project"
	kindEngine       = "engine"
	kindAccount      = "account"
	kindRun          = "run"
	kindApp          = "app"
	kindProvider     = "provider"
	kindPool         = "pool"
)

// ground is the resource of a policy; false when it is not there any more, though its policy may be kept for an undelete.
func (s *state) ground(key string) (ground, bool) {
	kind, id, _ := strings.Cut(key, "/")
	g := ground{key: key, kind: kind, name: id}
	in := func(project, service string) {
		g.in, g.full = "projects/"+project, "//"+service+".googleapis.com/"+g.name
	}
	switch kind {
	case kindOrganization, kindFolder:
		g.name = kind + "s/" + id
		g.in, g.full = g.name, "//cloudresourcemanager.googleapis.com/"+g.name
		return g, kind == kindOrganization || s.folder(id) != nil
	case kindProject:
		g.name = "projects/" + id
		in(id, serviceResource)
		return g, s.project(id) != nil
	case kindEngine:
		if e := s.engine(id); e != nil {
			in(e.Project, servicePlatform)
			g.host = e
			return g, true
		}
	case kindAccount:
		if a := s.account(id); a != nil && a.Deleted.IsZero() {
			g.name = "projects/" + a.Project + "/serviceAccounts/" + a.UniqueID
			in(a.Project, serviceIAM)
			g.name, g.host = "projects/-/serviceAccounts/"+a.UniqueID, a
			return g, true
		}
	case kindRun:
		if r := s.run(id); r != nil {
			g.name = r.name()
			in(r.Project, serviceRun)
			g.host = r
			return g, true
		}
	default:
		return s.otherGround(g)
	}
	return g, false
}

// otherGround are the grounds that no agent is.
func (s *state) otherGround(g ground) (ground, bool) {
	p := s.project(strings.Split(g.name+"//", "/")[1])
	if p == nil {
		return g, false
	}
	in := func(project, service string) {
		g.in, g.full = "projects/"+project, "//"+service+".googleapis.com/"+g.name
	}
	switch g.kind {
	case kindApp:
		in(p.ProjectID, serviceDiscovery)
		return g, pick(s.Apps, func(a *geminiApp) bool { return a.name() == g.name }) != nil
	case kindProvider:
		in(p.ProjectID, serviceIdentity)
		a := pick(s.Providers, func(a *authProvider) bool { return a.name() == g.name })
		return g, a != nil && a.Deleted.IsZero()
	case kindPool:
		in(p.ProjectID, serviceIAM)
		x := s.pool(g.name)
		return g, x != nil && x.Deleted.IsZero()
	}
	return g, false
}

// grounds are the resources of one kind, or of all, that have a policy, in the order of their keys.
func (s *state) grounds(kind string) (out []ground) {
	for _, key := range slices.Sorted(maps.Keys(s.Policies)) {
		if kind != "" && !strings.HasPrefix(key, kind+"/") {
			continue
		}
		if g, ok := s.ground(key); ok {
			out = append(out, g)
		}
	}
	return out
}

// delta is the change of one member's role.
type delta struct {
	action string // ADD or REMOVE
	role   string
	member string
	cond   *expr
}

func (d delta) json() map[string]any {
	j := map[string]any{"action": d.action, "role": d.role, "member": d.member}
	if d.cond != nil {
		j["condition"] = map[string]any{"title": d.cond.Title, "expression": d.cond.Expression}
	}
	return j
}

// policyDeed is a change of a policy. Services differ in how they name the call and in whether they tell what changed: some
// give the deltas, one for each member, others only the policy as it was asked for.
func (s *state) policyDeed(opt Options, at time.Time, g ground, by *caller, deltas ...delta) {
	d := deed{in: g.in, method: "SetIamPolicy", name: g.name, by: by,
		request: map[string]any{"@type": "type.googleapis.com/google.iam.v1.SetIamPolicyRequest", "resource": g.name}}
	var list []any
	for _, x := range deltas {
		list = append(list, x.json())
	}
	data := map[string]any{"@type": "type.googleapis.com/google.iam.v1.logging.AuditData",
		"policyDelta": map[string]any{"bindingDeltas": list}}
	_, id := cutLast(g.name, "/")
	d.service, d.permission, d.resource = serviceResource, "resourcemanager."+g.kind+"s.setIamPolicy",
		resourceJSON{g.kind, map[string]string{g.kind + "_id": id}}
	switch g.kind {
	case kindOrganization, kindFolder, kindProject:
		d.data = data
	case kindAccount:
		a := g.host.(*account)
		d.service, d.method, d.permission, d.resource = serviceIAM, admin+"SetIAMPolicy", "iam.serviceAccounts.setIamPolicy", a.resource()
		d.data = data
	case kindRun:
		r := g.host.(*runService)
		d.service, d.method, d.permission, d.resource = serviceRun, "google.cloud.run.v1.Services.SetIamPolicy", "run.services.setIamPolicy", r.resource()
		d.data = data
	default:
		s.plainPolicyDeed(&d, g)
	}
	s.record(opt, at, d)
}

// plainPolicyDeed is for the services that do not tell the delta.
func (s *state) plainPolicyDeed(d *deed, g ground) {
	switch g.kind {
	case kindEngine:
		d.service, d.method, d.permission = servicePlatform, "google.iam.v1.IAMPolicy.SetIamPolicy", "aiplatform.reasoningEngines.setIamPolicy"
	case kindApp:
		d.service, d.method, d.permission = serviceDiscovery, "google.cloud.discoveryengine.v1alpha.EngineService.SetIamPolicy", "discoveryengine.engines.setIamPolicy"
	case kindProvider:
		d.service, d.method, d.permission = serviceIdentity, "google.iam.v1.IAMPolicy.SetIamPolicy", "agentidentity.authProviders.setIamPolicy"
	case kindPool:
		d.service, d.method, d.permission = serviceIAM, "google.iam.v1.WorkloadIdentityPools.SetIamPolicy", "iam.workloadIdentityPools.setIamPolicy"
	}
	d.resource = audited(strings.TrimPrefix(g.in, "projects/"), d.service, d.method)
	var bindings []any
	for _, b := range s.Policies[g.key].Bindings {
		bindings = append(bindings, map[string]any{"role": b.Role, "members": slices.Clone(b.Members)})
	}
	d.request["policy"] = map[string]any{"bindings": bindings}
}

// audited is the resource of services that have no kind of their own in the log.
func audited(project, service, method string) resourceJSON {
	return resourceJSON{"audited_resource", map[string]string{"project_id": project, "service": service + ".googleapis.com",
		"method": method}}
}
