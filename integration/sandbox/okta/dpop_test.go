package okta

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// prover makes DPoP proofs with a key of its own.
type prover struct {
	o   *org
	key *ecdsa.PrivateKey
}

func newProver(o *org) prover {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	return prover{o, key}
}

func encode(v any) string {
	b, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b)
}

func (p prover) claims(method, path string) map[string]any {
	return map[string]any{"htm": method, "htu": p.o.url + path, "iat": p.o.clock.Now().Unix(), "jti": rand.Text()}
}

func (p prover) proof(claims map[string]any) string {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.o.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]string{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}}
	signed := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		p.o.t.Fatal(err)
	}
	return signed + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// send makes a request with a proof, if there is one.
func (p prover) send(method, path, authorization, proof, form string) reply {
	p.o.t.Helper()
	r, err := http.NewRequestWithContext(p.o.t.Context(), method, p.o.url+path, strings.NewReader(form))
	if err != nil {
		p.o.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, v := range map[string]string{"Authorization": authorization, "DPoP": proof} {
		if v != "" {
			r.Header.Set(name, v)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.o.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, b}
}

const tokenPath = "/oauth2/v1/token"

// ask asks for a token with a fresh assertion.
func (p prover) ask(proof string) reply {
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"okta.aiAgents.read"}, "client_assertion": {p.o.seeded().jwt(p.o.claims())},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	return p.send("POST", tokenPath, "", proof, form.Encode())
}

// token goes the whole way: no proof, no nonce, nonce.
func (p prover) token() string {
	p.o.t.Helper()
	if r := p.ask(""); r.status != 400 || !strings.Contains(string(r.body), "invalid_dpop_proof") {
		p.o.t.Errorf("without a proof: %d %s", r.status, r.body)
	}
	r := p.ask(p.proof(p.claims("POST", tokenPath)))
	if r.status != 400 || !strings.Contains(string(r.body), "use_dpop_nonce") || r.header.Get("dpop-nonce") == "" {
		p.o.t.Errorf("without a nonce: %d %s %v", r.status, r.body, r.header)
	}
	c := p.claims("POST", tokenPath)
	c["nonce"] = r.header.Get("dpop-nonce")
	r = p.ask(p.proof(c))
	if !strings.Contains(string(r.body), `"token_type":"DPoP"`) {
		p.o.t.Errorf("with proof and nonce: %d %s", r.status, r.body)
	}
	return p.o.minted(r)
}

func TestDPoP(t *testing.T) {
	o := start(t, Options{DPoP: true})
	p := newProver(o)
	token := p.token()
	sum := sha256.Sum256([]byte(token))
	ath := base64.RawURLEncoding.EncodeToString(sum[:])
	good := func() map[string]any {
		c := p.claims("GET", agents)
		c["ath"] = ath
		return c
	}
	with := func(name string, v any) map[string]any {
		c := good()
		c[name] = v
		return c
	}
	once := p.proof(good())
	for _, c := range []struct {
		name, scheme, proof string
		status              int
	}{
		{"a proof", "DPoP ", once, 200},
		{"the same proof again", "DPoP ", once, 401},
		{"the token as a bearer's", "Bearer ", "", 401},
		{"the token as a bearer's, with a proof", "Bearer ", p.proof(good()), 401},
		{"no proof", "DPoP ", "", 401},
		{"no JWT", "DPoP ", "a.b.c", 401},
		{"another method", "DPoP ", p.proof(with("htm", "POST")), 401},
		{"another address", "DPoP ", p.proof(with("htu", "https://elsewhere.example")), 401},
		{"another token", "DPoP ", p.proof(with("ath", "x")), 401},
		{"an old proof", "DPoP ", p.proof(with("iat", o.clock.Now().Add(-time.Hour).Unix())), 401},
		{"another key", "DPoP ", newProver(o).proof(good()), 401},
	} {
		if r := p.send("GET", agents, c.scheme+token, c.proof, ""); r.status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, r.status, r.body, c.status)
		}
	}
}

func TestOldNoncesStayGoodForAWhile(t *testing.T) {
	o := start(t, Options{DPoP: true})
	p := newProver(o)
	nonce := p.ask(p.proof(p.claims("POST", tokenPath))).header.Get("dpop-nonce")
	for _, want := range []int{200, 200, 200, 400} {
		c := p.claims("POST", tokenPath)
		c["nonce"] = nonce
		if r := p.ask(p.proof(c)); r.status != want {
			t.Errorf("on %s: %d %s, want %d", o.clock.Now().Format(time.DateOnly), r.status, r.body, want)
		}
		o.clock.advance(24 * time.Hour)
	}
}
