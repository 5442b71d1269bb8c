package entra

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

const (
	tenantID     = "77777777-0000-4000-8000-000000000007"
	clientID     = "88888888-0000-4000-8000-000000000008"
	clientSecret = "cl1ent-s3cret~value"
)

// login is Entra's token endpoint on plain http.
type login struct {
	srv    *httptest.Server
	form   url.Values // of the last request for a token
	status int
	body   string
	tokens int
}

func newLogin(t *testing.T) *login {
	l := &login{status: 200, body: `{"token_type":"Bearer","expires_in":3599,"access_token":"` + testToken + `"}`}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+tenantID+"/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":"%[1]s/%[2]s/v2.0","authorization_endpoint":"%[1]s/%[2]s/oauth2/v2.0/authorize",
			"token_endpoint":"%[1]s/%[2]s/oauth2/v2.0/token"}`, l.srv.URL, tenantID)
	})
	mux.HandleFunc("POST /"+tenantID+"/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		l.form = r.PostForm
		l.tokens++
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(l.status)
		io.WriteString(w, l.body)
	})
	l.srv = httptest.NewServer(mux)
	t.Cleanup(l.srv.Close)
	return l
}

// connect makes a connector to g that logs in at l.
func (l *login) connect(t *testing.T, g *graph, auth map[string]connectors.Secret) *Connector {
	t.Helper()
	s := g.settings()
	s.Auth, s.Services = auth, map[string]string{"login": l.srv.URL}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*Connector)
}

func secretAuth() map[string]connectors.Secret {
	return map[string]connectors.Secret{
		"method": "client_secret", "tenant_id": tenantID, "client_id": clientID, "client_secret": clientSecret}
}

func oneAgent(t *testing.T) *graph {
	return newGraph(t, map[string]canned{"/servicePrincipals": {body: `{"value":[` + itemOther + `]}`}})
}

func TestLoginWithClientSecret(t *testing.T) {
	l, g := newLogin(t), oneAgent(t)
	c := l.connect(t, g, secretAuth())
	for range 3 {
		if err := c.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if l.tokens != 1 || l.form.Get("client_secret") != clientSecret || l.form.Get("scope") != "https://graph.microsoft.com/.default openid offline_access profile" {
		t.Errorf("%d logins, the last with %v", l.tokens, l.form)
	}
}

func TestRefusedLogin(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   connectors.FaultKind
		words  string
	}{
		{"wrong secret", 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}`,
			connectors.Unauthorized, "AADSTS7000215"},
		{"wrong tenant", 400, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found."}`, connectors.Unauthorized, "AADSTS90002"},
		{"throttled", 429, `{}`, connectors.RateLimited, "429"},
		{"down", 503, `{}`, 0, "503"},
		{"proxy", 403, html, 0, "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, g := newLogin(t), oneAgent(t)
			l.status, l.body = c.status, c.body
			err := l.connect(t, g, secretAuth()).Probe(t.Context())
			if err == nil {
				t.Fatal("the login was not refused")
			}
			wantWords(t, err, c.words, "login")
			if strings.Contains(err.Error(), clientSecret) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
				t.Errorf("the error: %q", err)
			}
			if f := connectors.AsFault(err); (f == nil) != (c.kind == 0) || f != nil && f.Kind != c.kind {
				t.Errorf("got %v", err)
			}
			if l.tokens != 1 {
				t.Errorf("%d attempts: the runner retries, nobody else", l.tokens)
			}
			if len(g.headers) != 0 {
				t.Error("Graph was asked without a token")
			}
		})
	}
}

func TestLoginUnreachable(t *testing.T) {
	l, g := newLogin(t), oneAgent(t)
	c := l.connect(t, g, secretAuth())
	l.srv.Close()
	if err := c.Probe(t.Context()); err == nil || connectors.AsFault(err) != nil {
		t.Errorf("got %v", err)
	}
}

// certificate is a PEM of a key and a certificate of its own.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rollcall"}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
}

func TestLoginWithCertificate(t *testing.T) {
	l, g := newLogin(t), oneAgent(t)
	c := l.connect(t, g, map[string]connectors.Secret{
		"method": "certificate", "tenant_id": tenantID, "client_id": clientID, "certificate": connectors.Secret(certificate(t))})
	if err := c.Probe(t.Context()); err != nil || l.form.Get("client_assertion") == "" {
		t.Errorf("%v, with %v", err, l.form)
	}
}

func TestLoginWithWorkloadIdentity(t *testing.T) {
	l, g := newLogin(t), oneAgent(t)
	file := filepath.Join(t.TempDir(), "token")
	auth := map[string]connectors.Secret{
		"method": "workload_identity", "tenant_id": tenantID, "client_id": clientID, "token_file": connectors.Secret(file)}
	wantFault(t, l.connect(t, g, auth).Probe(t.Context()), connectors.Unauthorized, "token_file")
	if err := os.WriteFile(file, []byte("federated"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.connect(t, g, auth).Probe(t.Context()); err != nil || l.form.Get("client_assertion") != "federated" {
		t.Errorf("%v, with %v", err, l.form)
	}
}

func TestManagedIdentity(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-IDENTITY-HEADER") != "h" || r.URL.Query().Get("client_id") != clientID {
			t.Errorf("asked with %v", r.URL)
		}
		fmt.Fprintf(w, `{"access_token":"%s","expires_on":"%d","resource":"https://graph.microsoft.com","token_type":"Bearer"}`,
			testToken, time.Now().Add(time.Hour).Unix())
	}))
	defer srv.Close()
	t.Setenv("IDENTITY_ENDPOINT", srv.URL)
	t.Setenv("IDENTITY_HEADER", "h")
	g := oneAgent(t)
	s := g.settings()
	s.Auth = map[string]connectors.Secret{"method": "managed_identity", "client_id": clientID}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.(*Connector).Probe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, _ := x509.MarshalPKCS8PrivateKey(ec)
	noCert := connectors.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	auth := func(pairs ...connectors.Secret) map[string]connectors.Secret {
		m := map[string]connectors.Secret{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].Reveal()] = pairs[i+1]
		}
		return m
	}
	bearer := auth("method", "bearer", "token", testToken)
	for want, s := range map[string]connectors.Settings{
		"auth.method is missing":         {},
		"auth.token is missing":          {Auth: auth("method", "bearer")},
		"auth.password is not taken":     {Auth: auth("method", "bearer", "token", testToken, "password", "x")},
		"auth.client_secret is missing":  {Auth: auth("method", "client_secret", "tenant_id", tenantID, "client_id", clientID)},
		"certificate is not the text":    {Auth: auth("method", "certificate", "tenant_id", tenantID, "client_id", clientID, "certificate", noCert)},
		"has the scheme \"http\"":        {Auth: bearer, Endpoint: "http://graph.example"},
		"endpoint is no base URL":        {Auth: bearer, Endpoint: "graph.example"},
		"services.graph is no base URL":  {Auth: bearer, Services: map[string]string{"graph": "https://u:p@graph.example"}},
		"services.grpah is unknown":      {Auth: bearer, Services: map[string]string{"grpah": "https://graph.example"}},
		"services.login has the scheme":  {Auth: secretAuth(), Services: map[string]string{"login": "ftp://login.example"}},
		"options.page_size is \"0\"":     {Auth: bearer, Options: map[string]string{"page_size": "0"}},
		"options.pagesize is unknown":    {Auth: bearer, Options: map[string]string{"pagesize": "3"}},
		"entra: auth: ":                  {Auth: auth("method", "client_secret", "tenant_id", "a/b", "client_id", clientID, "client_secret", clientSecret)},
		"one of managed_identity, workl": {Auth: auth("method", "password")},
	} {
		_, err := New(s)
		if err == nil {
			t.Errorf("no error that %s", want)
			continue
		}
		wantWords(t, err, want, "entra: ")
		if strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), clientSecret) {
			t.Errorf("a secret is in %q", err)
		}
	}
}

func TestScopeOfTheCloud(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "https://graph.microsoft.com/.default", "https://graph.microsoft.us": "https://graph.microsoft.us/.default",
		"http://127.0.0.1:1": "https://graph.microsoft.com/.default", "https://proxy.example/graph/v1.0": "https://graph.microsoft.com/.default",
	} {
		s := connectors.Settings{Endpoint: endpoint}
		base, err := graphBase(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenScope(s, base); got != want || !strings.HasSuffix(base.Path, "/v1.0") || strings.HasSuffix(base.Path, "v1.0/v1.0") {
			t.Errorf("%s: scope %s, base %s", endpoint, got, base)
		}
	}
}
