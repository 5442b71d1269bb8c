package integration

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// What Google's organization has and what the connector says of it, in the same words.

// ofTruth is what the organization has of an identity, as far as the connector reads it.
type ofTruth struct {
	Name, Status                               string
	Grants, Credentials, Consents, Connections []string
	Delegated                                  []string // with Workspace
}

// googleTruth is what an organization has, with or without its Workspace, by the ids that the connector gives. numbers are its projects', by id.
func googleTruth(t sandbox.Truth, numbers map[string]string, workspace bool) map[string]ofTruth {
	out := map[string]ofTruth{}
	for _, a := range slices.Concat(t.Agents, t.Further) {
		id := googleID(a)
		if id == "" || a.Status == "deleted" {
			continue
		}
		one := ofTruth{Name: a.Name, Status: a.Status}
		for _, b := range a.Bindings {
			one.Grants = append(one.Grants, numbered(b, numbers))
		}
		one.Credentials = slices.Clone(a.Credentials)
		for _, member := range a.Federated {
			one.Credentials = append(one.Credentials, outsider(member))
		}
		one.Consents, one.Connections = a.Consents, a.Connections
		if workspace {
			one.Delegated = a.Delegated
		}
		for _, list := range []*[]string{&one.Grants, &one.Credentials, &one.Consents, &one.Connections, &one.Delegated} {
			*list = sorted(*list)
		}
		out[id] = one
	}
	return out
}

// googleID is the id that the connector gives to an agent of a truth; empty for one of a kind that it does not read.
func googleID(a sandbox.TruthAgent) string {
	switch a.Native {
	case "managed_identity":
		return ""
	case "cloud_run_service":
		return "//run.googleapis.com/" + a.ID
	case "registry_service":
		return "//agentregistry.googleapis.com/" + a.ID
	}
	return a.ID
}

// numbered is a binding with the Cloud Run service that it is on named by its project's number, as the connector names what may be an agent.
func numbered(binding string, numbers map[string]string) string {
	role, at, _ := strings.Cut(binding, "@")
	if !strings.HasPrefix(at, "//run.googleapis.com/") {
		return binding
	}
	parts := strings.Split(at, "/")
	parts[4] = numbers[parts[4]]
	return role + "@" + strings.Join(parts, "/")
}

// projectNumbers asks the organization for the numbers of its projects, by id.
func projectNumbers(t *testing.T, box http.Handler, token string) map[string]string {
	out := map[string]string{}
	for page, more := "", true; more; more = page != "" {
		r := httptest.NewRequest(http.MethodGet, "/cloudresourcemanager/v3/projects:search?pageToken="+url.QueryEscape(page), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		box.ServeHTTP(w, r)
		var found struct {
			Projects []struct {
				Name string `json:"name"`
				ID   string `json:"projectId"`
			} `json:"projects"`
			Next string `json:"nextPageToken"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &found); err != nil || w.Code != http.StatusOK {
			t.Fatalf("the organization does not show its projects: status %d, %v: %s", w.Code, err, w.Body)
		}
		for _, p := range found.Projects {
			out[p.ID] = strings.TrimPrefix(p.Name, "projects/")
		}
		page = found.Next
	}
	return out
}

// googleGrant is a role on a resource, or a connection to one, in a truth's words.
func googleGrant(g *events.Grant) string {
	if g.Type == "iam_role" {
		if g.Condition != "" {
			return g.Role + "@" + g.Resource + " if " + g.Condition
		}
		return g.Role + "@" + g.Resource
	}
	if g.Role != "" {
		return g.Resource + " with " + g.Role
	}
	return g.Resource
}

// googleConsents are what an agent may do for a person, in a truth's words.
func googleConsents(d *events.Delegation, person string) (out []string) {
	for _, scope := range d.Scopes {
		c := scope + "@" + d.Resource + " for " + person
		switch {
		case strings.HasPrefix(d.NativeStatus, "no authorization"):
			c += " (revoked)"
		case d.NativeStatus == "SUSPENDED":
			c += " (suspended)"
		}
		out = append(out, c)
	}
	return out
}

// outsider is a member from outside in the words of a credential.
func outsider(member string) string {
	_, rest, _ := strings.Cut(member, "://iam.googleapis.com/")
	pool, subject, _ := strings.Cut(rest, "/subject/")
	return pool + " " + subject
}

// reportedOf is a delegation that Workspace reports, in the words of a truth.
func reportedOf(e *events.Entity, people map[string]string) (out []string) {
	client, who := e.Delegation.Resource, people[e.Delegation.Person]
	if e.Delegation.Person == events.Everyone {
		client, who = e.Holder, "*" // a service account's client has its id
	}
	if e.Delegation.Status == events.StatusDisabled {
		return []string{client + " for " + who + " (taken back)"}
	}
	for _, scope := range e.Delegation.Scopes {
		out = append(out, scope+"@"+client+" for "+who)
	}
	return out
}
