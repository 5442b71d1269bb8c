package google

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// tokenLife is how long an access token lives.
const tokenLife = time.Hour

const jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// Credentials returns a service account's key file, as Google's console gives out, for a client that shall log in by
// itself instead of with [Sandbox.Token]: a new private key whose token_uri is base + "/token". The account lies outside
// the imitated projects, so Truth and the APIs do not show it. The key is valid for this sandbox only, and its public
// half is in the snapshot. It takes some tenths of a second.
func (s *Sandbox) Credentials(base string) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("google sandbox: credentials: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("google sandbox: credentials: %w", err)
	}
	sum := sha256.Sum256(key.N.Bytes())
	s.mu.Lock()
	defer s.mu.Unlock()
	project := strings.TrimSuffix(s.st.Projects[governed].ProjectID, "agents") + "ops"
	r := reader{Email: "rollcall-reader@" + project + ".iam.gserviceaccount.com", KeyID: fmt.Sprintf("%x", sum[:20]),
		Modulus: key.N.Text(16), Exponent: key.E}
	s.st.Readers = append(s.st.Readers, r)
	return json.Marshal(map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": r.KeyID, "client_email": r.Email,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_id":   "117000000000000000001", "token_uri": strings.TrimSuffix(base, "/") + "/token",
		"auth_uri": strings.TrimSuffix(base, "/") + "/auth", "universe_domain": "googleapis.com",
	})
}

// serveToken exchanges a signed assertion for an access token (RFC 7523).
func (s *Sandbox) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		writeTokenError(w, "invalid_request", "The request body is no form.")
		return
	}
	if g := r.PostForm.Get("grant_type"); g != jwtGrant {
		writeTokenError(w, "unsupported_grant_type", "Invalid grant_type: "+g)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	claims, wrong := s.st.verify(r.PostForm.Get("assertion"), now)
	if wrong == "" && !strings.HasSuffix(claims.Audience, "/token") {
		wrong = "Invalid JWT: the audience is not this token endpoint."
	}
	if wrong != "" {
		writeTokenError(w, "invalid_grant", wrong)
		return
	}
	if claims.Scope == "" {
		writeTokenError(w, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
		return
	}
	b, err := json.Marshal(map[string]any{"access_token": s.st.issue(claims.Issuer, claims.Subject, now),
		"expires_in": int(tokenLife.Seconds()) - 1, "token_type": "Bearer"})
	if err != nil { // strings and a number
		panic(err)
	}
	writeJSON(w, http.StatusOK, b)
}

// issue gives out an access token and forgets those that have expired.
func (s *state) issue(email, subject string, now time.Time) string {
	for t, a := range s.Access {
		if now.After(a.Expires) {
			delete(s.Access, t)
		}
	}
	token := "ya29.c." + s.Rand.Base62(48)
	s.Access[token] = access{Email: email, Subject: subject, Expires: now.Add(tokenLife)}
	return token
}

func writeTokenError(w http.ResponseWriter, code, text string) {
	b, err := json.Marshal(map[string]string{"error": code, "error_description": text})
	if err != nil { // two strings
		panic(err)
	}
	writeJSON(w, http.StatusBadRequest, b)
}

// claims are what an assertion says.
type claims struct {
	Issuer   string  `json:"iss"`
	Subject  string  `json:"sub"` // whom the account acts for, by domain-wide delegation
	Scope    string  `json:"scope"`
	Audience string  `json:"aud"`
	Issued   float64 `json:"iat"`
	Expires  float64 `json:"exp"`
}

// verify checks an assertion's signature by a key that Credentials gave out, and its times. wrong is what the vendor
// says is wrong with it; empty when nothing is.
func (s *state) verify(assertion string, now time.Time) (c claims, wrong string) {
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 || decodePart(parts[0], &header) != nil || decodePart(parts[1], &c) != nil {
		return c, "Bad Request: the assertion is no JWT."
	}
	r := s.reader(c.Issuer, header.KeyID)
	if r == nil {
		return c, "Invalid grant: account not found"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || header.Algorithm != "RS256" || rsa.VerifyPKCS1v15(r.public(), crypto.SHA256, sum[:], signature) != nil {
		return c, "Invalid JWT Signature."
	}
	if c.Subject != "" && c.Subject != c.Issuer && c.Subject != s.Admin {
		return c, "Invalid email or User ID"
	}
	at := float64(now.Unix())
	if c.Issued > at+300 || c.Expires < at || c.Expires-c.Issued > tokenLife.Seconds()+1 {
		return c, "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. " +
			"Check your iat and exp values in the JWT claim."
	}
	return c, ""
}

func decodePart(part string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

func (s *state) reader(email, key string) *reader {
	for i := range s.Readers {
		if r := &s.Readers[i]; r.Email == email && (key == "" || r.KeyID == key) {
			return r
		}
	}
	return nil
}

func (r *reader) public() *rsa.PublicKey {
	n, _ := new(big.Int).SetString(r.Modulus, 16) // our own text
	return &rsa.PublicKey{N: n, E: r.Exponent}
}

// refuse says why a request's credentials do not let it in, as ErrorInfo spells it; empty when they do. Besides the
// static and the handed-out tokens it takes an assertion signed for the service itself, which clients use to save a trip.
func (s *state) refuse(r *http.Request, now time.Time) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "" || token == "":
		return "CREDENTIALS_MISSING"
	case !strings.EqualFold(scheme, "Bearer"):
		return "ACCESS_TOKEN_TYPE_UNSUPPORTED"
	case token == s.Token:
		return ""
	}
	if a, ok := s.Access[token]; ok {
		if now.After(a.Expires) {
			return "ACCESS_TOKEN_EXPIRED"
		}
		return ""
	}
	if c, wrong := s.verify(token, now); wrong == "" && (c.Scope != "" || isURL(c.Audience)) {
		return ""
	}
	return "ACCESS_TOKEN_TYPE_UNSUPPORTED"
}

// delegated reports whether a request comes in the name of a Workspace administrator, which its reports are only for: with the
// static token, or with one that was asked for in the administrator's name.
func (s *state) delegated(r *http.Request) bool {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return token == s.Token || s.Access[token].Subject == s.Admin
}

// callerOf is whom a request's access token was issued to.
func (s *state) callerOf(r *http.Request) string {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return s.Access[token].Email
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != ""
}
