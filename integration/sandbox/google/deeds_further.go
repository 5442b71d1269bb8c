package google

import (
	"fmt"
	"time"
)

// geminiDeed is a change of a Gemini Enterprise agent. Creation names the assistant, and only its response the agent;
// deletion is long-running.
func (s *state) geminiDeed(opt Options, at time.Time, app *geminiApp, g *geminiAgent, verb string) {
	method := "google.cloud.discoveryengine.v1alpha.AgentService." + verb + "Agent"
	name := app.assistant() + "/agents/" + g.ID
	project := s.project(app.Number).ProjectID
	d := deed{in: "projects/" + project, service: serviceDiscovery, method: method, name: name,
		permission: "discoveryengine.agents." + map[string]string{"Create": "create", "Update": "update", "Delete": "delete"}[verb],
		resource:   audited(project, serviceDiscovery, method),
		request:    map[string]any{"@type": "type.googleapis.com/google.cloud.discoveryengine.v1alpha." + verb + "AgentRequest"},
		response: map[string]any{"@type": "type.googleapis.com/google.cloud.discoveryengine.v1alpha.Agent", "name": name,
			"display_name": g.Title, "state": g.State}}
	switch verb {
	case "Create":
		d.name = app.assistant()
		d.request["parent"] = d.name
	case "Delete":
		d.request["name"] = name
		d.response, d.operation = nil, fmt.Sprintf("%s/operations/delete-agent-%d", app.name(), 1000+s.Serial)
	}
	s.record(opt, at, d)
}

// managedDeed is a change of a managed identity: long-running.
func (s *state) managedDeed(opt Options, at time.Time, m *managedIdentity, verb string) {
	s.poolDeed(opt, at, m.name(), verb, "ManagedIdentity")
}

// poolDeed is a change of a workload identity pool or of something in it: long-running.
func (s *state) poolDeed(opt Options, at time.Time, name, verb, what string) {
	method := "google.iam.v1.WorkloadIdentityPools." + verb + "WorkloadIdentityPool" + what
	var project string
	for _, p := range s.Pools {
		if len(name) >= len(p.name()) && name[:len(p.name())] == p.name() {
			project = s.project(p.Number).ProjectID
		}
	}
	s.record(opt, at, deed{in: "projects/" + project, service: serviceIAM, method: method, name: name,
		permission: "iam.workloadIdentityPools." + map[string]string{"Create": "create", "Update": "update", "Delete": "delete",
			"Undelete": "undelete"}[verb],
		resource: audited(project, serviceIAM, method), request: map[string]any{"name": name},
		operation: fmt.Sprintf("%s/operations/%d", name, 1000+s.Serial)})
}

// providerDeed is a change of an auth provider, or of a consent to it.
func (s *state) providerDeed(opt Options, at time.Time, p *authProvider, verb string) {
	method := "google.cloud.agentidentity.v1.AuthProviderService." + verb
	d := deed{in: "projects/" + p.Project, service: serviceIdentity, method: method, name: p.name(),
		permission: "agentidentity.authProviders." + map[string]string{"CreateAuthProvider": "create", "DeleteAuthProvider": "delete",
			"UndeleteAuthProvider": "undelete"}[verb],
		resource: audited(p.Project, serviceIdentity, method), request: map[string]any{"name": p.name()}}
	if d.permission == "agentidentity.authProviders." {
		d.permission += "update"
	}
	if verb == "CreateAuthProvider" {
		d.name = fmt.Sprintf("projects/%s/locations/%s", p.Project, p.Location)
		d.request = map[string]any{"parent": d.name, "auth_provider_id": p.ID}
		d.response = map[string]any{"name": p.name()}
	}
	s.record(opt, at, d)
}

// bindingDeed is the coming or going of a registry binding: long-running.
func (s *state) bindingDeed(opt Options, at time.Time, b *registryBinding, verb string) {
	method := "google.cloud.agentregistry.v1.AgentRegistry." + verb + "Binding"
	s.record(opt, at, deed{in: "projects/" + b.Project, service: serviceRegistry, method: method, name: b.name(),
		permission: "agentregistry.bindings." + map[string]string{"Create": "create", "Delete": "delete"}[verb],
		resource:   audited(b.Project, serviceRegistry, method), request: map[string]any{"name": b.name()},
		operation: fmt.Sprintf("projects/%s/locations/%s/operations/operation-%d", b.Project, b.Location, 1000+s.Serial)})
}
