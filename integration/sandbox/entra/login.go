package entra

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// tokenLife is how long an access token can be used.
const tokenLife = 3599 * time.Second

// isLogin tells whether a path belongs to the identity platform.
func isLogin(path string) bool {
	_, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	return slices.Contains([]string{"oauth2/v2.0/token", "v2.0/.well-known/openid-configuration", "discovery/v2.0/keys",
		"discovery/instance"}, rest)
}

// login answers what Microsoft's identity platform answers: the token endpoint for client credentials and the metadata that
// a client reads before. ok is false for any other path.
func (s *Sandbox) login(r *http.Request) (a answer, ok bool) {
	tenant, rest, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	host := "http://" + r.Host
	if r.TLS != nil {
		host = "https://" + r.Host
	}
	switch rest {
	case "oauth2/v2.0/token":
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.token(r, tenant), true
	case "v2.0/.well-known/openid-configuration":
		return oauthAnswer(http.StatusOK, map[string]any{
			"token_endpoint": host + "/" + tenant + "/oauth2/v2.0/token", "issuer": host + "/" + tenant + "/v2.0",
			"authorization_endpoint":                host + "/" + tenant + "/oauth2/v2.0/authorize",
			"jwks_uri":                              host + "/" + tenant + "/discovery/v2.0/keys",
			"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
			"response_types_supported":              []string{"code", "id_token"}, "subject_types_supported": []string{"pairwise"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
		}), true
	case "discovery/v2.0/keys":
		return oauthAnswer(http.StatusOK, map[string]any{"keys": []any{}}), true
	case "discovery/instance":
		return oauthAnswer(http.StatusOK, map[string]any{"api-version": "1.1", "metadata": []any{},
			"tenant_discovery_endpoint": host + "/" + s.TenantID() + "/v2.0/.well-known/openid-configuration"}), true
	}
	return answer{}, false
}

func oauthAnswer(status int, v any) answer {
	b, _ := encode(v)
	return answer{status: status, body: b, header: http.Header{"Content-Type": {"application/json; charset=utf-8"},
		"Cache-Control": {"no-store, no-cache"}}}
}

// oauthError is an error of the token endpoint.
type oauthError struct {
	status int
	name   string
	code   int
	text   string
}

var (
	errPostOnly     = oauthError{400, "invalid_request", 900561, "The endpoint only accepts POST requests."}
	errNoForm       = oauthError{400, "invalid_request", 900144, "The request body is not a form."}
	errTenant       = oauthError{400, "invalid_request", 90002, "Tenant not found. Check to make sure you have the correct tenant ID."}
	errGrantType    = oauthError{400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."}
	errClient       = oauthError{400, "unauthorized_client", 700016, "Application with that identifier was not found in the directory."}
	errSecret       = oauthError{401, "invalid_client", 7000215, "Invalid client secret provided. Send the secret's value, not its ID."}
	errScope        = oauthError{400, "invalid_scope", 1002012, "Client credential flows must have a scope with /.default suffixed to the resource identifier."}
	errManyRequests = oauthError{429, "temporarily_unavailable", 90055, "There are too many requests at present."}
	errTransient    = oauthError{500, "server_error", 90033, "A transient error has occurred. Please try again."}
	errOldSecret    = oauthError{401, "invalid_client", 7000222, "The provided client secret keys are expired."}
	errDisabled     = oauthError{400, "unauthorized_client", 7000112, "Application is disabled."}
)

// answer is the error in the form of the token endpoint.
func (e oauthError) answer() answer {
	return oauthAnswer(e.status, map[string]any{"error": e.name, "error_codes": []int{e.code},
		"error_description": fmt.Sprintf("AADSTS%d: %s", e.code, e.text),
		"timestamp":         "2026-11-01 00:00:00Z", "trace_id": "00000000-0000-4000-8000-000000000001",
		"correlation_id": "00000000-0000-4000-8000-000000000002"})
}

// token answers a request for an access token with a client secret, in the body or as basic credentials.
func (s *Sandbox) token(r *http.Request, tenant string) answer {
	if r.Method != http.MethodPost {
		return errPostOnly.answer()
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return errNoForm.answer()
	}
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, secret = user, pass
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	switch {
	case tenant != s.st.Tenant && tenant != s.st.Domain:
		return errTenant.answer()
	case r.PostForm.Get("grant_type") != "client_credentials":
		return errGrantType.answer()
	case id != s.st.ClientID:
		return errClient.answer()
	case !hmac.Equal([]byte(secret), []byte(s.st.ClientSecret)):
		return errSecret.answer()
	case !slices.ContainsFunc(scopes, func(x string) bool { return strings.HasSuffix(x, "/.default") }):
		return errScope.answer()
	}
	return oauthAnswer(http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()),
		"ext_expires_in": int(tokenLife.Seconds()), "access_token": s.issue()})
}

// claims are what an access token says of itself.
type claims struct {
	Audience string   `json:"aud"`
	App      string   `json:"appid"`
	Tenant   string   `json:"tid"`
	Roles    []string `json:"roles"`
	Issued   int64    `json:"iat"`
	Expires  int64    `json:"exp"`
}

// issue makes an access token in the form of a JWT, signed with the tenant's own key.
func (s *Sandbox) issue() string {
	now := s.now()
	c, _ := json.Marshal(claims{"https://graph.microsoft.com", s.st.ClientID, s.st.Tenant,
		[]string{"AgentIdentity.Read.All", "Application.Read.All", "AuditLog.Read.All", "Directory.Read.All", "User.Read.All"},
		now.Unix(), now.Add(tokenLife).Unix()})
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + base64.RawURLEncoding.EncodeToString(c)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.sign("access", []byte(text)))
}

// authorize accepts the two static tokens, of which one may write, and those that [Sandbox.issue] made. Nothing of a refused token is repeated.
func (s *Sandbox) authorize(r *http.Request) (admin bool, err error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return false, unauthorized("Access token is empty.")
	}
	if hmac.Equal([]byte(token), []byte(s.st.Token)) {
		return false, nil
	}
	if hmac.Equal([]byte(token), []byte(s.adminToken())) {
		return true, nil
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false, unauthorized("IDX14100: JWT is not well formed, there are not two dots (.).")
	}
	sign, err := unbase64(parts[2])
	if err != nil || !hmac.Equal(sign, s.sign("access", []byte(parts[0]+"."+parts[1]))) {
		return false, unauthorized("Access token validation failure. Invalid signature.")
	}
	var c claims
	b, err := unbase64(parts[1])
	if err != nil || json.Unmarshal(b, &c) != nil || c.Expires <= s.now().Unix() {
		return false, unauthorized("Lifetime validation failed, the token is expired.")
	}
	return false, nil
}
