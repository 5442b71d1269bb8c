package okta

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestAuthentication(t *testing.T) {
	o := start(t, Options{})
	for authorization, want := range map[string]int{
		"SSWS " + o.Token():   200,
		"Bearer " + o.Token(): 200,
		"Basic " + o.Token():  401,
		"SSWS wrong":          401,
		"Bearer wrong":        401,
		"Bearer ":             401,
		"SSWS":                401,
		"":                    401,
	} {
		for _, path := range []string{agents, "/api/v1/apps", "/api/v1/logs", ownersPath} {
			r := o.as(authorization, http.MethodGet, path, "", "")
			if want == 200 && r.status == 401 || want == 401 && (r.status != 401 || r.code() != "E0000011") {
				t.Errorf("%q on %s: %d %s, want %d", authorization, path, r.status, r.body, want)
			}
		}
	}
	if r := o.as("", http.MethodGet, "/.well-known/okta-organization", "", ""); r.status != 200 || !strings.Contains(string(r.body), o.Org()) {
		t.Errorf("the org without a token: %d %s", r.status, r.body)
	}
}

func TestTokenDependsOnTheSeedAlone(t *testing.T) {
	if a, b := start(t, Options{}), start(t, Options{PageSize: 3}); a.Token() != b.Token() {
		t.Error("two orgs of one seed have different tokens")
	}
}

// signer makes assertions, each with its own jti.
type signer struct {
	alg, kid string
	sign     func(hash []byte) []byte
}

func (o *org) claims() map[string]any {
	id, _, _ := o.Client()
	return map[string]any{
		"iss": id, "sub": id, "aud": o.url + "/oauth2/v1/token", "exp": o.clock.Now().Add(5 * time.Minute).Unix(), "jti": rand.Text(),
	}
}

func (s signer) jwt(claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(map[string]string{"alg": s.alg, "kid": s.kid}) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.sign(sum[:]))
}

func (o *org) seeded() signer {
	_, kid, key := o.Client()
	return signer{"ES256", kid, func(sum []byte) []byte {
		r, s, err := ecdsa.Sign(rand.Reader, key, sum)
		if err != nil {
			o.t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}}
}

func (o *org) mint(assertion, scope string) reply {
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	return o.as("", "POST", "/oauth2/v1/token", "application/x-www-form-urlencoded", form.Encode())
}

func (o *org) minted(r reply) string {
	o.t.Helper()
	if r.status != 200 {
		o.t.Fatalf("token: %d %s", r.status, r.body)
	}
	var token tokenReply
	mustDecode(o.t, r.body, &token)
	return token.AccessToken
}

func TestPrivateKeyTokens(t *testing.T) {
	o := start(t, Options{})
	token := o.minted(o.mint(o.seeded().jwt(o.claims()), "okta.aiAgents.read okta.logs.read"))
	if r := o.as("Bearer "+token, "GET", agents, "", ""); r.status != 200 {
		t.Errorf("with the scope: %d %s", r.status, r.body)
	}
	r := o.as("Bearer "+token, "GET", "/api/v1/apps", "", "")
	if r.status != 403 || r.code() != "E0000006" || !strings.Contains(r.header.Get("WWW-Authenticate"), `scope="okta.apps.read", error="insufficient_scope"`) {
		t.Errorf("without the scope: %d %s %q", r.status, r.body, r.header.Get("WWW-Authenticate"))
	}
	if r := o.as("Bearer "+token, "POST", agents, plainJSON, `{}`); r.status != 403 {
		t.Errorf("a write with a scope to read: %d", r.status)
	}
	o.clock.advance(time.Hour)
	if r := o.as("Bearer "+token, "GET", agents, "", ""); r.status != 401 || !strings.Contains(r.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("an hour later: %d %s", r.status, r.body)
	}
}

func TestRSATokensAndAssertionsInTheQuery(t *testing.T) {
	o := start(t, Options{})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.AddClientKey("mine", key.Public()); err != nil {
		t.Fatal(err)
	}
	s := signer{"RS256", "mine", func(sum []byte) []byte {
		b, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}}
	o.minted(o.mint(s.jwt(o.claims()), "okta.users.read"))
	query := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"okta.users.read"}, "client_assertion": {s.jwt(o.claims())},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	o.minted(o.as("", "POST", "/oauth2/v1/token?"+query.Encode(), "application/x-www-form-urlencoded", ""))
}

func TestRefusedAssertions(t *testing.T) {
	o := start(t, Options{})
	with := func(name string, v any) string {
		c := o.claims()
		c[name] = v
		return o.seeded().jwt(c)
	}
	used := with("jti", "once")
	o.minted(o.mint(used, "okta.users.read"))
	foreign := o.seeded()
	foreign.kid = "unknown"
	for what, assertion := range map[string]string{
		"no JWT": "x", "three parts of nothing": "a.b.c", "used twice": used, "foreign key": foreign.jwt(o.claims()),
		"tampered": strings.Replace(o.seeded().jwt(o.claims()), ".", ".e30", 1),
		"expired":  with("exp", o.clock.Now().Unix()), "too far ahead": with("exp", o.clock.Now().Add(2*time.Hour).Unix()),
		"other audience": with("aud", "https://elsewhere.example"), "other issuer": with("iss", "0oa0"), "other subject": with("sub", "0oa0"),
	} {
		r := o.mint(assertion, "okta.users.read")
		if r.status != 401 || !strings.Contains(string(r.body), "invalid_client") {
			t.Errorf("%s: %d %s, want 401 invalid_client", what, r.status, r.body)
		}
		if strings.Contains(string(r.body), assertion) && len(assertion) > 10 {
			t.Errorf("%s: the refusal repeats the assertion", what)
		}
	}
	for _, scope := range []string{"", "okta.everything", "okta.users.read okta.everything"} {
		if r := o.mint(o.seeded().jwt(o.claims()), scope); r.status != 400 || !strings.Contains(string(r.body), "invalid_scope") {
			t.Errorf("scope %q: %d %s, want 400 invalid_scope", scope, r.status, r.body)
		}
	}
}
