package google

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

// Words of the token exchange (RFC 8693).
const (
	exchangeGrant   = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessTokenType = "urn:ietf:params:oauth:token-type:access_token"
	jwtTokenType    = "urn:ietf:params:oauth:token-type:jwt"
)

// OutsideToken is a token of the outside issuer that the pool of pipelines trusts, for a subject such as repo:acme/infra. It
// is good for the sandbox alone, which knows it by a seal.
func (s *Sandbox) OutsideToken(subject string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil { // a map of strings
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(map[string]string{"alg": "none", "typ": "JWT"}) + "." +
		part(map[string]string{"iss": s.st.outsideProvider().Issuer, "sub": subject})
	return text + "." + base64.RawURLEncoding.EncodeToString([]byte(s.st.seal([]byte(text))))
}

// Federation is the file that a client outside logs in with: it exchanges the token in tokenFile, see [Sandbox.OutsideToken],
// at base + "/sts/v1/token", and acts as the service account with the e-mail, or under the pool's principal when that is empty.
func (s *Sandbox) Federation(base, tokenFile, email string) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	base = strings.TrimSuffix(base, "/")
	file := map[string]any{"type": "external_account", "audience": s.st.outsideProvider().audience(), "subject_token_type": jwtTokenType,
		"token_url": base + "/sts/v1/token", "credential_source": map[string]string{"file": tokenFile}, "universe_domain": "googleapis.com"}
	if email != "" {
		file["service_account_impersonation_url"] = base + "/iamcredentials/v1/projects/-/serviceAccounts/" + email + ":generateAccessToken"
	}
	return json.Marshal(file)
}

// outsideProvider is the provider of the pool of pipelines.
func (s *state) outsideProvider() *poolProvider {
	return pick(s.PoolProviders, func(p *poolProvider) bool { return p.ID == "repositories" })
}

func (p *poolProvider) audience() string { return "//iam.googleapis.com/" + p.name() }

// serveExchange is the Security Token Service: it exchanges an outside token for an access token of the pool's principal.
func (s *Sandbox) serveExchange(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		writeTokenError(w, "invalid_request", "The request body is no form.")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	principal, code, wrong := s.st.exchange(r.PostForm.Get)
	if wrong != "" {
		writeTokenError(w, code, wrong)
		return
	}
	b, err := json.Marshal(map[string]any{"access_token": s.st.issue(principal, "", s.now()), "issued_token_type": accessTokenType,
		"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()) - 1})
	if err != nil { // strings and a number
		panic(err)
	}
	writeJSON(w, http.StatusOK, b)
}

// exchange is the principal that an outside token stands for, or what is wrong with it.
func (s *state) exchange(form func(string) string) (principal, code, wrong string) {
	if g := form("grant_type"); g != exchangeGrant {
		return "", "unsupported_grant_type", "Invalid grant_type: " + g
	}
	p := pick(s.PoolProviders, func(p *poolProvider) bool { return p.audience() == form("audience") })
	if p == nil || p.Issuer == "" || p.Disabled || !p.Deleted.IsZero() || s.pool(p.Pool).Disabled {
		return "", "invalid_target", `The target service indicated by the "audience" parameters is invalid. This might either be because the ` +
			"pool or provider is disabled or deleted or because it doesn't exist."
	}
	if form("scope") == "" || form("requested_token_type") != accessTokenType || form("subject_token_type") != jwtTokenType {
		return "", "invalid_request", "Invalid value for \"scope\", \"requested_token_type\" or \"subject_token_type\"."
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	text, seal := cutLast(form("subject_token"), ".")
	_, body, _ := strings.Cut(text, ".")
	sum, err := base64.RawURLEncoding.DecodeString(seal)
	if err != nil || string(sum) != s.seal([]byte(text)) || decodePart(body, &claims) != nil || claims.Issuer != p.Issuer {
		return "", "invalid_grant", "The given credential is rejected by the attribute condition, or is not of the provider's issuer."
	}
	return "principal://iam.googleapis.com/" + p.Pool + "/subject/" + claims.Subject, "", ""
}

// accessTokenJSON is a GenerateAccessTokenResponse of iamcredentials/v1.
type accessTokenJSON struct {
	AccessToken string `json:"accessToken"`
	ExpireTime  string `json:"expireTime"`
}

// generateAccessToken lets a caller act as a service account. One that came from outside needs the account's policy to name it;
// who came with a key or the static token may act as any, as after a grant of the token creator's role.
func generateAccessToken(c *call) (any, *apiError) {
	const permission = "iam.serviceAccounts.getAccessToken"
	a, e := c.accountOf(permission)
	if e != nil {
		return nil, e
	}
	var body struct {
		Delegates []string `json:"delegates"`
		Scope     []string `json:"scope"`
		Lifetime  string   `json:"lifetime"`
	}
	if e := c.decode(&body); e != nil {
		return nil, e
	}
	life := tokenLife
	if body.Lifetime != "" {
		d, err := time.ParseDuration(body.Lifetime)
		if err != nil || d <= 0 || d > tokenLife {
			return nil, invalid("lifetime", "The lifetime %q is not between 1 second and 1 hour.", body.Lifetime)
		}
		life = d
	}
	if len(body.Scope) == 0 {
		return nil, invalid("scope", "Request contains an invalid argument: scope is required.")
	}
	p := c.Policies[accountPolicyKey(a.UniqueID)]
	if strings.HasPrefix(c.caller, "principal://") && (p == nil || !slices.Contains(p.members("roles/iam.workloadIdentityUser"), c.caller)) {
		return nil, denied(serviceIAM, permission, a.name())
	}
	if a.Disabled {
		return nil, &apiError{Code: 400, Status: "FAILED_PRECONDITION", Message: fmt.Sprintf("Service account %s is disabled.", path.Base(a.name()))}
	}
	token, end := c.issue(a.Email, "", c.now), c.now.Add(life)
	c.Access[token] = access{Email: a.Email, Expires: end}
	return accessTokenJSON{token, stamp(end)}, nil
}

// members are those of a role, under whatever condition.
func (p *policy) members(role string) (out []string) {
	for _, b := range p.Bindings {
		if b.Role == role {
			out = append(out, b.Members...)
		}
	}
	return out
}
