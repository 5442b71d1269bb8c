package okta

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v3"

	"github.com/rollcallhq/rollcall/events"
)

// wantsNonce is the error of a server that wants its nonce in a proof.
const wantsNonce = "use_dpop_nonce"

// prover makes proofs of possession (DPoP, RFC 9449) with a key that lives as long as the process: a token that was stolen is
// of no use without it. It is safe for concurrent use.
type prover struct {
	signer jose.Signer
	now    func() time.Time

	mu    sync.Mutex
	mint  string // the token endpoint's latest nonce; empty: it has not given one
	calls string // that of the API's, which is another server to the standard
}

func newProver(now func() time.Time) (*prover, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errors.New("okta: no key for proofs of possession could be made")
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return nil, errors.New("okta: the key for proofs of possession cannot sign")
	}
	return &prover{signer: signer, now: now}, nil
}

// proof makes a proof for one request: with the token's hash where there is a token, and with the vendor's nonce where it has
// given one.
func (p *prover) proof(method string, to *url.URL, token string) (string, error) {
	claims := map[string]any{"htm": method, "htu": proofURL(to), "iat": p.now().Unix(), "jti": rand.Text()}
	if token != "" {
		hash := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	p.mu.Lock()
	nonce := p.mint
	if token != "" {
		nonce = p.calls
	}
	p.mu.Unlock()
	if nonce != "" {
		claims["nonce"] = nonce
	}
	payload, err := events.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := p.signer.Sign(payload)
	if err != nil {
		return "", errors.New("okta: a proof of possession could not be signed")
	}
	return signed.CompactSerialize()
}

// proofURL is the URL that a proof names: without query and fragment.
func proofURL(u *url.URL) string {
	plain, _, _ := strings.Cut(u.String(), "?")
	plain, _, _ = strings.Cut(plain, "#")
	return plain
}

// learn takes an answer's nonce for the place that it is for, and reports whether it is a new one.
func (p *prover) learn(h http.Header, to *string) bool {
	nonce := h.Get("DPoP-Nonce")
	if nonce == "" || len(nonce) > 1000 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := *to != nonce
	*to = nonce
	return changed
}
