package okta

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"

	"github.com/rollcallhq/rollcall/connectors"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func pemOf(kind string, der []byte, err error) string {
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func rsaPEM() string { return pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKey()), nil) }

// withKey authenticates by private_key_jwt.
func withKey(more map[string]connectors.Secret) func(*connectors.Settings) {
	return func(s *connectors.Settings) {
		s.Auth = map[string]connectors.Secret{"method": methodPrivateKey, "client_id": "0oaself", "key_id": "kid-1", "private_key": connectors.Secret(rsaPEM())}
		for k, v := range more {
			s.Auth[k] = v
		}
	}
}

// issuer is the org's token endpoint: it checks each assertion, and makes tokens t1, t2, ...
type issuer struct {
	t      *testing.T
	o      *org
	key    any
	minted atomic.Int32
	life   int
	mu     sync.Mutex
	jtis   map[string]bool
}

func newIssuer(t *testing.T, o *org, key any) *issuer {
	i := &issuer{t: t, o: o, key: key, life: 3600, jtis: map[string]bool{}}
	o.on(tokenPath, i.serve)
	o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprintf("Bearer t%d", i.minted.Load()) {
			answerJSON(w, 401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`)
			return
		}
		bodyPaged(1, anAgent("wlp1", "one", ""))(w, r)
	})
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery != "" {
		i.t.Errorf("the token request has a query: %s", r.URL.RawQuery)
	}
	form := map[string]string{"grant_type": "client_credentials", "scope": strings.Join(defaultScopes, " "),
		"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
	for k, want := range form {
		if got := r.PostFormValue(k); got != want {
			i.t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	i.check(r.PostFormValue("client_assertion"))
	answerJSON(w, 200, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"t%d","scope":"okta.apps.read"}`, i.life, i.minted.Add(1)))
}

func (i *issuer) check(assertion string) {
	jws, err := jose.ParseSigned(assertion)
	if err != nil {
		i.t.Errorf("the assertion is no JWS: %v", err)
		return
	}
	payload, err := jws.Verify(i.key)
	if err != nil {
		i.t.Errorf("the assertion is not signed by the key: %v", err)
	}
	var c struct {
		Iss, Sub, Aud, Jti string
		Iat, Exp           int64
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		i.t.Error(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if c.Iss != "0oaself" || c.Sub != c.Iss || c.Aud != i.o.URL+tokenPath || c.Exp-c.Iat > 3600 || c.Exp <= c.Iat || c.Jti == "" || i.jtis[c.Jti] {
		i.t.Errorf("the claims are %+v", c)
	}
	i.jtis[c.Jti] = true
	if jws.Signatures[0].Protected.KeyID != "kid-1" {
		i.t.Errorf("the kid is %q", jws.Signatures[0].Protected.KeyID)
	}
}

// SDK faults: the assertion in the URL, many token requests at once, keys other than PKCS#1 refused.
func TestPrivateKeyJWT(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err8 := x509.MarshalPKCS8PrivateKey(testKey())
	sec1, err1 := x509.MarshalECPrivateKey(ec)
	jwk, err := jose.JSONWebKey{Key: ec, KeyID: "kid-1"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		private string
		public  any
		id      connectors.Secret
	}{
		"PKCS#1":           {rsaPEM(), testKey().Public(), "kid-1"},
		"PKCS#1, escaped":  {strings.ReplaceAll(rsaPEM(), "\n", `\n`), testKey().Public(), "kid-1"},
		"PKCS#8":           {pemOf("PRIVATE KEY", pkcs8, err8), testKey().Public(), "kid-1"},
		"SEC 1":            {pemOf("EC PRIVATE KEY", sec1, err1), ec.Public(), "kid-1"},
		"JWK with its kid": {string(jwk), ec.Public(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			i := newIssuer(t, o, c.public)
			conn := o.connect(t, withKey(map[string]connectors.Secret{"private_key": connectors.Secret(c.private), "key_id": c.id}))
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if _, err := conn.client.get(t.Context(), agentsPath); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := i.minted.Load(); n != 1 {
				t.Errorf("20 calls at once made %d tokens", n)
			}
		})
	}
}

// SDK fault: a token is kept after a 401 until it expires.
func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	o := newOrg(t)
	i := newIssuer(t, o, testKey().Public())
	c := o.connect(t, withKey(nil))
	readAll(t, c, "ai-agents")
	i.minted.Add(1) // the vendor revokes t1: it wants t2 now, and makes t3 next
	i.o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t3" {
			answerJSON(w, 401, `{"errorCode":"E0000011"}`)
			return
		}
		bodyPaged(1, anAgent("wlp1", "one", ""))(w, r)
	})
	readAll(t, c, "ai-agents")
	if i.minted.Load() != 3 {
		t.Errorf("the count of tokens is %d, want 3", i.minted.Load())
	}
	i.o.on(agentsPath, fixed(401, `{"errorCode":"E0000011"}`))
	before := len(o.calls("GET"))
	_, err := c.feed(t, "ai-agents")(t.Context(), nil)
	mustFault(t, err, connectors.Unauthorized)
	if n := len(o.calls("GET")) - before; n != 2 {
		t.Errorf("a token that is always refused made %d calls, want 2", n)
	}
}

func TestMissingFeatureIsNoReasonForANewToken(t *testing.T) {
	o := newOrg(t)
	i := newIssuer(t, o, testKey().Public())
	o.on(agentsPath, fixed(401, `{"errorCode":"E0000015"}`))
	_, err := o.connect(t, withKey(nil)).feed(t, "ai-agents")(t.Context(), nil)
	mustFault(t, err, connectors.Forbidden)
	if i.minted.Load() != 1 {
		t.Errorf("made %d tokens", i.minted.Load())
	}
}

func TestTokenIsRenewedEarly(t *testing.T) {
	o := newOrg(t)
	i := newIssuer(t, o, testKey().Public())
	now := time.Now()
	c := o.connect(t, withKey(nil), func(s *connectors.Settings) { s.Now = func() time.Time { return now } })
	for _, step := range []struct {
		wait   time.Duration
		minted int32
	}{{0, 1}, {54 * time.Minute, 1}, {2 * time.Minute, 2}} {
		now = now.Add(step.wait)
		readAll(t, c, "ai-agents")
		if i.minted.Load() != step.minted {
			t.Errorf("after %v more: %d tokens, want %d", step.wait, i.minted.Load(), step.minted)
		}
	}
}

// SDK fault: the token request ignores the caller's context.
func TestTokenRequestEndsWithItsContext(t *testing.T) {
	o := newOrg(t)
	reached, release := make(chan struct{}), make(chan struct{})
	o.on(tokenPath, func(http.ResponseWriter, *http.Request) { close(reached); <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	c := o.connect(t, withKey(nil))
	go func() { _, err := c.feed(t, "ai-agents")(ctx, nil); done <- err }()
	<-reached
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

func TestTokenRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, cure string
		kind       connectors.FaultKind
	}{
		"scope":     {400, `{"error":"invalid_scope","error_description":"no"}`, "auth scopes", connectors.Unauthorized},
		"client":    {401, `{"error":"invalid_client","error_description":"assertion ASSERTION is bad"}`, "public key", connectors.Unauthorized},
		"proof":     {400, `{"error":"invalid_dpop_proof"}`, "Demonstrating Proof of Possession", connectors.Unauthorized},
		"other":     {400, `{"errorCode":"E0000021"}`, "client_id", connectors.Unauthorized},
		"limit":     {429, `{}`, "pace", connectors.RateLimited},
		"broken":    {502, `<html>`, "", 0},
		"no token":  {200, `{"token_type":"Bearer","id_token":"secret-thing"}`, "", 0},
		"html":      {200, `<html>secret-thing`, "", 0},
		"DPoP only": {200, `{"token_type":"DPoP","access_token":"secret-thing"}`, "Possession", connectors.Unauthorized},
	} {
		o := newOrg(t)
		o.on(tokenPath, func(w http.ResponseWriter, r *http.Request) {
			answerJSON(w, c.status, strings.ReplaceAll(c.body, "ASSERTION", r.PostFormValue("client_assertion")))
		})
		_, err := o.connect(t, withKey(nil)).feed(t, "ai-agents")(t.Context(), nil)
		if err == nil || strings.Contains(err.Error(), "eyJ") || strings.Contains(err.Error(), "secret-thing") {
			t.Fatalf("%s: error %v", name, err)
		}
		if c.kind == 0 {
			if connectors.AsFault(err) != nil {
				t.Errorf("%s: %v is not transient", name, err)
			}
		} else if f := mustFault(t, err, c.kind); !strings.Contains(f.Cure, c.cure) {
			t.Errorf("%s: the cure is %q", name, f.Cure)
		}
	}
}

func TestStaticTokens(t *testing.T) {
	for method, want := range map[connectors.Secret]string{"bearer": "Bearer " + testToken, "ssws": "SSWS " + testToken} {
		o := newOrg(t)
		o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header["Authorization"]; len(got) != 1 || got[0] != want {
				t.Errorf("method %s sends %q, want %q", method, got, want)
			}
			bodyPaged(1)(w, r)
		})
		readAll(t, o.connect(t, func(s *connectors.Settings) { s.Auth["method"] = method }), "ai-agents")
	}
}

// An app that was granted some scopes only reads what those let it; what is granted later is found out.
func TestScopesThatAreNotGrantedStopNoOthers(t *testing.T) {
	var mu sync.Mutex
	granted := []string{"okta.aiAgents.read", "okta.logs.read"}
	var asked []string
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(1, anAgent("wlp1", "one", "")))
	o.on(tokenPath, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		scopes := strings.Fields(r.PostFormValue("scope"))
		asked = append(asked, r.PostFormValue("scope"))
		for _, s := range scopes {
			if !slices.Contains(granted, s) {
				answerJSON(w, 400, `{"error":"invalid_scope"}`)
				return
			}
		}
		answerJSON(w, 200, `{"token_type":"Bearer","expires_in":3600,"access_token":"t"}`)
	})
	now := time.Now()
	c := o.connect(t, withKey(nil), func(s *connectors.Settings) { s.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now } })
	read := func() []string {
		t.Helper()
		if _, err := c.feed(t, "ai-agents")(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		out := asked
		asked = nil
		now = now.Add(time.Hour)
		return out
	}
	if got := read(); len(got) != 2+len(defaultScopes) || got[len(got)-1] != strings.Join(granted, " ") {
		t.Errorf("asked for %q", got)
	}
	if got := read(); !slices.Equal(got, []string{strings.Join(granted, " ")}) {
		t.Errorf("an hour later it asks for %q", got)
	}
	granted, now = defaultScopes, now.Add(widenEvery)
	if got := read(); !slices.Equal(got, []string{strings.Join(defaultScopes, " ")}) {
		t.Errorf("when all are granted it asks for %q", got)
	}
	if got := read(); !slices.Equal(got, []string{strings.Join(defaultScopes, " ")}) {
		t.Errorf("after that it asks for %q", got)
	}

	granted = nil // the configuration's own scopes are asked for once, all or nothing
	_, err := o.connect(t, withKey(map[string]connectors.Secret{"scopes": "a b"})).feed(t, "ai-agents")(t.Context(), nil)
	if mustFault(t, err, connectors.Unauthorized); len(asked) != 1 || asked[0] != "a b" {
		t.Errorf("asked for %q, error %v", asked, err)
	}
}

func TestSettingsAreChecked(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*connectors.Settings){
		"endpoint is missing":       func(s *connectors.Settings) { s.Endpoint = "" },
		"not a base URL":            func(s *connectors.Settings) { s.Endpoint = "acme.okta.com" },
		"use https":                 func(s *connectors.Settings) { s.Endpoint = "http://acme.okta.com" },
		"leave out -admin":          func(s *connectors.Settings) { s.Endpoint = "https://acme-admin.okta.com" },
		"one base URL only":         func(s *connectors.Settings) { s.Services = map[string]string{"apps": "https://x.test"} },
		"option page_size is":       func(s *connectors.Settings) { s.Options = map[string]string{"page_size": "201"} },
		`option "pagesize"`:         func(s *connectors.Settings) { s.Options = map[string]string{"pagesize": "20"} },
		"private_key_jwt, ssws, be": func(s *connectors.Settings) { s.Auth["method"] = "basic" },
		"auth token is missing":     func(s *connectors.Settings) { s.Auth["token"] = "" },
		"does not belong to":        func(s *connectors.Settings) { s.Auth["tokne"] = "x" },
		"client_id is missing":      withKey(map[string]connectors.Secret{"client_id": ""}),
		"key_id is missing":         withKey(map[string]connectors.Secret{"key_id": ""}),
		"neither PEM nor a JWK":     withKey(map[string]connectors.Secret{"private_key": "/no/such/file-secret"}),
		"not a valid private key":   withKey(map[string]connectors.Secret{"private_key": `{"kty":"RSA","n":"secret"}`}),
		"without a private key":     withKey(map[string]connectors.Secret{"private_key": connectors.Secret(pemOf("CERTIFICATE", []byte("x"), nil))}),
		"no transport":              func(s *connectors.Settings) { s.Transport = nil },
		"2048 bits and more": withKey(map[string]connectors.Secret{
			"private_key": connectors.Secret(pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small), nil))}),
	} {
		s := connectors.Settings{Endpoint: "https://acme.okta.com", Transport: http.DefaultTransport,
			Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken}}
		change(&s)
		_, err := Vendor.New(s)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(strings.ReplaceAll(err.Error(), "client_secrets", ""), "secret") || strings.Contains(err.Error(), testToken) {
			t.Errorf("want an error that says %q, got %v", says, err)
		}
	}
}
