package google

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

func TestNewNamesTheSettingAndTheCure(t *testing.T) {
	bearer := map[string]connectors.Secret{"method": "bearer", "token": "tttoken"}
	for _, test := range []struct {
		name string
		s    connectors.Settings
		says string
	}{
		{"no method", connectors.Settings{}, "auth.method must be adc, impersonation"},
		{"no token", connectors.Settings{Auth: map[string]connectors.Secret{"method": "bearer", "token": " "}}, "auth.token is missing"},
		{"typo", connectors.Settings{Auth: map[string]connectors.Secret{"method": "adc", "tokn": "tttoken"}}, "auth.tokn is not known"},
		{"no target", connectors.Settings{Auth: map[string]connectors.Secret{"method": "impersonation"}}, "auth.target is missing"},
		{"no key file", connectors.Settings{Auth: map[string]connectors.Secret{"method": "service_account_key", "key": `{"type":"tttoken"}`}}, "auth.key is not a service account's key file"},
		{"unknown option", connectors.Settings{Auth: bearer, Options: map[string]string{"project": "x"}}, `option "project" is not known`},
		{"bad project", connectors.Settings{Auth: bearer, Options: map[string]string{"projects": "acme, ../x"}}, `option projects: "../x" is not a name`},
		{"bad page size", connectors.Settings{Auth: bearer, Options: map[string]string{"page_size": "0"}}, "from 1 to 1000"},
		{"two quota projects", connectors.Settings{Auth: bearer, Options: map[string]string{"quota_project": "a,b"}}, "takes one name"},
		{"unknown service", connectors.Settings{Auth: bearer, Services: map[string]string{"iamm": "http://x"}}, `"iamm" is not known`},
		{"no URL", connectors.Settings{Auth: bearer, Endpoint: "localhost:8080"}, "endpoint is not a base URL"},
		{"password in URL", connectors.Settings{Auth: bearer, Services: map[string]string{"iam": "https://me:tttoken@x"}}, "services.iam has a user"},
	} {
		_, err := New(test.s)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", test.name, err, test.says)
		} else if strings.Contains(err.Error(), "tttoken") {
			t.Errorf("%s: %q holds the secret", test.name, err)
		}
	}
}

func TestEndpoints(t *testing.T) {
	got, err := endpoints(connectors.Settings{Endpoint: "http://127.0.0.1:8080/google/", Services: map[string]string{"run": "https://run.example/"}})
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string]string{"iam": "http://127.0.0.1:8080/google/iam", "aiplatform": "http://127.0.0.1:8080/google/aiplatform", "run": "https://run.example"} {
		if got[service] != want {
			t.Errorf("%s is at %s, want %s", service, got[service], want)
		}
	}
	got, err = endpoints(connectors.Settings{})
	if err != nil || !maps.Equal(got, services) {
		t.Errorf("without an endpoint: %v, %v; want Google's own", got, err)
	}
}

func TestNames(t *testing.T) {
	o, err := parseOptions(map[string]string{"projects": " projects/beta ,acme,,beta, 4445", "locations": "", "page_size": "7"})
	if err != nil || strings.Join(o.projects, " ") != "4445 acme beta" || o.locations != nil || o.pageOf(100) != 7 || o.pageOf(5) != 5 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestWarnsOfTokenToTwoOwners(t *testing.T) {
	imitation, private := "http://127.0.0.1:9", "https://iam-acme.p.googleapis.com"
	all := map[string]string{}
	for _, service := range used {
		all[service] = imitation
	}
	for _, c := range []struct {
		name string
		s    connectors.Settings
		want string // empty: no warning
	}{
		{"Google's own", connectors.Settings{}, ""},
		{"one for all", connectors.Settings{Endpoint: imitation}, ""},
		{"one at Google's private endpoint", connectors.Settings{Services: map[string]string{"iam": private}}, ""},
		{"all that are used", connectors.Settings{Services: all}, ""},
		{"some", connectors.Settings{Services: map[string]string{"iam": imitation, "aiplatform": imitation}},
			"given for aiplatform, iam, and to Google for agentidentity, agentregistry, cloudresourcemanager"},
		{"one for all but one", connectors.Settings{Endpoint: imitation, Services: map[string]string{"iam": private}},
			", and to Google for iam:"},
		{"a name that only looks like Google's", connectors.Settings{Services: map[string]string{"iam": "https://evilgoogleapis.com"}},
			"given for iam"},
	} {
		got := Vendor.Warnings(c.s)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestSkippedFeeds are neither listed nor read again.
func TestSkippedFeeds(t *testing.T) {
	f := follow(t, map[string]string{"skip": "service-accounts, gemini-agents", "activities": "none"})
	f.later(1)
	f.tell("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	if got := f.poll(t); len(got) != 0 {
		t.Errorf("told %+v, want nothing", got)
	}
	for _, feed := range f.c.Feeds() {
		if feed.Name == feedServiceAccounts || feed.Name == feedGeminiAgents {
			t.Errorf("%s is read", feed.Name)
		}
	}
	if _, err := parseOptions(map[string]string{"skip": "audit-log"}); err == nil || !strings.Contains(err.Error(), "can be left out") {
		t.Errorf("%v, want an error: what leads cannot be left out", err)
	}
}

// TestQuotas: every service has a limit at Google, regions count for themselves, and an imitation has none.
func TestQuotas(t *testing.T) {
	for url, want := range map[string]struct {
		class string
		limit float64
	}{
		"https://iam.googleapis.com/v1/projects/acme/serviceAccounts": {"iam.googleapis.com", 6000},
		"https://us-central1-aiplatform.googleapis.com/v1/projects":   {"us-central1-aiplatform.googleapis.com", 600},
		"https://discoveryengine.us.rep.googleapis.com/v1alpha/x":     {"discoveryengine.us.rep.googleapis.com", 600},
		"http://127.0.0.1:80/logging/v2/entries:list":                 {"127.0.0.1:80/logging", 0},
		"https://iam.googleapis.com.evil.example/v1":                  {"iam.googleapis.com.evil.example/v1", 0},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := class(r); got != want.class || perMinute(got) != want.limit {
			t.Errorf("%s: class %s with %v a minute, want %+v", url, got, perMinute(got), want)
		}
	}
	for _, service := range used {
		if perMinute(service+".googleapis.com") == 0 {
			t.Errorf("%s has no limit", service)
		}
	}
}
