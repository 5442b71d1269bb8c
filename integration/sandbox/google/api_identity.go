package google

import "slices"

// providerJSON is an AuthProvider of agentidentity/v1. Its secrets are input only and so never here.
type providerJSON struct {
	Name                   string         `json:"name"`
	Description            string         `json:"description,omitempty"`
	State                  string         `json:"state"`
	CreateTime             string         `json:"createTime"`
	UpdateTime             string         `json:"updateTime"`
	Deleted                bool           `json:"deleted,omitempty"`
	ExpireTime             string         `json:"expireTime,omitempty"`
	AllowedScopes          []string       `json:"allowedScopes,omitempty"`
	AuthProviderTypeParams map[string]any `json:"authProviderTypeParams"`
}

type oauthJSON struct {
	ClientID         string `json:"clientId"`
	AuthorizationURL string `json:"authorizationUrl,omitempty"`
	TokenURL         string `json:"tokenUrl"`
	RedirectURL      string `json:"redirectUrl,omitempty"`
}

func (p *authProvider) json(opt Options) providerJSON {
	j := providerJSON{Name: p.name(), Description: p.Text, State: "ENABLED", CreateTime: stamp(p.Created),
		UpdateTime: stamp(p.Updated), AllowedScopes: p.Scopes}
	if p.Disabled {
		j.State = "DISABLED"
	}
	if opt.novel(p.ID) {
		j.State = novelState
	}
	if !p.Deleted.IsZero() {
		j.Deleted, j.ExpireTime = true, stamp(p.Deleted.Add(retention))
	}
	params := any(struct{}{})
	switch p.Kind {
	case "threeLeggedOauth":
		params = oauthJSON{"rollcall-" + p.ID, p.Issuer + "/authorize", p.Issuer + "/token",
			"https://agentidentity.googleapis.com/v1/" + p.name() + "/callback"}
	case "twoLeggedOauth":
		params = oauthJSON{ClientID: "rollcall-" + p.ID, TokenURL: p.Issuer + "/token"}
	}
	j.AuthProviderTypeParams = map[string]any{p.Kind: params}
	return j
}

// providerType is how access summaries spell a kind.
func (p *authProvider) providerType() string {
	return map[string]string{"threeLeggedOauth": "AUTH_PROVIDER_TYPE_THREE_LEGGED_OAUTH",
		"twoLeggedOauth": "AUTH_PROVIDER_TYPE_TWO_LEGGED_OAUTH", "apiKey": "AUTH_PROVIDER_TYPE_API_KEY"}[p.Kind]
}

// identityPager is the paging of the auth manager.
var identityPager = pager{fallback: 100, max: 1000}

// anywhere is placeOf, but takes - for all locations too.
func (c *call) anywhere(permission string) (*project, *apiError) {
	if c.vars["location"] == "-" {
		return c.projectOf(permission)
	}
	return c.placeOf(permission)
}

// listProviders ignores filter and orderBy, which the vendor says it does as well.
func listProviders(c *call) (any, *apiError) {
	p, e := c.anywhere("agentidentity.authProviders.list")
	if e != nil {
		return nil, e
	}
	deleted, e := c.query.flag("showDeleted")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*authProvider, providerJSON]{
		pager: identityPager,
		all:   c.Providers,
		in: func(a *authProvider) bool {
			return a.Project == p.ProjectID && c.covers(a.Location) && (a.Deleted.IsZero() || deleted && kept(a.Deleted, c.now))
		},
		key:  func(a *authProvider) string { return a.ID + "/" + a.Location },
		show: func(a *authProvider) providerJSON { return a.json(c.opt) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		AuthProviders []providerJSON `json:"authProviders,omitempty"`
		NextPageToken string         `json:"nextPageToken,omitempty"`
		Unreachable   []string       `json:"unreachable,omitempty"`
	}{found, next, c.unreachable(p, true)}, nil
}

// providerOf is the provider that the path names, deleted ones included: they can be read until they are purged.
func (c *call) providerOf(permission string) (*authProvider, *apiError) {
	p, e := c.placeOf(permission)
	if e != nil {
		return nil, e
	}
	a := pick(c.Providers, func(a *authProvider) bool {
		return a.Project == p.ProjectID && a.Location == c.vars["location"] && a.ID == c.vars["provider"]
	})
	if a == nil || !kept(a.Deleted, c.now) {
		return nil, notFound("Resource 'projects/%s/locations/%s/authProviders/%s' was not found", p.ProjectID,
			c.vars["location"], c.vars["provider"])
	}
	return a, nil
}

func getProvider(c *call) (any, *apiError) {
	a, e := c.providerOf("agentidentity.authProviders.get")
	if e != nil {
		return nil, e
	}
	return a.json(c.opt), nil
}

func getProviderPolicy(c *call) (any, *apiError) {
	a, e := c.providerOf("agentidentity.authProviders.getIamPolicy")
	if e != nil {
		return nil, e
	}
	return c.queryPolicy(providerPolicyKey(a.name()))
}

// queryWorkloads lists the agents that have used a provider.
func queryWorkloads(c *call) (any, *apiError) {
	a, e := c.providerOf("agentidentity.authProviders.get")
	if e != nil {
		return nil, e
	}
	found, next, e := c.distinct(func(s *accessSummary) (string, bool) { return s.Workload, s.Provider == a.name() })
	if e != nil {
		return nil, e
	}
	return struct {
		WorkloadIDs   []string `json:"workloadIds,omitempty"`
		NextPageToken string   `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// queryProviders lists the providers that an agent has used.
func queryProviders(c *call) (any, *apiError) {
	if _, e := c.placeOf("agentidentity.authProviders.list"); e != nil {
		return nil, e
	}
	workload := c.query.get("workloadId")
	if workload == "" {
		return nil, invalid("workload_id", "The field workload_id is required.")
	}
	found, next, e := c.distinct(func(s *accessSummary) (string, bool) {
		return s.Provider, (s.Workload == workload || spiffeOf(s.Workload) == workload) && s.Location == c.vars["location"]
	})
	if e != nil {
		return nil, e
	}
	return struct {
		AuthProviderNames []string `json:"authProviderNames,omitempty"`
		NextPageToken     string   `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// distinct pages through the different values that access summaries have.
func (c *call) distinct(value func(*accessSummary) (string, bool)) ([]string, string, *apiError) {
	var found []string
	for _, s := range c.Summaries {
		if v, ok := value(s); ok && c.now.Before(s.purged()) {
			found = append(found, v)
		}
	}
	slices.Sort(found)
	same := func(v string) string { return v }
	return page(c, list[string, string]{pager: identityPager, all: slices.Compact(found), key: same, show: same})
}
