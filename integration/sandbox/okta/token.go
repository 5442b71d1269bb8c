package okta

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	// The hashes that an assertion may be signed with.
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// client is the API services app that a reader signs in as. It is not among the org's apps, so that it does not count as
// one of the company's agents.
type client struct {
	ID     string
	Scopes []string
	Keys   map[string][]byte // kid → public key, PKIX DER
}

const tokenLife = time.Hour

// Client returns the id of the OAuth client that may ask for tokens with a private key, the id of its key and the key,
// which depends on the seed alone. [Sandbox.AddClientKey] adds keys of other kinds.
func (s *Sandbox) Client() (id, kid string, private *ecdsa.PrivateKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.Client.ID, "seeded", clientKey(s.seed)
}

// AddClientKey lets the client sign with another key: *rsa.PublicKey or *ecdsa.PublicKey.
func (s *Sandbox) AddClientKey(kid string, public crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return fmt.Errorf("okta: add the client's key %s: %w", kid, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.Client.Keys[kid] = der
	return nil
}

func clientKey(seed uint64) *ecdsa.PrivateKey {
	r := sandbox.NewRand(seed, "okta", "client key")
	for {
		var d []byte
		for range 4 {
			d = binary.BigEndian.AppendUint64(d, r.Uint64())
		}
		if k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d); err == nil {
			return k
		}
	}
}

func publicDER(seed uint64) []byte {
	der, err := x509.MarshalPKIXPublicKey(clientKey(seed).Public())
	if err != nil {
		panic(err) // of a P-256 key: it cannot fail
	}
	return der
}

type tokenReply struct {
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	AccessToken string `json:"access_token"`
	Scope       string `json:"scope"`
}

// mintToken gives a token to the client for a signed assertion, in the body's form or, as SDK v2 sends it, in the query.
func mintToken(c *call) answer {
	c.dropExpired()
	c.r.Body = http.MaxBytesReader(nil, c.r.Body, maxBody)
	if err := c.r.ParseForm(); err != nil {
		return refuseToken(http.StatusBadRequest, "invalid_request", "The form can't be parsed.")
	}
	form := c.r.Form
	switch {
	case form.Get("grant_type") != "client_credentials":
		return refuseToken(http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
	case form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		return badClient("Client Credentials requests to the Org Authorization Server must use the private_key_jwt token_endpoint_auth_method.")
	}
	if err := c.checkAssertion(form.Get("client_assertion")); err != nil {
		return badClient("The client_assertion token is invalid: " + err.Error())
	}
	if !c.opt.DPoP {
		return c.grantToken(form, "")
	}
	thumb, refused := c.tokenProof()
	if refused != nil {
		return *refused
	}
	return c.grantToken(form, thumb)
}

// grantToken gives the token out, bound to the key of a DPoP proof if there is one.
func (c *call) grantToken(form url.Values, thumb string) answer {
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(c.st.Client.Scopes, s) }) {
		return refuseToken(http.StatusBadRequest, "invalid_scope", "One or more scopes are not configured for the authorization server resource.")
	}
	t := &accessToken{Value: "at." + c.st.Noise.Base62(60), Scopes: scopes, Expires: c.now.Add(tokenLife), Thumb: thumb}
	c.st.Access = append(c.st.Access, t)
	kind := "Bearer"
	if thumb != "" {
		kind = "DPoP"
	}
	return ok(tokenReply{kind, int(tokenLife.Seconds()), t.Value, strings.Join(scopes, " ")})
}

type assertionHeader struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
}

type assertionClaims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"` // a string, or a list of one
	Expires  float64         `json:"exp"`
	ID       string          `json:"jti"`
}

// checkAssertion holds a signed assertion to Okta's rules. The texts tell what is wrong without repeating the assertion.
func (c *call) checkAssertion(jwt string) error {
	var h assertionHeader
	var claims assertionClaims
	signed, sig, err := splitJWT(jwt, &h, &claims)
	if err != nil {
		return err
	}
	if !c.st.Client.verify(h, signed, sig) {
		return errors.New("the signature does not fit a key of the client")
	}
	return c.checkClaims(claims)
}

// splitJWT decodes a JWT and returns what is signed with the signature, which it does not check.
func splitJWT(jwt string, header, claims any) (signed string, sig []byte, err error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return "", nil, errors.New("it is not a JWT")
	}
	if decodePart(parts[0], header) != nil || decodePart(parts[1], claims) != nil {
		return "", nil, errors.New("it can't be decoded")
	}
	if sig, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return "", nil, errors.New("its signature can't be decoded")
	}
	return parts[0] + "." + parts[1], sig, nil
}

func (c *call) checkClaims(claims assertionClaims) error {
	var one string
	var many []string
	if json.Unmarshal(claims.Audience, &one) != nil && json.Unmarshal(claims.Audience, &many) == nil && len(many) == 1 {
		one = many[0]
	}
	expires := time.Unix(int64(claims.Expires), 0)
	_, used := c.st.Assertions[claims.ID]
	switch {
	case claims.Issuer != c.st.Client.ID || claims.Subject != c.st.Client.ID:
		return errors.New("iss and sub must be the client id")
	case one != c.base+"/oauth2/v1/token":
		return errors.New("aud must be the address of the token endpoint")
	case !c.now.Before(expires):
		return errors.New("it has expired")
	case expires.After(c.now.Add(tokenLife + time.Minute)):
		return errors.New("exp is more than an hour ahead")
	case claims.ID != "" && used:
		return errors.New("the jti was used before")
	}
	if claims.ID != "" {
		c.st.Assertions[claims.ID] = expires
	}
	return nil
}

func decodePart(part string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// verify checks a signature with the key that the header names.
func (cl client) verify(h assertionHeader, signed string, sig []byte) bool {
	public, err := x509.ParsePKIXPublicKey(cl.Keys[h.Kid])
	return err == nil && verify(h.Alg, public, signed, sig)
}

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// verify checks a signature of one of the algorithms that Okta takes: RS or ES with 256, 384 or 512.
func verify(alg string, public crypto.PublicKey, signed string, sig []byte) bool {
	if len(alg) != 5 {
		return false
	}
	hash, known := hashes[alg[2:]]
	if !known {
		return false
	}
	d := hash.New()
	d.Write([]byte(signed))
	sum := d.Sum(nil)
	switch k := public.(type) {
	case *rsa.PublicKey:
		return alg[:2] == "RS" && rsa.VerifyPKCS1v15(k, hash, sum, sig) == nil
	case *ecdsa.PublicKey:
		half := len(sig) / 2
		r, s := new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])
		return alg[:2] == "ES" && len(sig)%2 == 0 && ecdsa.Verify(k, sum, r, s)
	}
	return false
}
