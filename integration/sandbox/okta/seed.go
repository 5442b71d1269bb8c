package okta

import (
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const day = 24 * time.Hour

// seeder fills a new org. Dates lie before the day on which the org is built, everything else depends on the seed alone.
type seeder struct {
	*state
	r     *sandbox.Rand
	today time.Time
}

func newState(c sandbox.Company, seed uint64, now time.Time) *state {
	st := &state{
		Domain: c.Domain, Rand: *sandbox.NewRand(seed, "okta", "ids"), Noise: *sandbox.NewRand(seed, "okta", "noise"),
		Clock: now.Truncate(time.Millisecond), Assertions: map[string]time.Time{},
	}
	st.reindex()
	st.Org = st.id("00o")
	s := &seeder{state: st, r: sandbox.NewRand(seed, "okta", "seed"), today: now.Truncate(day)}
	s.people(c)
	s.surroundings(seed)
	s.apps(c)
	for i, a := range where(c.For("okta"), func(a sandbox.Seed) bool { return a.Native == "ai_agent" }) {
		s.agent(i, a)
	}
	s.history()
	return st
}

// ago is a moment between two numbers of days before today.
func (s *seeder) ago(from, to int) time.Time {
	return s.today.Add(-time.Duration(from+s.r.Pick(to-from))*day - time.Duration(s.r.Pick(86_400_000))*time.Millisecond)
}

// between is a moment after another and before today.
func (s *seeder) between(t time.Time) time.Time {
	span := s.today.Sub(t)
	return t.Add(time.Duration(s.r.Pick(int(span/time.Millisecond)+1)) * time.Millisecond)
}

// people brings everybody in; a few have left the company, or have yet to begin, and may own something all the same.
func (s *seeder) people(c sandbox.Company) {
	for i, p := range c.People {
		u := &user{ID: s.id("00u"), Key: p.Key, Email: p.Email, Title: p.Title, Department: p.Department, Status: "ACTIVE", Created: s.ago(60, 1500), Seq: s.next()}
		u.First, u.Last = cutName(p.Name)
		switch i % 19 {
		case 5:
			u.Status = []string{"STAGED", "PROVISIONED"}[i%2]
		case 11:
			u.Status = "DEPROVISIONED"
		case 17:
			u.Status = "SUSPENDED"
		}
		s.addUser(u)
		if p.Department == "Security" && s.Admin == "" {
			s.Admin = u.ID
		}
	}
	everyone := &group{ID: s.id("00g"), Key: "everyone", Name: "Everyone", Type: "BUILT_IN", Created: s.ago(1500, 1600), Seq: s.next()}
	s.Groups = append(s.Groups, everyone)
	for _, g := range c.Groups {
		t := &group{ID: s.id("00g"), Key: g.Key, Name: g.Name, Type: "OKTA_GROUP", Created: s.ago(200, 1000), Seq: s.next()}
		for _, m := range g.Members {
			t.Members = append(t.Members, s.user(m).ID)
		}
		s.Groups = append(s.Groups, t)
	}
}

func cutName(name string) (first, last string) {
	for i := range name {
		if name[i] == ' ' {
			return name[:i], name[i+1:]
		}
	}
	return name, name
}

// surroundings are the authorization servers, the API tokens and the client that a reader signs in as.
func (s *seeder) surroundings(seed uint64) {
	for _, name := range []string{"ERP", "Data Lake", "Ticketing"} {
		s.Servers = append(s.Servers, &authServer{ID: s.id("aus"), Name: name, Audience: "https://" + slugOf(name) + "." + s.Domain})
	}
	for i, name := range []string{"SIEM export", "HR import", "Terraform", "Old dashboard"} {
		t := &apiToken{ID: s.id("00T"), Name: name, User: s.Users[s.r.Pick(len(s.Users))].ID, Client: "Okta API", Created: s.ago(90, 900)}
		t.use(s.today.Add(-time.Duration(i*9) * day))
		s.Tokens = append(s.Tokens, t)
	}
	s.Client = client{ID: s.id("0oa"), Keys: map[string][]byte{"seeded": publicDER(seed)}}
	for _, scope := range []string{
		"aiAgents", "governance.resourceOwner", "apps", "appGrants", "roles", "users", "groups", "apiTokens", "logs", "clients", "eventHooks",
	} {
		s.Client.Scopes = append(s.Client.Scopes, "okta."+scope+".read", "okta."+scope+".manage")
	}
}

// ordinaryApps are apps that people sign in to; a reader of agents must leave them out.
var ordinaryApps = []app{
	{Name: "salesforce", Label: "Salesforce", SignOn: "SAML_2_0"},
	{Name: "oidc_client", Label: "Invoice Portal", SignOn: "OPENID_CONNECT", Kind: "web", AuthMethod: "client_secret_basic"},
	{Name: "bookmark", Label: "Canteen Menu", SignOn: "BOOKMARK"},
	{Name: "oidc_client", Label: "Field Service", SignOn: "OPENID_CONNECT", Kind: "native", AuthMethod: "none"},
	{Name: "workday", Label: "Workday", SignOn: "SAML_2_0"},
	{Name: "oidc_client", Label: "Support Console", SignOn: "OPENID_CONNECT", Kind: "browser", AuthMethod: "none"},
	{Name: "oidc_client", Label: "Agent Workbench", SignOn: "OPENID_CONNECT", Kind: "web", AuthMethod: "private_key_jwt"},
	{Name: "zendesk", Label: "Zendesk", SignOn: "SAML_2_0", Status: "INACTIVE"},
	{Name: "oidc_client", Label: "Partner Extranet", SignOn: "OPENID_CONNECT", Kind: "web", AuthMethod: "client_secret_post", Status: "INACTIVE"},
}

// apps mixes the service apps with ordinary ones.
func (s *seeder) apps(c sandbox.Company) {
	services := where(c.For("okta"), func(a sandbox.Seed) bool { return a.Native == "service_app" })
	for i := range max(len(services), len(ordinaryApps)) {
		if i < len(ordinaryApps) {
			a := ordinaryApps[i]
			s.ordinary(&a)
		}
		if i < len(services) {
			s.service(i, services[i])
		}
	}
}

func (s *seeder) ordinary(a *app) {
	a.ID, a.Seq, a.Created = s.id("0oa"), s.next(), s.ago(100, 1200)
	a.Updated = s.between(a.Created)
	if a.Status == "" {
		a.Status = "ACTIVE"
	}
	if a.AuthMethod != "" && a.AuthMethod != "none" && a.AuthMethod != "private_key_jwt" {
		a.Secrets = []*secret{s.newSecret(a.Created)}
	}
	s.addApp(a)
}

func (st *state) newSecret(at time.Time) *secret {
	return &secret{ID: st.id("ocs"), Value: "sandbox-secret-" + st.Rand.Base62(40), Hash: st.Rand.Base62(22), Status: "ACTIVE", Created: at, Updated: at}
}

// newService makes a service app without rights; every third signs in with a secret, the others with a key, which one in six
// keeps at an address of its own.
func (st *state) newService(i int, label string, at time.Time) *app {
	a := &app{
		ID: st.id("0oa"), Name: "oidc_client", Label: label, Status: "ACTIVE", SignOn: "OPENID_CONNECT", Kind: "service",
		AuthMethod: "private_key_jwt", DPoP: i%2 == 0, Created: at, Updated: at, Seq: st.next(),
	}
	if i%3 == 2 {
		a.AuthMethod, a.DPoP = "client_secret_basic", false
		a.Secrets = []*secret{st.newSecret(at)}
		return a
	}
	if i%6 == 1 {
		a.KeysURI = "https://" + slugOf(label) + ".example/jwks.json"
		return a
	}
	a.Keys = []*key{st.newKey(at)}
	return a
}

func (st *state) newKey(at time.Time) *key {
	k := newKey(&st.Rand, st.id("pks"))
	k.Created, k.Updated = at, at
	return k
}

func (s *seeder) service(i int, seed sandbox.Seed) {
	a := s.newService(i, seed.Name, s.ago(5, 700))
	a.Updated = s.between(a.Created)
	if i%5 == 3 {
		a.Status = "INACTIVE"
	}
	if i%6 == 2 { // its secret was changed once
		old := s.newSecret(a.Created)
		old.Status, old.Updated = "INACTIVE", a.Updated
		a.Secrets = append([]*secret{old}, a.Secrets...)
	}
	if len(a.Keys) > 0 && s.r.Chance(0.4) {
		old := s.newKey(a.Created)
		old.Status, old.Updated = "INACTIVE", a.Updated
		a.Keys = append(a.Keys, old)
	}
	for range 1 + s.r.Pick(4) {
		a.Grants = append(a.Grants, s.newGrant(a, s.between(a.Created)))
	}
	if s.r.Chance(0.4) {
		a.Roles = append(a.Roles, s.newRole(a, s.between(a.Created)))
	}
	s.addApp(a)
}

// newGrant and newRole choose one that the app does not have yet; the caller knows that there is one.

func (st *state) newGrant(a *app, at time.Time) *grant {
	left := a.lacksScope()
	return &grant{ID: st.id("oag"), Scope: left[st.Rand.Pick(len(left))], By: st.Admin, Created: at}
}

func (st *state) newRole(a *app, at time.Time) *role {
	left := a.lacksRole()
	r := left[st.Rand.Pick(len(left))]
	r.ID, r.Created = st.id("ra1"), at
	return &r
}

func (s *seeder) agent(i int, seed sandbox.Seed) {
	a := &agent{ID: s.id("wlp"), Name: seed.Name, Description: seed.Description, Status: "ACTIVE", Created: s.ago(2, 420), Seq: s.next()}
	a.Updated = s.between(a.Created)
	s.owners(i, a, seed.Owner)
	switch {
	case i%9 == 4:
		a.Status = "INACTIVE"
	case i%11 == 7:
		a.Status = "STAGED"
	}
	if i%7 == 5 {
		a.Platform, a.ExternalID, a.Provider = "AWS_BEDROCK_AGENTS", fmt.Sprintf("AGENT-%s", s.Rand.Digits(8)), s.provider()
	} else if i%3 == 1 {
		a.AppID = s.Apps[2*s.r.Pick(2)+2].ID
	}
	for range s.r.Pick(3) {
		a.Keys = append(a.Keys, s.newKey(s.between(a.Created)))
	}
	if len(a.Keys) == 2 && s.r.Chance(0.5) {
		a.Keys[0].Status = "INACTIVE"
	}
	for range s.r.Pick(4) {
		n := s.newConnection()
		n.ID, n.Seq = s.id("mcn"), s.next()
		a.Connections = append(a.Connections, n)
	}
	if s.r.Chance(0.3) {
		l := s.newDelegation(a)
		l.ID, l.Seq, l.To = s.id("dlk"), s.next(), a.ID
		a.Links = append(a.Links, l)
	}
	s.addAgent(a)
}

// owners gives an agent its seeded owner, at times a second one, or that person's team instead.
func (s *seeder) owners(i int, a *agent, key string) {
	if key == "" {
		a.Bound = i%2 == 0
		return
	}
	a.Bound = true
	team := i%6 == 2 || i > 5 && find(s.Agents, (*agent).ownedByGroup) == nil // a small org has one too
	if g := s.teamOf(s.user(key).ID); team && g != nil {
		a.Owners = []owner{{s.id("pri"), "groups", g.ID}}
		return
	}
	a.Owners = []owner{{s.id("pri"), "users", s.user(key).ID}}
	if second := s.Users[s.r.Pick(len(s.Users))]; i%4 == 1 && second.Key != key {
		a.Owners = append(a.Owners, owner{s.id("pri"), "users", second.ID})
	}
}

func (st *state) teamOf(user string) *group {
	return find(st.Groups, func(g *group) bool {
		for _, m := range g.Members {
			if m == user {
				return true
			}
		}
		return false
	})
}

// newConnection reaches something that exists.
func (st *state) newConnection() *connection {
	n := &connection{Status: "ACTIVE", ScopeCondition: "ALL_SCOPES", Scopes: []string{"*"}}
	switch st.Rand.Pick(5) {
	case 0:
		n.Type, n.Target = toApp, st.Apps[st.Rand.Pick(len(st.Apps))].ID
	case 1:
		n.Type, n.Account, n.Name = toSecret, st.Rand.UUID(), "vaulted-"+st.Rand.Digits(4)
		n.ScopeCondition, n.Scopes = "", nil
	case 2:
		n.Type, n.Account, n.Name = toAccount, st.Rand.UUID(), "svc-"+st.Rand.Digits(4)
		n.Target = st.Apps[st.Rand.Pick(len(st.Apps))].ID
		n.ScopeCondition, n.Scopes = "", nil
	default:
		n.Type, n.Target = toServer, st.Servers[st.Rand.Pick(len(st.Servers))].ID
		if st.Rand.Chance(0.5) {
			n.ScopeCondition, n.Scopes = "INCLUDE_ONLY", []string{"records.read", "records.write"}[:1+st.Rand.Pick(2)]
		}
	}
	return n
}

// newDelegation lets an app, or another agent, call an agent.
func (st *state) newDelegation(to *agent) *delegationLink {
	l := &delegationLink{TokenType: "ACCESS_TOKEN"}
	if from := st.Agents; len(from) > 0 && st.Rand.Chance(0.4) {
		if a := from[st.Rand.Pick(len(from))]; a != to {
			l.ClientOrn = st.agentORN(a.ID)
			return l
		}
	}
	oidc := where(st.Apps, func(a *app) bool { return a.Kind != "" && !a.isAgent() })
	l.ClientOrn = st.appORN(oidc[st.Rand.Pick(len(oidc))])
	return l
}

// history is what the System Log still knows of the time before: registrations of the last ninety days, and sign-ins.
func (s *seeder) history() {
	admin := s.user(s.Admin)
	for _, a := range s.Agents {
		if s.today.Sub(a.Created) < retention-day {
			s.write(a.Created, 0, entry("workload_principal.register", admin.actor(), s.agentTarget(a.ID, a.Name)))
		}
	}
	for range 40 {
		u := s.Users[s.r.Pick(len(s.Users))]
		s.write(s.ago(1, 7), 0, entry("user.session.start", u.actor()))
	}
}
