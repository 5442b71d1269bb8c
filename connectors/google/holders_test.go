package google

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const policyPath = "/cloudresourcemanager/v3/projects/rc-sandbox:getIamPolicy"

// grantees pulls the policy of rc-sandbox and lists who holds what, as "holder role".
func grantees(t *testing.T, c *connector) (connectors.Page, connectors.Reading, []string) {
	t.Helper()
	p, err := c.feed(t, feedIAMPolicies).Pull(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	read, err := c.Normalize(p.Records[0])
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range read.Entities {
		if e.Grant.NativeStatus != "" {
			continue // a member as it is stated
		}
		out = append(out, e.Holder+" "+e.Grant.Role)
	}
	return p, read, out
}

func policyWith(members ...string) string {
	return `{"etag":"x","bindings":[{"role":"roles/viewer","members":["` + strings.Join(members, `","`) + `"]}]}`
}

// TestMembersOfOtherProjects: an account of another of the connection's projects is found, one of a foreign project is nobody.
func TestMembersOfOtherProjects(t *testing.T) {
	f := company(t)
	f.set("/iam/v1/projects/beta/serviceAccounts", `{"uniqueId":"77","email":"bot@beta.iam.gserviceaccount.com"}`)
	f.set("/iam/v1/projects/999/serviceAccounts", `{"uniqueId":"99","email":"num@numbered.iam.gserviceaccount.com"}`)
	f.bodies[policyPath] = policyWith("serviceAccount:Bot@beta.iam.gserviceaccount.com", "serviceAccount:num@numbered.iam.gserviceaccount.com",
		"serviceAccount:x@foreign.iam.gserviceaccount.com", "serviceAccount:service-1@gcp-sa-aiplatform-re.iam.gserviceaccount.com")
	c := f.connect(t, map[string]string{"projects": "rc-sandbox,beta,999,unrelated", "locations": "us-central1"})
	f.bodies[policyPath] = strings.ReplaceAll(f.bodies[policyPath], "Bot@", "bot@")
	_, read, got := grantees(t, c)
	if diff := cmp.Diff([]string{"77 roles/viewer", "99 roles/viewer"}, got); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if len(read.Replaces) != 1 || f.called("/iam/v1/projects/unrelated/serviceAccounts") != 0 {
		t.Errorf("replaces %v; asked an unrelated project %d times", read.Replaces, f.called("/iam/v1/projects/unrelated/serviceAccounts"))
	}
}

// TestMembersThatCannotBeLookedUp: unknown is never none. Nothing is said to be gone while accounts may not be listed.
func TestMembersThatCannotBeLookedUp(t *testing.T) {
	f := company(t)
	f.answer("/iam/v1/projects/rc-sandbox/serviceAccounts", 403, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`)
	p, read, got := grantees(t, f.connect(t, map[string]string{"projects": "rc-sandbox"}))
	if diff := cmp.Diff([]string{enginePath + " roles/bigquery.dataViewer"}, got); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if len(read.Replaces) != 0 || len(p.Blind) != 1 || !strings.Contains(p.Blind[0].Reason, "iam.serviceAccounts.list") {
		t.Errorf("replaces %v, blind %v; want nothing replaced and the cure", read.Replaces, p.Blind)
	}
}

// TestEnginesAmongMembers: the role of an engine that is gone dangles, one that may not be looked at is taken at its principal's word.
func TestEnginesAmongMembers(t *testing.T) {
	f := company(t)
	f.bodies[policyPath] = policyWith(canonical, strings.Replace(canonical, "4411", "4499", 1), strings.Replace(canonical, "us-central1", "nowhere", 1))
	c := f.connect(t, map[string]string{"projects": "rc-sandbox"})
	if _, read, got := grantees(t, c); len(got) != 1 || got[0] != enginePath+" roles/viewer" || len(read.Entities) != 3 ||
		read.Entities[0].Grant.NativeStatus != memberNowhere {
		t.Errorf("grants %v of %+v, want the one of the engine that is there, and two that dangle", got, read.Entities)
	}
	f.answer("/aiplatform/v1/projects/444455556666/locations/us-central1/reasoningEngines", 403, jsonDenied)
	if _, read, got := grantees(t, c); len(got) != 2 || len(read.Entities) != 3 || len(read.Replaces) != 1 {
		t.Errorf("grants %v, replaces %v; want both", got, read.Replaces)
	}
}

// TestHoldersAreLookedUpOncePerRound, and anew in the next.
func TestHoldersAreLookedUpOncePerRound(t *testing.T) {
	f := company(t)
	f.bodies["/cloudresourcemanager/v3/projects/beta:getIamPolicy"] = f.bodies[policyPath]
	f.set("/iam/v1/projects/beta/serviceAccounts")
	feed := f.connect(t, map[string]string{"projects": "beta,rc-sandbox"}).feed(t, feedIAMPolicies)
	for n := range 2 {
		round(t, feed)
		if got := f.called("/iam/v1/projects/rc-sandbox/serviceAccounts"); got != n+1 {
			t.Errorf("after round %d the accounts were listed %d times", n+1, got)
		}
	}
}

// TestPolicyAsksForConditions: without version 3, IAM leaves conditions out. Google's own accounts are looked for nowhere.
func TestPolicyAsksForConditions(t *testing.T) {
	f := company(t)
	var asked string
	f.override[policyPath] = func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked = string(b)
		io.WriteString(w, policyWith("serviceAccount:service-1@gcp-sa-aiplatform-re.iam.gserviceaccount.com", "serviceAccount:1@cloudservices.gserviceaccount.com"))
	}
	_, _, got := grantees(t, f.connect(t, map[string]string{"projects": "rc-sandbox"}))
	if len(got) != 0 || f.called(accountsPath) != 0 || !strings.Contains(asked, `"requestedPolicyVersion":3`) {
		t.Errorf("grants %v after %d lists of accounts; asked with %s", got, f.called(accountsPath), asked)
	}
}

func TestPolicyOfAnotherShape(t *testing.T) {
	for _, body := range []string{`{}`, `{"bindings":{}}`, `{"bindings":[{"members":"x"}]}`, `[]`} {
		f := company(t)
		f.bodies[policyPath] = body
		p, err := f.connect(t, map[string]string{"projects": "rc-sandbox"}).feed(t, feedIAMPolicies).Pull(context.Background(), nil)
		if err == nil || !strings.Contains(err.Error(), "POST "+policyPath) {
			t.Errorf("%s: %v, %v; want an error", body, p.Records, err)
		}
	}
}

// TestKeys: an account that went away has no say, and one that refuses is said to be unseen.
func TestKeys(t *testing.T) {
	f := company(t)
	f.answer("/iam/v1/projects/rc-sandbox/serviceAccounts/104857600000000000001/keys", 404, `{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}`)
	f.answer("/iam/v1/projects/rc-sandbox/serviceAccounts/104857600000000000002/keys", 403, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`)
	pages := round(t, f.connect(t, nil).feed(t, feedServiceAccountKeys))
	if len(records(pages)) != 0 || len(pages[0].Blind) != 1 || !strings.Contains(pages[0].Blind[0].Reason, "iam.serviceAccountKeys.list") {
		t.Errorf("%d records, blind %v; want none and the cure", len(records(pages)), pages[0].Blind)
	}
	f.answer("/iam/v1/projects/rc-sandbox/serviceAccounts/104857600000000000001/keys", 503, `{}`)
	if _, err := f.connect(t, nil).feed(t, feedServiceAccountKeys).Pull(context.Background(), nil); err == nil {
		t.Error("a page whose keys could not be read is taken for whole")
	}
}
