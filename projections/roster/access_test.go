package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
)

// company is a roster made by hand: its documents, and how the things in it are put there.
type company struct {
	t    *testing.T
	docs Documents
}

func (c *company) put(key string, v any) {
	c.t.Helper()
	body, err := events.Marshal(v)
	if err != nil {
		c.t.Fatal(err)
	}
	c.docs[key] = body
}

func (c *company) agent(id string, identities ...Identity) {
	a := Agent{ID: id, Tenant: "acme", Name: identities[0].Agent.Name, Status: identities[0].Agent.Status, Class: events.ClassAgent, Identities: identities}
	c.put(AgentKey("acme", id), a)
}

func (c *company) holder(i Identity) { c.put(HolderKey("acme", i.Connection, i.Holder), i) }

func (c *company) sees(connection, state string, kinds ...events.Kind) {
	c.put(CoveragePattern("acme")[:len("_coverage.acme.")]+connection+".all", Coverage{Tenant: "acme", Connection: connection,
		Coverage: events.Coverage{Feed: "all", Kinds: kinds, State: state, Reason: "it may not"}})
}

func is(connection, holder, native, name string, ids ...string) Identity {
	i := Identity{Tenant: "acme", Connection: connection, Vendor: strings.TrimRight(connection, "2"), Holder: holder,
		Agent: &events.Agent{Native: native, Name: name, Status: events.StatusActive, Class: events.ClassAgent}}
	for _, id := range ids {
		typ := events.IDObject
		if strings.Contains(id, "@") {
			typ = events.IDEmail
		}
		i.Agent.Identifiers = append(i.Agent.Identifiers, events.Identifier{Type: typ, Value: id})
	}
	return i
}

func (i Identity) may(g events.Grant) Identity {
	key := fmt.Sprintf("%s-g%d", i.Holder, len(i.Grants))
	i.Grants = append(i.Grants, Item[events.Grant]{Key: key, Event: "event-" + key, Value: g})
	return i
}

func (i Identity) actsFor(d events.Delegation) Identity {
	key := fmt.Sprintf("%s-d%d", i.Holder, len(i.Delegations))
	i.Delegations = append(i.Delegations, Item[events.Delegation]{Key: key, Event: "event-" + key, Value: d})
	return i
}

func (i Identity) has(credential, name string) Identity {
	i.Credentials = append(i.Credentials, Item[events.Credential]{Key: credential, Value: events.Credential{Type: "secret", Name: name}})
	return i
}

const (
	project = "//cloudresourcemanager.googleapis.com/projects/p1"
	bucket  = "//storage.googleapis.com/projects/p1/buckets/b1"
	dataset = "//bigquery.googleapis.com/projects/p1/datasets/d1"
	billing = "//iam.googleapis.com/projects/p1/serviceAccounts/111"
)

func role(name, on string) events.Grant {
	return events.Grant{Type: "iam_role", Role: name, Resource: on}
}

// acme has an agent at two vendors, one that becomes service accounts, a blueprint with its principal and two agents, and a set.
func acme(t *testing.T) Reader {
	c := &company{t, Documents{}}
	all := []events.Kind{events.KindGrant, events.KindDelegation, events.KindCredential}
	c.sees("google", events.CoverageComplete, all...)
	c.sees("okta", events.CoverageComplete, all...)
	c.sees("entra", events.CoveragePartial, events.KindGrant)

	ending := role("roles/viewer", project)
	ending.Condition = `request.time < timestamp("2027-01-02T00:00:00Z")`
	limited := role("roles/iam.serviceAccountTokenCreator", billing)
	limited.Condition = `resource.name != "x"`
	c.agent("agt_finch",
		is("google", "engine-1", "reasoning_engine", "Finch").may(ending).may(limited),
		is("google", "urn:finch", "registry_agent", "Finch in the registry"),
		is("okta", "wlp1", "ai_agent", "Finch").may(events.Grant{Type: "connection", Role: "STS_VAULT_SECRET", Resource: "orn:okta:pam:o:secrets:s1", ResourceName: "ledger-password"}).
			actsFor(events.Delegation{Person: events.Everyone, Source: "delegation_link", Resource: "orn:okta:idp:o:apps:oidc_client:0oa1"}))
	c.agent("agt_billing", is("google", "111", "service_account", "billing", "111", "billing@p1.iam.gserviceaccount.com").
		may(role("roles/bigquery.dataEditor", project)).may(role("roles/iam.serviceAccountUser", project)).has("key-111", ""))
	c.agent("agt_night", is("google", "222", "service_account", "night", "222", "night@p1.iam.gserviceaccount.com").may(role("roles/storage.objectViewer", project)))
	left := is("google", "333", "service_account", "left", "333", "left@p1.iam.gserviceaccount.com").may(role("roles/owner", project))
	left.Agent.Status = events.StatusDeleted
	c.agent("agt_left", left) // nobody can act as it
	c.agent("agt_run", is("google", "run-1", "cloud_run_service", "Runner", "night@p1.iam.gserviceaccount.com").
		may(role("roles/iam.serviceAccountTokenCreator", "//cloudresourcemanager.googleapis.com/folders/9")))
	c.holder(Identity{Tenant: "acme", Connection: "google", Vendor: "google", Holder: "principalSet://agents.global/all"}.may(role("roles/logging.logWriter", project)))

	inherited := events.Grant{Type: "app_role", Role: "df021288-bdef-4463-88db-98f22de89214", RoleName: "User.Read.All", Resource: "graph-id", ResourceName: "Microsoft Graph", Inherited: "principal-1"}
	flows := func(consent string) events.Grant {
		return events.Grant{Type: "oauth_scope", Scopes: []string{"Mail.Send"}, Resource: "graph-id", ResourceName: "Microsoft Graph", Condition: consent, Inherited: "principal-1"}
	}
	one := is("entra", "ai-1", "agent_identity", "Wren").may(inherited).may(flows("AllPrincipals")).may(flows("Principal")).may(flows("Principal"))
	one.Agent.Blueprint = "app-1"
	one.Grants[2].Key, one.Grants[3].Key = "inherited:principal-1-d0", "inherited:elsewhere"
	two := is("entra", "ai-2", "agent_identity", "Robin").actsFor(events.Delegation{Person: "ada", Source: "user_consent", Scopes: []string{"Tickets.Read"}, Resource: "tickets-id", ResourceName: "Ticket Hub API", Expires: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)})
	two.Agent.Blueprint = "app-1"
	two = two.actsFor(events.Delegation{Source: "SomethingNew", Scopes: []string{"Mail.Read"}, ResourceName: "Microsoft Graph", Status: events.StatusUnknown})
	two = two.may(events.Grant{Type: "group", Role: "group-1", Status: events.StatusDisabled}) // which is not in force
	elsewhere := is("entra2", "ai-1", "agent_identity", "Namesake").may(inherited)
	elsewhere.Agent.Blueprint = "app-1"
	c.agent("agt_elsewhere", elsewhere)
	c.sees("entra2", events.CoverageComplete, all...)
	gone := is("entra", "ai-3", "agent_identity", "Gone").may(inherited)
	gone.Agent.Blueprint, gone.Agent.Status = "app-1", events.StatusDeleted
	c.agent("agt_wren", one, is("entra", "user-1", "agent_user", "Wren's mailbox").may(events.Grant{Type: "group", Role: "group-1"}))
	c.agent("agt_robin", two)
	c.agent("agt_gone", gone)
	ids := func(holder string) []events.Identifier {
		return []events.Identifier{{Type: events.IDApp, Value: "app-1"}, {Type: events.IDObject, Value: holder}}
	}
	c.holder(Identity{Tenant: "acme", Connection: "entra", Vendor: "entra", Holder: "blueprint-1", Blueprint: &events.Blueprint{Native: "blueprint", Name: "Birds", Status: events.StatusActive, Identifiers: ids("blueprint-1")}}.
		has("secret-aaaa", "Deployment").has("secret-bbbb", "Spare"))
	c.holder(Identity{Tenant: "acme", Connection: "entra", Vendor: "entra", Holder: "principal-1", Blueprint: &events.Blueprint{Native: "principal", Name: "Birds", Status: events.StatusActive, Identifiers: ids("principal-1")}}.
		may(events.Grant{Type: "directory_role", Role: "62e90394-69f5-4237-9190-012177145e10", RoleName: "Global Administrator", Resource: "/"}).
		actsFor(events.Delegation{Person: "ben", Source: "user_consent", Scopes: []string{"Mail.Send"}, Resource: "graph-id", ResourceName: "Microsoft Graph"}))
	c.holder(Identity{Tenant: "acme", Connection: "entra", Vendor: "entra", Holder: "ada", Person: &events.Person{Native: "user", Name: "Ada", UserName: "ada@acme.example", Status: events.StatusActive}})
	c.holder(Identity{Tenant: "acme", Connection: "okta", Vendor: "okta", Holder: "00uada", Person: &events.Person{Native: "user", Name: "Ada", Emails: []string{"Ada@acme.example"}, Status: events.StatusActive}})
	c.holder(Identity{Tenant: "acme", Connection: "entra", Vendor: "entra", Holder: "group-1", Person: &events.Person{Native: "group", Name: "Mailers", Status: events.StatusActive}}.
		may(events.Grant{Type: "app_role", Role: "ledger-role", RoleName: "Journals.ReadWrite.All", Resource: "ledger-id", ResourceName: "Ledger API"}))
	return Reader{Store: c.docs}
}

// lines are an answer's rows, short.
func lines(a Answer) []string {
	out := []string{}
	for _, x := range a.Access {
		s := fmt.Sprintf("%s: %s %s", x.Holder, x.Level, strings.Join(append([]string{x.Role}, x.Scopes...), " "))
		if x.Resource != "" {
			s += " on " + x.Resource
		}
		if x.Inherited != "" {
			s += " from " + x.Inherited
		}
		for _, h := range x.Via {
			s += fmt.Sprintf(" %s %s", h.How, h.Holder)
			if h.Condition != "" {
				s += " if " + h.Condition
			}
		}
		if x.OnBehalf != "" {
			s += " for " + x.OnBehalf
		}
		if x.ConsentedBy != "" {
			s += " by " + x.ConsentedBy
		}
		if x.Condition != "" {
			s += " if " + x.Condition
		}
		if !x.Until.IsZero() {
			s += " until " + x.Until.Format("2006-01-02")
		}
		out = append(out, s)
	}
	return out
}

// doubted are an answer's doubts, short. What a connector never reads is in each of them, and left out here.
func doubted(a Answer) []string {
	out := []string{}
	for _, d := range a.Unknown {
		if d.Why == beyond[strings.TrimRight(d.Connection, "2")][d.Kind] {
			continue
		}
		out = append(out, fmt.Sprintf("%s %s of %d: %s", d.Connection, d.Kind, d.Identities, d.Why))
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

const (
	entraGrants      = "entra grant of %d: feed all is partial: it may not"
	entraDelegations = "entra delegation of %d: no feed of connection entra tells of delegations"
	googleSets       = "google grant of %d: sets of principals have 1 grants there, and who is in a set is not known"
)

func TestAccessOfAgent(t *testing.T) {
	r := acme(t)
	a, err := r.AccessOfAgent(t.Context(), "", "finch")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Finch", lines(a), []string{
		`engine-1: admin roles/iam.serviceAccountTokenCreator on ` + billing + ` if resource.name != "x"`,
		`engine-1: admin roles/iam.serviceAccountUser on ` + project + ` impersonates 111 if resource.name != "x"`,
		`engine-1: write roles/bigquery.dataEditor on ` + project + ` impersonates 111 if resource.name != "x"`,
		`engine-1: read roles/viewer on ` + project + ` if request.time < timestamp("2027-01-02T00:00:00Z") until 2027-01-02`,
		`engine-1: read roles/storage.objectViewer on ` + project + ` impersonates 111 if resource.name != "x" impersonates 222`,
		`wlp1: unknown  on orn:okta:idp:o:apps:oidc_client:0oa1 for *`,
		`wlp1: unknown STS_VAULT_SECRET on orn:okta:pam:o:secrets:s1`,
	})
	same(t, "doubts about Finch", doubted(a), []string{fmt.Sprintf(googleSets, 4)})
	if a.NoLevel != 2 || !a.Access[0].Privileged || a.Access[0].Agent != "agt_finch" || a.Access[0].Event != "event-engine-1-g1" {
		t.Errorf("%d unknown levels, first row %+v", a.NoLevel, a.Access[0])
	}
	same(t, "unmapped", []string{fmt.Sprint(a.Unmapped)}, []string{"[{okta connection STS_VAULT_SECRET 1} {okta delegation delegation_link 1}]"})
	a, err = r.AccessOfAgent(t.Context(), "acme", "agt_run")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Runner", lines(a), []string{
		"run-1: admin roles/iam.serviceAccountTokenCreator on //cloudresourcemanager.googleapis.com/folders/9",
		"run-1: read roles/storage.objectViewer on " + project + " runs_as 222",
	})
	same(t, "doubts about Runner", doubted(a), []string{
		"google grant of 1: roles/iam.serviceAccountTokenCreator on //cloudresourcemanager.googleapis.com/folders/9 lets it act as others, and what these may do is not known",
		fmt.Sprintf(googleSets, 2),
	})
	a, err = r.AccessOfAgent(t.Context(), "acme", "Wren")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "Wren", lines(a), []string{
		"ai-1: write  Mail.Send on graph-id from principal-1 for *",
		"ai-1: write  Mail.Send on graph-id from principal-1 for unknown",
		"ai-1: write  Mail.Send on graph-id from principal-1 for ben by ben",
		"ai-1: read df021288-bdef-4463-88db-98f22de89214 on graph-id from principal-1",
		"user-1: unknown group-1",
		"user-1: unknown ledger-role on ledger-id member_of group-1",
	})
	same(t, "doubts about Wren", doubted(a), []string{fmt.Sprintf(entraDelegations, 3), fmt.Sprintf(entraGrants, 3)})
	if !slices.ContainsFunc(a.Unknown, func(d Doubt) bool { return d.Why == beyond["entra"][events.KindGrant] && d.Identities == 3 }) {
		t.Errorf("that Azure roles are not read is not said: %+v", a.Unknown)
	}
	if _, err := r.AccessOfAgent(t.Context(), "", "nobody"); !errors.Is(err, ErrNoAgent) {
		t.Errorf("%v", err)
	}
}

func TestAccessOnResource(t *testing.T) {
	r := acme(t)
	for what, want := range map[string][]string{
		"Microsoft graph": {
			"principal-1: write  Mail.Send on graph-id for ben by ben",
			"ai-1: write  Mail.Send on graph-id from principal-1 for *",
			"ai-1: write  Mail.Send on graph-id from principal-1 for unknown",
			"ai-1: write  Mail.Send on graph-id from principal-1 for ben by ben",
			"ai-1: read df021288-bdef-4463-88db-98f22de89214 on graph-id from principal-1",
			"ai-1: read df021288-bdef-4463-88db-98f22de89214 on graph-id from principal-1",
		},
		"ledger-id": { // a group, and who is in it
			"group-1: unknown ledger-role on ledger-id",
			"user-1: unknown ledger-role on ledger-id member_of group-1",
		},
		"s1": {"wlp1: unknown STS_VAULT_SECRET on orn:okta:pam:o:secrets:s1"},
		dataset: { // what is granted on the project reaches it, but for what is another service's
			"111: admin roles/iam.serviceAccountUser on " + project + " from " + project,
			"engine-1: admin roles/iam.serviceAccountUser on " + project + " from " + project + ` impersonates 111 if resource.name != "x"`,
			"111: write roles/bigquery.dataEditor on " + project + " from " + project,
			"engine-1: write roles/bigquery.dataEditor on " + project + " from " + project + ` impersonates 111 if resource.name != "x"`,
			"engine-1: read roles/viewer on " + project + " from " + project + ` if request.time < timestamp("2027-01-02T00:00:00Z") until 2027-01-02`,
		},
		"billing@p1.iam.gserviceaccount.com": { // who can act as it
			"111: admin roles/iam.serviceAccountUser on " + project + " from " + project,
			"engine-1: admin roles/iam.serviceAccountTokenCreator on " + billing + ` if resource.name != "x"`,
			"engine-1: admin roles/iam.serviceAccountUser on " + project + " from " + project + ` impersonates 111 if resource.name != "x"`,
			"engine-1: read roles/viewer on " + project + " from " + project + ` if request.time < timestamp("2027-01-02T00:00:00Z") until 2027-01-02`,
		},
	} {
		a, err := r.AccessOnResource(t.Context(), "acme", what)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		same(t, what, lines(a), want)
		if what == "Microsoft graph" { // there are two, of two tenants of Entra's
			if len(a.About) != 2 {
				t.Errorf("%s is about %+v", what, a.About)
			}
		} else if len(a.About) != 1 || a.About[0].Kind != "resource" {
			t.Errorf("%s is about %+v", what, a.About)
		}
	}
	a, err := r.AccessOnResource(t.Context(), "acme", dataset)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "doubts about a dataset", doubted(a), []string{
		"google grant of 0: 1 grants are on folders and organizations, and whether the resource lies in these is not known",
		"google grant of 0: no grant names the resource itself, and whether those on it are read is not known",
	})
	a, err = r.AccessOnResource(t.Context(), "acme", "projects/p1")
	if err != nil || len(a.Access) != 10 {
		t.Errorf("%v, %q", err, lines(a))
	}
	if _, err := r.AccessOnResource(t.Context(), "acme", "//storage.googleapis.com/projects/p2/buckets/b"); !errors.Is(err, ErrNoResource) {
		t.Errorf("%v", err)
	}
	if a, err := r.AccessOnResource(t.Context(), "other", bucket); !errors.Is(err, ErrNoResource) {
		t.Errorf("%v, %v: a tenant sees another's", a, err)
	}
}

func TestAccessForPerson(t *testing.T) {
	r := acme(t)
	everyone := []string{
		"ai-1: write  Mail.Send on graph-id from principal-1 for *",
		"ai-2: unknown  Tickets.Read on tickets-id for ada by ada until 2027-03-01",
	}
	link := "wlp1: unknown  on orn:okta:idp:o:apps:oidc_client:0oa1 for *"
	for what, want := range map[string][]string{
		"ada":              everyone,
		"ada@acme.example": {everyone[0], link, everyone[1]}, // at both vendors
		"00uada":           {link},
		"ben": { // of whom there is no document
			"principal-1: write  Mail.Send on graph-id for ben by ben",
			everyone[0],
			"ai-1: write  Mail.Send on graph-id from principal-1 for ben by ben",
		},
	} {
		a, err := r.AccessForPerson(t.Context(), "acme", what)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		same(t, what, lines(a), want)
		if what == "ada" {
			same(t, "doubts about a person", doubted(a), []string{
				fmt.Sprintf(entraDelegations, 3),
				"entra delegation of 2: there are consents of one person each of which it is not known whose they are",
			})
		}
		if body, err := events.Marshal(a); err != nil || strings.Contains(string(body), "Ada") {
			t.Errorf("%v: a person's name is in the answer %s", err, body)
		}
	}
	if _, err := r.AccessForPerson(t.Context(), "acme", "carl"); !errors.Is(err, ErrNoPerson) {
		t.Errorf("%v", err)
	}
}

func TestAccessByCredential(t *testing.T) {
	r := acme(t)
	whole := []string{
		"principal-1: admin 62e90394-69f5-4237-9190-012177145e10 on / principal_of blueprint-1",
		"principal-1: write  Mail.Send on graph-id principal_of blueprint-1 for ben by ben",
		"ai-1: write  Mail.Send on graph-id from principal-1 blueprint_of blueprint-1 for *",
		"ai-1: write  Mail.Send on graph-id from principal-1 blueprint_of blueprint-1 for unknown",
		"ai-1: write  Mail.Send on graph-id from principal-1 blueprint_of blueprint-1 for ben by ben",
		"ai-2: read  Mail.Read blueprint_of blueprint-1 for unknown",
		"ai-1: read df021288-bdef-4463-88db-98f22de89214 on graph-id from principal-1 blueprint_of blueprint-1",
		"ai-2: unknown group-1 blueprint_of blueprint-1",
		"ai-2: unknown  Tickets.Read on tickets-id blueprint_of blueprint-1 for ada by ada until 2027-03-01",
	}
	for _, what := range []string{"secret-aaaa", "secret-a", "deployment"} {
		a, err := r.AccessByCredential(t.Context(), "acme", what)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		same(t, what, lines(a), whole)
		same(t, "doubts about "+what, doubted(a), []string{fmt.Sprintf(entraDelegations, 4), fmt.Sprintf(entraGrants, 4)})
	}
	a, err := r.AccessByCredential(t.Context(), "acme", "key-111")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "an account's key", lines(a), []string{
		"111: admin roles/iam.serviceAccountUser on " + project,
		"111: write roles/bigquery.dataEditor on " + project,
		"111: read roles/storage.objectViewer on " + project + " impersonates 222",
	})
	if _, err := r.AccessByCredential(t.Context(), "acme", "secret-"); err == nil || !strings.Contains(err.Error(), "fits 2 credentials") {
		t.Errorf("%v", err)
	}
	if _, err := r.AccessByCredential(t.Context(), "acme", "none"); !errors.Is(err, ErrNoCredential) {
		t.Errorf("%v", err)
	}
}

func TestAtLeast(t *testing.T) {
	for level, want := range map[Level]int{LevelAdmin: 2, LevelWrite: 3, LevelRead: 5, LevelUnknown: 2} {
		a, err := acme(t).AccessOfAgent(t.Context(), "", "finch")
		if err != nil {
			t.Fatal(err)
		}
		if a.AtLeast(level); len(a.Access) != want || a.NoLevel != 2 {
			t.Errorf("at least %s: %q, and %d without a level", level, lines(a), a.NoLevel)
		}
	}
}

func TestUnmappedRoles(t *testing.T) {
	list, err := acme(t).UnmappedRoles(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "unmapped", []string{fmt.Sprint(list)}, []string{"[" + strings.Join([]string{
		"{entra app_role Journals.ReadWrite.All on Ledger API 1}", "{entra group group-1 2}", "{entra scope Tickets.Read on Ticket Hub API 1}",
		"{okta connection STS_VAULT_SECRET 1}", "{okta delegation delegation_link 1}",
	}, " ") + "]"})
}
