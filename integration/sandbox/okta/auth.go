package okta

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// accessToken is an OAuth token that the token endpoint gave out.
type accessToken struct {
	Value   string
	Scopes  []string
	Expires time.Time
	Thumb   string // of the key that a DPoP token is bound to, or empty
}

// authorize lets a call pass that bears the static token, or an access token with the scope that the path needs.
func (c *call) authorize(scope string, read bool) (answer, bool) {
	scheme, value, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	known := subtle.ConstantTimeCompare([]byte(value), []byte(c.Token())) == 1
	if known && (scheme == "SSWS" || scheme == "Bearer") {
		return answer{}, false
	}
	if scheme != "Bearer" && scheme != "DPoP" {
		return unauthorized(), true
	}
	token := find(c.st.Access, func(t *accessToken) bool { return t.Value == value })
	if token == nil || !c.now.Before(token.Expires) || !c.bound(token, scheme) {
		return c.challenge(unauthorized(), "", "invalid_token", "The access token is invalid."), true
	}
	if granted(token.Scopes, scope, read) {
		return answer{}, false
	}
	return c.challenge(forbidden(), scope+".read", "insufficient_scope", "The access token provided does not contain the required scopes."), true
}

// granted tells whether a scope covers a call; .manage includes .read.
func granted(scopes []string, scope string, read bool) bool {
	return slices.Contains(scopes, scope+".manage") || read && slices.Contains(scopes, scope+".read")
}

func (c *call) challenge(a answer, scope, code, why string) answer {
	return a.with("WWW-Authenticate", fmt.Sprintf(
		`Bearer authorization_uri="%s/oauth2/v1/authorize", realm="%s", scope="%s", error="%s", error_description="%s", resource="%s"`,
		c.base, c.base, scope, code, why, c.r.URL.EscapedPath()))
}

// actor is who the log names for a call: every token here belongs to the org's administrator.
func (s *Sandbox) actor() *user { return s.st.user(s.st.Admin) }

// dropExpired forgets tokens and assertions that can no longer be used.
func (c *call) dropExpired() {
	c.st.Access = slices.DeleteFunc(c.st.Access, func(t *accessToken) bool { return !c.now.Before(t.Expires) })
	for jti, until := range c.st.Assertions {
		if c.now.After(until) {
			delete(c.st.Assertions, jti)
		}
	}
}

func refuseToken(status int, code, why string) answer {
	return answer{status: status, body: oauthError{code, why}}
}

func badClient(why string) answer { return refuseToken(http.StatusUnauthorized, "invalid_client", why) }
