package okta

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// defaultScopes is what the feeds need, each feed one or two of them.
var defaultScopes = []string{
	"okta.aiAgents.read", "okta.apiTokens.read", "okta.appGrants.read", "okta.apps.read", "okta.governance.resourceOwner.read",
	"okta.groups.read", "okta.logs.read", "okta.roles.read", "okta.users.read",
}

// widenEvery is how often the scopes that were not granted are asked for again.
const widenEvery = 6 * time.Hour

// scopes are what a token is asked for with. Okta refuses a request whole when one of its scopes is not granted to the app. So,
// unless the configuration names the scopes, those that are granted are found out one by one: a feed whose scope is missing is
// then forbidden, with a reason that names the scope, and stops no other.
type scopes struct {
	all     []string
	fixed   bool      // the configuration names them: all or nothing
	granted []string  // what the org grants; nil: all
	widen   time.Time // when to ask for all again
}

func newScopes(configured string) scopes {
	all := strings.FieldsFunc(configured, func(r rune) bool { return r == ',' || r <= ' ' })
	if len(all) > 0 {
		return scopes{all: all, fixed: true}
	}
	return scopes{all: defaultScopes}
}

// now are the scopes to ask for.
func (s *scopes) now(at time.Time) []string {
	if s.granted == nil || at.After(s.widen) {
		return s.all
	}
	return s.granted
}

// narrow finds out which scopes are granted, one request for each. It returns none when the vendor grants none, or when something
// else than a scope is refused.
func (t *tokenSource) narrow(ctx context.Context) ([]string, error) {
	var granted []string
	for _, scope := range t.scopes.all {
		a, err := t.ask(ctx, []string{scope})
		switch {
		case err != nil:
			return nil, err
		case a.status == http.StatusOK:
			granted = append(granted, scope)
		case tokenError(a.body) != invalidScope:
			return nil, t.denied(a)
		}
	}
	return granted, nil
}
