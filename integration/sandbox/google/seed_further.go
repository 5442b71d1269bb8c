package google

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// furtherSerial is where the log numbers of the further seed begin, far behind those of any other.
const furtherSerial = 1 << 40

// further seeds what lies around the agents: folders, policies on other resources than projects, pools, OAuth clients. It
// draws from a generator of its own, so that the ids of all else are what they were before there was any of this.
func (s *seeding) further() {
	draws, serial := s.Rand, s.Serial
	s.Rand, s.Serial = *sandbox.NewRand(s.Seed, "google", "further"), furtherSerial
	s.folders()
	s.pools()
	s.plainRuns()
	s.oauthClients()
	s.tools()
	s.widerGrants()
	s.activities()
	s.fill()
	s.Rand, s.Serial = draws, serial
}

// folders puts the governed project two folders deep, the labs right below the organization, and the others of a large
// organization into folders in turn.
func (s *seeding) folders() {
	add := func(parent, title string) *folder {
		f := &folder{Number: s.Rand.Digits(12), Parent: parent, Title: title, Created: s.at.AddDate(-2, 0, 0)}
		s.Folders = append(s.Folders, f)
		s.Policies[folderPolicyKey(f.Number)] = &policy{}
		return f
	}
	platform := add("organizations/"+s.Org, "Platform")
	s.Projects[governed].Folder = add("folders/"+platform.Number, "Agents").Number
	var more []*folder
	for i := range s.layout.Folders - len(s.Folders) {
		more = append(more, add("organizations/"+s.Org, fmt.Sprintf("Unit %d", i+1)))
	}
	for i, p := range s.Projects[labs+1:] {
		if len(more) > 0 {
			p.Folder = more[i%len(more)].Number
		}
	}
	org := s.policyOf(organizationPolicyKey(s.Org))
	org.grant("roles/resourcemanager.organizationAdmin", "user:"+s.Admin, nil)
	org.grant("roles/iam.securityReviewer", "group:"+s.group(), nil)
	org.grant("roles/browser", "domain:"+s.Domain, nil)
}

// pools makes a pool for pipelines outside, one for workloads that Google attests, one that was deleted, and the one of the
// system that agents' own principals are in.
func (s *seeding) pools() {
	p := s.Projects[governed]
	outside := &pool{Number: p.Number, ID: "pipelines", Title: "Pipelines", Text: "Build pipelines outside", Mode: "FEDERATION_ONLY"}
	inside := &pool{Number: p.Number, ID: "workloads", Title: "Workloads", Mode: "TRUST_DOMAIN"}
	old := &pool{Number: p.Number, ID: "retired", Title: "Retired", Mode: "FEDERATION_ONLY", Disabled: true, Deleted: s.at.AddDate(0, 0, -4)}
	system := &pool{Number: p.Number, ID: s.trustDomain(), Title: "Agents", Mode: "SYSTEM_TRUST_DOMAIN"}
	s.Pools = append(s.Pools, outside, inside, old, system)
	for _, x := range s.Pools[:2] {
		s.policyOf(poolPolicyKey(x.name())).grant("roles/iam.workloadIdentityPoolViewer", "group:"+s.group(), nil)
	}
	repositories := &poolProvider{Pool: outside.name(), ID: "repositories", Title: "Repositories", Issuer: "https://token.actions.idp.example",
		Condition: "assertion.repository_owner == 'acme'",
		Mapping:   map[string]string{"google.subject": "assertion.sub", "attribute.repository": "assertion.repository"}}
	s.PoolProviders = append(s.PoolProviders, repositories,
		&poolProvider{Pool: outside.name(), ID: "warehouse", Title: "Warehouse", AWS: "123456789012",
			Mapping: map[string]string{"google.subject": "assertion.arn"}, Actors: []string{repositories.name()}},
		&poolProvider{Pool: outside.name(), ID: "old-ci", Issuer: "https://ci.idp.example", Disabled: true, Deleted: s.at.AddDate(0, 0, -9),
			Mapping: map[string]string{"google.subject": "assertion.sub"}})
	ns := &namespace{Pool: inside.name(), ID: "batch", Text: "Batch jobs"}
	s.Namespaces = append(s.Namespaces, ns, &namespace{Pool: inside.name(), ID: "fleet", Text: "Owned by the fleet service",
		Owner: "serviceAccount:service-" + p.Number + "@gcp-sa-gkehub.iam.gserviceaccount.com"})
	for i, id := range []string{"price-sync", "ledger-export", "label-printer"} {
		m := &managedIdentity{Namespace: ns.name(), ID: id, Text: "Runs " + id, Disabled: i == 2,
			Attested: []string{"//compute.googleapis.com/projects/" + p.Number + "/type/Instance/attached_service_account.uid/1" + s.Rand.Digits(20)}}
		s.Managed = append(s.Managed, m)
		s.giveOn(projectPolicyKey(p.ProjectID), "roles/logging.logWriter", m.principal(), nil, s.date())
	}
	s.Managed = append(s.Managed, &managedIdentity{Namespace: ns.name(), ID: "old-sync", Deleted: s.at.AddDate(0, 0, -3)})
}

// plainRuns are Cloud Run services that are no agents, and one that is but runs as an account.
func (s *seeding) plainRuns() {
	for i, p := range s.Projects[:2] {
		at := s.date()
		r := s.newRun(s.opt, at, p, regions[i], "web-frontend", "The shop's pages")
		r.Plain, r.Identity = true, false
		r.Account = p.Number + "-compute@developer.gserviceaccount.com"
	}
	r := s.newRun(s.opt, s.date(), s.Projects[labs], regions[0], "older-concierge", "Answers the phone")
	r.Identity, r.Account = false, s.Projects[labs].Number+"-compute@developer.gserviceaccount.com"
}

// tools are services in Agent Registry that are no agents: an MCP server and an endpoint.
func (s *seeding) tools() {
	p := s.Projects[governed]
	for _, m := range []*manual{{Kind: "mcpServer", ID: "svc-ledger-tools", Title: "Ledger tools"}, {Kind: "endpoint", ID: "svc-house-model", Title: "House model"}} {
		m.Project, m.Number, m.Location, m.Created, m.Updated = p.ProjectID, p.Number, regions[0], s.at, s.at
		m.URL = "https://" + m.ID + ".tools." + s.Domain
		s.Manual = append(s.Manual, m)
		s.ix.manuals[m.host()] = m
	}
}

// oauthClients are the OAuth clients of Gemini Enterprise. Their secrets are the sandbox's own.
func (s *seeding) oauthClients() {
	for i, id := range []string{"jira", "crm"} {
		s.Authorizations = append(s.Authorizations, &authorization{Number: s.Projects[governed].Number, ID: id, Title: strings.ToUpper(id),
			Issuer: "https://" + id + ".idp.example", Secret: "GOCSPX-" + s.Rand.Base62(28), Scopes: []string{"read:" + id, "write:" + id}[:1+i]})
	}
	for i, kind := range []string{"managed", "dialogflow"} {
		app := s.Apps[0]
		app.Agents = append(app.Agents, &geminiAgent{ID: s.Rand.Digits(16), Title: []string{"Deep research", "Phone desk"}[i], Text: "Made in the console",
			Definition: kind, State: "ENABLED", Scope: "ALL_USERS", Created: s.at.AddDate(0, -4, 0), Updated: s.at.AddDate(0, -4, 0)})
	}
	for _, a := range s.Apps {
		s.policyOf(appPolicyKey(a.name())).grant("roles/discoveryengine.user", "group:"+s.group(), nil)
	}
}

// widerGrants gives some agents roles on the organization, on folders, on other agents, and lets outside pipelines act as some
// accounts.
func (s *seeding) widerGrants() {
	holders := s.holders()
	for i, t := range holders {
		member := t.member(s.state)
		if strings.HasPrefix(member, "serviceAccount:") && s.Rand.Chance(0.2) {
			s.giveOn(accountPolicyKey(t.account.UniqueID), "roles/iam.workloadIdentityUser", s.federated("acme/"+accountID(t.account.Email)), nil, s.date())
		}
		kind, key := "", ""
		other := holders[s.Rand.Pick(len(holders))]
		switch n := s.Rand.Pick(20); {
		case n < 2:
			kind, key = kindOrganization, organizationPolicyKey(s.Org)
		case n < 5:
			kind, key = kindFolder, folderPolicyKey(s.Folders[s.Rand.Pick(len(s.Folders))].Number)
		case n < 12 && other.engine != nil && i > 0:
			kind, key = kindEngine, enginePolicyKey(other.engine.name())
		case n < 12 && other.account != nil && i > 0:
			kind, key = kindAccount, accountPolicyKey(other.account.UniqueID)
		case n < 12 && other.run != nil && i > 0:
			kind, key = kindRun, runPolicyKey(other.run.host())
		default:
			continue
		}
		var cond *expr
		if s.Rand.Chance(0.25) {
			cond = untilTime(s.at.AddDate(0, 1+s.Rand.Pick(8), 0).Truncate(24 * time.Hour))
		}
		role := rolesOn[kind][s.Rand.Pick(len(rolesOn[kind]))]
		s.giveOn(key, role, member, cond, s.date())
	}
	if len(s.Engines) > 0 { // an engine that was deployed anew left its role on another behind
		s.policyOf(enginePolicyKey(s.Engines[0].name())).grant("roles/aiplatform.user", "principal://"+s.trustDomain()+"/resources/aiplatform/projects/"+
			s.Projects[governed].Number+"/locations/us-central1/reasoningEngines/"+s.Rand.Digits(19), nil)
	}
}

// fill gives the first project's policy as many bindings as the layout asks for, each of a role of its own for a service
// account in turn.
func (s *seeding) fill() {
	key := projectPolicyKey(s.Projects[governed].ProjectID)
	var accounts []*account
	for _, a := range s.Accounts {
		if a.Deleted.IsZero() {
			accounts = append(accounts, a)
		}
	}
	if len(accounts) == 0 {
		return
	}
	p := s.policyOf(key)
	for n := len(p.Bindings); n < s.layout.Bindings; n++ {
		role := fmt.Sprintf("projects/%s/roles/task%05d", s.Projects[governed].ProjectID, n)
		p.Bindings = append(p.Bindings, &binding{role, []string{accounts[n%len(accounts)].member()}, nil})
	}
}
