package okta

import (
	"slices"
	"strings"
)

// application is an app of any kind; credentials and settings differ by signOnMode.
type application struct {
	ID          string         `json:"id"`
	ORN         string         `json:"orn"`
	Name        string         `json:"name"`
	Label       string         `json:"label"`
	Status      string         `json:"status"`
	LastUpdated string         `json:"lastUpdated"`
	Created     string         `json:"created"`
	Features    []string       `json:"features"`
	SignOnMode  string         `json:"signOnMode"`
	Credentials appCredentials `json:"credentials"`
	Settings    appSettings    `json:"settings"`
	Links       pageLinks      `json:"_links"`
}

type appCredentials struct {
	OAuthClient *clientCredentials `json:"oauthClient,omitempty"`
}

type clientCredentials struct {
	AutoKeyRotation bool   `json:"autoKeyRotation"`
	ClientID        string `json:"client_id"`
	ClientSecret    string `json:"client_secret,omitempty"`
	AuthMethod      string `json:"token_endpoint_auth_method"`
	PKCE            bool   `json:"pkce_required"`
}

type appSettings struct {
	App         map[string]any  `json:"app,omitempty"`
	SignOn      map[string]any  `json:"signOn,omitempty"`
	OAuthClient *clientSettings `json:"oauthClient,omitempty"`
}

type clientSettings struct {
	ApplicationType string   `json:"application_type"`
	GrantTypes      []string `json:"grant_types"`
	ResponseTypes   []string `json:"response_types"`
	RedirectURIs    []string `json:"redirect_uris,omitempty"`
	ConsentMethod   string   `json:"consent_method"`
	IssuerMode      string   `json:"issuer_mode"`
	DPoP            bool     `json:"dpop_bound_access_tokens"`
	JWKS            *jwks    `json:"jwks,omitempty"`
	JWKSURI         string   `json:"jwks_uri,omitempty"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

func (c *call) appView(a *app) application {
	v := application{
		ID: a.ID, ORN: c.st.appORN(a), Name: a.Name, Label: a.Label, Status: a.Status, LastUpdated: stamp(a.Updated),
		Created: stamp(a.Created), Features: []string{}, SignOnMode: a.SignOn,
		Links: pageLinks{Self: href(c.base, "/api/v1/apps/", a.ID)},
	}
	switch a.SignOn {
	case "OPENID_CONNECT":
		v.Credentials.OAuthClient, v.Settings.OAuthClient = oauthCredentials(a), oauthSettings(a)
	case "SAML_2_0":
		v.Settings.SignOn = map[string]any{"ssoAcsUrl": "https://" + a.Name + ".example/saml/acs", "audience": "https://" + a.Name + ".example"}
	case "BOOKMARK":
		v.Settings.App = map[string]any{"url": "https://" + slugOf(a.Label) + ".example", "requestIntegration": false}
	}
	return v
}

func slugOf(label string) string { return strings.ToLower(strings.ReplaceAll(label, " ", "-")) }

// oauthCredentials shows the first active secret of an app that has one: Okta does, so a reader has to drop it.
func oauthCredentials(a *app) *clientCredentials {
	v := &clientCredentials{AutoKeyRotation: true, ClientID: a.ID, AuthMethod: a.AuthMethod, PKCE: a.Kind != "service"}
	if s := find(a.Secrets, func(s *secret) bool { return s.Status == "ACTIVE" }); s != nil {
		v.ClientSecret = s.Value
	}
	return v
}

func oauthSettings(a *app) *clientSettings {
	v := &clientSettings{
		ApplicationType: a.Kind, GrantTypes: []string{"authorization_code"}, ResponseTypes: []string{"code"},
		RedirectURIs:  []string{"https://" + slugOf(a.Label) + ".example/callback"},
		ConsentMethod: "REQUIRED", IssuerMode: "DYNAMIC", DPoP: a.DPoP, JWKSURI: a.KeysURI,
	}
	if a.Kind == "service" {
		v.GrantTypes, v.ResponseTypes, v.RedirectURIs = []string{"client_credentials"}, []string{"token"}, nil
	}
	if len(a.Keys) > 0 {
		v.JWKS = &jwks{Keys: each(a.Keys, func(k *key) jwk { return keyView(k, "") })}
	}
	return v
}

var appFields = fields{"id": "eq", "status": "eq", "name": "eq", "credentials.signing.kid": "eq", "settings.slo.enabled": "eq"}

// listApps shows inactive apps only to a request that asks for them, by includeNonDeleted or by a filter on status: that is
// what the parameter's documentation says, and the more careful reading for a client.
func listApps(c *call) answer {
	f, refused := c.filter("filter", "E0000001", appFields)
	if refused != nil {
		return *refused
	}
	all := c.q.Get("includeNonDeleted") == "true" || strings.Contains(c.q.Get("filter"), "status")
	prefix := strings.ToLower(c.q.Get("q"))
	fits := func(a *app) bool {
		return c.visible(a.Created) && (all || a.Status == "ACTIVE") && appMatches(a, prefix) &&
			f(func(attr string) []string { return appValues(a, attr) })
	}
	if c.q.Get("limit") == "-1" {
		c.q.Set("limit", "200")
	}
	items, next, refused := page(c, "apps", c.st.Apps, fits, sizes{def: 200, low: 1, high: 200}, func(a *app) place { return place{key: a.Seq} })
	if refused != nil {
		return *refused
	}
	return c.linked(ok(each(items, c.appView)), next)
}

func appMatches(a *app, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(a.Label), prefix) || strings.HasPrefix(a.Name, prefix)
}

func appValues(a *app, attr string) []string {
	switch attr {
	case "id":
		return []string{a.ID}
	case "status":
		return []string{a.Status}
	case "name":
		return []string{a.Name}
	case "credentials.signing.kid":
		return each(a.Keys, (*key).kid)
	}
	return []string{"false"}
}

// shownApp finds the app that the path names.
func (c *call) shownApp() (*app, *answer) {
	id := c.r.PathValue("id")
	a := c.st.app(id)
	if a == nil || !c.visible(a.Created) {
		no := notFound(id, "AppInstance")
		return nil, &no
	}
	return a, nil
}

func getApp(c *call) answer {
	a, no := c.shownApp()
	if no != nil {
		return *no
	}
	return ok(c.appView(a))
}

type scopeGrant struct {
	ID          string           `json:"id"`
	Status      string           `json:"status"`
	Created     string           `json:"created"`
	CreatedBy   grantor          `json:"createdBy"`
	LastUpdated string           `json:"lastUpdated"`
	Issuer      string           `json:"issuer"`
	ClientID    string           `json:"clientId"`
	ScopeID     string           `json:"scopeId"`
	Source      string           `json:"source"`
	Embedded    map[string]any   `json:"_embedded,omitempty"`
	Links       map[string]*link `json:"_links"`
}

type grantor struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// listGrants has no pages: all of an app's grants come at once.
func listGrants(c *call) answer {
	a, no := c.shownApp()
	if no != nil {
		return *no
	}
	expand := c.q.Get("expand")
	if expand != "" && expand != "scope" {
		return invalid("expand", "must be scope.")
	}
	return ok(each(a.Grants, func(g *grant) scopeGrant {
		v := scopeGrant{
			ID: g.ID, Status: "ACTIVE", Created: stamp(g.Created), CreatedBy: grantor{g.By, "User"}, LastUpdated: stamp(g.Created),
			Issuer: c.base, ClientID: a.ID, ScopeID: g.Scope, Source: "ADMIN",
			Links: map[string]*link{
				"self": allow(href(c.base, "/api/v1/apps/", a.ID, "/grants/", g.ID), "GET", "DELETE"),
				"app":  href(c.base, "/api/v1/apps/", a.ID),
			},
		}
		if expand == "scope" {
			v.Embedded = map[string]any{"scope": map[string]string{"id": g.Scope}}
		}
		return v
	}))
}

type clientSecret struct {
	ID          string    `json:"id"`
	Secret      string    `json:"client_secret"`
	Hash        string    `json:"secret_hash"`
	Status      string    `json:"status"`
	Created     string    `json:"created"`
	LastUpdated string    `json:"lastUpdated"`
	Links       *keyLinks `json:"_links"`
}

// listSecrets shows the secrets in clear, and logs that somebody looked.
func listSecrets(c *call) answer {
	a, no := c.shownApp()
	if no != nil {
		return *no
	}
	if len(a.Secrets) > 0 {
		c.logApp("app.oauth2.client.read_client_secret", a, c.actor())
	}
	return ok(each(a.Secrets, func(s *secret) clientSecret {
		at := c.base + "/api/v1/apps/" + a.ID + "/credentials/secrets/" + s.ID
		return clientSecret{
			ID: s.ID, Secret: s.Value, Hash: s.Hash, Status: s.Status, Created: stamp(s.Created),
			LastUpdated: stamp(latest(s.Created, s.Updated)), Links: lifecycleLinks(at, s.Status),
		}
	}))
}

func listAppKeys(c *call) answer {
	a, no := c.shownApp()
	if no != nil {
		return *no
	}
	at := c.base + "/api/v1/apps/" + a.ID + "/credentials/jwks"
	return ok(each(a.Keys, func(k *key) jwk { return keyView(k, at) }))
}

type clientRole struct {
	ID             string           `json:"id"`
	Label          string           `json:"label"`
	Type           string           `json:"type"`
	Status         string           `json:"status"`
	Created        string           `json:"created"`
	LastUpdated    string           `json:"lastUpdated"`
	AssignmentType string           `json:"assignmentType"`
	ResourceSet    string           `json:"resource-set,omitempty"`
	Role           string           `json:"role,omitempty"`
	Links          map[string]*link `json:"_links"`
}

// listRoles shows the admin roles of a client. A client that is no app is unknown, an app without roles has an empty list.
func listRoles(c *call) answer {
	id := c.r.PathValue("id")
	a := c.st.app(id)
	if a == nil || a.SignOn != "OPENID_CONNECT" || !c.visible(a.Created) {
		return notFound(id, "PublicClientApp")
	}
	return ok(each(a.Roles, func(r *role) clientRole {
		v := clientRole{
			ID: r.ID, Label: r.Label, Type: r.Type, Status: "ACTIVE", Created: stamp(r.Created), LastUpdated: stamp(r.Created),
			AssignmentType: "CLIENT", Links: map[string]*link{"assignee": href(c.base, "/oauth2/v1/clients/", a.ID)},
		}
		if r.Type == "CUSTOM" {
			v.ResourceSet, v.Role = "iam"+r.ID[3:], "cr0"+r.ID[3:]
		}
		return v
	}))
}

// isAgent tells whether an app is one that Rollcall counts: an OAuth client that acts for itself.
func (a *app) isAgent() bool { return a.SignOn == "OPENID_CONNECT" && a.Kind == "service" }

// standardRoles are what a client may be assigned, each at most once.
var standardRoles = []role{
	{Type: "READ_ONLY_ADMIN", Label: "Read-Only Administrator"},
	{Type: "APP_ADMIN", Label: "Application Administrator"},
	{Type: "USER_ADMIN", Label: "Group Administrator"},
	{Type: "REPORT_ADMIN", Label: "Report Administrator"},
	{Type: "API_ACCESS_MANAGEMENT_ADMIN", Label: "API Access Management Administrator"},
	{Type: "SUPER_ADMIN", Label: "Super Administrator"},
}

// oktaScopes are what an app may be granted.
var oktaScopes = []string{
	"okta.users.read", "okta.groups.read", "okta.apps.read", "okta.logs.read", "okta.users.manage", "okta.groups.manage",
	"okta.aiAgents.read", "okta.roles.read", "okta.appGrants.read", "okta.policies.read", "okta.clients.read", "okta.apps.manage",
}

func (a *app) lacksScope() []string {
	return slices.DeleteFunc(slices.Clone(oktaScopes), func(s string) bool {
		return find(a.Grants, func(g *grant) bool { return g.Scope == s }) != nil
	})
}

func (a *app) lacksRole() []role {
	return slices.DeleteFunc(slices.Clone(standardRoles), func(r role) bool {
		return find(a.Roles, func(has *role) bool { return has.Type == r.Type }) != nil
	})
}
