package google

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// The refusals of the vendor's documentation.
const (
	jsonDenied   = `{"error":{"code":403,"message":"Permission 'agentregistry.agents.list' denied on resource '//agentregistry.googleapis.com/projects/rc-sandbox/locations/us-central1' (or it may not exist).","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED","domain":"iam.googleapis.com","metadata":{"permission":"agentregistry.agents.list","resource":"projects/rc-sandbox/locations/us-central1"}}]}}`
	jsonDisabled = `{"error":{"code":403,"message":"Agent Registry API has not been used in project 444455556666 before or it is disabled.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"SERVICE_DISABLED","domain":"googleapis.com","metadata":{"service":"agentregistry.googleapis.com","consumer":"projects/444455556666"}}]}}`
	jsonLimited  = `{"error":{"code":429,"message":"Quota exceeded for quota metric 'Read requests'.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"RATE_LIMIT_EXCEEDED","domain":"googleapis.com","metadata":{"quota_limit_value":"60"}},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}`
	jsonLegacy   = `{"error":{"code":403,"message":"Quota exceeded","errors":[{"message":"Quota exceeded","domain":"usageLimits","reason":"rateLimitExceeded"}],"status":"PERMISSION_DENIED"}}`
)

func TestRefusals(t *testing.T) {
	const transient connectors.FaultKind = 0
	long := strings.Repeat("<p>proxy error</p>", 100)
	for _, test := range []struct {
		name, body string
		status     int
		kind       connectors.FaultKind
		after      time.Duration
		says, cure string
	}{
		{"denied", jsonDenied, 403, connectors.Forbidden, 0, "PERMISSION_DENIED", "agentregistry.agents.list (roles/agentregistry.viewer)"},
		{"disabled", jsonDisabled, 403, connectors.Forbidden, 0, "SERVICE_DISABLED", "gcloud services enable agentregistry.googleapis.com --project=444455556666"},
		{"perimeter", `{"error":{"message":"x","status":"PERMISSION_DENIED","details":[{"reason":"SECURITY_POLICY_VIOLATED"}]}}`, 403, connectors.Forbidden, 0, "", "ingress rule"},
		{"limited", jsonLimited, 429, connectors.RateLimited, 7 * time.Second, "Quota exceeded", ""},
		{"limited, legacy", jsonLegacy, 403, connectors.RateLimited, 0, "rateLimitExceeded", ""},
		{"limited, no body", "", 429, connectors.RateLimited, 0, "429", ""},
		{"unauthorized", `{"error":{"code":401,"message":"bad","status":"UNAUTHENTICATED"}}`, 401, connectors.Unauthorized, 0, "bad", "auth.token"},
		{"no such place", `{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}`, 404, connectors.Forbidden, 0, "404", "options projects and locations"},
		{"no such method", `{"error":{"code":501,"message":"no","status":"UNIMPLEMENTED"}}`, 501, connectors.Forbidden, 0, "501", ""},
		{"404 of another server", "<html>" + long, 404, connectors.Forbidden, 0, "404", "endpoint is Google's API"},
		{"405 of another server", "", 405, connectors.Forbidden, 0, "405", "endpoint is Google's API"},
		{"501 of another server", "<html>" + long, 501, connectors.Forbidden, 0, "501", "endpoint is Google's API"},
		{"403 of a proxy", "<html>" + long, 403, connectors.Forbidden, 0, `status 403: "<html><p>proxy`, "proxies on the way"},
		{"403 of another server", `{"detail":"no"}`, 403, connectors.Forbidden, 0, "detail", "not how Google's APIs refuse"},
		{"407 of a proxy", "<html>" + long, 407, transient, 0, "proxies on the way", ""},
		{"bad gateway", "<html>" + long, 502, transient, 0, `status 502: "<html><p>proxy`, ""},
		{"unavailable", `{"error":{"code":503,"message":"later","status":"UNAVAILABLE"}}`, 503, transient, 0, "UNAVAILABLE: later", ""},
		{"strange details", `{"error":{"code":503,"message":"later","status":"UNAVAILABLE","details":[1,{"reason":2}]}}`, 503, transient, 0, "UNAVAILABLE: later", ""},
		{"redirect", "", 302, transient, 0, "redirects are not followed", ""},
		{"token in text", `{"error":{"code":500,"message":"no ` + testToken + ` please","status":"INTERNAL"}}`, 500, transient, 0, "no [redacted] please", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := registry(t, 1, "acme")
			f.answer("/agentregistry/v1/projects/acme/locations/global/agents", test.status, test.body)
			_, err := f.connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents).Pull(context.Background(), nil)
			checkErr(t, err, test.kind, test.says)
			if fault := connectors.AsFault(err); fault != nil && (fault.After != test.after || !strings.Contains(fault.Cure, test.cure)) {
				t.Errorf("after %v with the cure %q; want %v and %q", fault.After, fault.Cure, test.after, test.cure)
			}
		})
	}
}

// checkErr checks an error's kind, 0 being transient, and that it says where and what, and no secret.
func checkErr(t *testing.T, err error, kind connectors.FaultKind, says string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	var got connectors.FaultKind
	if f := connectors.AsFault(err); f != nil {
		got = f.Kind
	}
	text := err.Error()
	if got != kind || !strings.Contains(text, says) || !strings.Contains(text, "GET /agentregistry/v1/projects/acme/locations/global/agents") {
		t.Errorf("%v error %q; want %v that says %q and where", got, text, kind, says)
	}
	if strings.Contains(text, testToken) || len(text) > 1000 {
		t.Errorf("%q is too long or holds the token", text)
	}
}

// TestExpiredPageToken: a bad request that went on from a page token starts the feed again; one that did not, does not.
func TestExpiredPageToken(t *testing.T) {
	f := registry(t, 1, "acme")
	f.answer("/agentregistry/v1/projects/acme/locations/global/agents", 400, `{"error":{"code":400,"message":"page token is not valid","status":"INVALID_ARGUMENT"}}`)
	feed := f.connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents)
	_, err := feed.Pull(context.Background(), connectors.Cursor(`{"v":1,"place":{"project":"acme","location":"global"},"token":"old"}`))
	checkErr(t, err, connectors.CursorExpired, "page token is not valid")
	_, err = feed.Pull(context.Background(), nil)
	checkErr(t, err, connectors.Forbidden, "page token is not valid")
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 0, "12": 12 * time.Second, "-1": 0, "x": 0, "99999999": 24 * time.Hour} {
		if got := retryAfter(http.Header{"Retry-After": {header}}); got != want {
			t.Errorf("Retry-After %q: %v, want %v", header, got, want)
		}
	}
}

func TestBrokenBodies(t *testing.T) {
	secret := `{"agents":[{"clientSecret":"hunter2-hunter2"`
	for _, test := range []struct{ name, body, says string }{
		{"html", "<!doctype html><title>Sign in</title>" + strings.Repeat("x", 500), "HTML or XML instead of JSON: \"<!doctype html><title>Sign in"},
		{"empty", "", "an empty body"},
		{"text", "upstream connect error " + testToken, "no JSON object: \"upstream connect error [redacted]"},
		{"truncated", secret, "JSON that breaks at byte 44 of 44"},
		{"array", "[]", "another shape"},
		{"null", "null", "no JSON object"},
		{"string", `"ok"`, "another shape"},
		{"error in a good answer", `{"error":{"code":500}}`, "a good status with an error"},
		{"list is null", `{"agents":null}`, "its agents is null"},
		{"list is an object", `{"agents":{}}`, "its agents is an object"},
		{"item is null", `{"agents":[null]}`, "item 0 of agents is null"},
		{"token is a number", `{"agents":[],"nextPageToken":5}`, "its nextPageToken is a number"},
		{"twice", `{"agents":[],"agents":[]}`, "JSON that breaks"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := registry(t, 1, "acme")
			f.answer("/agentregistry/v1/projects/acme/locations/global/agents", 200, test.body)
			_, err := f.connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents).Pull(context.Background(), nil)
			checkErr(t, err, 0, test.says)
			if !strings.Contains(err.Error(), "status 200") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q has no status, or a secret", err)
			}
		})
	}
}

// TestBrokenOff: a connection that ends within the body.
func TestBrokenOff(t *testing.T) {
	f := registry(t, 1, "acme")
	f.override["/agentregistry/v1/projects/acme/locations/global/agents"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte(`{"agents":[`))
	}
	_, err := f.connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents).Pull(context.Background(), nil)
	checkErr(t, err, 0, "the body broke off after 11 bytes")
}

func TestUnreachable(t *testing.T) {
	f := registry(t, 1, "acme")
	f.Close()
	_, err := f.connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents).Pull(context.Background(), nil)
	checkErr(t, err, 0, "no answer")
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := registry(t, 1, "acme").connect(t, map[string]string{"projects": "acme", "locations": "global"}).feed(t, feedRegistryAgents).Pull(ctx, nil)
	if err == nil || connectors.AsFault(err) != nil {
		t.Errorf("%v, want the context's error", err)
	}
}

// TestCures name the permission and the role of what was asked.
func TestCures(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/projects/a/locations/l/agents":                                                "agentregistry.agents.list (roles/agentregistry.viewer)",
		"/v1alpha/projects/a/locations/global/collections/c/engines/e/assistants/d/agents": "roles/discoveryengine.viewer",
		"/v1alpha/projects/a/locations/global/authorizations":                              "roles/discoveryengine.viewer",
		"/v1/projects/a/locations/l/authProviders/p/authorizations":                        "roles/agentidentity.viewer",
		"/v1/projects/a/serviceAccounts/1:getIamPolicy":                                    "iam.serviceAccounts.getIamPolicy",
		"/v1/projects/a/locations/l/reasoningEngines/1:getIamPolicy":                       "aiplatform.reasoningEngines.getIamPolicy",
		"/v2/projects/a/locations/l/services/s:getIamPolicy":                               "run.services.getIamPolicy",
		"/v1alpha/projects/a/locations/global/collections/c/engines/e:getIamPolicy":        "discoveryengine.engines.getIamPolicy",
		"/v1/projects/a/locations/l/authProviders/p:getIamPolicy":                          "agentidentity.authProviders.getIamPolicy",
		"/v1/projects/a/locations/global/workloadIdentityPools/p:getIamPolicy":             "iam.workloadIdentityPools.getIamPolicy",
		"/v1/projects/a/locations/global/workloadIdentityPools":                            "roles/iam.workloadIdentityPoolViewer",
		"/v3/organizations/1:getIamPolicy":                                                 "resourcemanager.organizations.getIamPolicy",
		"/v3/projects/a:getIamPolicy":                                                      "resourcemanager.projects.getIamPolicy",
		"/v2/entries:list":                                                                 "roles/logging.viewer",
		"/v2/projects/a/locations/-/services":                                              "roles/run.viewer",
		"/v1/projects/a/locations/global/services":                                         "agentregistry.services.list (roles/agentregistry.viewer)",
		"/v1/projects/a/subscriptions/s:pull":                                              "roles/pubsub.subscriber",
	} {
		if got := (&answer{path: path}).permissionCure(detail{}); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
