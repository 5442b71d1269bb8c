package entra

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// heritage is a tenant of so many agents of one blueprint, whose principal may do one thing that flows to them.
func heritage(agents int) (answers map[string]canned, ids []string, book logBook) {
	answers = inheriting(`{"resourceAppId":"graph-app","inheritableScopes":{"kind":"allAllowed"}}`)
	book = knows(blueprintRef(principal1), blueprintRef(blueprint1))
	var items []string
	for n := range agents {
		id := fmt.Sprintf("a1a1a1a1-%04d-4000-8000-000000000001", n+1)
		ids = append(ids, id)
		items = append(items, `{"id":"`+id+`","agentIdentityBlueprintId":"`+blueprint1+`"}`)
		book[agentRef(id)] = true
	}
	answers[castAgentIdentity] = list(items...)
	of := byAppID("servicePrincipals", blueprint1)
	answers[of] = canned{body: `{"id":"` + principal1 + `"}`}
	answers[of+"/appRoleAssignments"] = answers["/servicePrincipals/"+principal1+"/appRoleAssignments"]
	answers[of+"/oauth2PermissionGrants"] = answers["/servicePrincipals/"+principal1+"/oauth2PermissionGrants"]
	answers[byAppID("applications", blueprint1)+pathRules] = answers["/applications/"+blueprint1+pathRules]
	answers["/servicePrincipals/"+principal1] = canned{body: itemBP}
	return answers, ids, book
}

// inheritedBy are the agents of whom a page tells what they inherit, with the keys of it.
func inheritedBy(t *testing.T, p connectors.Page) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range p.Records {
		if r.Type != recordInherited {
			continue
		}
		reading, err := normalize(r)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, e := range reading.Entities {
			if e.Grant.Inherited != principal1 {
				t.Errorf("%s is inherited from %q", e.Key, e.Grant.Inherited)
			}
			keys = append(keys, e.Key)
		}
		out[r.Context[contextHolder]] = strings.Join(keys, " ")
	}
	return out
}

func each(ids []string, keys string) map[string]string {
	out := map[string]string{}
	for _, id := range ids {
		out[id] = keys
	}
	return out
}

func feedOf(t *testing.T, c *Connector, name string) connectors.Feed {
	t.Helper()
	i := slices.IndexFunc(c.Feeds(), func(f connectors.Feed) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no feed %s", name)
	}
	return c.Feeds()[i]
}

// TestInheritanceTakesNoCallPerAgent: the sweep's calls are the same for few and for many agents of a blueprint, whether beta answers
// or not.
func TestInheritanceTakesNoCallPerAgent(t *testing.T) {
	for _, beta := range []bool{false, true} {
		var calls []int
		for _, n := range []int{3, 90} {
			answers, ids, book := heritage(n)
			want := each(ids, "inherited:r1 inherited:c1")
			if beta {
				want = each(ids, "inherited:r9")
				one := "/beta" + castAgentIdentity + "/" + ids[1] // beta does not know the first one yet
				answers[one+betaRoles], answers[one+betaConsents] = list(`{"id":"r9","principalId":"`+ids[1]+`","appRoleId":"`+roleID+`","resourceId":"`+graphID+`"}`), list()
			}
			g := newGraph(t, answers)
			p := pullAll(t, g.feed(feedInherited), nil, book)
			if diff := cmp.Diff(want, inheritedBy(t, p)); diff != "" {
				t.Errorf("beta %v, %d agents (-want +got):\n%s", beta, n, diff)
			}
			calls = append(calls, g.count(""))
		}
		if calls[0] != calls[1] {
			t.Errorf("beta %v: %d parts for few agents, %d for many", beta, calls[0], calls[1])
		}
	}
}

// TestGrantOfABlueprintReachesItsAgents: an entry of the audit log about a blueprint's principal, and a changed consent of it, are told
// of all its agents on the same page, as of when it was read.
func TestGrantOfABlueprintReachesItsAgents(t *testing.T) {
	answers, ids, book := heritage(40)
	answers[auditPath] = list(entry("e1", "Add app role assignment to service principal", principal1))
	const delta = "/oauth2PermissionGrants/delta"
	for path, a := range changes(delta, `{"id":"c1","clientId":"`+principal1+`","consentType":"AllPrincipals","resourceId":"`+graphID+`","scope":"Mail.Read"}`) {
		answers[path] = a
	}
	g := newGraph(t, answers)
	c := g.connector()
	want := each(ids, "inherited:r1 inherited:c1")
	pullAll(t, feedOf(t, c, feedInherited), nil, book)
	for name, from := range map[string]connectors.Cursor{feedAudits: logFrom(t, time.Minute), "oauth2-grants": after(t, g, delta)} {
		before := g.count("")
		p := pullAll(t, feedOf(t, c, name), from, book)
		if diff := cmp.Diff(want, inheritedBy(t, p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := g.count("") - before; n > 20 {
			t.Errorf("%s asked %d things to tell of %d agents", name, n, len(ids))
		}
		if slices.Contains(p.Wakes, feedInherited) {
			t.Errorf("%s wakes the sweep, although all agents are known", name)
		}
	}
	// A process that has not listed the agents leaves it to the sweep.
	if p := pullAll(t, g.feed(feedAudits), logFrom(t, time.Minute), book); !slices.Contains(p.Wakes, feedInherited) {
		t.Errorf("wakes %v", p.Wakes)
	}
}

// TestBetaIsAskedAboutOneOfThem: where all agents of a blueprint are to be told of, beta is asked about the first of them; where one is
// new, about those that are known. What beta shows of an agent whose blueprint's principal is not known does not flow from the agent.
func TestBetaIsAskedAboutOneOfThem(t *testing.T) {
	answers, ids, book := heritage(3)
	delete(answers, byAppID("servicePrincipals", blueprint1))
	answers[auditPath] = list(entry("e1", "Update service principal", principal1))
	for _, id := range ids[:2] {
		one := "/beta" + castAgentIdentity + "/" + id
		answers[one+betaRoles] = list(`{"id":"r9","principalId":"` + id + `","appRoleId":"` + roleID + `","resourceId":"` + graphID + `"}`)
		answers[one+betaConsents] = list(`{"id":"c9","clientId":"` + id + `","scope":"B A","resourceId":"` + graphID + `"}`)
	}
	const delta = "/servicePrincipals/delta"
	for at, a := range changes(delta, strings.ReplaceAll(itemAgent1, agent1, ids[2])) {
		answers[at] = a
	}
	g := newGraph(t, answers)
	c := g.connector()
	pullAll(t, feedOf(t, c, feedInherited), nil, book)
	delete(book, agentRef(ids[2]))
	for name, from := range map[string]connectors.Cursor{feedAudits: logFrom(t, time.Minute), "service-principals": after(t, g, delta)} {
		n := 0
		for _, r := range pullAll(t, feedOf(t, c, name), from, book).Records {
			if r.Type != recordInherited {
				continue
			}
			n++
			reading, err := normalize(r)
			if err != nil || len(reading.Entities) != 2 {
				t.Fatalf("%s: %+v, %v", name, reading, err)
			}
			for _, e := range reading.Entities {
				if e.Grant.Inherited != blueprint1 {
					t.Errorf("%s: %s flows from %q", name, e.Key, e.Grant.Inherited)
				}
			}
		}
		if want := map[string]int{feedAudits: 3, "service-principals": 1}[name]; n != want {
			t.Errorf("%s tells of %d agents, want %d", name, n, want)
		}
	}
}

// TestDeltaFillsTheFamily: which agents a blueprint has is known from the delta as well.
func TestDeltaFillsTheFamily(t *testing.T) {
	const path = "/servicePrincipals/delta"
	g := newGraph(t, changes(path, itemBP, itemAgent1, itemAgent3, `{"id":"`+agent3+`","@removed":{"reason":"changed"}}`))
	c := g.connector()
	pullAll(t, feedOf(t, c, "service-principals"), after(t, g, path), knows(agentRef(agent1), agentRef(agent3), blueprintRef(principal1)))
	if app, agents, whole := c.client.family.of(principal1); app != blueprint1 || whole || !slices.Equal(agents, []string{agent1}) {
		t.Errorf("%s has %v, whole %v", app, agents, whole)
	}
}

// TestNewAgentInheritsAtOnce: what flows to an agent that nobody knew is told with it.
func TestNewAgentInheritsAtOnce(t *testing.T) {
	answers, _, _ := heritage(1)
	const path = "/servicePrincipals/delta"
	for at, a := range changes(path, itemAgent1) {
		answers[at] = a
	}
	g := newGraph(t, answers)
	p := pullAll(t, g.feed("service-principals"), after(t, g, path), knows())
	if diff := cmp.Diff(each([]string{agent1}, "inherited:r1 inherited:c1"), inheritedBy(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestUnknownLineageIsNotNone: where something of a blueprint may not be read, nothing is told of its agents, and the feed says so.
func TestUnknownLineageIsNotNone(t *testing.T) {
	for _, path := range []string{"/applications/" + blueprint1 + pathRules, "/servicePrincipals/" + principal1 + "/appRoleAssignments", pathResource + graphID} {
		answers, _, book := heritage(2)
		answers[path] = canned{status: 403, body: errorBody("Authorization_RequestDenied")}
		p := pullAll(t, newGraph(t, answers).feed(feedInherited), nil, book)
		if got := inheritedBy(t, p); len(got) != 0 || len(p.Blind) == 0 {
			t.Errorf("without %s: %v, blind %v", path, got, p.Blind)
		}
	}
}

// TestSweepTellsAsOfWhenItRead: what a round read at its beginning must not overwrite what was read while it went on.
func TestSweepTellsAsOfWhenItRead(t *testing.T) {
	answers, _, book := heritage(2)
	g := newGraph(t, answers)
	f := g.feed(feedInherited)
	var from connectors.Cursor
	var rules time.Time
	for {
		p, err := f.Pull(connectors.Knowing(t.Context(), book), from)
		if err != nil {
			t.Fatal(err)
		}
		if rules.IsZero() {
			rules = time.Now()
		}
		for _, r := range p.Records {
			if r.Asked.IsZero() || r.Asked.After(rules) {
				t.Errorf("told as of %v, not as of the rules", r.Asked)
			}
		}
		if from = p.Next; !p.More {
			return
		}
	}
}

// TestFamily: who moves, goes and comes back.
func TestFamily(t *testing.T) {
	f := newFamily()
	f.head("principal", "app")
	f.agent("b", "app")
	f.agent("a", "app")
	f.agent("a", "app")
	f.agent("c", "other")
	if app, agents, whole := f.of("principal"); app != "app" || whole || !slices.Equal(agents, []string{"a", "b"}) {
		t.Errorf("%s has %v, whole %v", app, agents, whole)
	}
	f.complete()
	f.note(item{ID: "a", Removed: &struct{}{}})
	f.agent("b", "other")
	if _, agents, whole := f.of("principal"); len(agents) != 0 || !whole {
		t.Errorf("it has %v, whole %v", agents, whole)
	}
	if app, _, whole := f.of(events.Self); app != "" || whole {
		t.Errorf("a stranger is a blueprint: %q", app)
	}
	if got := f.all("other"); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("the other has %v", got)
	}
}
