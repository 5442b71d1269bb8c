package okta

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// proofHeader and proofClaims are a DPoP proof (RFC 9449).
type proofHeader struct {
	Type string   `json:"typ"`
	Alg  string   `json:"alg"`
	Key  proofKey `json:"jwk"`
}

type proofKey struct {
	Kty, E, N, Crv, X, Y string
	D                    string // a private key must not be shown
}

type proofClaims struct {
	Method  string  `json:"htm"`
	Address string  `json:"htu"`
	Issued  float64 `json:"iat"`
	ID      string  `json:"jti"`
	Nonce   string  `json:"nonce"`
	Hash    string  `json:"ath"`
}

// proofAge is how far a proof's iat may lie from the org's clock.
const proofAge = 5 * time.Minute

// maxProofs is how many used proofs pile up before the old ones are looked for.
const maxProofs = 4096

// A nonce is good for the day on which it is given out and for two more.
const nonceDays = 3

// nonce is the one of some days ago. It depends on the seed and the day, so that it needs no memory.
func (c *call) nonce(daysAgo int64) string {
	return sandbox.NewRand(c.seed, "dpop", strconv.FormatInt(c.now.Unix()/86400-daysAgo, 10)).Base62(32)
}

// tokenProof checks the proof of a token request, which needs a nonce, and returns the thumbprint of its key.
func (c *call) tokenProof() (thumb string, refused *answer) {
	claims, thumb, err := c.proof()
	if err != nil {
		a := refuseToken(http.StatusBadRequest, "invalid_dpop_proof", err.Error())
		return "", &a
	}
	for ago := range int64(nonceDays) {
		if claims.Nonce == c.nonce(ago) {
			return thumb, nil
		}
	}
	a := refuseToken(http.StatusBadRequest, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.").with("Dpop-Nonce", c.nonce(0))
	return "", &a
}

// bound tells whether a token comes the way it must: a bearer token as such, a bound one with a proof by its key.
func (c *call) bound(t *accessToken, scheme string) bool {
	if t.Thumb == "" {
		return scheme == "Bearer"
	}
	claims, thumb, err := c.proof()
	sum := sha256.Sum256([]byte(t.Value))
	return scheme == "DPoP" && err == nil && thumb == t.Thumb && claims.Hash == base64.RawURLEncoding.EncodeToString(sum[:])
}

// proof reads and checks the DPoP header of a request. Each proof is good for one request.
func (c *call) proof() (claims proofClaims, thumb string, err error) {
	jwt := c.r.Header.Get("DPoP")
	if jwt == "" {
		return claims, "", errors.New("The DPoP proof JWT header is missing.") //nolint:staticcheck // Okta's own text
	}
	var h proofHeader
	signed, sig, err := splitJWT(jwt, &h, &claims)
	if err != nil {
		return claims, "", fmt.Errorf("The DPoP proof JWT is invalid: %w", err) //nolint:staticcheck // as above
	}
	public, thumb, err := h.Key.public()
	_, used := c.st.Assertions["dpop "+claims.ID]
	issued := time.Unix(int64(claims.Issued), 0)
	switch {
	case err != nil:
	case h.Type != "dpop+jwt" || !verify(h.Alg, public, signed, sig):
		err = errors.New("the signature or the type is wrong")
	case claims.Method != c.r.Method || claims.Address != c.base+c.r.URL.EscapedPath():
		err = errors.New("htm and htu do not fit the request")
	case issued.Sub(c.now).Abs() > proofAge:
		err = errors.New("iat is too far from now")
	case claims.ID == "" || used:
		err = errors.New("jti is missing or was used before")
	default:
		if len(c.st.Assertions) > maxProofs {
			c.dropExpired()
		}
		c.st.Assertions["dpop "+claims.ID] = c.now.Add(2 * proofAge)
		return claims, thumb, nil
	}
	return claims, "", fmt.Errorf("The DPoP proof JWT is invalid: %w", err) //nolint:staticcheck // as above
}

// public makes a key of its numbers, with its thumbprint (RFC 7638).
func (k proofKey) public() (crypto.PublicKey, string, error) {
	if k.D != "" {
		return nil, "", errors.New("jwk holds a private key")
	}
	switch {
	case k.Kty == "RSA":
		n, e := number(k.N), number(k.E)
		if n.BitLen() < 1024 || !e.IsInt64() || e.Int64() < 3 {
			return nil, "", errors.New("jwk is no RSA key")
		}
		canonical := fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, k.E, k.N)
		return &rsa.PublicKey{N: n, E: int(e.Int64())}, thumbprint(canonical), nil
	case k.Kty == "EC" && k.Crv == "P-256":
		point := append([]byte{4}, append(pad(number(k.X)), pad(number(k.Y))...)...)
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return nil, "", errors.New("jwk is no P-256 key")
		}
		return public, thumbprint(fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, k.X, k.Y)), nil
	}
	return nil, "", errors.New("jwk must be an RSA or a P-256 key")
}

// number decodes a base64url number; what can't be decoded is zero, which is part of no key.
func number(s string) *big.Int {
	b, _ := base64.RawURLEncoding.DecodeString(s)
	return new(big.Int).SetBytes(b)
}

// pad writes a coordinate in its 32 bytes; one that is too large becomes zero, which is on no curve.
func pad(n *big.Int) []byte {
	if n.BitLen() > 256 {
		n = new(big.Int)
	}
	return n.FillBytes(make([]byte, 32))
}

func thumbprint(canonical string) string {
	sum := sha256.Sum256([]byte(canonical))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
