package google_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
	reports "google.golang.org/api/admin/reports/v1"
	"google.golang.org/api/cloudasset/v1"
	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/logging/v2"
	"google.golang.org/api/pubsub/v1"
)

func TestSDKReadsTheHierarchy(t *testing.T) {
	s, _, base := serve(t)
	ctx := t.Context()
	svc := must[*cloudresourcemanager.Service](t)(cloudresourcemanager.NewService(ctx, at(base, "cloudresourcemanager", s.Token())...))
	organizations := must[*cloudresourcemanager.SearchOrganizationsResponse](t)(svc.Organizations.Search().Do()).Organizations
	if len(organizations) != 1 || organizations[0].Name != "organizations/"+s.Organization() {
		t.Fatalf("organizations %v", organizations)
	}
	three := &cloudresourcemanager.GetIamPolicyRequest{Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: 3}}
	if p := must[*cloudresourcemanager.Policy](t)(svc.Organizations.GetIamPolicy(organizations[0].Name, three).Do()); len(p.Bindings) == 0 {
		t.Error("the organization's policy is empty")
	}
	var projects []string
	var below func(parent string)
	below = func(parent string) {
		for _, p := range must[*cloudresourcemanager.ListProjectsResponse](t)(svc.Projects.List().Parent(parent).Do()).Projects {
			projects = append(projects, p.ProjectId)
		}
		for _, f := range must[*cloudresourcemanager.ListFoldersResponse](t)(svc.Folders.List().Parent(parent).Do()).Folders {
			must[*cloudresourcemanager.Policy](t)(svc.Folders.GetIamPolicy(f.Name, three).Do())
			below(f.Name)
		}
	}
	below(organizations[0].Name)
	slices.Sort(projects)
	if want := slices.Sorted(slices.Values(s.Projects())); !slices.Equal(projects, want) {
		t.Errorf("a walk down the folders found %v, want %v", projects, want)
	}
}

func TestSDKReadsPools(t *testing.T) {
	s, _, base := serve(t)
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), at(base, "iam", s.Token())...))
	pools := svc.Projects.Locations.WorkloadIdentityPools
	issuers, identities := 0, 0
	err := pools.List("projects/"+s.Projects()[0]+"/locations/global").ShowDeleted(true).Pages(t.Context(), func(page *iam.ListWorkloadIdentityPoolsResponse) error {
		for _, p := range page.WorkloadIdentityPools {
			for _, x := range must[*iam.ListWorkloadIdentityPoolProvidersResponse](t)(pools.Providers.List(p.Name).Do()).WorkloadIdentityPoolProviders {
				if x.Oidc != nil || x.Aws != nil {
					issuers++
				}
			}
			for _, ns := range must[*iam.ListWorkloadIdentityPoolNamespacesResponse](t)(pools.Namespaces.List(p.Name).Do()).WorkloadIdentityPoolNamespaces {
				list := must[*iam.ListWorkloadIdentityPoolManagedIdentitiesResponse](t)(pools.Namespaces.ManagedIdentities.List(ns.Name).Do())
				identities += len(list.WorkloadIdentityPoolManagedIdentities)
			}
		}
		return nil
	})
	if err != nil || issuers != 2 || identities != 3 {
		t.Errorf("%d issuers, %d managed identities, error %v", issuers, identities, err)
	}
}

// TestSDKPullsTheLog: what comes out of the queue decodes as an entry of the log, and is gone once it is acknowledged.
func TestSDKPullsTheLog(t *testing.T) {
	s, _, base := serve(t)
	subscription := must[sandbox.Outcome](t)(s.Mutate(sandbox.Change{Op: sandbox.OpenSink})).Key
	out := must[sandbox.Outcome](t)(s.Mutate(sandbox.Change{Op: sandbox.DisableAgent}))
	svc := must[*pubsub.Service](t)(pubsub.NewService(t.Context(), at(base, "pubsub", s.Token())...))
	pull := func() []*pubsub.ReceivedMessage {
		return must[*pubsub.PullResponse](t)(svc.Projects.Subscriptions.Pull(subscription, &pubsub.PullRequest{MaxMessages: 10}).Do()).ReceivedMessages
	}
	messages := pull()
	if len(messages) != 1 {
		t.Fatalf("%d messages", len(messages))
	}
	var entry logging.LogEntry
	data, err := base64.StdEncoding.DecodeString(messages[0].Message.Data)
	if err := errors.Join(err, json.Unmarshal(data, &entry)); err != nil {
		t.Fatal(err)
	}
	if entry.Resource.Labels["unique_id"] != out.Agent || entry.InsertId == "" {
		t.Errorf("the message tells of %v, the change was %s", entry.Resource.Labels, out.Text)
	}
	must[*pubsub.Empty](t)(svc.Projects.Subscriptions.ModifyAckDeadline(subscription,
		&pubsub.ModifyAckDeadlineRequest{AckIds: []string{messages[0].AckId}, AckDeadlineSeconds: 0, ForceSendFields: []string{"AckDeadlineSeconds"}}).Do())
	messages = pull()
	if len(messages) != 1 {
		t.Fatalf("%d messages after one was given back", len(messages))
	}
	must[*pubsub.Empty](t)(svc.Projects.Subscriptions.Acknowledge(subscription, &pubsub.AcknowledgeRequest{AckIds: []string{messages[0].AckId}}).Do())
	if rest := pull(); len(rest) != 0 {
		t.Errorf("%d messages after the acknowledgement", len(rest))
	}
}

func TestSDKReadsReportsAndAssets(t *testing.T) {
	s, _, base := serve(t)
	svc := must[*reports.Service](t)(reports.NewService(t.Context(), at(base, "admin", s.Token())...))
	agentic := 0
	err := svc.Activities.List("all", "token").MaxResults(5).Pages(t.Context(), func(page *reports.Activities) error {
		for _, a := range page.Items {
			if a.IsAgenticAction && a.Actor.AgentAttributionInfo.AgentOwner.Email != "" {
				agentic++
			}
		}
		return nil
	})
	if err != nil || agentic == 0 {
		t.Errorf("%d activities of agents, error %v", agentic, err)
	}
	assets := must[*cloudasset.Service](t)(cloudasset.NewService(t.Context(), at(base, "cloudasset", s.Token())...))
	found := 0
	err = assets.V1.SearchAllResources("organizations/"+s.Organization()).AssetTypes("iam.googleapis.com/ServiceAccount").Pages(t.Context(),
		func(page *cloudasset.SearchAllResourcesResponse) error {
			found += len(page.Results)
			return nil
		})
	want := 0
	for _, a := range s.Truth().Agents {
		if a.Native == "service_account" {
			want++
		}
	}
	if err != nil || found != want {
		t.Errorf("%d accounts, want %d, error %v", found, want, err)
	}
}

// TestSDKUnderstandsTheOlderForm: the client reads the reason of Workspace's quota errors.
func TestSDKUnderstandsTheOlderForm(t *testing.T) {
	s, _, base := serve(t)
	s.Options.Quotas = map[string]int{"admin": 1}
	svc := must[*reports.Service](t)(reports.NewService(t.Context(), at(base, "admin", s.Token())...))
	for range 2 {
		_, err := svc.Activities.List("all", "token").Do()
		var ge *googleapi.Error
		if err == nil {
			continue
		}
		if !errors.As(err, &ge) || ge.Code != 403 || len(ge.Errors) != 1 || ge.Errors[0].Reason != "rateLimitExceeded" {
			t.Errorf("the client sees %v", err)
		}
		return
	}
	t.Error("two calls of one that is allowed went well")
}

var _ sandbox.Reader = (*google.Sandbox)(nil)
