package google

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// keyFile is a service account's key file with a key made for the test.
func keyFile(t *testing.T) (file, private string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	b, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "acme", "private_key_id": "k1", "private_key": private,
		"client_email": "rollcall@acme.iam.gserviceaccount.com", "client_id": "1", "token_uri": "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b), private
}

// googleTokens answers for Google's token services, whose hosts are fixed, and sends everything else on.
type googleTokens struct {
	status int  // of the token services' answers; 0: good
	empty  bool // the IAM credentials API answers without a token
	err    error
	asked  atomic.Int32
}

func (g *googleTokens) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if !strings.HasSuffix(host, ".googleapis.com") {
		return http.DefaultTransport.RoundTrip(r)
	}
	g.asked.Add(1)
	if g.err != nil {
		return nil, g.err
	}
	body := `{"access_token":"` + testToken + `","token_type":"Bearer","expires_in":3600}`
	if host == "iamcredentials.googleapis.com" {
		if r.Header.Get("Authorization") != "Bearer "+testToken || !strings.Contains(r.URL.Path, "agent-reader@acme.iam.gserviceaccount.com:generateAccessToken") {
			return nil, errors.New("impersonation asks wrongly: " + r.URL.Path)
		}
		body = `{"accessToken":"` + testToken + `","expireTime":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
	}
	if g.empty && host == "iamcredentials.googleapis.com" {
		body = "{}"
	}
	if g.status != 0 && (host != "oauth2.googleapis.com" || g.status != 403) {
		body = `{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`
		return &http.Response{StatusCode: g.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// pullWith pulls the service accounts with the given auth.
func pullWith(t *testing.T, f *fake, tokens *googleTokens, auth map[string]connectors.Secret) error {
	t.Helper()
	s := f.settings(map[string]string{"projects": "rc-sandbox"})
	s.Auth, s.Transport = auth, tokens
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.(*connector).feed(t, feedServiceAccounts).Pull(context.Background(), nil)
	if err == nil && len(p.Records) != 2 {
		t.Errorf("%d records, want 2", len(p.Records))
	}
	return err
}

func TestServiceAccountKeyAndImpersonation(t *testing.T) {
	key, _ := keyFile(t)
	f := company(t)
	tokens := &googleTokens{}
	if err := pullWith(t, f, tokens, map[string]connectors.Secret{"method": "service_account_key", "key": connectors.Secret(key)}); err != nil {
		t.Errorf("service account key: %v", err)
	}
	auth := map[string]connectors.Secret{"method": "impersonation", "target": "agent-reader@acme.iam.gserviceaccount.com", "key": connectors.Secret(key)}
	if err := pullWith(t, f, tokens, auth); err != nil {
		t.Errorf("impersonation: %v", err)
	}
	if tokens.asked.Load() < 3 {
		t.Errorf("the connection's transport carried %d token calls, want at least 3", tokens.asked.Load())
	}
}

// federation makes the machine's own credentials a federated identity.
func federation(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"subject.txt": "token-of-the-machine",
		"adc.json": `{"type":"external_account","audience":"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
			"subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token",
			"credential_source":{"file":"` + dir + `/subject.txt"}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(dir, "adc.json"))
}

func TestNoToken(t *testing.T) {
	key, private := keyFile(t)
	federation(t)
	keyAuth := map[string]connectors.Secret{"method": "service_account_key", "key": connectors.Secret(key)}
	impersonate := map[string]connectors.Secret{"method": "impersonation", "target": "agent-reader@acme.iam.gserviceaccount.com", "key": connectors.Secret(key)}
	for _, test := range []struct {
		name   string
		auth   map[string]connectors.Secret
		tokens *googleTokens
		kind   connectors.FaultKind
		says   string
	}{
		{"key refused", keyAuth, &googleTokens{status: 400}, connectors.Unauthorized, "check in the console that the key"},
		{"token service down", keyAuth, &googleTokens{status: 503}, 0, "status 503"},
		{"token service unreachable", keyAuth, &googleTokens{err: errors.New("dial tcp: no route to host")}, 0, "cannot be reached"},
		{"token service is left alone for a while", impersonate, &googleTokens{err: &connectors.Fault{Kind: connectors.RateLimited, After: time.Minute}}, connectors.RateLimited, ""},
		{"target refused", impersonate, &googleTokens{status: 403}, connectors.Unauthorized, "roles/iam.serviceAccountTokenCreator"},
		{"target has no token", impersonate, &googleTokens{empty: true}, connectors.Unauthorized, "no usable credentials"},
		{"federation refused", map[string]connectors.Secret{"method": "adc"}, &googleTokens{status: 403}, connectors.Unauthorized, "answers with status 403"},
		{"bearer refused", map[string]connectors.Secret{"method": "bearer", "token": "wrong-token-123"}, &googleTokens{}, connectors.Unauthorized, "auth.token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := pullWith(t, company(t), test.tokens, test.auth)
			fault := connectors.AsFault(err)
			if err == nil || (fault != nil) != (test.kind != 0) || fault != nil && fault.Kind != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("%v, want %v that says %q", err, test.kind, test.says)
			}
			for _, secret := range []string{testToken, "wrong-token-123", private[40:80], "eyJ"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q holds a secret", err)
				}
			}
		})
	}
}

func TestNoDefaultCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", t.TempDir()+"/none.json")
	err := pullWith(t, company(t), &googleTokens{}, map[string]connectors.Secret{"method": "adc"})
	if f := connectors.AsFault(err); f == nil || f.Kind != connectors.Unauthorized || !strings.Contains(err.Error(), "gcloud auth application-default login") {
		t.Errorf("%v, want unauthorized with the cure", err)
	}
}

// TestQuotaProject: the project that the calls are charged to goes along.
func TestQuotaProject(t *testing.T) {
	f := company(t)
	var got string
	path := "/iam/v1/projects/rc-sandbox/serviceAccounts"
	f.override[path] = func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("X-Goog-User-Project") + " " + r.Header.Get("User-Agent")
		io.WriteString(w, "{}")
	}
	round(t, f.connect(t, map[string]string{"projects": "rc-sandbox", "quota_project": "acme-billing"}).feed(t, feedServiceAccounts))
	if got != "acme-billing rollcall" {
		t.Errorf("quota project and user agent %q", got)
	}
}
