package roster

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/events"
)

// The tables are what people review: ordered, without repetitions, every row whole and with its source.
func TestLevelTables(t *testing.T) {
	kinds := map[string][]string{
		"entra": {"app_role", "directory_role", "scope"}, "google": {"iam_role", "scope"}, "okta": {"admin_role", "scope"},
	}
	sites := map[string][]string{
		"entra":  {"https://learn.microsoft.com/"},
		"google": {"https://cloud.google.com/", "https://developers.google.com/"},
		"okta":   {"https://developer.okta.com/", "https://help.okta.com/"},
	}
	for vendor := range kinds {
		f, err := levelFiles.Open("levels/" + vendor + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readLevels(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			if i > 0 && rows[i-1].compare(&r) >= 0 {
				t.Errorf("%s: %s %q is repeated, or out of order after %q", vendor, r.of, r.name, rows[i-1].name)
			}
			if !slices.Contains(kinds[vendor], r.of) || r.name == "" {
				t.Errorf("%s: row %d is of %q with the name %q", vendor, i, r.of, r.name)
			}
			if r.level == LevelUnknown || !slices.Contains(Levels, r.level) {
				t.Errorf("%s: %s has the level %q: what is unknown has no row", vendor, r.name, r.level)
			}
			if r.privileged && r.level == LevelRead {
				t.Errorf("%s: %s is privileged and may only read", vendor, r.name)
			}
			if strings.Contains(r.name, "*") && (r.of != ofScope || r.privileged) {
				t.Errorf("%s: %s is a pattern: only scopes have them, and none is privileged by its pattern alone", vendor, r.name)
			}
			if !slices.ContainsFunc(sites[vendor], func(s string) bool { return strings.HasPrefix(r.source, s) }) {
				t.Errorf("%s: %s has the source %q, which is no page of the vendor's", vendor, r.name, r.source)
			}
			if byID := r.of == "directory_role" || r.of == ofAppRole; byID && (r.title == "" || !isGUID(r.name)) {
				t.Errorf("%s: %s %s (%s) needs an id and a title", vendor, r.of, r.name, r.title)
			}
		}
	}
}

func (r *levelRow) compare(o *levelRow) int {
	return cmp.Or(cmp.Compare(r.of, o.of), cmp.Compare(r.name, o.name), cmp.Compare(r.on, o.on))
}

func isGUID(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && strings.Trim(s, "0123456789abcdef-") == ""
}

// An application permission is known by its id, which is the same in every tenant, and by its name: both say the same.
func TestLevelTablesAgree(t *testing.T) {
	entra := levelTables()["entra"]
	for key, r := range entra.exact {
		if r.of != ofAppRole {
			continue
		}
		s := entra.find(ofScope, r.title, "Microsoft Graph")
		if s == nil || s.level != r.level || s.privileged != r.privileged {
			t.Errorf("%v: the scope %s has another level, or none", key, r.title)
		}
	}
}

func TestLevelOf(t *testing.T) {
	const graph = "Microsoft Graph"
	role := func(typ, role string) events.Grant { return events.Grant{Type: typ, Role: role} }
	graphRole := func(name string) events.Grant {
		return events.Grant{Type: "app_role", Role: "00000000-1111-4222-8333-444444444444", RoleName: name, ResourceName: graph}
	}
	scope := func(on string, scopes ...string) events.Grant {
		return events.Grant{Type: "oauth_scope", Scopes: scopes, ResourceName: on}
	}
	for _, c := range []struct {
		vendor     string
		grant      events.Grant
		level      Level
		privileged bool
	}{
		{"entra", role("directory_role", "62e90394-69f5-4237-9190-012177145e10"), LevelAdmin, true}, // Global Administrator
		{"entra", role("directory_role", "f2ef992c-3afb-46b9-b7cf-a126ee74c451"), LevelRead, false}, // Global Reader
		{"entra", role("directory_role", "9360feb5-f418-4baa-8175-e2a00bac4301"), LevelWrite, true}, // Directory Writers
		{"entra", role("directory_role", "d29b2b05-8046-44ba-8758-1e26182fcf32"), LevelUnknown, false},
		{"entra", role("directory_role", "11111111-2222-4333-8444-555555555555"), LevelUnknown, false},
		{"entra", events.Grant{Type: "directory_role", Role: "fe930be7-5e62-47db-91af-98c3a49a38b1", Resource: "/"}, LevelAdmin, true},
		{"entra", events.Grant{Type: "directory_role", Role: "fe930be7-5e62-47db-91af-98c3a49a38b1", Resource: "/administrativeUnits/a"}, LevelAdmin, false},
		{"entra", role("app_role", "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8"), LevelAdmin, true}, // its name could not be read
		{"entra", role("app_role", "00000000-0000-0000-0000-000000000000"), LevelUnknown, false},
		{"entra", graphRole("RoleManagement.ReadWrite.Directory"), LevelAdmin, true},
		{"entra", graphRole("RoleManagement.Read.Directory"), LevelRead, false},
		{"entra", graphRole("RoleManagement.ReadWrite.CloudPC"), LevelAdmin, false},
		{"entra", graphRole("User.Read.All"), LevelRead, false},
		{"entra", graphRole("User.ReadBasic.All"), LevelRead, false},
		{"entra", graphRole("Calendars.ReadWrite"), LevelWrite, false},
		{"entra", graphRole("Mail.Send"), LevelWrite, false},
		{"entra", graphRole("Policy.ReadWrite.ConditionalAccess"), LevelAdmin, true},
		{"entra", graphRole("Policy.ReadWrite.TrustFramework"), LevelAdmin, false},
		{"entra", graphRole("Sites.Selected"), LevelUnknown, false},
		{"entra", graphRole("Read"), LevelUnknown, false},
		{"entra", events.Grant{Type: "app_role", Role: "1", RoleName: "Journals.Read.All", ResourceName: "Ledger API"}, LevelUnknown, false},
		{"entra", scope(graph, "Mail.Read", "Mail.Send"), LevelWrite, false},
		{"entra", scope(graph, "Mail.Read", "Something.Else"), LevelUnknown, false},
		{"entra", scope(graph, "Something.Else", "Directory.AccessAsUser.All"), LevelAdmin, true},
		{"entra", scope("Ledger API", "Mail.Read"), LevelUnknown, false},
		{"entra", scope(graph), LevelUnknown, false},
		{"google", role("iam_role", "roles/owner"), LevelAdmin, true},
		{"google", role("iam_role", "roles/editor"), LevelWrite, true},
		{"google", role("iam_role", "roles/viewer"), LevelRead, false},
		{"google", role("iam_role", "roles/iam.serviceAccountTokenCreator"), LevelAdmin, true},
		{"google", role("iam_role", "roles/storage.objectAdmin"), LevelAdmin, false},
		{"google", role("iam_role", "roles/somenew.viewer"), LevelUnknown, false},
		{"google", role("iam_role", "projects/p/roles/viewer"), LevelUnknown, false},
		{"google", events.Grant{Type: "connection", Scopes: []string{"https://www.googleapis.com/auth/calendar.readonly"}}, LevelRead, false},
		{"google", events.Grant{Type: "connection", Role: "threeLeggedOauth", Scopes: []string{"read:jira-work"}}, LevelUnknown, false},
		{"okta", role("admin_role", "SUPER_ADMIN"), LevelAdmin, true},
		{"okta", role("admin_role", "APP_ADMIN"), LevelAdmin, false},
		{"okta", role("admin_role", "READ_ONLY_ADMIN"), LevelRead, false},
		{"okta", role("admin_role", "cr0custom"), LevelUnknown, false},
		{"okta", scope("", "okta.users.read"), LevelRead, false},
		{"okta", scope("", "okta.governance.resourceOwner.manage"), LevelWrite, false},
		{"okta", scope("", "okta.roles.manage"), LevelAdmin, true},
		{"okta", scope("", "okta.users.read.self"), LevelRead, false},
		{"okta", scope("", "okta.users.reads"), LevelUnknown, false},
		{"okta", scope("", "tickets.read"), LevelUnknown, false},
		{"okta", events.Grant{Type: "connection", Role: "IDENTITY_ASSERTION_CUSTOM_AS", Scopes: []string{"*"}}, LevelUnknown, false},
		{"okta", role("group", "00g1"), LevelUnknown, false},
		{"keycloak", role("admin_role", "SUPER_ADMIN"), LevelUnknown, false},
	} {
		if got := LevelOf(c.vendor, &c.grant); got != c.level {
			t.Errorf("LevelOf(%s, %+v) = %s, want %s", c.vendor, c.grant, got, c.level)
		}
		if got := Privileged(c.vendor, &c.grant); got != c.privileged {
			t.Errorf("Privileged(%s, %+v) = %v", c.vendor, c.grant, got)
		}
		if level, left := LevelOf(c.vendor, &c.grant), Unmapped(c.vendor, &c.grant); level != LevelUnknown && level != LevelAdmin && len(left) > 0 {
			t.Errorf("%s %+v has the level %s, and the table does not know %q", c.vendor, c.grant, level, left)
		}
	}
}

func TestLevelOfDelegation(t *testing.T) {
	d := events.Delegation{Person: "p", Scopes: []string{"Mail.ReadWrite", "openid"}, ResourceName: "Microsoft Graph"}
	if got := LevelOfDelegation("entra", &d); got != LevelWrite {
		t.Errorf("LevelOfDelegation = %s", got)
	}
	if got := LevelOfDelegation("okta", &events.Delegation{Person: events.Everyone, Source: "delegation_link"}); got != LevelUnknown {
		t.Errorf("LevelOfDelegation of a link without scopes = %s", got)
	}
}

func TestUnmapped(t *testing.T) {
	for _, c := range []struct {
		vendor string
		grant  events.Grant
		want   []string
	}{
		{"entra", events.Grant{Type: "app_role", Role: "1", RoleName: "Journals.Read.All", ResourceName: "Ledger API"}, []string{"app_role Journals.Read.All on Ledger API"}},
		{"entra", events.Grant{Type: "app_role", Role: "1"}, []string{"app_role 1"}},
		{"entra", events.Grant{Type: "oauth_scope", Scopes: []string{"Mail.Read", "x"}, ResourceName: "Microsoft Graph"}, []string{"scope x on Microsoft Graph"}},
		{"entra", events.Grant{Type: "directory_role", Role: "2", RoleName: "Agent Inventory Reader"}, []string{"directory_role 2 (Agent Inventory Reader)"}},
		{"google", events.Grant{Type: "iam_role", Role: "roles/custom"}, []string{"iam_role roles/custom"}},
		{"google", events.Grant{Type: "iam_role", Role: "roles/owner"}, nil},
	} {
		if got := Unmapped(c.vendor, &c.grant); !slices.Equal(got, c.want) {
			t.Errorf("Unmapped(%s, %+v) = %q, want %q", c.vendor, c.grant, got, c.want)
		}
	}
}
