package google

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// with makes a request with an Authorization header, or none, and returns the status.
func (w *world) with(authorization string) int {
	w.t.Helper()
	res := w.asks(authorization)
	defer res.Body.Close()
	return res.StatusCode
}

func (w *world) asks(authorization string) *http.Response {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.base+"/cloudresourcemanager/v3/projects:search", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// assertion signs claims with a key file's key.
func assertion(t testing.TB, file []byte, c claims) string {
	t.Helper()
	var key struct {
		ID      string `json:"private_key_id"`
		Private string `json:"private_key"`
	}
	if err := json.Unmarshal(file, &key); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(key.Private))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": key.ID}) + "." + part(c)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, private.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// claim is a good claim of the key file's account.
func (w *world) claim(file []byte) claims {
	var key struct {
		Email string `json:"client_email"`
	}
	if err := json.Unmarshal(file, &key); err != nil {
		w.t.Fatal(err)
	}
	now := float64(w.clock.Now().Unix())
	return claims{Issuer: key.Email, Scope: "https://www.googleapis.com/auth/cloud-platform", Audience: w.base + "/token",
		Issued: now, Expires: now + 3600}
}

// token asks the token endpoint.
func (w *world) token(grant, assertion string) (int, object) {
	w.t.Helper()
	form := url.Values{"grant_type": {grant}, "assertion": {assertion}}
	res, err := http.Post(w.base+"/token", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, decodeObject(w.t, b.Bytes())
}

// login gets an access token with a key file.
func (w *world) login(file []byte) string {
	w.t.Helper()
	code, out := w.token(jwtGrant, assertion(w.t, file, w.claim(file)))
	if code != 200 || out["token_type"] != "Bearer" || out["expires_in"] != 3599.0 {
		w.t.Fatalf("%d %v", code, out)
	}
	return out["access_token"].(string)
}

func TestWhoMayRead(t *testing.T) {
	w := newWorld(t, 9, Options{})
	file, err := w.Credentials(w.base)
	if err != nil {
		t.Fatal(err)
	}
	access, self := w.login(file), w.claim(file)
	self.Audience, self.Scope = "https://cloudresourcemanager.googleapis.com/", ""
	for name, c := range map[string]struct {
		header string
		code   int
	}{
		"static token": {"Bearer " + w.Token(), 200}, "access token": {"Bearer " + access, 200},
		"assertion for the service": {"Bearer " + assertion(t, file, self), 200},
		"nothing":                   {"", 401}, "another token": {"Bearer ya29.nonsense", 401},
		"another scheme": {"Basic " + w.Token(), 401}, "no token": {"Bearer ", 401},
	} {
		if got := w.with(c.header); got != c.code {
			t.Errorf("%s: %d, want %d", name, got, c.code)
		}
	}
	w.clock.Advance(61 * time.Minute)
	if got := w.with("Bearer " + access); got != 401 {
		t.Errorf("an access token answers %d after an hour", got)
	}
}

func TestFormOf401(t *testing.T) {
	w := newWorld(t, 9, Options{})
	for header, reason := range map[string]string{"": "CREDENTIALS_MISSING", "Bearer x": "ACCESS_TOKEN_TYPE_UNSUPPORTED"} {
		res := w.asks(header)
		var b bytes.Buffer
		if _, err := b.ReadFrom(res.Body); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		e := decodeObject(t, b.Bytes())["error"].(object)
		info := e["details"].([]any)[0].(object)
		if e["status"] != "UNAUTHENTICATED" || info["reason"] != reason || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer realm=") {
			t.Errorf("%q: %v %v", header, e, res.Header)
		}
		if strings.Contains(b.String(), w.Token()) {
			t.Error("the error has the token")
		}
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	w := newWorld(t, 9, Options{})
	file, err := w.Credentials(w.base)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*claims)) string {
		c := w.claim(file)
		f(&c)
		return assertion(t, file, c)
	}
	good := change(func(*claims) {})
	for name, c := range map[string]struct{ grant, assertion, code string }{
		"grant":     {"password", good, "unsupported_grant_type"},
		"no JWT":    {jwtGrant, "a.b", "invalid_grant"},
		"signature": {jwtGrant, good[:len(good)-8] + "AAAAAAAA", "invalid_grant"},
		"issuer":    {jwtGrant, change(func(c *claims) { c.Issuer = "x@y" }), "invalid_grant"},
		"audience":  {jwtGrant, change(func(c *claims) { c.Audience = "https://elsewhere" }), "invalid_grant"},
		"expired":   {jwtGrant, change(func(c *claims) { c.Issued -= 7200; c.Expires -= 7200 }), "invalid_grant"},
		"too long":  {jwtGrant, change(func(c *claims) { c.Expires += 7200 }), "invalid_grant"},
		"scope":     {jwtGrant, change(func(c *claims) { c.Scope = "" }), "invalid_scope"},
	} {
		if code, out := w.token(c.grant, c.assertion); code != 400 || out["error"] != c.code || out["error_description"] == "" {
			t.Errorf("%s: %d %v, want %s", name, code, out, c.code)
		}
	}
}
