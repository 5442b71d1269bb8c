package google

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	runPolicyPath  = "/run/v2/projects/rc-sandbox/locations/us-central1/services/desk:getIamPolicy"
	shopPolicyPath = "/run/v2/projects/rc-sandbox/locations/us-central1/services/shop:getIamPolicy"
	appPolicyPath  = "/discoveryengine/v1alpha/projects/444455556666/locations/global/collections/default_collection/engines/acme-app:getIamPolicy"
	poolPath       = "/iam/v1/projects/444455556666/locations/global/workloadIdentityPools"
)

// govern gives the example company's services, apps, providers and pools policies.
func govern(f *fake) {
	const account = "serviceAccount:invoice-agent@rc-sandbox.iam.gserviceaccount.com"
	policy := func(role string, members ...string) string {
		return `{"version":3,"etag":"BwYxS=","bindings":[{"role":"` + role + `","members":["` + strings.Join(members, `","`) + `"]}]}`
	}
	f.bodies[runPolicyPath] = policy("roles/run.invoker", canonical, "allUsers", "group:it@example.com")
	f.bodies[shopPolicyPath] = policy("roles/run.invoker", "principal://agents.global.org-111122223333.system.id.goog/resources/run/projects/444455556666/locations/us-central1/services/desk")
	f.bodies[appPolicyPath] = policy("roles/discoveryengine.user", account, "user:alice@example.com")
	f.bodies[strings.Replace(appPolicyPath, "acme-app", "plain-search", 1)] = `{"etag":"ACAB"}`
	f.bodies["/agentidentity/v1/"+authProviderName+":getIamPolicy"] = policy("roles/agentidentity.user", "principalSet://agents.global.org-111122223333.system.id.goog/*", canonical)
	f.bodies["/agentidentity/v1/"+strings.Replace(authProviderName, "jira-3lo", "weather", 1)+":getIamPolicy"] = `{"etag":"ACAB"}`
	f.set("/iam/v1/projects/rc-sandbox/locations/global/workloadIdentityPools", `{"name":"projects/444455556666/locations/global/workloadIdentityPools/gh","state":"ACTIVE"}`,
		`{"name":"projects/444455556666/locations/global/workloadIdentityPools/past","state":"DELETED"}`)
	f.bodies[poolPath+"/gh:getIamPolicy"] = policy("roles/iam.workloadIdentityPoolAdmin", account, "principal://iam.googleapis.com/projects/444455556666/locations/global/workloadIdentityPools/gh/subject/z")
}

// granted lists what a feed's records grant: holder, role and resource.
func granted(t *testing.T, c *connector, feed string) (out []string, blind []connectors.Blindness) {
	t.Helper()
	for _, p := range round(t, c.feed(t, feed)) {
		blind = p.Blind
		for _, r := range p.Records {
			read, err := c.Normalize(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range read.Entities {
				out = append(out, e.Holder+" "+e.Grant.Role+" "+e.Grant.Resource)
			}
		}
	}
	return out, blind
}

// TestPolicyOfAServiceThatRefuses: what may not be read is blindness with its cure, and the others' policies are read all the same.
func TestPolicyOfAServiceThatRefuses(t *testing.T) {
	f := company(t)
	f.answer(runPolicyPath, 403, strings.ReplaceAll(jsonDenied, "agentregistry.agents.list", "run.services.getIamPolicy"))
	c := f.connect(t, nil)
	got, blind := granted(t, c, feedRunPolicies)
	want := []string{"//run.googleapis.com/projects/444455556666/locations/us-central1/services/desk roles/run.invoker " +
		"//run.googleapis.com/projects/444455556666/locations/us-central1/services/shop"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("granted (-want +got):\n%s", diff)
	}
	if len(blind) != 1 || !strings.Contains(blind[0].Reason, "run.services.getIamPolicy (roles/iam.securityReviewer)") {
		t.Errorf("blind: %+v", blind)
	}
}

// TestPoliciesOfNamesThatMayNotStandInAPath: a name of the vendor's that would lead elsewhere is an error, and nothing is asked.
func TestPoliciesOfNamesThatMayNotStandInAPath(t *testing.T) {
	const project = "projects/rc-sandbox/locations/"
	for feed, list := range map[string]string{feedRunPolicies: "/run/v2/" + project + "-/services", feedPoolPolicies: "/iam/v1/" + project + "global/workloadIdentityPools",
		feedProviderPolicies: "/agentidentity/v1/" + project + "us-central1/authProviders",
		feedAppPolicies:      "/discoveryengine/v1alpha/" + project + "global/collections/default_collection/engines"} {
		for _, name := range []string{"", "projects/x/../y", "projects/x/locations/y/services/a?b", "organizations/1"} {
			f := company(t)
			f.set(list, `{"name":"`+name+`"}`)
			var err error
			for cur, more := connectors.Cursor(nil), true; more && err == nil; {
				var p connectors.Page
				p, err = f.connect(t, nil).feed(t, feed).Pull(t.Context(), cur)
				cur, more = p.Next, p.More
			}
			for _, call := range f.calls {
				if err == nil || strings.HasSuffix(call, ":getIamPolicy") {
					t.Errorf("%s %q: %v after %s", feed, name, err, call)
				}
			}
		}
	}
}

// TestDeletedProviderGrantsNothing: what a provider's policy says is gone as soon as a record shows it deleted, be it of the list, of the
// walk of policies, or of the log.
func TestDeletedProviderGrantsNothing(t *testing.T) {
	f := company(t)
	c := f.connect(t, nil)
	want := policyScope("//agentidentity.googleapis.com/" + strings.Replace(authProviderName, "jira-3lo", "old", 1))
	for _, feed := range []string{feedDelegations, feedProviderPolicies} {
		replaced := 0
		for _, r := range records(round(t, c.feed(t, feed))) {
			read, err := c.Normalize(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range read.Replaces {
				if s == want && len(read.Entities) == 0 {
					replaced++
				}
			}
		}
		if replaced != 1 {
			t.Errorf("%s: %d records say that nothing is granted on a deleted provider", feed, replaced)
		}
	}
	if n := f.called("/agentidentity/v1/" + strings.Replace(authProviderName, "jira-3lo", "old", 1) + ":getIamPolicy"); n != 0 {
		t.Errorf("the policy of a deleted provider was read %d times", n)
	}
}
