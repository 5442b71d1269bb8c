package okta

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v3"

	"github.com/rollcallhq/rollcall/events"
)

// signingKey signs client assertions with RS256, or with the ES algorithm of its curve.
type signingKey struct{ signer jose.Signer }

// parseKey reads a private key: PEM (PKCS#1, PKCS#8 or SEC 1, its line ends also as \n escapes) or a JWK. A JWK's own kid is
// used when id is empty. Errors never hold any of the key.
func parseKey(s, id string) (*signingKey, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, errors.New("okta: auth private_key is missing: give the app's private key as PEM or JWK")
	}
	jwk, err := readKey(s)
	if err != nil {
		return nil, err
	}
	if id != "" {
		jwk.KeyID = id
	}
	if jwk.KeyID == "" {
		return nil, errors.New("okta: auth key_id is missing: give the kid that the key has at the app")
	}
	algorithm, err := algorithmOf(jwk.Key)
	if err != nil {
		return nil, err
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", jwk.KeyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jwk.Key}, options)
	if err != nil {
		return nil, errors.New("okta: auth private_key cannot sign")
	}
	return &signingKey{signer: signer}, nil
}

func readKey(s string) (jose.JSONWebKey, error) {
	if strings.HasPrefix(s, "{") {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON([]byte(s)) != nil || jwk.IsPublic() || !jwk.Valid() {
			return jwk, errors.New("okta: auth private_key is a JWK that is not a valid private key (RSA or EC, with \"d\")")
		}
		return jwk, nil
	}
	block, _ := pem.Decode([]byte(strings.ReplaceAll(s, `\n`, "\n")))
	if block == nil {
		return jose.JSONWebKey{}, errors.New("okta: auth private_key is neither PEM nor a JWK")
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return jose.JSONWebKey{Key: k}, nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return jose.JSONWebKey{Key: k}, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return jose.JSONWebKey{Key: k}, nil
	}
	return jose.JSONWebKey{}, errors.New("okta: auth private_key is PEM without a private key in PKCS#1, PKCS#8 or SEC 1 form " +
		"(an encrypted key must be decrypted first)")
}

func algorithmOf(key any) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return "", fmt.Errorf("okta: auth private_key has %d bits: Okta takes RSA keys of 2048 bits and more", k.N.BitLen())
		}
		return jose.RS256, nil
	case *ecdsa.PrivateKey:
		switch k.Curve {
		case elliptic.P256():
			return jose.ES256, nil
		case elliptic.P384():
			return jose.ES384, nil
		case elliptic.P521():
			return jose.ES512, nil
		}
	}
	return "", errors.New("okta: auth private_key is of a kind that Okta does not take: use RSA, or EC on P-256, P-384 or P-521")
}

// assertionLife is how long an assertion is valid: long enough for clocks that differ, far below Okta's limit of an hour.
const assertionLife = 5 * time.Minute

// assertion makes a client assertion for one use: its jti makes Okta refuse it a second time.
func (k *signingKey) assertion(clientID, audience string, now time.Time) (string, error) {
	claims, err := events.Marshal(map[string]any{
		"iss": clientID, "sub": clientID, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed, err := k.signer.Sign(claims)
	if err != nil {
		return "", errors.New("okta: the client assertion could not be signed with auth private_key")
	}
	return signed.CompactSerialize()
}
