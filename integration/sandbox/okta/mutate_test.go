package okta

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// apiTruth reads the truth back over the API, as a reader would.
func (o *org) apiTruth() (all []sandbox.TruthAgent) {
	o.t.Helper()
	owners := o.apiOwners()
	ids, _ := o.walk(agents)
	for _, id := range ids {
		var a aiAgent
		var keys listBody[jwk]
		o.read(agents+"/"+id, &a)
		o.read(agents+"/"+id+"/credentials/jwks", &keys)
		grants, _ := o.walk(agents + "/" + id + "/connections")
		links, _ := o.walk(delegationLinks + "?filter=" + url.QueryEscape(`to.resourceOrn eq "`+o.st.agentORN(id)+`"`))
		all = append(all, sandbox.TruthAgent{
			ID: id, Native: "ai_agent", Name: a.Profile.Name, Status: statuses[a.Status], Stewards: owners[id],
			Credentials: each(keys.Data, func(k jwk) string { return k.Kid }), Grants: append(grants, links...),
		})
	}
	all = append(all, o.apiApps()...)
	all = append(all, o.apiTokens()...)
	for _, a := range all {
		slices.Sort(a.Stewards)
		slices.Sort(a.Credentials)
		slices.Sort(a.Grants)
	}
	slices.SortFunc(all, func(a, b sandbox.TruthAgent) int { return strings.Compare(a.ID, b.ID) })
	return all
}

func (o *org) apiOwners() map[string][]string {
	owners := map[string][]string{}
	for path := ownersPath + url.QueryEscape(sweep); path != ""; {
		var page listBody[resourceOwner]
		r := o.read(path, &page)
		for _, v := range page.Data {
			owners[v.Resource.ID] = each(v.Principals, func(p principal) string { return "owner:" + p.Profile.ID })
		}
		path = r.next()
	}
	return owners
}

func (o *org) apiApps() (all []sandbox.TruthAgent) {
	for path := "/api/v1/apps?includeNonDeleted=true"; path != ""; {
		var page []application
		r := o.read(path, &page)
		for _, a := range page {
			if a.Settings.OAuthClient == nil || a.Settings.OAuthClient.ApplicationType != "service" {
				continue
			}
			v := sandbox.TruthAgent{ID: a.ID, Native: "service_app", Name: a.Label, Status: statuses[a.Status]}
			if k := a.Settings.OAuthClient.JWKS; k != nil {
				v.Credentials = each(k.Keys, func(k jwk) string { return k.Kid })
			} else if a.Settings.OAuthClient.JWKSURI != "" {
				v.Credentials = []string{"jwks_uri"}
			}
			grants, _ := o.walk("/api/v1/apps/" + a.ID + "/grants")
			roles, _ := o.walk("/oauth2/v1/clients/" + a.ID + "/roles")
			v.Grants = append(grants, roles...)
			all = append(all, v)
		}
		path = r.next()
	}
	return all
}

func (o *org) apiTokens() []sandbox.TruthAgent {
	var list []tokenMetadata
	o.read("/api/v1/api-tokens", &list)
	return each(list, func(t tokenMetadata) sandbox.TruthAgent {
		return sandbox.TruthAgent{
			ID: t.ID, Native: "api_token", Name: t.Name, Status: "active", Stewards: []string{"owner:" + t.UserID}, Credentials: []string{t.ID},
		}
	})
}

// apiPeople looks everybody up who stands among the stewards, one by one.
func (o *org) apiPeople() (all []sandbox.TruthPerson) {
	ids := map[string]bool{}
	for _, a := range o.Truth().Agents {
		for _, s := range a.Stewards {
			ids[strings.TrimPrefix(s, "owner:")] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if strings.HasPrefix(id, "00g") {
			var g team
			o.read("/api/v1/groups/"+id, &g)
			all = append(all, sandbox.TruthPerson{ID: id, Native: "group", Name: g.Profile["name"], Status: "active"})
			continue
		}
		var u person
		o.read("/api/v1/users/"+id, &u)
		all = append(all, sandbox.TruthPerson{ID: id, Native: "user", Name: u.Profile.DisplayName, Status: personStatus[u.Status]})
	}
	return all
}

// compare checks that the API shows the truth. No list and an empty one are the same to it.
func (o *org) compare(when string) {
	o.t.Helper()
	want := o.Truth().Agents
	for i := range want {
		want[i].Stewards, want[i].Credentials, want[i].Grants = orNil(want[i].Stewards), orNil(want[i].Credentials), orNil(want[i].Grants)
	}
	got := o.apiTruth()
	for i := range got {
		got[i].Stewards, got[i].Credentials, got[i].Grants = orNil(got[i].Stewards), orNil(got[i].Credentials), orNil(got[i].Grants)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		o.t.Fatalf("%s: truth and API differ (-truth +API):\n%s", when, diff)
	}
	if diff := cmp.Diff(o.Truth().People, o.apiPeople()); diff != "" {
		o.t.Fatalf("%s: truth and API differ in people (-truth +API):\n%s", when, diff)
	}
}

func orNil(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}

func TestSeededOrgShowsItsTruth(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	o.compare("seeded")
	seen := map[string]int{}
	for _, p := range o.Truth().People {
		seen[p.Native]++
	}
	for _, a := range o.Truth().Agents {
		seen[a.Native]++
		seen[a.Status]++
		for what, n := range map[string]int{"steward": len(a.Stewards), "credential": len(a.Credentials), "grant": len(a.Grants)} {
			if n > 0 {
				seen["with "+what]++
			} else {
				seen["without "+what]++
			}
		}
	}
	for _, p := range personStatus {
		if !slices.ContainsFunc(o.st.Users, func(u *user) bool { return personStatus[u.Status] == p }) {
			t.Errorf("nobody in the seeded org is %s", p)
		}
	}
	for _, want := range []string{
		"user", "group", "ai_agent", "service_app", "api_token", "active", "disabled", "pending", "with steward", "without steward", "with credential",
		"without credential", "with grant",
	} {
		if seen[want] == 0 {
			t.Errorf("the seeded org has nothing %s: %v", want, seen)
		}
	}
	if n := len(sandbox.NewCompany(1, 60).For("okta")); len(o.Truth().Agents) != n+seen["api_token"] {
		t.Errorf("%d identities, want the company's %d and the API tokens", len(o.Truth().Agents), n)
	}
}

// TestEachChange makes each change to each kind of identity and looks at what it did to the truth, the API and the log.
func TestEachChange(t *testing.T) {
	const wp, ag = "workload_principal.", "workload_principal.ai_agent."
	for _, c := range []struct {
		change sandbox.Change
		event  string // that the change must leave in the log
		did    func(before, after sandbox.TruthAgent, key string) bool
	}{
		{sandbox.Change{Op: sandbox.DisableAgent, Native: "ai_agent"}, wp + "deactivate", nowIs("disabled")},
		{sandbox.Change{Op: sandbox.DisableAgent, Native: "service_app"}, "application.lifecycle.deactivate", nowIs("disabled")},
		{sandbox.Change{Op: sandbox.EnableAgent, Native: "ai_agent"}, wp + "activate", nowIs("active")},
		{sandbox.Change{Op: sandbox.EnableAgent, Native: "service_app"}, "application.lifecycle.activate", nowIs("active")},
		{sandbox.Change{Op: sandbox.RenameAgent, Native: "ai_agent", Name: "Another name"}, wp + "update", renamed},
		{sandbox.Change{Op: sandbox.RenameAgent, Native: "service_app", Name: "Another name"}, "application.lifecycle.update", renamed},
		{sandbox.Change{Op: sandbox.AddOwner}, "resource.owner.update", stewards(1)},
		{sandbox.Change{Op: sandbox.RemoveOwner}, "resource.owner.update", stewards(-1)},
		{sandbox.Change{Op: sandbox.AddCredential, Native: "ai_agent"}, ag + "credential.create", credentials(1)},
		{sandbox.Change{Op: sandbox.AddCredential, Native: "service_app"}, "app.oauth2.credentials.lifecycle.create", credentials(1)},
		{sandbox.Change{Op: sandbox.RemoveCredential, Native: "ai_agent"}, ag + "credential.delete", credentials(-1)},
		{sandbox.Change{Op: sandbox.RemoveCredential, Native: "service_app"}, "app.oauth2.credentials.lifecycle.delete", credentials(-1)},
		{sandbox.Change{Op: sandbox.AddGrant, Native: "ai_agent"}, wp, grants(1)},
		{sandbox.Change{Op: sandbox.AddGrant, Native: "service_app"}, "app.oauth2.", grants(1)},
		{sandbox.Change{Op: sandbox.RemoveGrant, Native: "ai_agent"}, wp, grants(-1)},
		{sandbox.Change{Op: sandbox.RemoveGrant, Native: "service_app"}, "app.oauth2.", grants(-1)},
	} {
		t.Run(string(c.change.Op)+" "+c.change.Native, func(t *testing.T) {
			o := start(t, Options{PageSize: 3})
			before := map[string]sandbox.TruthAgent{}
			for _, a := range o.Truth().Agents {
				before[a.ID] = a
			}
			out := o.must(c.change)
			after, _ := o.truth(out.Agent)
			if c.change.Native != "" && after.Native != c.change.Native || !c.did(before[out.Agent], after, out.Key) {
				t.Errorf("%+v: before %+v, after %+v", out, before[out.Agent], after)
			}
			if out.Text == "" || out.Name != after.Name || !out.At.Equal(o.clock.Now()) {
				t.Errorf("outcome %+v of %+v", out, after)
			}
			o.compare(out.Text)
			o.logged(out.Agent, c.event)
		})
	}
}

// logged checks that the log has an entry about an identity since the clock was started.
func (o *org) logged(id, event string) {
	o.t.Helper()
	filter := url.QueryEscape(`target.id eq "` + id + `" and eventType sw "` + event + `"`)
	if n := len(o.get("/api/v1/logs?since=" + stamp(o.clock.Now()) + "&filter=" + filter).ids(o.t)); n == 0 {
		o.t.Errorf("no %s about %s in the log", event, id)
	}
}

func nowIs(status string) func(b, a sandbox.TruthAgent, _ string) bool {
	return func(b, a sandbox.TruthAgent, _ string) bool { return b.Status != status && a.Status == status }
}

func renamed(b, a sandbox.TruthAgent, _ string) bool {
	return b.Name != a.Name && a.Name == "Another name"
}

// came tells whether a list grew, or shrank, by just the given key.
func came(by int, before, after []string, key string) bool {
	if by < 0 {
		before, after = after, before
	}
	return len(after) == len(before)+1 && slices.Contains(after, key) && !slices.Contains(before, key)
}

func stewards(by int) func(b, a sandbox.TruthAgent, key string) bool {
	return func(b, a sandbox.TruthAgent, key string) bool { return came(by, b.Stewards, a.Stewards, "owner:"+key) }
}

func credentials(by int) func(b, a sandbox.TruthAgent, key string) bool {
	return func(b, a sandbox.TruthAgent, key string) bool { return came(by, b.Credentials, a.Credentials, key) }
}

func grants(by int) func(b, a sandbox.TruthAgent, key string) bool {
	return func(b, a sandbox.TruthAgent, key string) bool { return came(by, b.Grants, a.Grants, key) }
}

func TestCreateAndDelete(t *testing.T) {
	for native, events := range map[string][2]string{
		"ai_agent":    {"workload_principal.register", "workload_principal.delete"},
		"service_app": {"application.lifecycle.create", "application.lifecycle.delete"},
		"api_token":   {"system.api_token.create", "system.api_token.revoke"},
	} {
		o := start(t, Options{PageSize: 3})
		out := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: native, Name: "Brand new", Person: o.st.Users[0].Key})
		if a, ok := o.truth(out.Agent); !ok || a.Name != "Brand new" || a.Native != native || a.Status != "active" {
			t.Errorf("created %+v", a)
		}
		o.compare("created " + native)
		o.logged(out.Agent, events[0])
		o.must(sandbox.Change{Op: sandbox.DeleteAgent, Agent: out.Agent})
		if a, ok := o.truth(out.Agent); ok {
			t.Errorf("deleted, and still there: %+v", a)
		}
		o.compare("deleted " + native)
		o.logged(out.Agent, events[1])
	}
}

func TestChangesWithoutATarget(t *testing.T) {
	o := start(t, Options{})
	active := find(o.st.Agents, func(a *agent) bool { return a.Status == "ACTIVE" })
	for _, c := range []sandbox.Change{
		{Op: sandbox.RestoreAgent},
		{Op: sandbox.PurgeAgent},
		{Op: sandbox.EnableAgent, Agent: active.ID},
		{Op: sandbox.DisableAgent, Agent: "wlp0"},
		{Op: sandbox.CreateAgent, Native: "agent_identity"},
		{Op: sandbox.CreateAgent, Name: active.Name},
		{Op: sandbox.AddOwner, Person: "nobody"},
		{Op: sandbox.AddOwner, Native: "service_app"},
		{Op: sandbox.RenameAgent, Native: "api_token"},
		{Op: sandbox.CreateAgent, Native: "api_token", Person: "nobody"},
		{Op: sandbox.DisablePerson, Person: "nobody"},
		{Op: sandbox.DisablePerson, Native: "group"},
		{Op: sandbox.RenamePerson, Native: "robot"},
		{Op: sandbox.RenamePerson, Person: o.st.Users[0].ID, Name: o.st.Users[0].name()},
		{Op: sandbox.RenamePerson, Person: o.st.Groups[1].ID, Name: o.st.Groups[1].Name},
		{Op: sandbox.EnablePerson, Person: o.st.Admin},
		{Op: sandbox.ActAgent, Native: "agent_identity"},
		{Op: "agent.burn"},
	} {
		if out, err := o.Mutate(c); !errors.Is(err, sandbox.ErrNoTarget) {
			t.Errorf("%+v: %+v, %v; want ErrNoTarget", c, out, err)
		}
	}
}

// TestRandomChanges makes several hundred changes of all kinds and compares truth and API again and again.
func TestRandomChanges(t *testing.T) {
	o := start(t, Options{PageSize: 3, EmptyPages: true})
	r := sandbox.NewRand(99)
	done := 0
	ops := slices.Concat(sandbox.Ops(), sandbox.ExtraOps())
	for i := range 400 {
		op := ops[r.Pick(len(ops))]
		if _, err := o.Mutate(sandbox.Change{Op: op}); err == nil {
			done++
		} else if !errors.Is(err, sandbox.ErrNoTarget) {
			t.Fatal(err)
		}
		if i%100 == 99 {
			o.compare("after random changes")
		}
	}
	if done < 300 {
		t.Errorf("only %d of 400 changes found a target", done)
	}
}
