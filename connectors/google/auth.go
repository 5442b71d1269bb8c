package google

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"

	"github.com/rollcallhq/rollcall/connectors"
)

// The methods that Auth["method"] takes.
const (
	authBearer            = "bearer"              // token: a static access token
	authADC               = "adc"                 // application default credentials of the hub's machine
	authServiceAccountKey = "service_account_key" // key: the content of a service account's key file
	authImpersonation     = "impersonation"       // target: the account to act as; key: optional, instead of adc
)

// scope is the one scope that every service takes. What a connection may read is decided by its roles, which are read-only.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// login makes the credentials of a connection. It is called at the first request, because finding the machine's own
// credentials may ask its metadata server.
type login func() (*auth.Credentials, error)

// newLogin checks the auth settings. Its errors name the setting and show nothing of a secret. Tokens are fetched through base.
func newLogin(s map[string]connectors.Secret, base http.RoundTripper) (login, error) {
	method := s["method"].Reveal()
	if err := checkAuth(method, s); err != nil {
		return nil, err
	}
	source := sourceOf(s["key"].Reveal(), base)
	if s["key"].Reveal() != "" {
		if _, err := source(); err != nil { // not shown: it may quote the key
			return nil, errors.New("auth.key is not a service account's key file: give the whole JSON file that Google made, " +
				"for example as ${file:/etc/rollcall/google.json}")
		}
	}
	switch method {
	case authBearer:
		return func() (*auth.Credentials, error) { return static(s["token"]), nil }, nil
	case authImpersonation:
		return impersonation(s["target"].Reveal(), "", scope, source, base), nil
	}
	return source, nil
}

// sourceOf makes the credentials of a key file, or the machine's own where there is none.
func sourceOf(key string, base http.RoundTripper) login {
	opts := &credentials.DetectOptions{Scopes: []string{scope}, Client: &http.Client{Transport: base}}
	if key == "" {
		return func() (*auth.Credentials, error) { return credentials.DetectDefault(opts) }
	}
	return sync.OnceValues(func() (*auth.Credentials, error) {
		return credentials.NewCredentialsFromJSON(credentials.ServiceAccount, []byte(key), opts)
	})
}

// authFields are what each method needs and may have beside it.
var authFields = map[string]struct{ needs, takes []string }{
	authBearer:            {needs: []string{"token"}},
	authADC:               {},
	authServiceAccountKey: {needs: []string{"key"}},
	authImpersonation:     {needs: []string{"target"}, takes: []string{"key"}},
}

func checkAuth(method string, s map[string]connectors.Secret) error {
	fields, ok := authFields[method]
	if !ok {
		return errors.New("auth.method must be adc, impersonation, service_account_key or bearer")
	}
	known := append([]string{"method"}, append(fields.needs, fields.takes...)...)
	for _, need := range fields.needs {
		if strings.TrimSpace(s[need].Reveal()) == "" {
			return fmt.Errorf("auth.%s is missing: method %s needs it", need, method)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(s)) {
		if !slices.Contains(known, field) {
			return fmt.Errorf("auth.%s is not known: method %s takes %s", field, method, strings.Join(known, ", "))
		}
	}
	return nil
}

// static are credentials with a token that never changes.
func static(token connectors.Secret) *auth.Credentials {
	return auth.NewCredentials(&auth.CredentialsOptions{TokenProvider: staticToken(strings.TrimSpace(token.Reveal()))})
}

type staticToken string

func (t staticToken) Token(context.Context) (*auth.Token, error) {
	return &auth.Token{Value: string(t), Type: "Bearer"}, nil
}

// loginCure is what a person can do when the credentials do not work.
var loginCure = map[string]string{
	authBearer: "give a fresh access token in auth.token: Google's live for an hour; for longer use the method adc, impersonation " +
		"or service_account_key",
	authADC: "give the hub's machine default credentials: attach a service account to it, set GOOGLE_APPLICATION_CREDENTIALS, or run " +
		"gcloud auth application-default login",
	authServiceAccountKey: "check in the console that the key in auth.key still exists, is enabled and belongs to an enabled service account",
	authImpersonation: "grant the hub's own account roles/iam.serviceAccountTokenCreator on auth.target, check that auth.target exists, and " +
		"enable iamcredentials.googleapis.com in its project",
}
