package okta

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// filtered reads all ids of a list under a filter.
func (o *org) filtered(list, parameter, expression string) []string {
	o.t.Helper()
	sep := "?"
	if strings.Contains(list, "?") {
		sep = "&"
	}
	ids, _ := o.walk(list + sep + parameter + "=" + url.QueryEscape(expression))
	return ids
}

func TestSearchingAgents(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	linked := find(o.st.Agents, func(a *agent) bool { return a.AppID != "" })
	for expression, fits := range map[string]func(*agent) bool{
		`status eq "INACTIVE"`:                           func(a *agent) bool { return a.Status == "INACTIVE" },
		`appId eq "` + linked.AppID + `"`:                func(a *agent) bool { return a.AppID == linked.AppID },
		`profile.name sw "` + linked.Name[:4] + `"`:      func(a *agent) bool { return strings.HasPrefix(a.Name, linked.Name[:4]) },
		`profile.name co "er"`:                           func(a *agent) bool { return strings.Contains(a.Name, "er") },
		`profile.name eq "` + linked.Name + `"`:          func(a *agent) bool { return a == linked },
		`profile.platform eq "AWS_BEDROCK_AGENTS"`:       func(a *agent) bool { return a.Platform != "" },
		`status eq "ACTIVE" AND profile.name co "er"`:    func(a *agent) bool { return a.Status == "ACTIVE" && strings.Contains(a.Name, "er") },
		`not (status eq "ACTIVE" or status eq "STAGED")`: func(a *agent) bool { return a.Status == "INACTIVE" },
	} {
		want := each(where(o.st.Agents, fits), func(a *agent) string { return a.ID })
		if diff := cmp.Diff(want, o.filtered(agents, "search", expression)); diff != "" || len(want) == 0 {
			t.Errorf("%s: %d agents (-want +got):\n%s", expression, len(want), diff)
		}
	}
}

func TestFilteringApps(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	keyed := find(o.st.Apps, func(a *app) bool { return len(a.Keys) > 0 && a.Status == "ACTIVE" })
	for expression, fits := range map[string]func(*app) bool{
		``:                         func(a *app) bool { return a.Status == "ACTIVE" },
		`status eq "INACTIVE"`:     func(a *app) bool { return a.Status == "INACTIVE" },
		`name eq "oidc_client"`:    func(a *app) bool { return a.Name == "oidc_client" && a.Status == "ACTIVE" },
		`id eq "` + keyed.ID + `"`: func(a *app) bool { return a == keyed },
		`credentials.signing.kid eq "` + keyed.Keys[0].kid() + `"`: func(a *app) bool { return a == keyed },
	} {
		want := each(where(o.st.Apps, fits), func(a *app) string { return a.ID })
		if diff := cmp.Diff(want, o.filtered("/api/v1/apps", "filter", expression)); diff != "" || len(want) == 0 {
			t.Errorf("%q: %d apps (-want +got):\n%s", expression, len(want), diff)
		}
	}
	if all, _ := o.walk("/api/v1/apps?includeNonDeleted=true"); len(all) != len(o.st.Apps) {
		t.Errorf("includeNonDeleted shows %d of %d apps", len(all), len(o.st.Apps))
	}
}

func TestFilteringPeople(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	u := o.st.Users[0]
	for expression, want := range map[string]bool{
		`profile.login eq "` + u.Email + `"`: true, `id eq "` + u.ID + `"`: true, `status eq "DEPROVISIONED"`: false,
	} {
		ids := o.filtered("/api/v1/users", "filter", expression)
		if len(ids) == 0 || slices.Contains(ids, u.ID) != want {
			t.Errorf("%s: %v", expression, ids)
		}
	}
	if ids := o.filtered("/api/v1/users", "search", `profile.department eq "`+u.Department+`"`); !slices.Contains(ids, u.ID) {
		t.Errorf("search by department: %v", ids)
	}
	if ids := o.filtered("/api/v1/groups", "filter", `type eq "BUILT_IN"`); len(ids) != 1 {
		t.Errorf("built-in groups: %v", ids)
	}
}

func TestBothDialectsOfOwners(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	owned := find(o.st.Agents, func(a *agent) bool { return len(a.Owners) > 1 })
	never := find(o.st.Agents, func(a *agent) bool { return !a.Bound })
	one := func(a *agent) string { return `parentResourceOrn eq "` + o.st.agentORN(a.ID) + `"` }
	var page listBody[resourceOwner]
	o.read(ownersPath+url.QueryEscape(one(owned)), &page)
	if len(page.Data) != 1 || len(page.Data[0].Principals) != len(owned.Owners) {
		t.Fatalf("owners of one agent: %+v", page.Data)
	}
	p := page.Data[0].Principals[0]
	if !strings.HasPrefix(p.ID, "pri") || !strings.HasSuffix(p.ORN, ":"+p.Type+":"+owned.Owners[0].ID) || p.Profile.ID != owned.Owners[0].ID {
		t.Errorf("principal %+v of owner %+v", p, owned.Owners[0])
	}
	if ids := o.filtered(ownersPath[:len(ownersPath)-len("?filter=")], "filter", one(never)); len(ids) != 0 {
		t.Errorf("an agent that never had an owner: %v", ids)
	}
	if ids := o.filtered(ownersPath[:len(ownersPath)-len("?filter=")], "filter", sweep+` and principal.orn eq "`+p.ORN+`"`); !slices.Contains(ids, owned.ID) {
		t.Errorf("agents of a principal: %v", ids)
	}
	for range owned.Owners {
		o.must(sandbox.Change{Op: sandbox.RemoveOwner, Agent: owned.ID})
	}
	o.read(ownersPath+url.QueryEscape(one(owned)), &page)
	if len(page.Data) != 1 || len(page.Data[0].Principals) != 0 {
		t.Errorf("an agent that lost its owners: %+v, want an entry without principals", page.Data)
	}
	old := start(t, Options{NoOwnerSweep: true})
	old.expect("GET", ownersPath+url.QueryEscape(sweep), "", "", 400, "E0000031")
	old.expect("GET", ownersPath+url.QueryEscape(one(owned)), "", "", 200, "")
}

func TestAgentsShowTheirFields(t *testing.T) {
	o := start(t, Options{})
	linked := find(o.st.Agents, func(a *agent) bool { return a.AppID != "" })
	imported := find(o.st.Agents, func(a *agent) bool { return a.Provider != "" })
	if v := o.agentAt(linked.ID); v.AppID != linked.AppID || v.Profile.Description != linked.Description || v.Created != stamp(linked.Created) {
		t.Errorf("linked agent %+v of %+v", v, linked)
	}
	v := o.agentAt(imported.ID)
	if v.Platform != imported.Platform || v.ExternalID != imported.ExternalID || len(v.Links.Providers) != 1 {
		t.Errorf("imported agent %+v of %+v", v, imported)
	}
	if r := o.get(v.Links.DelegationLinks.Href); r.status != 200 {
		t.Errorf("the link to the delegation links: %d %s", r.status, r.body)
	}
	inside := start(t, Options{PlatformInProfile: true})
	if v := inside.agentAt(imported.ID); v.Platform != "" || v.Profile.Platform != imported.Platform || v.Profile.ExternalID != imported.ExternalID {
		t.Errorf("imported agent %+v, want the platform in its profile", v)
	}
}

func TestEveryKindOfConnectionIsSeeded(t *testing.T) {
	o := start(t, Options{})
	for range 30 {
		o.must(sandbox.Change{Op: sandbox.AddGrant, Native: "ai_agent"})
	}
	seen := map[string]int{}
	for _, a := range o.st.Agents {
		var page listBody[managedConnection]
		o.read(agents+"/"+a.ID+"/connections", &page)
		for _, n := range page.Data {
			seen[n.Type]++
			if n.Type == toServer && (n.Server == nil || n.Server.Links.Self.Href[0] != '/') {
				t.Errorf("connection %+v: want an authorization server with a relative link", n)
			}
		}
	}
	for _, kind := range []string{toApp, toServer, toSecret, toAccount} {
		if seen[kind] == 0 {
			t.Errorf("no connection of kind %s among %v", kind, seen)
		}
	}
}

// TestAppCredentials looks at the dates, states and links of keys and secrets, in both endpoints and inside the app.
func TestAppCredentials(t *testing.T) {
	o := start(t, Options{})
	seen := map[string]int{}
	for _, a := range where(o.st.Apps, (*app).isAgent) {
		at := "/api/v1/apps/" + a.ID
		var v application
		var keys []jwk
		var secrets []clientSecret
		o.read(at, &v)
		o.read(at+"/credentials/jwks", &keys)
		o.read(at+"/credentials/secrets", &secrets)
		inside := v.Settings.OAuthClient
		switch {
		case inside.JWKSURI != "":
			if seen["jwks_uri"]++; len(keys) > 0 || inside.JWKS != nil || v.Credentials.OAuthClient.AuthMethod != "private_key_jwt" {
				t.Errorf("an app with keys at %s: %+v and %+v", inside.JWKSURI, keys, inside.JWKS)
			}
		case len(keys) > 0 && (inside.JWKS == nil || len(inside.JWKS.Keys) != len(keys)):
			t.Errorf("keys %+v, inside the app %+v", keys, inside.JWKS)
		}
		for _, k := range keys {
			seen["key "+k.Status]++
			o.dated(k.ID, k.Status, k.Created, k.LastUpdated, k.Links)
		}
		for _, s := range secrets {
			seen["secret "+s.Status]++
			o.dated(s.ID, s.Status, s.Created, s.LastUpdated, s.Links)
		}
	}
	for _, want := range []string{"jwks_uri", "key ACTIVE", "key INACTIVE", "secret ACTIVE", "secret INACTIVE"} {
		if seen[want] == 0 {
			t.Errorf("no app has %s: %v", want, seen)
		}
	}
	moved := find(o.st.Apps, func(a *app) bool { return a.KeysURI != "" })
	o.must(sandbox.Change{Op: sandbox.AddCredential, Agent: moved.ID})
	if moved.KeysURI != "" || len(moved.Keys) != 1 {
		t.Errorf("an app with a key of its own and an address: %+v", moved)
	}
}

// dated checks that an inactive credential was changed after it was made, and what may be done with it next.
func (o *org) dated(id, status, created, updated string, links *keyLinks) {
	o.t.Helper()
	active := status == "ACTIVE"
	if created == "" || active != (created == updated) || active != (links.Deactivate != nil) || active == (links.Activate != nil && links.Delete != nil) {
		o.t.Errorf("credential %s, %s: created %s, last updated %s, links %+v", id, status, created, updated, links)
	}
}

func TestIDsHaveOktasForm(t *testing.T) {
	o := start(t, Options{})
	forms := map[string]string{o.st.Org: "00o", o.st.Agents[0].ID: "wlp", o.st.Apps[0].ID: "0oa", o.st.Users[0].ID: "00u", o.st.Groups[0].ID: "00g"}
	for id, prefix := range forms {
		if len(id) != 20 || !strings.HasPrefix(id, prefix) {
			t.Errorf("id %q, want 20 characters that begin with %s", id, prefix)
		}
	}
}
