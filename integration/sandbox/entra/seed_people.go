package entra

import (
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// builder is what is needed only while the tenant is seeded.
type builder struct {
	*Sandbox
	company sandbox.Company
	per     int               // agent identities of one blueprint
	people  map[string]string // Person.Key → user id
	groups  []string          // group ids
	factory *object           // the service principal that provisions agents
	foreign *object           // the principal of another tenant's blueprint
	guests  int               // agent identities that it has
	used    map[string]int    // department → agent identities that its blueprints have
	current map[string]*object
}

// seed fills an empty tenant. The order of the steps is part of what a seed means.
func (s *Sandbox) seed(c sandbox.Company, perBlueprint int) {
	b := &builder{Sandbox: s, company: c, per: perBlueprint, people: map[string]string{}, used: map[string]int{},
		current: map[string]*object{}}
	b.addPeople()
	b.addGroups()
	b.addResources()
	b.addOrdinary()
	b.addAgents(c.For("entra"))
	b.addRoles()
	s.st.Seeded = true
}

func (b *builder) addPeople() {
	heads := map[string]string{}
	for _, p := range b.company.People {
		first, last, _ := strings.Cut(p.Name, " ")
		nick, _, _ := strings.Cut(p.Email, "@")
		u := b.create("user", b.st.Rand.UUID(), map[string]any{
			"accountEnabled": true, "businessPhones": []any{}, "createdDateTime": stamp(b.ago(900)), "department": p.Department,
			"displayName": p.Name, "givenName": first, "jobTitle": p.Title, "mail": p.Email, "mailNickname": nick,
			"surname": last, "usageLocation": "DE", "userPrincipalName": p.Email, "userType": "Member",
		})
		b.people[p.Key] = u.ID
		if boss := heads[p.Department]; boss != "" {
			b.link(u, "manager", boss)
		} else {
			heads[p.Department] = u.ID
		}
	}
}

// addRoles gives some agents a role in the directory. It has a generator of its own, so that a seed's other objects keep the
// ids that they had before there were roles.
func (b *builder) addRoles() {
	r := sandbox.NewRand(b.st.Seed, "entra roles")
	for o := range b.each("servicePrincipal", 0) {
		if o.Type == "agentIdentity" && r.Chance(0.2) {
			b.newAssignment(o, roleDefs[r.Pick(len(roleDefs))])
		}
	}
}

func (b *builder) addGroups() {
	for _, g := range b.company.Groups {
		o := b.create("group", b.st.Rand.UUID(), map[string]any{
			"createdDateTime": stamp(b.ago(700)), "description": "The people of " + g.Name, "displayName": g.Name,
			"groupTypes": []any{}, "mailEnabled": false, "mailNickname": g.Key, "securityEnabled": true,
		})
		b.groups = append(b.groups, o.ID)
		for _, m := range g.Members {
			b.link(o, "members", b.people[m])
		}
		if len(g.Members) > 0 {
			b.link(o, "owners", b.people[g.Members[0]])
		}
	}
}

// ago is a moment of a working day up to so many days before [Layout].At.
func (b *builder) ago(days int) time.Time {
	r := b.st.Rand
	return b.seeding.AddDate(0, 0, -1-r.Pick(days)).Add(time.Duration(7*3600+r.Pick(11*3600)) * time.Second)
}

// addOrdinary adds what every tenant has and no connector may take for an agent: workloads of the customer, a managed
// identity, and the application that a hub signs in with.
func (b *builder) addOrdinary() {
	b.addApp("Rollcall Hub", "Reads agents, their owners and their grants.", b.st.ClientID)
	_, b.factory = b.addApp("Agent Factory", "Provisions agents from blueprints on request.", b.st.Rand.UUID())
	b.st.Factory = b.factory.ID
	b.addApp("CI Deploy Pipeline", "Deploys services after review.", b.st.Rand.UUID())
	b.addApp("Backup Runner", "Copies shared drives at night.", b.st.Rand.UUID())
	appID := b.st.Rand.UUID()
	b.create("servicePrincipal", b.st.Rand.UUID(), map[string]any{
		"accountEnabled": true, "appId": appID, "createdDateTime": stamp(b.ago(400)), "displayName": "mi-build-runner",
		"alternativeNames":     []any{"isExplicit=True", "/subscriptions/" + b.st.Rand.UUID() + managedIdentity},
		"servicePrincipalType": "ManagedIdentity", "servicePrincipalNames": []any{appID}, "tags": []any{},
		"appRoleAssignmentRequired": false,
	})
}

// managedIdentity is the rest of the managed identity's resource id.
const managedIdentity = "/resourcegroups/build/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi-build-runner"

// addApp adds an application with its service principal and returns both. Its owner is somebody of the company.
func (b *builder) addApp(name, description, appID string) (app, sp *object) {
	since := b.ago(600)
	app = b.create("application", b.st.Rand.UUID(), map[string]any{
		"appId": appID, "createdDateTime": stamp(since), "description": description, "displayName": name,
		"identifierUris": []any{"api://" + appID}, "publisherDomain": b.st.Domain, "signInAudience": "AzureADMyOrg", "tags": []any{},
		"passwordCredentials": []any{b.secret(name+" deployment", since, since.AddDate(2, 0, 0))}, "keyCredentials": []any{},
	})
	sp = b.create("servicePrincipal", b.st.Rand.UUID(), map[string]any{
		"accountEnabled": true, "appDisplayName": name, "appId": appID, "appOwnerOrganizationId": b.st.Tenant,
		"appRoleAssignmentRequired": false, "createdDateTime": stamp(since), "description": description, "displayName": name,
		"servicePrincipalNames": []any{appID, "api://" + appID}, "servicePrincipalType": "Application",
		"signInAudience": "AzureADMyOrg", "tags": []any{"WindowsAzureActiveDirectoryIntegratedApp"},
	})
	if n := len(b.company.People); n > 0 {
		owner := b.people[b.company.People[b.st.Rand.Pick(n)].Key]
		b.link(app, "owners", owner)
		b.link(sp, "owners", owner)
	}
	return app, sp
}
