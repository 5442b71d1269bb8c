package google

import "time"

// geminiApps makes one Gemini Enterprise app, with an agent for some of the governed project's engines.
func (s *seeding) geminiApps() {
	p := s.Projects[governed]
	app := &geminiApp{Number: p.Number, ID: label(s.company.Name) + "-app", Title: s.company.Name + " assistant",
		Created: s.at.AddDate(0, -10, 0)}
	states := []string{"ENABLED", "ENABLED", "ENABLED", "CONFIGURED", "PRIVATE", "DISABLED"}
	for _, e := range s.Engines {
		if e.Project != p.ProjectID || !s.Rand.Chance(0.4) {
			continue
		}
		g := &geminiAgent{ID: s.Rand.Digits(16), Title: e.Title, Text: e.Description, Engine: e.name(), Scope: "RESTRICTED",
			State: states[s.Rand.Pick(len(states))], Created: e.Created.Add(time.Hour), Updated: e.Created.Add(26 * time.Hour)}
		if s.Rand.Chance(0.3) {
			g.ToolAuth = "projects/" + p.Number + "/locations/global/authorizations/jira"
		}
		app.Agents = append(app.Agents, g)
	}
	app.Agents = append(app.Agents, &geminiAgent{ID: s.Rand.Digits(16), Title: "Contract bot", Text: "An A2A agent of a supplier",
		State: "SUSPENDED", Reason: "policy review", Scope: "ALL_USERS", Created: s.at.AddDate(0, -2, 0),
		Updated: s.at.AddDate(0, -1, 0)})
	s.Apps = append(s.Apps, app)
}

// authManager makes auth providers, people's consents to them, and what agents have used of them.
func (s *seeding) authManager() {
	p := s.Projects[governed]
	for _, seed := range []authProvider{
		{ID: "jira-3lo", Kind: "threeLeggedOauth", Text: "Jira on behalf of users", Issuer: "https://jira.idp.example",
			Scopes: []string{"read:jira-work", "write:jira-work"}},
		{ID: "crm-3lo", Kind: "threeLeggedOauth", Text: "CRM on behalf of users", Issuer: "https://crm.idp.example",
			Scopes: []string{"accounts.read"}, Location: "europe-west4"},
		{ID: "erp-2lo", Kind: "twoLeggedOauth", Text: "ERP as the agent itself", Issuer: "https://erp.idp.example"},
		{ID: "weather-key", Kind: "apiKey", Text: "Weather service", Disabled: true},
		{ID: "old-wiki", Kind: "threeLeggedOauth", Text: "Wiki, replaced", Issuer: "https://wiki.idp.example", Disabled: true,
			Deleted: s.at.AddDate(0, 0, -5)},
	} {
		a := seed
		a.Project, a.Created, a.Updated = p.ProjectID, s.at.AddDate(0, -8, 0), s.at.AddDate(0, -3, 0)
		if a.Location == "" {
			a.Location = "us-central1"
		}
		s.Providers = append(s.Providers, &a)
		access := &policy{}
		access.grant("roles/agentidentity.user", "group:"+s.group(), nil)
		s.Policies[providerPolicyKey(a.name())] = access
		if a.Kind == "threeLeggedOauth" && a.Deleted.IsZero() {
			s.consents(&a)
		}
	}
}

// consents lets some people consent to a provider and some agents use it for them.
func (s *seeding) consents(a *authProvider) {
	principals := s.principals()
	for range 4 + s.Rand.Pick(4) {
		user, at := s.person(), s.date().Truncate(time.Second)
		c := &consent{Provider: a.name(), ID: "auth-" + s.hexadecimal(16), User: user, Scopes: a.Scopes[:1], Created: at,
			Updated: at, Suspended: s.Rand.Chance(0.15)}
		s.Consents = append(s.Consents, c)
		if len(principals) == 0 {
			continue
		}
		s.Summaries = append(s.Summaries, &accessSummary{Project: a.Project, Location: a.Location,
			ID: "sum-" + s.hexadecimal(16), Provider: a.name(), User: user, Scopes: c.Scopes,
			Workload: principals[s.Rand.Pick(len(principals))], First: at.Truncate(time.Hour),
			Last: at.Add(24 * time.Hour).Truncate(time.Hour)})
	}
}

// principals are the agent identities of the governed project's engines.
func (s *seeding) principals() []string {
	var out []string
	for _, e := range s.Engines {
		if m := e.principal(s.state); m != "" && e.Project == s.Projects[governed].ProjectID {
			out = append(out, m)
		}
	}
	return out
}

// registryBindings lets some registered agents call others, with credentials of the first provider.
func (s *seeding) registryBindings() {
	var in []*registered
	for _, r := range s.Registered {
		if r.Project == s.Projects[governed].ProjectID && r.Location == regions[0] {
			in = append(in, r)
		}
	}
	for i := 0; i+1 < len(in); i += 2 {
		b := &registryBinding{Project: in[i].Project, Location: in[i].Location, ID: "binding-" + s.hexadecimal(8),
			Title: cutBytes(in[i].Title+" calls "+in[i+1].Title, 63), Source: in[i].urn(), Target: in[i+1].urn(),
			Created: in[i+1].Created.Add(time.Hour)}
		if s.Rand.Chance(0.5) {
			b.Provider, b.Scopes = s.Providers[0].name(), s.Providers[0].Scopes[:1]
		}
		s.Bindings = append(s.Bindings, b)
	}
}
