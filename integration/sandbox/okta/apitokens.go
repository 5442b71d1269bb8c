package okta

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// tokenLifetime is how long an API token lives on after it was last used.
const tokenLifetime = 30 * day

// tokenMetadata shows an API token. The contract has the link to itself as _link, its example as _links.
type tokenMetadata struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	UserID      string            `json:"userId"`
	ClientName  string            `json:"clientName"`
	Created     string            `json:"created"`
	LastUpdated string            `json:"lastUpdated"`
	ExpiresAt   string            `json:"expiresAt"`
	TokenWindow string            `json:"tokenWindow"`
	Network     map[string]string `json:"network"`
	Link        pageLinks         `json:"_link"`
	Links       map[string]*link  `json:"_links"`
}

func (c *call) tokenView(t *apiToken) tokenMetadata {
	at := c.base + "/api/v1/api-tokens/" + t.ID
	return tokenMetadata{
		ID: t.ID, Name: t.Name, UserID: t.User, ClientName: t.Client, Created: stamp(t.Created), LastUpdated: stamp(t.Updated),
		ExpiresAt: stamp(t.Expires), TokenWindow: "P30D", Network: map[string]string{"connection": "ANYWHERE"},
		Link: pageLinks{Self: href(at)},
		Links: map[string]*link{
			"self": allow(href(at), "GET", "DELETE"), "user": allow(href(c.base, "/api/v1/users/", t.User), "GET"),
		},
	}
}

// liveTokens are those that nobody revoked and that were used of late. The others vanish without a log entry.
func (st *state) liveTokens() []*apiToken {
	return where(st.Tokens, func(t *apiToken) bool { return st.Clock.Before(t.Expires) })
}

// listAPITokens shows what SSWS tokens there are, never a token itself.
func listAPITokens(c *call) answer { return ok(each(c.st.liveTokens(), c.tokenView)) }

// shownToken finds the API token that the path names.
func (c *call) shownToken() (*apiToken, *answer) {
	id := c.r.PathValue("id")
	if t := find(c.st.liveTokens(), func(t *apiToken) bool { return t.ID == id }); t != nil {
		return t, nil
	}
	no := notFound(id, "ApiToken")
	return nil, &no
}

func getAPIToken(c *call) answer {
	t, no := c.shownToken()
	if no != nil {
		return *no
	}
	return ok(c.tokenView(t))
}

func revokeAPIToken(c *call) answer {
	t, no := c.shownToken()
	if no != nil {
		return *no
	}
	c.revoke(t)
	return answer{status: http.StatusNoContent}
}

func (s *Sandbox) revoke(t *apiToken) {
	s.st.Tokens = without(s.st.Tokens, t)
	s.log("system.api_token.revoke", s.actor(), t.target())
}

// use keeps a token alive: one that nobody uses for thirty days is gone.
func (t *apiToken) use(now time.Time) { t.Updated, t.Expires = now, now.Add(tokenLifetime) }

func (t *apiToken) target() logTarget {
	return logTarget{ID: t.ID, Type: "Token", DisplayName: t.Name}
}

// createToken makes an API token for the person asked for, or for anybody. Okta has no API for it: people do it in the console.
func (s *Sandbox) createToken(person, name string) (sandbox.Outcome, error) {
	holder := s.st.user(person)
	if person == "" {
		holder = s.anyActive()
	}
	if holder == nil {
		return sandbox.Outcome{}, nobody(person)
	}
	t := &apiToken{ID: s.st.id("00T"), Name: name, User: holder.ID, Client: "Okta API", Created: s.st.Clock}
	t.use(s.st.Clock)
	s.st.Tokens = append(s.st.Tokens, t)
	s.log("system.api_token.create", s.actor(), t.target())
	return sandbox.Outcome{Agent: t.ID, Name: name, Text: fmt.Sprintf("API token %q created for %s", name, holder.name())}, nil
}
