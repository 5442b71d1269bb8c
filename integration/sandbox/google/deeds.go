package google

import (
	"fmt"
	"strings"
	"time"
)

// admin is where service accounts' methods lie.
const admin = "google.iam.admin.v1."

// accountDeed is a change of a service account. CreateServiceAccount names the project, all others the unique id.
func (s *state) accountDeed(opt Options, at time.Time, a *account, method, permission string, extra map[string]any) {
	name := "projects/-/serviceAccounts/" + a.UniqueID
	request := map[string]any{"@type": "type.googleapis.com/" + admin + method + "Request", "name": a.name()}
	var response map[string]any
	switch method {
	case "CreateServiceAccount":
		name = "projects/" + a.Project
		request = map[string]any{"@type": request["@type"], "name": name, "account_id": accountID(a.Email),
			"service_account": map[string]any{"display_name": a.Title, "description": a.Description}}
		response = a.audit()
	case "PatchServiceAccount", "UndeleteServiceAccount":
		response = a.audit()
	}
	for k, v := range extra {
		request[k] = v
	}
	s.record(opt, at, deed{in: "projects/" + a.Project, service: serviceIAM, method: admin + method,
		permission: "iam." + permission, name: name, resource: a.resource(), request: request, response: response})
}

// keyDeed is the coming or going of a user-managed key. The private key is never logged.
func (s *state) keyDeed(opt Options, at time.Time, a *account, k *accountKey, method, permission string) {
	d := deed{in: "projects/" + a.Project, service: serviceIAM, method: admin + method, permission: "iam." + permission,
		name: "projects/-/serviceAccounts/" + a.UniqueID, resource: a.resource(), request: map[string]any{
			"@type": "type.googleapis.com/" + admin + method + "Request", "name": a.name()}}
	if method != "CreateServiceAccountKey" && method != "UploadServiceAccountKey" {
		d.name += "/keys/" + k.ID
		d.request["name"] = a.name() + "/keys/" + k.ID
	} else {
		d.response = map[string]any{"@type": "type.googleapis.com/" + admin + "ServiceAccountKey",
			"name": a.name() + "/keys/" + k.ID, "key_type": "USER_MANAGED", "key_origin": k.Origin,
			"valid_after_time":  map[string]any{"seconds": k.After.Unix()},
			"valid_before_time": map[string]any{"seconds": k.Before.Unix()}}
	}
	s.record(opt, at, d)
}

func (a *account) audit() map[string]any {
	return map[string]any{"@type": "type.googleapis.com/" + admin + "ServiceAccount", "name": a.name(),
		"project_id": a.Project, "unique_id": a.UniqueID, "email": a.Email, "display_name": a.Title,
		"description": a.Description, "oauth2_client_id": a.UniqueID, "disabled": a.Disabled}
}

func (a *account) resource() resourceJSON {
	return resourceJSON{"service_account", map[string]string{"project_id": a.Project, "email_id": a.Email,
		"unique_id": a.UniqueID}}
}

// engineDeed is the creation, update or deletion of an engine: long-running, so it is logged twice. Creation names the
// parent; the engine's id is in the operation and in the last entry's response.
func (s *state) engineDeed(opt Options, at time.Time, e *engine, verb string) {
	version := "v1"
	if s.Serial%4 == 1 { // some clients use the older one
		version = "v1beta1"
	}
	method := "google.cloud.aiplatform." + version + ".ReasoningEngineService." + verb + "ReasoningEngine"
	type_ := "type.googleapis.com/google.cloud.aiplatform." + version + "." + verb + "ReasoningEngineRequest"
	d := deed{in: "projects/" + e.Project, service: servicePlatform, method: method, name: e.name(),
		permission: "aiplatform.reasoningEngines." + map[string]string{"Create": "create", "Update": "update",
			"Delete": "delete"}[verb],
		resource:  audited(e.Project, servicePlatform, method),
		request:   map[string]any{"@type": type_, "name": e.name()},
		operation: fmt.Sprintf("%s/operations/%d", e.name(), 1000+s.Serial),
	}
	body := map[string]any{"display_name": e.Title, "description": e.Description, "name": e.name()}
	switch verb {
	case "Create":
		d.name = fmt.Sprintf("projects/%s/locations/%s", e.Number, e.Location)
		d.request = map[string]any{"@type": type_, "parent": d.name,
			"reasoning_engine": map[string]any{"display_name": e.Title}}
		fallthrough
	case "Update":
		body["@type"] = "type.googleapis.com/google.cloud.aiplatform.v1.ReasoningEngine"
		d.response = body
	}
	s.record(opt, at, d)
}

// runDeed is a change of a Cloud Run service: through the newer API, or through the older one, which has other names.
func (s *state) runDeed(opt Options, at time.Time, r *runService, verb string) {
	method, name := "google.cloud.run.v2.Services."+verb+"Service", r.name()
	if s.Serial%3 == 0 {
		method = "google.cloud.run.v1.Services." + strings.Replace(verb, "Update", "Replace", 1) + "Service"
		name = "namespaces/" + r.Project + "/services/" + r.ID
	}
	s.record(opt, at, deed{in: "projects/" + r.Project, service: serviceRun, method: method, name: name,
		permission: "run.services." + map[string]string{"Create": "create", "Update": "update", "Delete": "delete"}[verb],
		resource:   r.resource(), request: map[string]any{"name": name}})
}

// manualDeed is a change of a user's registration in Agent Registry: long-running.
func (s *state) manualDeed(opt Options, at time.Time, m *manual, verb string) {
	method := "google.cloud.agentregistry.v1.AgentRegistry." + verb + "Service"
	s.record(opt, at, deed{in: "projects/" + m.Project, service: serviceRegistry, method: method, name: m.name(),
		permission: "agentregistry.services." + map[string]string{"Create": "create", "Update": "update",
			"Delete": "delete"}[verb],
		resource: audited(m.Project, serviceRegistry, method),
		request: map[string]any{"@type": "type.googleapis.com/google.cloud.agentregistry.v1." + verb + "ServiceRequest",
			"name": m.name()},
		operation: fmt.Sprintf("projects/%s/locations/%s/operations/operation-%d", m.Project, m.Location, 1000+s.Serial)})
}

func (r *runService) resource() resourceJSON {
	return resourceJSON{"cloud_run_revision", map[string]string{"project_id": r.Project, "location": r.Location, "service_name": r.ID}}
}
