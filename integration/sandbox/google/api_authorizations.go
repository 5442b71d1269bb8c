package google

// authorizationJSON is an Authorization of discoveryengine/v1alpha: an OAuth client with which agents act for people. The
// document has its secret among what is read, so it is here.
type authorizationJSON struct {
	Name             string         `json:"name"`
	DisplayName      string         `json:"displayName"`
	ServerSideOauth2 serverSideJSON `json:"serverSideOauth2"`
}

type serverSideJSON struct {
	ClientID         string   `json:"clientId"`
	ClientSecret     string   `json:"clientSecret"`
	AuthorizationURI string   `json:"authorizationUri"`
	TokenURI         string   `json:"tokenUri"`
	Scopes           []string `json:"scopes,omitempty"`
}

func (a *authorization) json() authorizationJSON {
	return authorizationJSON{a.name(), a.Title, serverSideJSON{"rollcall-" + a.ID, a.Secret, a.Issuer + "/authorize", a.Issuer + "/token", a.Scopes}}
}

// Secrets are all secrets that the APIs give out. None may be found in an event, a log line or an error.
func (s *Sandbox) Secrets() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := []string{s.st.Token}
	for _, a := range s.st.Authorizations {
		out = append(out, a.Secret)
	}
	return out
}

func listAuthorizations(c *call) (any, *apiError) {
	p, e := c.projectOf("discoveryengine.authorizations.list")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*authorization, authorizationJSON]{
		pager: pager{fallback: 100, max: 1000},
		all:   c.Authorizations,
		in:    func(a *authorization) bool { return a.Number == p.Number && c.vars["location"] == "global" },
		key:   func(a *authorization) string { return a.ID },
		show:  (*authorization).json,
	})
	return struct {
		Authorizations []authorizationJSON `json:"authorizations,omitempty"`
		NextPageToken  string              `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

func getAuthorization(c *call) (any, *apiError) {
	p, e := c.projectOf("discoveryengine.authorizations.get")
	if e != nil {
		return nil, e
	}
	name := "projects/" + p.Number + "/locations/" + c.vars["location"] + "/authorizations/" + c.vars["authorization"]
	if a := pick(c.Authorizations, func(a *authorization) bool { return a.name() == name }); a != nil {
		return a.json(), nil
	}
	return nil, notFound("Authorization %s not found.", name)
}

func getAppPolicy(c *call) (any, *apiError) {
	a, e := c.appOf("discoveryengine.engines.getIamPolicy")
	if e != nil {
		return nil, e
	}
	return c.queryPolicy(appPolicyKey(a.name()))
}
