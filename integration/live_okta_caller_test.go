package integration

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v3"

	"github.com/rollcallhq/rollcall/connectors"
)

// caller asks an Okta org for what the connector does not: it changes things, and tries what no document settles. It proves
// who asks by itself, since its token has other scopes than the connector's.
type caller struct {
	endpoint string
	client   *http.Client
	auth     map[string]connectors.Secret // as the connector's
	scopes   string

	access, kind string // the token, and how it is sent
	proofs       *ecdsa.PrivateKey
	nonce        string
}

// reply is an answer, read to the end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with a JSON body, if there is one, to a path with a query.
func (c *caller) do(ctx context.Context, method, target, contentType string, body any) (reply, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return reply{}, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+target, bytes.NewReader(sent))
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if err := c.sign(ctx, req); err != nil {
		return reply{}, err
	}
	return c.send(req)
}

func (c *caller) get(ctx context.Context, target string) (reply, error) {
	return c.do(ctx, http.MethodGet, target, "", nil)
}

func (c *caller) send(req *http.Request) (reply, error) {
	resp, err := c.client.Do(req)
	if err != nil {
		return reply{}, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, errors.Unwrap(err)) // without the query
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

// sign puts the token into a request.
func (c *caller) sign(ctx context.Context, req *http.Request) error {
	if c.auth["method"] == "ssws" {
		req.Header.Set("Authorization", "SSWS "+c.auth["token"].Reveal())
		return nil
	}
	if c.access == "" {
		if err := c.mint(ctx); err != nil {
			return err
		}
	}
	req.Header.Set("Authorization", c.kind+" "+c.access)
	if c.kind != "DPoP" {
		return nil
	}
	proof, err := c.proof(req.Method, req.URL)
	req.Header.Set("DPoP", proof)
	return err
}

// mint asks for a token with a client assertion, and with a proof of possession, which an app that needs none ignores.
func (c *caller) mint(ctx context.Context) error {
	var err error
	if c.proofs, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	for range 2 { // a second time with the nonce
		got, err := c.askToken(ctx)
		if err != nil {
			return err
		}
		var token struct {
			Access string `json:"access_token"`
			Kind   string `json:"token_type"`
			Error  string `json:"error"`
		}
		if err := json.Unmarshal(got.body, &token); err != nil {
			return fmt.Errorf("asking for a token: %d with a body that is no JSON", got.status)
		}
		if c.access, c.kind = token.Access, token.Kind; c.access != "" {
			return nil
		}
		if c.nonce = got.header.Get("Dpop-Nonce"); token.Error != "use_dpop_nonce" || c.nonce == "" {
			return fmt.Errorf("asking for a token with the scopes %s: %d %s; grant the scopes to the app", c.scopes, got.status, token.Error)
		}
	}
	return errors.New("asking for a token: the org wants a nonce again and again")
}

func (c *caller) askToken(ctx context.Context) (reply, error) {
	at := c.endpoint + "/oauth2/v1/token"
	assertion, err := c.assertion(at)
	if err != nil {
		return reply{}, err
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {c.scopes}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	proof, err := c.proof(req.Method, req.URL)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("DPoP", proof)
	return c.send(req)
}

func (c *caller) assertion(audience string) (string, error) {
	key, alg, err := parseLiveKey(c.auth["private_key"].Reveal())
	if err != nil {
		return "", err
	}
	id, now := c.auth["client_id"].Reveal(), time.Now()
	options := (&jose.SignerOptions{}).WithHeader("kid", c.auth["key_id"].Reveal())
	return signed(key, alg, options, map[string]any{
		"iss": id, "sub": id, "aud": audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
}

// proof proves possession of the key that the token is bound to.
func (c *caller) proof(method string, u *url.URL) (string, error) {
	claims := map[string]any{"htm": method, "htu": u.Scheme + "://" + u.Host + u.EscapedPath(), "iat": time.Now().Unix(), "jti": rand.Text()}
	if c.access != "" {
		sum := sha256.Sum256([]byte(c.access))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if c.nonce != "" {
		claims["nonce"] = c.nonce
	}
	return signed(c.proofs, jose.ES256, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), claims)
}

func signed(key any, alg jose.SignatureAlgorithm, o *jose.SignerOptions, claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	s, err := signer.Sign(b)
	if err != nil {
		return "", err
	}
	return s.CompactSerialize()
}

// parseLiveKey reads a private key in PEM: RSA, or EC on P-256.
func parseLiveKey(text string) (any, jose.SignatureAlgorithm, error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, "", errors.New("the private key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, "", errors.New("the private key is neither PKCS#8 nor PKCS#1: convert it with openssl pkcs8 -topk8 -nocrypt")
		}
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, jose.RS256, nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P256() {
			return k, jose.ES256, nil
		}
	}
	return nil, "", errors.New("the private key is neither RSA nor EC on P-256")
}
