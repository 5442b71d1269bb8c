package google_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
	"golang.org/x/oauth2"
	"google.golang.org/api/agentidentity/v1"
	"google.golang.org/api/agentregistry/v1"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/logging/v2"
	"google.golang.org/api/option"
	"google.golang.org/api/run/v2"
	"google.golang.org/api/servicecontrol/v2"
	transport "google.golang.org/api/transport/http"
)

// The tests of this file use Google's own Go client, as the connector does.

func serve(t *testing.T) (*google.Sandbox, *sandbox.Server, string) {
	t.Helper()
	s := google.New(sandbox.NewCompany(3, 90), 3)
	s.Options.PageSize = 3
	front := sandbox.Serve(s)
	srv := httptest.NewServer(front)
	t.Cleanup(srv.Close)
	return s, front, srv.URL
}

func at(base, service, token string) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(base + "/" + service + "/"),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestSDKReadsEverything(t *testing.T) {
	s, _, base := serve(t)
	ctx := t.Context()
	want := map[string]string{} // id → native
	for _, a := range s.Truth().Agents {
		want[a.ID] = a.Native
	}
	projects := must[*cloudresourcemanager.Service](t)(cloudresourcemanager.NewService(ctx, at(base, "cloudresourcemanager", s.Token())...))
	found := map[string]string{}
	err := projects.Projects.Search().Query("state:ACTIVE").Pages(ctx, func(page *cloudresourcemanager.SearchProjectsResponse) error {
		for _, p := range page.Projects {
			accounts(t, s, base, p.ProjectId, found)
			registered(t, s, base, p.ProjectId, found)
			engines(t, s, base, p.ProjectId, found)
			policy := must[*cloudresourcemanager.Policy](t)(projects.Projects.GetIamPolicy(p.Name, &cloudresourcemanager.GetIamPolicyRequest{
				Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3}}).Do())
			if policy.Version != 3 || len(policy.Bindings) == 0 || policy.Etag == "" {
				t.Errorf("policy of %s: %+v", p.Name, policy)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, native := range want {
		if found[id] != native {
			t.Errorf("%s %s: the client found %q", native, id, found[id])
		}
	}
	if len(found) != len(want) {
		t.Errorf("the client found %d agents, the truth has %d", len(found), len(want))
	}
}

func accounts(t *testing.T, s *google.Sandbox, base, project string, found map[string]string) {
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), at(base, "iam", s.Token())...))
	err := svc.Projects.ServiceAccounts.List("projects/"+project).PageSize(100).Pages(t.Context(), func(page *iam.ListServiceAccountsResponse) error {
		for _, a := range page.Accounts {
			found[a.UniqueId] = "service_account"
			keys := must[*iam.ListServiceAccountKeysResponse](t)(svc.Projects.ServiceAccounts.Keys.List(a.Name).KeyTypes("USER_MANAGED").Do())
			for _, k := range keys.Keys {
				if k.KeyType != "USER_MANAGED" || k.PrivateKeyData != "" {
					t.Errorf("key %s: %+v", k.Name, k)
				}
			}
			if got := must[*iam.ServiceAccount](t)(svc.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + a.UniqueId).Do()); got.Email != a.Email {
				t.Errorf("%s by unique id is %s", a.Email, got.Email)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func registered(t *testing.T, s *google.Sandbox, base, project string, found map[string]string) {
	svc := must[*agentregistry.APIService](t)(agentregistry.NewService(t.Context(), at(base, "agentregistry", s.Token())...))
	err := svc.Projects.Locations.List("projects/"+project).Pages(t.Context(), func(places *agentregistry.ListLocationsResponse) error {
		for _, l := range places.Locations {
			call := svc.Projects.Locations.Agents.List(l.Name).Fields("agents(name,agentId,attributes)", "nextPageToken")
			err := call.Pages(t.Context(), func(page *agentregistry.ListAgentsResponse) error {
				for _, a := range page.Agents {
					found[a.AgentId] = "registry_agent"
					if a.DisplayName != "" {
						t.Errorf("%s has fields that were not asked for", a.Name)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// engines uses the transport alone, since the generated package takes a minute to compile.
func engines(t *testing.T, s *google.Sandbox, base, project string, found map[string]string) {
	client, endpoint, err := transport.NewClient(t.Context(), append(at(base, "aiplatform", s.Token()),
		option.WithScopes("https://www.googleapis.com/auth/cloud-platform"))...)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []string{"us-central1", "europe-west4", "asia-south1"} {
		token := ""
		for {
			res := must[*http.Response](t)(client.Get(endpoint + "v1/projects/" + project + "/locations/" + l + "/reasoningEngines?pageToken=" + token))
			var page struct {
				ReasoningEngines []struct{ Name string } `json:"reasoningEngines"`
				NextPageToken    string                  `json:"nextPageToken"`
			}
			err := errors.Join(googleapi.CheckResponse(res), json.NewDecoder(res.Body).Decode(&page), res.Body.Close())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.ReasoningEngines {
				found[e.Name] = "reasoning_engine"
			}
			if token = page.NextPageToken; token == "" {
				break
			}
		}
	}
}

func TestSDKReadsTheRest(t *testing.T) {
	s, _, base := serve(t)
	ctx, place := t.Context(), "projects/"+s.Projects()[0]+"/locations/us-central1"
	manager := must[*agentidentity.Service](t)(agentidentity.NewService(ctx, at(base, "agentidentity", s.Token())...))
	providers, deleted := 0, 0
	err := manager.Projects.Locations.AuthProviders.List(place).ShowDeleted(true).Pages(ctx, func(p *agentidentity.ListAuthProvidersResponse) error {
		for _, a := range p.AuthProviders {
			providers++
			if a.Deleted {
				deleted++
			}
		}
		return nil
	})
	if err != nil || providers < 4 || deleted != 1 {
		t.Errorf("%d auth providers, %d deleted, error %v", providers, deleted, err)
	}
	if res := must[*agentidentity.ListAccessSummariesResponse](t)(manager.Projects.Locations.AccessSummaries.List(place).Do()); len(res.AccessSummaries) == 0 {
		t.Error("no access summaries")
	}
	services := 0
	runs := must[*run.Service](t)(run.NewService(ctx, at(base, "run", s.Token())...))
	err = runs.Projects.Locations.Services.List("projects/"+s.Projects()[0]+"/locations/-").Pages(ctx, func(p *run.GoogleCloudRunV2ListServicesResponse) error {
		for _, r := range p.Services {
			if r.FunctionalType == "" {
				continue // no agent
			}
			services++
			if c := r.Template.WorkloadIdentityConfig; c == nil || c.IdentityType == "IDENTITY_TYPE_AGENT_IDENTITY" && !strings.HasPrefix(c.Identity, "spiffe://") {
				t.Errorf("%s has the identity %+v", r.Name, c)
			}
		}
		return nil
	})
	if err != nil || services == 0 {
		t.Errorf("%d Cloud Run services, error %v", services, err)
	}
}

func TestSDKReadsTheLog(t *testing.T) {
	s, _, base := serve(t)
	since := time.Now().UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	out, err := s.Mutate(sandbox.Change{Op: sandbox.DisableAgent})
	if err != nil {
		t.Fatal(err)
	}
	svc := must[*logging.Service](t)(logging.NewService(t.Context(), at(base, "logging", s.Token())...))
	var names []string
	for _, p := range s.Projects() {
		names = append(names, "projects/"+p)
	}
	request := &logging.ListLogEntriesRequest{ResourceNames: names, PageSize: 1000, OrderBy: "timestamp asc",
		Filter: `log_id("cloudaudit.googleapis.com/activity") AND timestamp>="` + since + `" AND (protoPayload.serviceName=("iam.googleapis.com" OR "agentidentity.googleapis.com" OR "agentregistry.googleapis.com" OR "discoveryengine.googleapis.com") OR (protoPayload.serviceName="aiplatform.googleapis.com" AND protoPayload.methodName:"ReasoningEngine") OR protoPayload.methodName:"SetIamPolicy" OR protoPayload.methodName:"SetIAMPolicy")`}
	var deeds []string
	err = svc.Entries.List(request).Pages(t.Context(), func(page *logging.ListLogEntriesResponse) error {
		for _, e := range page.Entries {
			var audit servicecontrol.AuditLog
			if err := json.Unmarshal(e.ProtoPayload, &audit); err != nil {
				return err
			}
			deeds = append(deeds, audit.MethodName+" "+audit.ResourceName)
		}
		return nil
	})
	want := "google.iam.admin.v1.DisableServiceAccount projects/-/serviceAccounts/" + out.Agent
	if err != nil || len(deeds) != 1 || deeds[0] != want {
		t.Errorf("the log has %v, error %v; want %s", deeds, err, want)
	}
}

func TestSDKLogsIn(t *testing.T) {
	s, _, base := serve(t)
	key := must[[]byte](t)(s.Credentials(base))
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), option.WithEndpoint(base+"/iam/"),
		option.WithAuthCredentialsJSON(option.ServiceAccount, key)))
	if _, err := svc.Projects.ServiceAccounts.List("projects/" + s.Projects()[0]).Do(); err != nil {
		t.Errorf("with a key file: %v", err)
	}
	other := google.New(sandbox.NewCompany(3, 9), 4)
	if _, err := other.Credentials(base); err != nil {
		t.Fatal(err)
	}
	stranger := must[[]byte](t)(other.Credentials(base))
	svc = must[*iam.Service](t)(iam.NewService(t.Context(), option.WithEndpoint(base+"/iam/"),
		option.WithAuthCredentialsJSON(option.ServiceAccount, stranger)))
	if _, err := svc.Projects.ServiceAccounts.List("projects/" + s.Projects()[0]).Do(); err == nil {
		t.Error("another sandbox's key was let in")
	}
}

func TestSDKUnderstandsFaults(t *testing.T) {
	s, front, base := serve(t)
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), at(base, "iam", s.Token())...))
	list := func() error {
		_, err := svc.Projects.ServiceAccounts.List("projects/" + s.Projects()[0]).Context(context.Background()).Do()
		return err
	}
	for kind, code := range map[sandbox.FaultKind]int{sandbox.RateLimit: 429, sandbox.ServerError: 500,
		sandbox.Unauthorized: 401, sandbox.Forbidden: 403, sandbox.BadGateway: 502} {
		if err := front.Inject(sandbox.Fault{Kind: kind, Times: 1, After: 7e9}); err != nil {
			t.Fatal(err)
		}
		err := list()
		var ge *googleapi.Error
		if !errors.As(err, &ge) || ge.Code != code {
			t.Errorf("%s: %v, want %d", kind, err, code)
			continue
		}
		if kind == sandbox.RateLimit && (len(ge.Details) != 2 || !strings.Contains(ge.Body, `"retryDelay": "7s"`)) {
			t.Errorf("429 has the details %v", ge.Details)
		}
		if err := list(); err != nil {
			t.Errorf("after %s: %v", kind, err)
		}
	}
	for _, kind := range []sandbox.FaultKind{sandbox.Truncated, sandbox.Reset} {
		if err := front.Inject(sandbox.Fault{Kind: kind, Times: 1}); err != nil {
			t.Fatal(err)
		}
		if err := list(); err == nil {
			t.Errorf("%s: the client noticed nothing", kind)
		}
	}
}
