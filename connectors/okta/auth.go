package okta

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
)

// The ways to authenticate.
const (
	methodPrivateKey = "private_key_jwt" // an API Services app's key; the vendor's own way
	methodSSWS       = "ssws"            // an API token of an administrator
	methodBearer     = "bearer"          // an access token made elsewhere
)

// methods are all of them, the best first.
var methods = []string{methodPrivateKey, methodSSWS, methodBearer}

// authParams are what each method takes besides "method".
var authParams = map[string][]string{
	methodPrivateKey: {"client_id", "private_key", "key_id", "scopes"},
	methodSSWS:       {"token"},
	methodBearer:     {"token"},
}

// authorizer proves who asks. It is safe for concurrent use.
type authorizer interface {
	// token returns the token to send, making a new one where the old one is used up.
	token(ctx context.Context) (string, error)

	// sign puts token into a request, with a proof of possession (DPoP) where the token needs one.
	sign(req *http.Request, token string) error

	// again takes a nonce from an answer, and reports whether the same request with the same token may do better now.
	again(resp *http.Response) bool

	// refused is told that the vendor refused token, and reports whether asking for another one may help.
	refused(ctx context.Context, token string) bool

	// cure says what to do when the vendor refuses the credentials.
	cure() string
}

// newAuthorizer reads Settings.Auth.
func newAuthorizer(s connectors.Settings, base *url.URL) (authorizer, error) {
	method := s.Auth["method"].Reveal()
	takes, ok := authParams[method]
	if !ok {
		return nil, fmt.Errorf("okta: auth method %q is unknown: use one of %s", method, strings.Join(methods, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Auth)) {
		if name != "method" && !slices.Contains(takes, name) {
			return nil, fmt.Errorf("okta: auth %q does not belong to method %s, which takes %s", name, method, strings.Join(takes, ", "))
		}
	}
	if method == methodPrivateKey {
		return newTokenSource(s, base)
	}
	token := strings.TrimSpace(s.Auth["token"].Reveal())
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return nil, fmt.Errorf("okta: auth token is missing or has several lines: method %s needs one token", method)
	}
	if method == methodSSWS {
		return &staticToken{scheme: "SSWS", value: token, help: "create a new API token as an administrator who sees AI agents and " +
			"apps (Security, API, Tokens) and set auth token to it; a token dies after 30 days without use"}, nil
	}
	return &staticToken{scheme: "Bearer", value: token,
		help: "set auth token to a valid access token, or use method private_key_jwt, which renews its own"}, nil
}

// staticToken is a token that somebody else made.
type staticToken struct{ scheme, value, help string }

func (t *staticToken) token(context.Context) (string, error) { return t.value, nil }

func (t *staticToken) sign(req *http.Request, token string) error {
	req.Header.Set("Authorization", t.scheme+" "+token)
	return nil
}

func (t *staticToken) again(*http.Response) bool { return false }

func (t *staticToken) refused(context.Context, string) bool { return false }

func (t *staticToken) cure() string { return t.help }
