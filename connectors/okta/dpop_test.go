package okta

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v3"

	"github.com/rollcallhq/rollcall/connectors"
)

// dpopOrg is an org whose app must prove possession. It checks each proof as RFC 9449 says.
type dpopOrg struct {
	*org
	t *testing.T

	mu       sync.Mutex
	nonce    string // wanted for a token
	apiNonce string // wanted for a call, if not empty
	jtis     map[string]bool
	minted   int
	bound    string // thumbprint of the key that the last token is bound to
}

func newDPoPOrg(t *testing.T) *dpopOrg {
	o := &dpopOrg{org: newOrg(t), t: t, nonce: "n1", jtis: map[string]bool{}}
	o.on(tokenPath, o.token)
	o.on(agentsPath, o.agents)
	return o
}

type proofClaims struct {
	HTM, HTU, JTI, Nonce, ATH string
	IAT                       int64
}

// check verifies a request's proof, and returns what it says and the thumbprint of its key.
func (o *dpopOrg) check(r *http.Request, path string) (c proofClaims, thumb string) {
	jws, err := jose.ParseSigned(r.Header.Get("DPoP"))
	if err != nil {
		o.t.Errorf("the proof is no JWS: %v", err)
		return c, ""
	}
	h := jws.Signatures[0].Protected
	if h.Algorithm != "ES256" || h.ExtraHeaders["typ"] != "dpop+jwt" || h.JSONWebKey == nil || !h.JSONWebKey.IsPublic() {
		o.t.Fatalf("the proof's header is %+v", h)
	}
	payload, err := jws.Verify(h.JSONWebKey)
	if err != nil {
		o.t.Errorf("the proof is not signed by its key: %v", err)
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		o.t.Error(err)
	}
	if age := time.Since(time.Unix(c.IAT, 0)); c.HTM != r.Method || c.HTU != o.URL+path || c.JTI == "" || o.jtis[c.JTI] || age < -time.Second || age > time.Minute {
		o.t.Errorf("the claims are %+v", c)
	}
	o.jtis[c.JTI] = true
	sum, err := h.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		o.t.Error(err)
	}
	return c, string(sum)
}

func (o *dpopOrg) token(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Header.Get("DPoP") == "" {
		answerJSON(w, 400, `{"error":"invalid_dpop_proof","error_description":"The DPoP proof JWT header is missing."}`)
		return
	}
	c, thumb := o.check(r, tokenPath)
	w.Header().Set("DPoP-Nonce", o.nonce)
	if c.Nonce != o.nonce {
		answerJSON(w, 400, `{"error":"use_dpop_nonce","error_description":"Authorization server requires nonce in DPoP proof."}`)
		return
	}
	o.minted++
	o.bound = thumb
	answerJSON(w, 200, fmt.Sprintf(`{"token_type":"DPoP","expires_in":3600,"access_token":"t%d"}`, o.minted))
}

func (o *dpopOrg) agents(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	token := fmt.Sprintf("t%d", o.minted)
	c, thumb := o.check(r, agentsPath)
	hash := sha256.Sum256([]byte(token))
	if r.Header.Get("Authorization") != "DPoP "+token || thumb != o.bound || c.ATH != base64.RawURLEncoding.EncodeToString(hash[:]) {
		answerJSON(w, 401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`)
		return
	}
	if o.apiNonce == "" && c.Nonce != "" {
		o.t.Errorf("a call has the token endpoint's nonce %q", c.Nonce)
	}
	if o.apiNonce != "" && c.Nonce != o.apiNonce {
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", error_description="nonce"`)
		w.Header().Set("DPoP-Nonce", o.apiNonce)
		answerJSON(w, 401, `{"errorCode":"E0000011"}`)
		return
	}
	bodyPaged(1, anAgent("wlp1", "one", ""))(w, r)
}

func (o *dpopOrg) want(requests, minted int) {
	o.t.Helper()
	if n := len(o.calls("POST " + tokenPath)); n != requests || o.minted != minted {
		o.t.Errorf("%d requests made %d tokens, want %d and %d", n, o.minted, requests, minted)
	}
}

func TestDPoP(t *testing.T) {
	o := newDPoPOrg(t)
	now := time.Now
	skip := time.Duration(0)
	c := o.connect(t, withKey(nil), func(s *connectors.Settings) { s.Now = func() time.Time { return now().Add(skip) } })
	readAll(t, c, "ai-agents")
	o.want(3, 1) // without a proof, without a nonce, with both
	readAll(t, c, "ai-agents")
	o.want(3, 1)

	o.minted++ // the vendor revokes the token; a new one needs one request only
	readAll(t, c, "ai-agents")
	o.want(4, 3)

	o.mu.Lock()
	o.nonce = "n2" // renewed at the vendor's
	o.minted++
	o.mu.Unlock()
	readAll(t, c, "ai-agents")
	o.want(6, 5)

	before := len(o.calls("GET"))
	o.apiNonce = "a1"
	readAll(t, c, "ai-agents")
	if n := len(o.calls("GET")) - before; n != 2 {
		t.Errorf("a call that wants a nonce took %d requests, want 2", n)
	}
	o.want(6, 5)
}

// Each connection has a key of its own, and many calls at once share one token.
func TestDPoPAtOnce(t *testing.T) {
	o := newDPoPOrg(t)
	c := o.connect(t, withKey(nil))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.client.get(t.Context(), agentsPath); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o.want(3, 1)
	first := o.bound
	readAll(t, o.connect(t, withKey(nil)), "ai-agents")
	if o.bound == first {
		t.Error("two processes share a key")
	}
}

// A vendor that refuses every proof is asked no more than three times, and the error says what to do.
func TestDPoPRefused(t *testing.T) {
	for _, body := range []string{`{"error":"invalid_dpop_proof"}`, `{"error":"use_dpop_nonce"}`} {
		o := newOrg(t)
		n := 0
		o.on(tokenPath, func(w http.ResponseWriter, r *http.Request) {
			n++
			w.Header().Set("DPoP-Nonce", fmt.Sprint("n", n))
			answerJSON(w, 400, body)
		})
		_, err := o.connect(t, withKey(nil)).feed(t, "ai-agents")(t.Context(), nil)
		if f := mustFault(t, err, connectors.Unauthorized); !strings.Contains(f.Cure, "clock") || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("error is %v", err)
		}
		if n > 3 {
			t.Errorf("%s: asked %d times", body, n)
		}
	}
}
