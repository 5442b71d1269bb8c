package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
)

// tokenPath is where an org's own authorization server makes access tokens.
const tokenPath = "/oauth2/v1/token"

// early is how long before its end a token is renewed, if it lives long enough.
const early = 5 * time.Minute

// tokenSource makes access tokens with a client assertion (private_key_jwt), one request at a time.
type tokenSource struct {
	next     http.RoundTripper
	url      string // also the assertion's audience
	clientID string
	key      *signingKey
	proofs   *prover
	now      func() time.Time

	bound atomic.Bool // the token in use is bound to the proofs' key

	gate   chan struct{} // holds one item while nobody works on the fields below
	scopes scopes
	proves bool // the app must use DPoP, as the vendor has said
	access string
	renew  time.Time // from then on a new token is made
}

func newTokenSource(s connectors.Settings, base *url.URL) (*tokenSource, error) {
	id := s.Auth["client_id"].Reveal()
	if id == "" {
		return nil, errors.New("okta: auth client_id is missing: give the id of the API Services app")
	}
	key, err := parseKey(s.Auth["private_key"].Reveal(), s.Auth["key_id"].Reveal())
	if err != nil {
		return nil, err
	}
	proofs, err := newProver(s.Clock())
	if err != nil {
		return nil, err
	}
	t := &tokenSource{next: s.Transport, url: base.String() + tokenPath, clientID: id, scopes: newScopes(s.Auth["scopes"].Reveal()), key: key,
		proofs: proofs, now: s.Clock(), gate: make(chan struct{}, 1)}
	t.gate <- struct{}{}
	return t, nil
}

// enter waits for its turn, no longer than its context.
func (t *tokenSource) enter(ctx context.Context) error {
	select {
	case <-t.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *tokenSource) leave() { t.gate <- struct{}{} }

// token returns the token in use. Whoever comes first makes a new one; the others wait for it, each no longer than its context.
func (t *tokenSource) token(ctx context.Context) (string, error) {
	if err := t.enter(ctx); err != nil {
		return "", err
	}
	defer t.leave()
	if t.access != "" && t.now().Before(t.renew) {
		return t.access, nil
	}
	return t.access, t.mint(ctx)
}

// refused forgets the token, unless a newer one has taken its place already.
func (t *tokenSource) refused(ctx context.Context, token string) bool {
	if t.enter(ctx) != nil {
		return false
	}
	defer t.leave()
	if t.access == token {
		t.access = ""
	}
	return true
}

func (t *tokenSource) sign(req *http.Request, token string) error {
	if !t.bound.Load() {
		req.Header.Set("Authorization", "Bearer "+token)
		return nil
	}
	proof, err := t.proofs.proof(req.Method, req.URL, token)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "DPoP "+token)
	req.Header.Set("DPoP", proof)
	return nil
}

func (t *tokenSource) again(resp *http.Response) bool {
	return t.bound.Load() && strings.Contains(strings.Join(resp.Header.Values("WWW-Authenticate"), " "), wantsNonce) &&
		t.proofs.learn(resp.Header, &t.proofs.calls)
}

func (t *tokenSource) cure() string {
	return "check that the API Services app is active and that client_id, private_key and key_id are its own"
}

// mint asks for a new token, for all scopes or for those that are granted.
func (t *tokenSource) mint(ctx context.Context) error {
	t.access = ""
	asked := t.scopes.now(t.now())
	a, err := t.ask(ctx, asked)
	if err == nil && a.status != http.StatusOK && tokenError(a.body) == invalidScope && !t.scopes.fixed {
		if asked, err = t.narrow(ctx); err == nil && len(asked) > 0 {
			t.scopes.granted, t.scopes.widen = asked, t.now().Add(widenEvery)
			a, err = t.ask(ctx, asked)
		}
	}
	switch {
	case err != nil:
		return err
	case a.status != http.StatusOK:
		return t.denied(a)
	}
	if len(asked) == len(t.scopes.all) {
		t.scopes.granted = nil
	}
	return t.keep(a.body)
}

// ask sends a request for a token. Whether the app must prove possession (DPoP), and with which nonce, the vendor says by refusing:
// so a first token may take three requests, and a later one two when the nonce was changed.
func (t *tokenSource) ask(ctx context.Context, scopes []string) (*answer, error) {
	for attempts := 1; ; attempts++ {
		resp, body, err := t.request(ctx, scopes)
		if err != nil {
			return nil, fmt.Errorf("okta: POST %s: %w", tokenPath, err)
		}
		a := &answer{target: tokenPath, status: resp.StatusCode, header: resp.Header, body: body}
		if a.status == http.StatusOK {
			t.proofs.learn(resp.Header, &t.proofs.mint)
			return a, nil
		}
		if attempts == 3 || !t.mayProve(a) {
			return a, nil
		}
	}
}

// mayProve reports whether a refused request may do better with a proof of possession, or with another nonce in it.
func (t *tokenSource) mayProve(a *answer) bool {
	switch tokenError(a.body) {
	case "invalid_dpop_proof":
		first := !t.proves
		t.proves = true
		return first
	case wantsNonce:
		t.proves = true
		return t.proofs.learn(a.header, &t.proofs.mint)
	}
	return false
}

// request sends one request for a token, with an assertion of its own. The assertion goes in the body: a URL ends up in logs
// and errors.
func (t *tokenSource) request(ctx context.Context, scopes []string) (*http.Response, []byte, error) {
	assertion, err := t.key.assertion(t.clientID, t.url, t.now())
	if err != nil {
		return nil, nil, err
	}
	form := url.Values{
		"grant_type":            {"client_credentials"},
		"scope":                 {strings.Join(scopes, " ")},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {assertion},
	}
	return t.post(ctx, form.Encode())
}

func (t *tokenSource) post(ctx context.Context, form string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, strings.NewReader(form))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if t.proves {
		proof, err := t.proofs.proof(req.Method, req.URL, "")
		if err != nil {
			return nil, nil, err
		}
		req.Header.Set("DPoP", proof)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	body, err := readBody(resp, 1<<20)
	return resp, body, err
}

// keep takes over the token of an answer. Nothing of the answer goes into an error: it holds the token.
func (t *tokenSource) keep(body []byte) error {
	var a struct {
		Type    string  `json:"token_type"`
		Expires float64 `json:"expires_in"`
		Access  string  `json:"access_token"`
	}
	if json.Unmarshal(body, &a) != nil || a.Access == "" || strings.ContainsAny(a.Access, "\r\n") {
		return fmt.Errorf("okta: POST %s answered 200 without an access token", tokenPath)
	}
	bound := strings.EqualFold(a.Type, "DPoP")
	if bound && !t.proves {
		return &connectors.Fault{Kind: connectors.Unauthorized, Cure: cureDPoP, Err: errors.New("okta: the org gave a DPoP token although no key was proven")}
	}
	life := time.Duration(a.Expires * float64(time.Second))
	t.bound.Store(bound)
	t.access, t.renew = a.Access, t.now().Add(max(life-early, life/2))
	return nil
}

const cureDPoP = "check the hub's clock, by which proofs are dated; if that is right, untick \"Require Demonstrating Proof of Possession\" in the API Services app's General settings"

// invalidScope is the token endpoint's word for a scope that the app was not granted.
const invalidScope = "invalid_scope"

// tokenCures say what to do about the errors of the token endpoint.
var tokenCures = map[string]string{
	invalidScope:          "grant every scope that is asked for (Okta API Scopes of the app), or name the granted ones in auth scopes",
	"invalid_client":      "check client_id, and that the app has the public key of private_key under its Client Credentials with key_id as its kid",
	"invalid_dpop_proof":  cureDPoP,
	"use_dpop_nonce":      cureDPoP,
	"unauthorized_client": "use an API Services app with the grant type client_credentials and the authentication private_key_jwt",
}

// denied turns the token endpoint's refusal into a fault. Of the body, only the error's code is told: the description may
// repeat what was sent.
func (t *tokenSource) denied(a *answer) error {
	if a.status == http.StatusTooManyRequests {
		return rateLimited(a, t.now())
	}
	code := tokenError(a.body)
	err := fmt.Errorf("okta: POST %s answered %d %s", tokenPath, a.status, code)
	if a.status >= 500 || code == "" {
		return err
	}
	cure := tokenCures[code]
	if cure == "" {
		cure = t.cure()
	}
	if code == invalidScope {
		err = fmt.Errorf("%w for the scopes %s", err, strings.Join(t.scopes.all, " "))
	}
	return &connectors.Fault{Kind: connectors.Unauthorized, Err: err, Cure: cure}
}

// tokenError is the code of the token endpoint's error, or empty.
func tokenError(b []byte) string {
	var body struct {
		Error text `json:"error"`
		Code  text `json:"errorCode"`
	}
	_ = json.Unmarshal(b, &body)
	return shorten(string(body.Error) + string(body.Code))
}
