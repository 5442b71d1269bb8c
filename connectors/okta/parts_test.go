package okta

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// knowing is a log that knows some holders: agents and apps, people and groups, by their ids.
type knowing []string

func (k knowing) IsKnown(r events.Ref) bool { return slices.Contains(k, r.Holder) }

// Holds is asked of holders whose names "<holder> <kind>" are among those that are known.
func (k knowing) Holds(holder string, kind events.Kind) bool {
	return slices.Contains(k, holder+" "+string(kind))
}

func (k knowing) Known(kind events.Kind) []string {
	return slices.DeleteFunc(slices.Clone(k), func(id string) bool { return (isUser(id) || isGroup(id)) != (kind == events.KindPerson) })
}

// wholeAgent lets an org answer everything about an agent, which a user owns.
func (o *org) wholeAgent(id, owner string) {
	o.on(agentsPath+"/"+id, fixed(200, anAgent(id, "agent "+id, "")))
	o.on(agentsPath+"/"+id+"/credentials/jwks", fixed(200, `{"data":[{"id":"pks`+id+`","kty":"RSA","status":"ACTIVE"}]}`))
	o.on(agentsPath+"/"+id+"/connections", fixed(200, `{"data":[]}`))
	o.on(delegationsPath, fixed(200, `{"data":[]}`))
	o.on(ownersPath, ownersAs("each", map[string][]string{id: {anOwner(id, owner)}}))
	o.on(usersPath+"/"+owner, fixed(200, `{"id":"`+owner+`","status":"SUSPENDED","profile":{"displayName":"Dana Roe","login":"d@acme.test"}}`))
}

// pullKnowing pulls a feed's first page in the sight of a log.
func pullKnowing(t *testing.T, c *connector, feed string, k knowing) (pass, connectors.Page) {
	t.Helper()
	page, err := c.feed(t, feed)(connectors.Knowing(t.Context(), k), nil)
	if err != nil {
		t.Fatal(err)
	}
	var p pass
	p.add(t, c, page)
	return p, page
}

// What hangs on an agent that the log does not know is read with it, in the same page.
func TestNewAgentIsReadWhole(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(9, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", "")))
	o.wholeAgent("wlp2", "00u1")
	p, page := pullKnowing(t, o.connect(t), "ai-agents", knowing{"wlp1"})
	if d := cmp.Diff([]string{"agent-keys/wlp2", "connections/wlp2", "delegations/wlp2", "owners/wlp2"}, p.replaces()); d != "" {
		t.Error(d)
	}
	if got := p.refs(events.KindPerson); !slices.Equal(got, []string{"00u1 self"}) || page.Wakes != nil || len(page.Seals) != 1 {
		t.Errorf("people %v, wakes %v, seals %v", got, page.Wakes, page.Seals)
	}
	if p, _ = pullKnowing(t, o.connect(t), "ai-agents", knowing{"wlp1", "wlp2"}); p.replaces() != nil {
		t.Errorf("of what is known it reads %v", p.replaces())
	}
	if p, _ = pullKnowing(t, o.connect(t), "ai-agents", nil); p.replaces() != nil {
		t.Errorf("the very first pass, beside which the walks go, reads %v", p.replaces())
	}
}

// A small list that is empty and would take away what is known is read twice: a moment's blindness takes nothing away, and a second
// empty answer does.
func TestEmptySmallListIsReadTwice(t *testing.T) {
	for _, c := range []struct {
		held           bool
		answers, calls int
		keys           int
	}{
		{held: true, answers: 1, calls: 2, keys: 1}, {held: true, answers: 2, calls: 2, keys: 0}, {held: false, answers: 1, calls: 1, keys: 0},
	} {
		o := newOrg(t)
		left := c.answers
		o.on(agentsPath, bodyPaged(9, anAgent("wlp1", "one", "")))
		o.on(agentsPath+"/wlp1/credentials/jwks", func(w http.ResponseWriter, r *http.Request) {
			if left--; left >= 0 {
				fixed(200, `{"data":[]}`)(w, r)
				return
			}
			fixed(200, `{"data":[{"id":"pks1","kty":"RSA","status":"ACTIVE"}]}`)(w, r)
		})
		known := knowing{"wlp1"}
		if c.held {
			known = append(known, "wlp1 credential")
		}
		conn := o.connect(t)
		ctx := connectors.Knowing(t.Context(), known)
		first, err := conn.feed(t, "agent-keys")(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		page, err := conn.feed(t, "agent-keys")(ctx, first.Next)
		if err != nil {
			t.Fatal(err)
		}
		var p pass
		p.add(t, conn, page)
		if got := len(p.refs(events.KindCredential)); got != c.keys || len(o.calls("/credentials/jwks")) != c.calls || len(p.replaces()) != 1 {
			t.Errorf("%+v: %d keys in %d calls, replaces %v", c, got, len(o.calls("/credentials/jwks")), p.replaces())
		}
	}
}

// Where much is new, or something of it cannot be read now, the walks are woken, and the listing goes on.
func TestNewAgentsAreLeftToTheWalks(t *testing.T) {
	o := newOrg(t)
	many := []string{anAgent("wlp0", "known", "")}
	for n := range mostNew + 1 {
		many = append(many, anAgent(fmt.Sprint("wlpx", n), "new", ""))
	}
	o.on(agentsPath, bodyPaged(99, many...))
	p, page := pullKnowing(t, o.connect(t), "ai-agents", knowing{"wlp0"})
	if len(o.calls("")) != 1 || !slices.Equal(page.Wakes, agentWalks) || len(p.refs(events.KindAgent)) != len(many) {
		t.Errorf("%d calls, wakes %v, %d agents", len(o.calls("")), page.Wakes, len(p.refs(events.KindAgent)))
	}
	o.on(agentsPath, bodyPaged(9, many[:2]...))
	o.wholeAgent("wlpx0", "00u1")
	o.on(agentsPath+"/wlpx0/connections", fixed(500, `{}`))
	if p, page = pullKnowing(t, o.connect(t), "ai-agents", knowing{"wlp0"}); !slices.Equal(page.Wakes, agentWalks) || len(p.refs(events.KindAgent)) != 2 {
		t.Errorf("wakes %v, agents %v", page.Wakes, p.refs(events.KindAgent))
	}
	o.on(agentsPath+"/wlpx0/connections", fixed(403, `{"errorCode":"E0000006"}`)) // the walk finds out whether that stays so
	c := o.connect(t)
	if p, page = pullKnowing(t, c, "ai-agents", knowing{"wlp0"}); !slices.Equal(page.Wakes, agentWalks) || len(p.refs(events.KindCredential)) != 1 {
		t.Errorf("wakes %v, keys %v", page.Wakes, p.refs(events.KindCredential))
	}
	c.client.may([]*part{partConnections}, false)
	if p, page = pullKnowing(t, c, "ai-agents", knowing{"wlp0"}); page.Wakes != nil || len(p.refs(events.KindCredential)) != 1 {
		t.Errorf("wakes %v, keys %v", page.Wakes, p.refs(events.KindCredential))
	}
}

func TestNewServiceAppIsReadWhole(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(1))
	o.on(appsPath, linkPaged(9, anApp("0oa1", "service", ""), anApp("0oa2", "service", "")))
	o.on(appsPath+"/0oa2/credentials/jwks", fixed(200, `[{"id":"pks2","kid":"k2","kty":"RSA","status":"ACTIVE"}]`))
	o.on(appsPath+"/0oa2/credentials/secrets", fixed(200, `[{"id":"ocs2","status":"ACTIVE"}]`))
	o.on(appsPath+"/0oa2/grants", fixed(200, `[{"id":"oag2","scopeId":"okta.users.read","status":"ACTIVE"}]`))
	o.on(clientsPath+"/0oa2/roles", fixed(200, `[{"id":"ra2","type":"SUPER_ADMIN","status":"ACTIVE"}]`))
	for _, c := range []struct {
		secrets     string
		credentials []string
	}{{"false", []string{"0oa2 k2"}}, {"true", []string{"0oa2 k2", "0oa2 ocs2"}}} {
		conn := o.connect(t, func(s *connectors.Settings) { s.Options = map[string]string{"client_secrets": c.secrets} })
		p, _ := pullKnowing(t, conn, "service-apps", knowing{"0oa1"})
		if d := cmp.Diff(c.credentials, p.refs(events.KindCredential)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"0oa2 oag2", "0oa2 ra2"}, p.refs(events.KindGrant)); d != "" {
			t.Error(d)
		}
	}
	if n := len(o.calls("credentials/secrets")); n != 1 {
		t.Errorf("secrets were listed %d times: that is an audited act, and only the option asks for it", n)
	}
}

// A person has one source: the user or the group. Only where that may not be read does the list of owners tell a name, once.
func TestPeopleHaveOneSource(t *testing.T) {
	o := ownedAgents(t, "sweep")
	o.on(usersPath+"/00u1", fixed(200, `{"id":"00u1","status":"DEPROVISIONED","profile":{"firstName":"Dana","lastName":"Roe","secondEmail":"x@y.test"}}`))
	o.on(usersPath+"/00u2", fixed(403, `{"errorCode":"E0000006"}`))
	named := func(p pass) (out []string) {
		for _, r := range p.readings {
			for _, e := range r.Entities {
				if e.Person != nil {
					out = append(out, e.Holder+" "+e.Person.Name+" "+string(e.Person.Status))
				}
			}
		}
		slices.Sort(out)
		return out
	}
	p, page := pullKnowing(t, o.connect(t), "owners", nil)
	if got := named(p); !slices.Equal(got, []string{"00u1 Dana Roe disabled", "00u2 Name 00u2 unknown"}) {
		t.Errorf("people are %q", got)
	}
	for _, r := range page.Records {
		if strings.Contains(string(r.Body), "secondEmail") {
			t.Errorf("more of a person is kept than is told: %s", r.Body)
		}
	}
	p, _ = pullKnowing(t, o.connect(t), "owners", knowing{"00u1", "00u2"})
	if got := named(p); got != nil || len(o.calls(usersPath)) != 2 {
		t.Errorf("of who is known it tells %q, with %v", got, o.calls(usersPath))
	}
}

func TestPeopleWalk(t *testing.T) {
	o := newOrg(t)
	o.on(usersPath+"/00u1", fixed(200, `{"id":"00u1","status":"ACTIVE","profile":{"displayName":"Dana Roe"}}`))
	o.on(usersPath+"/00u2", fixed(404, `{"errorCode":"E0000007"}`))
	o.on(groupsPath+"/00g1", fixed(200, `{"id":"00g1","profile":{"name":"Owners"}}`))
	c, k := o.connect(t), knowing{"00g1", "00u1", "00u2", "wlp1"}
	first, err := c.feed(t, "people")(connectors.Knowing(t.Context(), k), nil)
	if err != nil || first.Ahead != 3 || len(first.Records) != 0 || len(o.calls("")) != 0 {
		t.Fatalf("before a walk begins %d calls are ahead, and %v were made: %v", first.Ahead, o.calls(""), err)
	}
	page, err := o.connect(t).feed(t, "people")(connectors.Knowing(t.Context(), k), first.Next) // another process
	if err != nil || page.More || page.Ahead != 0 {
		t.Fatalf("more %v, %d ahead, %v", page.More, page.Ahead, err)
	}
	var p pass
	p.add(t, c, page)
	if got := p.refs(events.KindPerson); !slices.Equal(got, []string{"00g1 self", "00u1 self"}) {
		t.Errorf("people are %v", got)
	}
	if got := p.readings[2].Tombstones; len(got) != 1 || got[0].Ref != events.Identity(events.KindPerson, "00u2") {
		t.Errorf("tombstones are %v", got)
	}
}

// A walk asks each thing once, in whatever processes it goes on, and says how many calls are ahead.
func TestWalkAsksEachOnce(t *testing.T) {
	o := newOrg(t)
	const n = 2*chunk + firstFew + 1
	var all []string
	for i := range n {
		id := fmt.Sprintf("wlp%02d", i)
		all = append(all, anAgent(id, "agent", ""))
		o.on(agentsPath+"/"+id+"/credentials/jwks", fixed(200, `{"data":[]}`))
	}
	o.on(agentsPath, bodyPaged(n, all...))
	var cur connectors.Cursor
	var ahead []int
	for more := true; more; {
		page, err := o.connect(t).feed(t, "agent-keys")(t.Context(), cur)
		if err != nil || len(ahead) > 9 {
			t.Fatalf("after %v: %v", ahead, err)
		}
		cur, more, ahead = page.Next, page.More, append(ahead, page.Ahead)
	}
	if d := cmp.Diff([]int{n, n - firstFew, chunk + 1, 1, 0}, ahead); d != "" {
		t.Error("calls ahead:", d)
	}
	if got := len(o.calls("/jwks")); got != n {
		t.Errorf("%d calls for %d things", got, n)
	}
}

func TestLogReadsPartsOfServiceAppsOnly(t *testing.T) {
	for typ, path := range map[string]string{
		"app.oauth2.admin.consent.grant":          appsPath + "/0oa1/grants",
		"app.oauth2.client.privilege.grant":       clientsPath + "/0oa1/roles",
		"app.oauth2.credentials.lifecycle.create": appsPath + "/0oa1/credentials/jwks",
	} {
		f := follow(t, map[string]string{"activities": "none"})
		f.on(agentsPath, bodyPaged(1))
		f.on(appsPath+"/0oa1", fixed(200, anApp("0oa1", "service", "")))
		f.on(appsPath+"/0oa2", fixed(200, anApp("0oa2", "web", "")))
		f.on(path, fixed(200, `[]`))
		f.add("u1", typ, "0oa1")
		f.add("u2", typ, "0oa2")
		p := f.poll(t)
		if n := len(f.calls("GET " + path)); n != 1 || len(f.calls("/0oa2/")) != 0 || len(p.replaces()) == 0 {
			t.Errorf("%s: calls are %v, replaces %v", typ, f.calls("0oa"), p.replaces())
		}
		if n := len(f.calls("GET " + appsPath + "/0oa2")); n != 1 {
			t.Errorf("%s: an app that is none is looked up %d times", typ, n)
		}
	}
}

func TestLogFollowsTokensAndPeople(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.known = knowing{"00u1", "00g1", "00T2"}
	f.on(tokensPath+"/00T1", fixed(200, `{"id":"00T1","name":"SIEM","userId":"00u1","expiresAt":"2026-09-18T23:50:00.000Z"}`))
	f.on(usersPath+"/00u1", fixed(200, `{"id":"00u1","status":"SUSPENDED","profile":{"displayName":"Dana Roe"}}`))
	gone := fixed(404, `{"errorCode":"E0000007"}`)
	f.on(tokensPath+"/00T2", gone)
	f.on(groupsPath+"/00g1", gone)
	f.add("u1", "system.api_token.create", "00T1")
	f.add("u2", "system.api_token.revoke", "00T2")
	f.add("u3", "user.lifecycle.suspend", "00u1")
	f.add("u4", "user.lifecycle.suspend", "00ustranger")
	f.add("u5", "group.lifecycle.delete", "00g1")
	p := f.poll(t)
	if got := p.refs(events.KindAgent); !slices.Equal(got, []string{"00T1 self"}) {
		t.Errorf("tokens are %v", got)
	}
	if got := p.refs(events.KindPerson); !slices.Equal(got, []string{"00u1 self"}) || len(f.calls("stranger")) != 0 {
		t.Errorf("people are %v, calls %v", got, f.calls(usersPath))
	}
	if got := p.tombstones(); !slices.Equal(got, []string{"00T2 by 00uadmin in u2", "00g1 by 00uadmin in u5"}) {
		t.Errorf("tombstones are %v", got)
	}
}

// An app's class depends on which agents are linked to it, which only the agents tell.
func TestLogReadsAppsAgainThatAnAgentIsLinkedTo(t *testing.T) {
	f := follow(t, map[string]string{"activities": "none"})
	f.on(agentsPath, bodyPaged(9, anAgent("wlp1", "one", `"appId":"0oa1",`)))
	if err := f.c.client.knowAgents(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.on(appsPath+"/0oa1", fixed(200, anApp("0oa1", "service", "")))
	f.on(appsPath+"/0oa2", fixed(200, anApp("0oa2", "service", "")))
	f.on(agentsPath+"/wlp1", fixed(200, strings.Replace(anAgent("wlp1", "one", `"appId":"0oa2",`), "2026-08-20", "2099-08-20", 1)))
	f.add("u1", "workload_principal.update", "wlp1")
	p := f.poll(t)
	classes := map[string]events.Class{}
	for _, r := range p.readings {
		for _, e := range r.Entities {
			if e.Agent != nil {
				classes[e.Holder] = e.Agent.Class
			}
		}
	}
	if d := cmp.Diff(map[string]events.Class{"wlp1": events.ClassAgent, "0oa1": events.ClassWorkload, "0oa2": events.ClassAgent}, classes); d != "" {
		t.Error(d)
	}
}

func TestLogTellsOtherFeeds(t *testing.T) {
	f := follow(t, nil)
	if page, err := f.connect(t).feed(t, "system-log")(t.Context(), nil); err != nil || !page.Lost {
		t.Errorf("a log that is followed from now on knows of nothing before: lost %v, %v", page.Lost, err)
	}
	f.add("u1", "app.ai_agent_provider.import.complete", "aip1")
	if p := f.poll(t); !slices.Equal(p.pages[0].Wakes, []string{"ai-agents", "owners"}) || p.pages[0].Lost {
		t.Errorf("an import wakes %v", p.pages[0].Wakes)
	}
	cur := parseLog(t, string(f.cur))
	cur.At = cur.At.Add(-logRetention)
	f.cur = connectors.Cursor(mustMarshal(t, cur))
	if p := f.poll(t); !p.pages[0].Lost {
		t.Error("a gap does not say that the log has lost track")
	}
}

// A pull that is cancelled while it reads what is new fails, so that its page is not taken for whole.
func TestCancelledPullIsNoPage(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(9, anAgent("wlp0", "known", ""), anAgent("wlp1", "new", "")))
	ctx, cancel := context.WithCancel(t.Context())
	o.on(agentsPath+"/wlp1/credentials/jwks", func(http.ResponseWriter, *http.Request) { cancel() })
	if page, err := o.connect(t).feed(t, "ai-agents")(connectors.Knowing(ctx, knowing{"wlp0"}), nil); err == nil {
		t.Errorf("it brought %d records", len(page.Records))
	}
}

func TestRateClasses(t *testing.T) {
	for path, want := range map[string]string{
		agentsPath: "workload-principals", agentsPath + "/wlp1/connections": "workload-principals", delegationsPath: "workload-principals",
		ownersPath: "governance", appsPath: "api/v1/apps", appsPath + "/0oa1": "api/v1/apps/{id}", appsPath + "/0oa1/grants": "api/v1/apps",
		usersPath + "/00u1": "api/v1/users/{id}", groupsPath + "/00g1": "api/v1/groups", logsPath: "api/v1/logs", tokensPath: "api/v1",
		tokensPath + "/00T1": "api/v1", clientsPath + "/0oa1/roles": "oauth2/v1/clients", tokenPath: "oauth2/v1/token", "/": "api/v1",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.okta.com"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := rateClass(r); got != want {
			t.Errorf("%s is of class %s, want %s", path, got, want)
		}
	}
}
