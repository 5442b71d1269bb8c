package roster

import (
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
