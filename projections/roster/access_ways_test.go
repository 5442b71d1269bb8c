package roster

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/rollcallhq/rollcall/events"
)

// Of several ways to act as somebody, the one under the fewest conditions is told, and a way that ends ends all that it leads to.
func TestWaysToActAsOthers(t *testing.T) {
	c := &company{t, Documents{}}
	account := func(n string) string { return "//iam.googleapis.com/projects/p1/serviceAccounts/" + n }
	until := func(g events.Grant, day string) events.Grant {
		g.Condition = `request.time < timestamp("` + day + `T00:00:00Z")`
		return g
	}
	sa := func(n string) Identity {
		return is("google", n, "service_account", n, n, n+"@p1.iam.gserviceaccount.com")
	}
	token := func(n string) events.Grant { return role("roles/iam.serviceAccountTokenCreator", account(n)) }
	c.agent("agt_a", sa("a").may(until(token("c"), "2027-01-01")).may(token("b")).may(until(token("d"), "2027-05-01")))
	c.agent("agt_b", sa("b").may(token("c")).may(role("roles/iam.serviceAccountKeyAdmin", account("a")))) // in a circle
	c.agent("agt_c", sa("c").may(role("roles/viewer", project)))
	c.agent("agt_d", sa("d").may(until(role("roles/browser", project), "2027-09-01")).may(until(role("roles/run.viewer", project), "2027-02-01")))
	a, err := Reader{Store: c.docs}.AccessOfAgent(t.Context(), "", "agt_a")
	if err != nil {
		t.Fatal(err)
	}
	a.Access = slices.DeleteFunc(a.Access, func(x Access) bool { return x.Level != LevelRead })
	for n := range a.Access {
		a.Access[n].Condition = ""
		for m := range a.Access[n].Via {
			a.Access[n].Via[m].Condition = ""
		}
	}
	same(t, "ways", lines(a), []string{
		"a: read roles/browser on " + project + " impersonates d until 2027-05-01",
		"a: read roles/run.viewer on " + project + " impersonates d until 2027-02-01",
		"a: read roles/viewer on " + project + " impersonates b impersonates c",
	})
}

// Who gave a delegation is told by the event that made it, and by no later one.
func TestFindConsents(t *testing.T) {
	r := acme(t)
	told := map[events.Ref]string{ // the event that is the last about each delegation
		{Kind: events.KindDelegation, Holder: "wlp1", Key: "wlp1-d0"}: "event-wlp1-d0",
		{Kind: events.KindDelegation, Holder: "ai-2", Key: "ai-2-d1"}: "a later event",
	}
	last := func(_ context.Context, tenant, connection string, ref events.Ref) (events.Message, bool, error) {
		id, ok := told[ref]
		e := events.Event{ID: id, Tenant: tenant, Connection: connection, Data: events.Data{Evidence: events.Evidence{Actor: &events.Actor{ID: "admin-1"}}}}
		return events.Message{Event: e}, ok, nil
	}
	for agent, want := range map[string][]string{"Finch": {"* by admin-1"}, "Robin": {"unknown by ", "ada by ada"}} {
		a, err := r.AccessOfAgent(t.Context(), "", agent)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.FindConsents(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, x := range a.Access {
			if x.OnBehalf != "" {
				got = append(got, x.OnBehalf+" by "+x.ConsentedBy)
			} else if x.ConsentedBy != "" {
				t.Errorf("%+v is no delegation", x)
			}
		}
		same(t, agent, got, want)
	}
	a, err := r.AccessOfAgent(t.Context(), "", "Finch")
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := a.FindConsents(t.Context(), func(context.Context, string, string, events.Ref) (events.Message, bool, error) {
		return events.Message{}, false, broken
	}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
