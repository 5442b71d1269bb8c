package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/credentials/impersonate"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/integration/contract"
)

// liveGoogle is the live suite's Google Cloud.
var liveGoogle = &liveVendor{
	Vendor: google.Vendor, org: "organization", begins: []string{"PROJECTS", "ORGANIZATION"},
	variables: []string{"PROJECTS", "ORGANIZATION", "LOCATIONS", "QUOTA_PROJECT", "WORKSPACE_ADMIN", "WRITE_PROJECT", "WRITE_TOKEN"},
	auth:      liveGoogleAuth, check: checkLiveGoogle,
	options: map[string]string{"activities": "all", "log_since": sinceThen},
	adjust: func(l *live, s *connectors.Settings) {
		for variable, option := range map[string]string{"PROJECTS": "projects", "LOCATIONS": "locations", "QUOTA_PROJECT": "quota_project",
			"WORKSPACE_ADMIN": "workspace_admin"} {
			if value := l.own[variable]; value != "" {
				s.Options[option] = value
			}
		}
	},
	publish: func(t testing.TB) published { return contract.Google(t) },
	shipped: true,
	look:    lookAtGoogle,
	limit:   limitOfGoogle,
	absent: []string{"engine: effectiveIdentity without a scheme, agents.global.org-N", "registry: an agent without its runtime identity",
		"policy: a member deleted:principal", "log: callerAgent", "gemini: an agent", "reports: an activity of an agent"},
	begin: func(l *live) liveParts { return &googleLive{live: l} },
}

// liveGoogleAuth takes what the variables have; with none of them the machine's own credentials.
func liveGoogleAuth(get func(string) string) (map[string]connectors.Secret, error) {
	out := map[string]connectors.Secret{"method": "adc"}
	if token := get("TOKEN"); token != "" {
		return map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(token)}, nil
	}
	if file := get("KEY_FILE"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("ROLLCALL_LIVE_GOOGLE_KEY_FILE: %w", err)
		}
		out["method"], out["key"] = "service_account_key", connectors.Secret(b)
	}
	if target := get("TARGET"); target != "" {
		out["method"], out["target"] = "impersonation", connectors.Secret(target)
	}
	return out, nil
}

func checkLiveGoogle(prefix string, s *liveSettings) error {
	projects := strings.FieldsFunc(s.own["PROJECTS"], func(r rune) bool { return r == ',' || r == ' ' })
	s.own["PROJECTS"] = strings.Join(projects, ",")
	s.own["ORGANIZATION"] = strings.TrimPrefix(s.own["ORGANIZATION"], "organizations/")
	switch at := s.own["WRITE_PROJECT"]; {
	case strings.Trim(s.own["ORGANIZATION"], "0123456789") != "":
		return fmt.Errorf("%sORGANIZATION is %q: give the organization's number", prefix, s.own["ORGANIZATION"])
	case !s.mutate:
	case at == "" || s.own["WRITE_TOKEN"] == "":
		return fmt.Errorf("%[1]sMUTATE needs %[1]sWRITE_PROJECT, the id of a project in which a service account may be made, and "+
			"%[1]sWRITE_TOKEN, an access token that may do that", prefix)
	case len(projects) > 0 && !slices.Contains(projects, at):
		return fmt.Errorf("%[1]sWRITE_PROJECT is none of %[1]sPROJECTS: the connector would not see what is done there", prefix)
	}
	return nil
}

// TestLiveGoogle reads a real organization.
func TestLiveGoogle(t *testing.T) { liveAgainst(t, liveGoogle) }

// googleLive are the parts of the suite that are Google's own.
type googleLive struct {
	*live
	access string // the suite's own token
}

// at is the base URL of a service, or of a region of it.
func (l *googleLive) at(service, region string) string {
	if l.endpoint != "" {
		return l.endpoint + "/" + service
	}
	if region != "" {
		service = region + "-" + service
	}
	return "https://" + service + ".googleapis.com"
}

// token gets the token for the suite's own calls by itself: the connector shows nobody its own.
func (l *googleLive) token(ctx context.Context) (string, error) {
	if l.access == "" {
		var err error
		if l.access, err = l.mint(ctx, "https://www.googleapis.com/auth/cloud-platform", ""); err != nil {
			return "", err
		}
	}
	return l.access, nil
}

// mint gets a token with a scope, for a person if there is one, who must have let the service account act so.
func (l *googleLive) mint(ctx context.Context, scope, subject string) (string, error) {
	if l.auth["method"] == "bearer" {
		return l.auth["token"].Reveal(), nil
	}
	options := &credentials.DetectOptions{Scopes: []string{scope}, Subject: subject, Client: &http.Client{Transport: l.caps}}
	if l.auth["target"] != "" {
		options.Scopes, options.Subject = []string{"https://www.googleapis.com/auth/cloud-platform"}, ""
	}
	var creds *auth.Credentials
	var err error
	if key := l.auth["key"].Reveal(); key != "" {
		creds, err = credentials.NewCredentialsFromJSON(credentials.ServiceAccount, []byte(key), options)
	} else {
		creds, err = credentials.DetectDefault(options)
	}
	if err == nil && l.auth["target"] != "" {
		creds, err = impersonate.NewCredentials(&impersonate.CredentialsOptions{
			TargetPrincipal: l.auth["target"].Reveal(), Subject: subject, Scopes: []string{scope}, Credentials: creds})
	}
	if err != nil {
		return "", err
	}
	got, err := creds.Token(ctx)
	if err != nil {
		return "", err
	}
	return got.Value, nil
}

// call sends a request to a URL, with a JSON body if there is one.
func (l *googleLive) call(ctx context.Context, method, to, token string, body any) (reply, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, to, sent)
	if err != nil {
		return reply{}, errors.New("a URL that cannot be asked: check the variables")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if project := l.own["QUOTA_PROJECT"]; project != "" {
		req.Header.Set("X-Goog-User-Project", project)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Transport: l.watchedLoosely()}).Do(req)
	if err != nil {
		return reply{}, fmt.Errorf("%s of %s failed", method, req.URL.Host) // without path and query
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

// ask tries what no document of Google's settles. Each answer is told, whatever it is.
func (l *googleLive) ask(t *testing.T) {
	token, err := l.token(t.Context())
	if err != nil {
		t.Fatal("the suite cannot log in: see the connector's own errors above") // the library's text holds addresses
	}
	project, region := l.project(t, token), l.region()
	if project == "" {
		t.Log("no project is seen: nothing is asked")
		return
	}
	scope := "projects/" + project
	if org := l.own["ORGANIZATION"]; org != "" {
		scope = "organizations/" + org
	}
	platform, in := l.at("aiplatform", region)+"/v1/projects/"+project+"/locations/", "/projects/"+project+"/locations/"
	log := func(size int) map[string]any {
		return map[string]any{"resourceNames": []string{"projects/" + project}, "pageSize": size, "orderBy": "timestamp desc",
			"filter": `log_id("cloudaudit.googleapis.com/activity") AND timestamp>="` + time.Now().Add(-lately).UTC().Format(time.RFC3339) + `"`}
	}
	asset := l.at("cloudasset", "") + "/v1/" + scope + ":searchAllResources?pageSize=1&assetTypes="
	for _, q := range []struct {
		about, to string
		body      any
	}{
		{"deny policies of the project, its name escaped once", l.at("iam", "") + "/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2F" + project + "/denypolicies", nil},
		{"the same, escaped twice, as the SDK does", l.at("iam", "") + "/v2/policies/cloudresourcemanager.googleapis.com%252Fprojects%252F" + project + "/denypolicies", nil},
		{"a page of 1,000 service accounts, of which 100 is the documented maximum", l.at("iam", "") + "/v1/projects/" + project + "/serviceAccounts?pageSize=1000", nil},
		{"engines of all regions at once", platform + "-/reasoningEngines?pageSize=1", nil},
		{"a page of 1,000 engines, of which no maximum is documented", platform + region + "/reasoningEngines?pageSize=1000", nil},
		{"the platform's managed agents, which only their owners are to see", platform + region + "/agents?pageSize=1", nil},
		{"registry agents of all locations at once", l.at("agentregistry", "") + "/v1" + in + "-/agents?pageSize=1", nil},
		{"Cloud Run services of all regions at once", l.at("run", "") + "/v2" + in + "-/services?pageSize=1", nil},
		{"log entries, 1,000 a page", l.at("logging", "") + "/v2/entries:list", log(1000)},
		{"log entries, 5,000 a page", l.at("logging", "") + "/v2/entries:list", log(5000)},
		{"assets that are engines", asset + "aiplatform.googleapis.com/ReasoningEngine", nil},
		{"assets that are agents of the registry", asset + "agentregistry.googleapis.com/Agent", nil},
		{"assets that are auth providers", asset + "agentidentity.googleapis.com/AuthProvider", nil},
		{"policies that name an agent, by the inventory", l.at("cloudasset", "") + "/v1/" + scope + ":searchAllIamPolicies?pageSize=500&query=policy%3A%22agents.global%22", nil},
	} {
		method := http.MethodGet
		if q.body != nil {
			method = http.MethodPost
		}
		got, err := l.call(t.Context(), method, q.to, token, q.body)
		if err != nil {
			t.Logf("%s: %v", q.about, err)
			continue
		}
		t.Logf("%s: answered %d %s, %d items", q.about, got.status, googleReason(got), googleItems(got))
	}
	l.askWorkspace(t)
	t.Log("not answered by this suite: what a feed of the inventory says of what is deleted, and how far the registry lags behind its hosts")
}

// askWorkspace reads a page of each report that the connector follows, for what Workspace calls agents.
func (l *googleLive) askWorkspace(t *testing.T) {
	admin := l.own["WORKSPACE_ADMIN"]
	if admin == "" {
		t.Log("Workspace's reports are not read: no WORKSPACE_ADMIN")
		return
	}
	token, err := l.mint(t.Context(), "https://www.googleapis.com/auth/admin.reports.audit.readonly", admin)
	if err != nil {
		t.Log("nobody may act for WORKSPACE_ADMIN: see docs/connectors/google.md") // the library's text holds addresses
		return
	}
	for _, q := range []string{"token?eventName=authorize", "token?eventName=revoke", "admin?eventName=AUTHORIZE_API_CLIENT_ACCESS",
		"admin?eventName=REMOVE_API_CLIENT_ACCESS", "gemini_in_workspace_apps?", "workspace_studio?", "drive?"} {
		got, err := l.call(t.Context(), http.MethodGet, l.at("admin", "")+"/admin/reports/v1/activity/users/all/applications/"+q+"&maxResults=1000", token, nil)
		if err != nil {
			t.Logf("report %s: %v", q, err)
			continue
		}
		t.Logf("report %s: answered %d %s, %d activities", strings.TrimSuffix(q, "?"), got.status, googleReason(got), googleItems(got))
	}
}

// project is the one that is asked about: the first of those that are named, or of those that are seen.
func (l *googleLive) project(t *testing.T, token string) string {
	t.Helper()
	if first, _, _ := strings.Cut(l.own["PROJECTS"], ","); first != "" {
		return first
	}
	for next, n := "", 0; n < 5; n++ { // a page may be empty
		got, err := l.call(t.Context(), http.MethodGet, l.at("cloudresourcemanager", "")+"/v3/projects:search?pageSize=1&pageToken="+url.QueryEscape(next), token, nil)
		var found struct {
			Projects []struct {
				ID string `json:"projectId"`
			} `json:"projects"`
			Next string `json:"nextPageToken"`
		}
		if err != nil || json.Unmarshal(got.body, &found) != nil {
			return ""
		}
		if len(found.Projects) > 0 {
			return found.Projects[0].ID
		}
		if next = found.Next; next == "" {
			return ""
		}
	}
	return ""
}

// region is the first that the variables name.
func (l *googleLive) region() string {
	for location := range strings.SplitSeq(l.own["LOCATIONS"], ",") {
		if location = strings.TrimSpace(location); strings.Contains(location, "-") {
			return location
		}
	}
	return "us-central1"
}
