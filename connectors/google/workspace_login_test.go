package google

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	ownToken   = "ya29.token-of-the-hub-itself"
	adminToken = testToken // which the fake takes
	workAdmin  = "root@acme.example"
)

// signers answers for Google's token services, whose hosts are fixed: it hands out the hub's own token, or, for an assertion with a
// subject, the administrator's. Everything else goes on to the fake.
type signers struct {
	refuse int // status with which the token service refuses a subject

	mu    sync.Mutex
	asked []string
}

func (g *signers) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	if !strings.HasSuffix(host, ".googleapis.com") {
		return http.DefaultTransport.RoundTrip(r)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, body := 200, ""
	switch host {
	case "iamcredentials.googleapis.com":
		var ask struct{ Payload string }
		json.Unmarshal(b, &ask)
		if r.Header.Get("Authorization") != "Bearer "+ownToken {
			return nil, errors.New("signJwt without the hub's own token")
		}
		g.asked = append(g.asked, "signJwt "+lastPart(r.URL.Path))
		body = fmt.Sprintf(`{"keyId":"k","signedJwt":"e30.%s.c2ln"}`, base64.RawURLEncoding.EncodeToString([]byte(ask.Payload)))
	case "oauth2.googleapis.com":
		form, _ := url.ParseQuery(string(b))
		token, who := ownToken, form.Get("grant_type")
		if parts := strings.Split(form.Get("assertion"), "."); len(parts) == 3 {
			var c struct{ Sub, Scope, Iss string }
			claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
			json.Unmarshal(claims, &c)
			if who = c.Iss; c.Sub != "" {
				token, who = adminToken, c.Iss+" for "+c.Sub+" with "+lastPart(c.Scope)
				if g.refuse != 0 {
					status = g.refuse
				}
			}
		}
		g.asked = append(g.asked, "token of "+who)
		body = `{"access_token":"` + token + `","token_type":"Bearer","expires_in":3600}`
		if status != 200 {
			body = `{"error":"unauthorized_client","error_description":"Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested."}`
		}
	default:
		return nil, errors.New("nobody asks " + host)
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: r}, nil
}

// pullReports reads the reports with the given auth and options.
func pullReports(t *testing.T, tokens *signers, auth map[string]connectors.Secret, account string) error {
	t.Helper()
	f := reports(t, nil)
	s := f.settings(map[string]string{"workspace_admin": workAdmin, "workspace_account": account})
	s.Auth, s.Transport, s.Now = auth, tokens, func() time.Time { return f.now }
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	f.c = c.(*connector)
	f.override[workspacePath+"token"] = func(w http.ResponseWriter, r *http.Request) { // which, as everywhere, wants the token
		if r.Header.Get("Authorization") != "Bearer "+adminToken {
			refuse(w, 401, `{"error":{"code":401,"message":"Access denied.","errors":[{"reason":"authError"}]}}`)
			return
		}
		f.serve(w, r)
	}
	for _, a := range workspaceApplications {
		f.override[workspacePath+a] = f.override[workspacePath+"token"]
	}
	if _, err := f.pull(t); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(reportsSettle)
	for range 10 {
		page, err := f.pull(t)
		if err != nil || !page.More {
			return err
		}
	}
	return errors.New("the reports do not end")
}

func TestWorkspaceLogin(t *testing.T) {
	key, private := keyFile(t)
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "adc.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const person = `{"type":"authorized_user","client_id":"c","client_secret":"hunter2-of-gcloud","refresh_token":"r"}`
	const signer, hub = "reader@acme.iam.gserviceaccount.com", "rollcall@acme.iam.gserviceaccount.com"
	withKey := map[string]connectors.Secret{"method": "service_account_key", "key": connectors.Secret(key)}
	adc := map[string]connectors.Secret{"method": "adc"}
	direct := []string{"token of " + hub + " for " + workAdmin + " with admin.reports.audit.readonly"}
	signed := func(own string) []string {
		return []string{"token of " + own, "signJwt " + signer + ":signJwt", "token of " + signer + " for " + workAdmin + " with admin.reports.audit.readonly"}
	}
	for _, c := range []struct {
		name    string
		auth    map[string]connectors.Secret
		machine string // the machine's own credentials
		account string
		refuse  int
		asked   []string
		says    string // part of the error; empty: none
	}{
		{"key", withKey, "", "", 0, direct, ""},
		{"another account than the key's", withKey, "", signer, 0, signed(hub), ""},
		{"impersonation", map[string]connectors.Secret{"method": "impersonation", "target": signer, "key": connectors.Secret(key)}, "", "", 0, signed(hub), ""},
		{"machine with a key", adc, key, "", 0, direct, ""},
		{"machine without a key", adc, person, "", 0, nil, "option workspace_account"},
		{"machine without a key signs by an account", adc, person, signer, 0, signed("refresh_token"), ""},
		{"bearer", map[string]connectors.Secret{"method": "bearer", "token": adminToken}, "", "", 0, nil, ""},
		{"bearer of somebody else", map[string]connectors.Secret{"method": "bearer", "token": "other-token-123"}, "", "", 0, nil, "an administrator of Workspace got"},
		{"not delegated", withKey, "", "", 401, direct, "domain-wide delegation) give the service account's client id"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.machine != "" {
				t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file(c.machine))
			}
			tokens := &signers{refuse: c.refuse}
			err := pullReports(t, tokens, c.auth, c.account)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v, want an error that says %q", err, c.says)
			}
			if got := strings.Join(tokens.asked, "\n"); got != strings.Join(c.asked, "\n") {
				t.Errorf("asked for\n%s\nwant\n%s", got, strings.Join(c.asked, "\n"))
			}
			if err == nil {
				return
			}
			if f := connectors.AsFault(err); f == nil || f.Kind != connectors.Forbidden {
				t.Errorf("%v is not the feed's own", err)
			}
			for _, secret := range []string{testToken, ownToken, "other-token-123", "hunter2", private[40:80], "eyJ", workAdmin} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q holds %q", err, secret)
				}
			}
		})
	}
}
