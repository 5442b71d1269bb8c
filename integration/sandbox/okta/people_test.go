package okta

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func (o *org) personAt(id string) (u person) {
	o.t.Helper()
	o.read("/api/v1/users/"+id, &u)
	return u
}

// entries are the log's entries of a type about somebody or something since the clock was started.
func (o *org) entries(id, eventType string) []logEvent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return each(where(o.st.Log, func(e *logEntry) bool {
		about := slices.ContainsFunc(e.Event.Target, func(t logTarget) bool { return t.ID == id })
		return about && e.Event.EventType == eventType && !e.Published.Before(o.clock.Now())
	}), func(e *logEntry) logEvent { return e.Event })
}

func TestStepsInAPersonsLife(t *testing.T) {
	o := start(t, Options{})
	u := find(o.st.Users, func(u *user) bool { return u.Status == "ACTIVE" && u.ID != o.st.Admin })
	for _, step := range []struct {
		op            sandbox.Op
		status, event string
	}{
		{sandbox.SuspendPerson, "SUSPENDED", "user.lifecycle.suspend"},
		{sandbox.EnablePerson, "ACTIVE", "user.lifecycle.unsuspend"},
		{sandbox.DisablePerson, "DEPROVISIONED", "user.lifecycle.deactivate"},
		{sandbox.EnablePerson, "ACTIVE", "user.lifecycle.activate"},
	} {
		o.clock.advance(time.Minute)
		out := o.must(sandbox.Change{Op: step.op, Person: u.Email})
		now := stamp(o.clock.Now())
		if v := o.personAt(u.ID); v.Status != step.status || v.LastUpdated != now || *v.StatusChanged != now || v.Created == now {
			t.Errorf("%s at %s: %+v", step.op, now, v)
		}
		if out.Key != u.ID || out.Name != u.name() || out.Text == "" || out.Agent != "" {
			t.Errorf("%s: outcome %+v", step.op, out)
		}
		if e := o.entries(u.ID, step.event); len(e) != 1 || e[0].Actor.ID != o.st.Admin || e[0].Target[0].AlternateID != u.Email {
			t.Errorf("%s: log %+v", step.op, e)
		}
		if _, err := o.Mutate(sandbox.Change{Op: step.op, Person: u.ID}); !errors.Is(err, sandbox.ErrNoTarget) {
			t.Errorf("%s twice: %v, want ErrNoTarget", step.op, err)
		}
	}
}

func TestRenamingPersons(t *testing.T) {
	o := start(t, Options{})
	o.clock.advance(time.Minute)
	u, g, now := o.st.Users[3], o.st.Groups[2], stamp(o.clock.Now())
	before := o.personAt(u.ID)
	o.must(sandbox.Change{Op: sandbox.RenamePerson, Person: u.ID, Name: "Ada de la Cruz"})
	after := o.personAt(u.ID)
	if p := after.Profile; p.FirstName != "Ada" || p.LastName != "de la Cruz" || p.DisplayName != "Ada de la Cruz" || p.Login != before.Profile.Login {
		t.Errorf("renamed user: %+v", p)
	}
	if after.LastUpdated != now || *after.StatusChanged != *before.StatusChanged || len(o.entries(u.ID, "user.account.update_profile")) != 1 {
		t.Errorf("a new name must move lastUpdated alone: %+v", after)
	}
	o.must(sandbox.Change{Op: sandbox.RenamePerson, Person: g.ID, Name: "The Crew"})
	var v team
	o.read("/api/v1/groups/"+g.ID, &v)
	if v.Profile["name"] != "The Crew" || v.LastUpdated != now || v.LastMembershipUpdated == now || len(o.entries(g.ID, "group.profile.update")) != 1 {
		t.Errorf("renamed group: %+v", v)
	}
}

// TestOnlyTheResponsibleAreDrawn draws often; whoever comes up owns an agent or holds a token, and is not the administrator.
func TestOnlyTheResponsibleAreDrawn(t *testing.T) {
	o := start(t, Options{})
	o.must(sandbox.Change{Op: sandbox.AddOwner, Person: o.st.Admin})
	seen := map[string]int{}
	for i := range 200 {
		known := each(o.Truth().People, func(p sandbox.TruthPerson) string { return p.ID })
		op := []sandbox.Op{sandbox.DisablePerson, sandbox.EnablePerson, sandbox.SuspendPerson, sandbox.RenamePerson}[i%4]
		out, err := o.Mutate(sandbox.Change{Op: op})
		if errors.Is(err, sandbox.ErrNoTarget) {
			continue
		}
		if err != nil || !slices.Contains(known, out.Key) || out.Key == o.st.Admin && op != sandbox.RenamePerson {
			t.Fatalf("%s drew %+v, %v", op, out, err)
		}
		seen[out.Key[:3]+" "+string(op)]++
	}
	for _, want := range []string{"00u person.disable", "00u person.enable", "00u person.suspend", "00u person.rename", "00g person.rename"} {
		if seen[want] == 0 {
			t.Errorf("never %s: %v", want, seen)
		}
	}
}

func TestPeopleOfTheTruth(t *testing.T) {
	o := start(t, Options{})
	agent := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "ai_agent", Person: o.st.Users[20].ID}).Agent
	u := o.st.Users[20]
	one := func() (all []sandbox.TruthPerson) {
		return where(o.Truth().People, func(p sandbox.TruthPerson) bool { return p.ID == u.ID })
	}
	if diff := cmp.Diff([]sandbox.TruthPerson{{ID: u.ID, Native: "user", Name: u.name(), Status: "active"}}, one()); diff != "" {
		t.Errorf("an owner (-want +got):\n%s", diff)
	}
	o.must(sandbox.Change{Op: sandbox.SuspendPerson, Person: u.ID})
	if p := one(); len(p) != 1 || p[0].Status != "disabled" {
		t.Errorf("a suspended owner: %+v", p)
	}
	o.must(sandbox.Change{Op: sandbox.DeleteAgent, Agent: agent})
	if p := one(); len(p) != 0 {
		t.Errorf("the owner of a deleted agent: %+v", p)
	}
	token := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "api_token", Person: u.ID}).Agent
	if p := one(); len(p) != 1 {
		t.Errorf("the holder of a token: %+v", p)
	}
	o.expect("DELETE", "/api/v1/api-tokens/"+token, "", "", 204, "")
	if p := one(); len(p) != 0 {
		t.Errorf("the holder of a revoked token: %+v", p)
	}
	if !slices.IsSortedFunc(o.Truth().People, func(a, b sandbox.TruthPerson) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the people are not sorted")
	}
}
