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

const auditPath = "/auditLogs/directoryAudits"

// entry is an entry of the audit log about a target, made by Ada.
func entry(id, deed, target string) string {
	return fmt.Sprintf(`{"id":%q,"activityDateTime":%q,"activityDisplayName":%q,"result":"success","initiatedBy":{"user":{"id":%q,"userPrincipalName":"ada@contoso.example"}},`+
		`"targetResources":[{"id":%q,"displayName":"Ada Lovelace","modifiedProperties":[]}]}`, id, time.Now().UTC().Format(time.RFC3339), deed, adaID, target)
}

// logFrom is a cursor that the log was read up to a minute ago with.
func logFrom(t *testing.T, ago time.Duration) connectors.Cursor {
	t.Helper()
	b, err := events.Marshal(logCursor{Version: cursorVersion, At: time.Now().Add(-ago).UTC()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestAuditLeadsToOneReading: however many entries name an agent, it is read once, with all that hangs on it and with evidence.
func TestAuditLeadsToOneReading(t *testing.T) {
	g := newGraph(t, map[string]canned{
		auditPath:                      list(entry("e1", "Update service principal", agent1), entry("e2", "Add sponsor", agent1), entry("e3", "Update group", platformID)),
		"/servicePrincipals/" + agent1: {body: itemAgent1},
		sponsorsOf(agent1):             list(`{"id":"` + adaID + `","@odata.type":"#microsoft.graph.user"}`),
		"/users/" + adaID:              {body: ada},
		ownersOf(agent1):               list(),
		"/roleManagement/directory/roleAssignments": {status: 403, body: errorBody("Authorization_RequestDenied")},
	})
	f := g.feed(feedAudits)
	book := knows(agentRef(agent1))
	p := pullAll(t, f, logFrom(t, time.Minute), book)
	want := []string{activityAdmin + " " + agent1, activityAdmin + " " + agent1, agent1 + ".agent.self",
		agent1 + ".stewardship.sponsor%3A" + adaID, adaID + ".person.self"}
	slices.Sort(want)
	if diff := cmp.Diff(want, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, r := range p.Records {
		reading, err := normalize(r)
		if err != nil || reading.LogID == "" || reading.Actor == nil || reading.Actor.ID != adaID || reading.At.IsZero() {
			t.Errorf("%s has the evidence %q, %+v, %v", r.Type, reading.LogID, reading.Actor, err)
		}
		if strings.Contains(string(r.Body), "contoso") && r.Type == recordAudit {
			t.Errorf("an entry keeps an address: %s", r.Body)
		}
	}
	if n := g.count("/servicePrincipals/" + agent1 + "/owners"); n != 1 {
		t.Errorf("read %d times", n)
	}
	if again := pullAll(t, f, p.Next, book); len(again.Records) != 0 {
		t.Errorf("the overlap is told twice: %v", told(t, again))
	}
	late := pullAll(t, f, logFrom(t, time.Minute), knows())
	if len(late.Records) != 0 {
		t.Errorf("told of nobody known: %v", told(t, late))
	}
	if late = pullAll(t, f, late.Next, book); len(late.Records) == 0 {
		t.Error("what is known by now is not told")
	}
}

// TestAuditNamesInProperties: an entry about a grant has the resource as its target, and who got it in its properties.
func TestAuditNamesInProperties(t *testing.T) {
	e, err := parseAudit([]byte(`{"id":"x","activityDateTime":"2026-05-06T07:08:09Z","targetResources":[{"id":"` + graphID + `","modifiedProperties":[
		{"displayName":"ServicePrincipal.ObjectID","oldValue":null,"newValue":"\"` + agent1 + `\""},{"displayName":"n","newValue":7}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{agent1, graphID}, e.names()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAuditOfADeletion(t *testing.T) {
	for deed, restorable := range map[string]bool{"Delete service principal": true, "Hard Delete service principal": false} {
		g := newGraph(t, map[string]canned{auditPath: list(entry("e1", deed, agent1))})
		p := pullAll(t, g.feed(feedAudits), logFrom(t, time.Minute), knows(agentRef(agent1)))
		i := slices.IndexFunc(p.Records, func(r connectors.Record) bool { return r.Type == recordGone })
		if i < 0 {
			t.Fatalf("%s: told %v", deed, told(t, p))
		}
		if r, err := normalize(p.Records[i]); err != nil || r.Tombstones[0].Restorable != restorable || r.LogID != "e1" {
			t.Errorf("%s: %+v, %v", deed, r, err)
		}
	}
	g := newGraph(t, map[string]canned{auditPath: list(entry("e1", "Update service principal", agent1))})
	p := pullAll(t, g.feed(feedAudits), logFrom(t, time.Minute), knows(agentRef(agent1)))
	if slices.ContainsFunc(p.Records, func(r connectors.Record) bool { return r.Type == recordGone }) {
		t.Error("an object that is not there yet is held to be gone")
	}
}

func TestAuditWindow(t *testing.T) {
	g := newGraph(t, map[string]canned{
		auditPath:                   {body: `{"@odata.nextLink":"{{self}}` + auditPath + `?$skiptoken=2","value":[]}`},
		auditPath + "?$skiptoken=2": {status: 400, body: errorBody("Directory_ExpiredPageToken"), then: &canned{body: `{"value":[]}`}},
	})
	f := g.feed(feedAudits)
	p, err := f.Pull(t.Context(), logFrom(t, time.Hour))
	if err != nil || !p.More {
		t.Fatalf("%+v, %v", p, err)
	}
	if got := g.asked[0]; !strings.Contains(got, "activityDateTime%20ge%20") || !strings.Contains(got, "activityDateTime%20le%20") {
		t.Errorf("asked for %s", got)
	}
	if p, err = f.Pull(t.Context(), p.Next); err != nil || !p.More || g.count(auditPath+"?$filter") != 2 {
		t.Errorf("an expired page token: %+v, %v, %v", p, err, g.asked)
	}
	p = pullAll(t, f, logFrom(t, logRetention+time.Hour), knows())
	if got := told(t, p); !p.Lost || !slices.Equal(got, []string{activityGap + " " + events.ConnectionHolder}) {
		t.Errorf("a gap: lost %v, %v", p.Lost, got)
	}
	wantFault(t, pullError(t, f, connectors.Cursor(`{"v":1,"at":"2026-05-06T07:08:09Z","link":"https://evil.example/x"}`)), connectors.CursorExpired)
	g.set(auditPath, canned{status: 403, body: errorBody("Authorization_RequestDenied")})
	wantFault(t, pullError(t, f, nil), connectors.Forbidden, "AuditLog.Read.All")
}

func TestActivitiesAreBounded(t *testing.T) {
	var items []string
	for i := range 5 {
		items = append(items, entry(fmt.Sprint("e", i), "Update service principal", agent1))
	}
	g := newGraph(t, map[string]canned{auditPath: list(items...)})
	s := g.settings()
	s.Options = map[string]string{optionPerMinute: "2"}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	f := c.Feeds()[slices.IndexFunc(c.Feeds(), func(f connectors.Feed) bool { return f.Name == feedAudits })]
	p := pullAll(t, f, logFrom(t, time.Minute), knows(agentRef(agent1)))
	var n int
	for _, r := range p.Records {
		if r.Type == recordAudit {
			n++
		}
	}
	if n != 2 && n != 4 { // the five may fall into two minutes
		t.Errorf("%d activities", n)
	}
}

// signInFeed is the feed of sign-ins, which a connection must ask for.
func signInFeed(t *testing.T, g *graph) connectors.Feed {
	t.Helper()
	s := g.settings()
	s.Options = map[string]string{optionActivities: activitiesAll}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return feedOf(t, c.(*Connector), "sign-ins")
}

const signInPath = "/beta/auditLogs/signIns"

// streamed makes the sign-in log answer by streams: each answer to the first round's question about it, by the word in its filter.
func streamed(g *graph, byStream map[string]canned) *graph {
	g.choose = func(uri string) (canned, bool) {
		for word, a := range byStream {
			if strings.HasPrefix(uri, signInPath) && strings.Contains(uri, word) {
				return a, true
			}
		}
		return canned{}, false
	}
	return g
}

func TestSignIns(t *testing.T) {
	signIn := func(id, principal, user string) string {
		return `{"id":"` + id + `","createdDateTime":"2026-05-06T07:08:09Z","servicePrincipalId":"` + principal + `","servicePrincipalName":"x","userId":"` + user +
			`","agent":{"agentType":"AgentIdentity"},"status":{"errorCode":0}}`
	}
	answers := map[string]canned{"'servicePrincipal'": list(signIn("s1", agent1, ""), signIn("s2", agent2, "")),
		"'nonInteractiveUser'": list(signIn("s3", agent1, user1), signIn("s4", agent1, adaID), signIn("s5", agent2, user1))}
	g := streamed(newGraph(t, nil), answers)
	f := signInFeed(t, g)
	book := knows(agentRef(agent1), agentRef(user1))
	p := pullAll(t, f, nil, book)
	one, its := activitySignIn+" "+agent1, activitySignIn+" "+user1
	if diff := cmp.Diff([]string{one, one, one, its, its}, told(t, p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := g.count(signInPath); n != 2 {
		t.Errorf("%d requests in a round of two streams", n)
	}
	if p = pullAll(t, f, p.Next, book); len(p.Records) != 0 {
		t.Error("told twice")
	}
	answers["'nonInteractiveUser'"] = canned{status: 400, body: errorBody("Request_BadRequest")}
	if p = pullAll(t, f, nil, book); len(p.Records) != 1 || len(p.Blind) != 1 || !strings.Contains(p.Blind[0].Reason, "nonInteractiveUser") {
		t.Errorf("without the second stream: %d records, blind %v", len(p.Records), p.Blind)
	}
	for _, refusal := range []canned{{status: 404, body: errorBody("Request_ResourceNotFound")}, {status: 400, body: errorBody("Request_BadRequest")},
		{status: 403, body: errorBody("Authentication_RequestFromNonPremiumTenantOrB2CTenant")}} {
		answers["'servicePrincipal'"] = refusal
		wantFault(t, pullError(t, f, nil), connectors.Forbidden)
	}
}

// TestStreamsResumeAfterEachPage: a place in the middle of a stream is not taken for one in another.
func TestStreamsResumeAfterEachPage(t *testing.T) {
	more := canned{body: `{"@odata.nextLink":"{{self}}` + signInPath + `?$skiptoken=2","value":[]}`}
	g := streamed(newGraph(t, nil), map[string]canned{"'servicePrincipal'": list(), "'nonInteractiveUser'": more, "skiptoken": list()})
	var from connectors.Cursor
	for pulls := 1; ; pulls++ {
		p, err := signInFeed(t, g).Pull(t.Context(), from) // another process each time
		if err != nil {
			t.Fatal(err)
		}
		if from = p.Next; !p.More {
			if pulls != 3 {
				t.Errorf("%d pages, want 3", pulls)
			}
			break
		}
	}
	wantFault(t, pullError(t, signInFeed(t, g), connectors.Cursor(`{"v":1,"at":"2026-05-06T07:08:09Z","stream":7}`)), connectors.CursorExpired)
}

func TestRisk(t *testing.T) {
	const risky, found = "/beta/identityProtection/riskyAgents", "/beta/identityProtection/agentRiskDetections"
	g := newGraph(t, map[string]canned{
		risky: list(`{"id":"`+agent1+`","riskLevel":"high","riskState":"atRisk"}`, `{"id":"`+agent2+`","riskLevel":"low"}`),
		found: list(`{"agentId":"`+agent1+`","riskEventType":"b"}`, `{"identityId":"`+agent1+`","riskEventType":"a"}`, `{"agentId":"`+agent1+`","riskEventType":"a"}`),
	})
	f := g.feed("risk")
	p := pullAll(t, f, nil, knows(agentRef(agent1)))
	r, err := normalize(p.Records[0])
	if err != nil || len(p.Records) != 1 || !slices.Equal(r.Entities[0].Risk.Detections, []string{"a", "b"}) {
		t.Errorf("%d records, %+v, %v", len(p.Records), r, err)
	}
	g.set(found, canned{status: 403, body: errorBody("Authorization_RequestDenied")})
	if p = pullAll(t, f, nil, knows(agentRef(agent1))); len(p.Blind) != 1 || len(p.Records) != 1 {
		t.Errorf("%+v", p)
	}
	g.set(risky, canned{status: 400, body: errorBody("BadRequest")})
	wantFault(t, pullError(t, f, nil), connectors.Forbidden)
}

func TestDeletedItems(t *testing.T) {
	const bin = "/directory/deletedItems/microsoft.graph."
	g := newGraph(t, map[string]canned{
		bin + "servicePrincipal":       list(`{"id":"`+agent1+`","deletedDateTime":"2026-05-06T07:08:09Z"}`, `{"id":"`+agent2+`"}`, `{"id":"`+agent3+`"}`),
		bin + "application":            list(),
		bin + "user":                   {status: 403, body: errorBody("Authorization_RequestDenied")},
		"/servicePrincipals/" + agent2: {body: `{"id":"` + agent2 + `"}`}, // restored, and the bin lags
	})
	p := pullAll(t, g.feed("deleted-items"), nil, knows(agentRef(agent1), agentRef(agent2)))
	want := []string{"gone " + agent1 + ".agent.self", "gone " + agent1 + ".blueprint.self", "gone " + agent1 + ".person.self"}
	if diff := cmp.Diff(want, told(t, p)); diff != "" || len(p.Blind) != 1 {
		t.Errorf("blind %v (-want +got):\n%s", p.Blind, diff)
	}
	if g.count("/servicePrincipals/"+agent3) != 0 {
		t.Error("asked for what nobody knows")
	}
}

// inheriting is a tenant whose blueprint lets Graph's scopes and roles flow, but for those of another resource.
func inheriting(rules string) map[string]canned {
	other := "f7f7f7f7-0001-4000-8000-00000000000f"
	ref := `{"id":"` + blueprint1 + `","appId":"` + blueprint1 + `"}`
	principal := "/servicePrincipals/" + principal1
	return map[string]canned{
		castBlueprint: list(ref), castPrincipal: list(`{"id":"` + principal1 + `","appId":"` + blueprint1 + `"}`),
		castAgentIdentity: list(`{"id":"`+agent1+`","agentIdentityBlueprintId":"`+blueprint1+`"}`, `{"id":"`+agent2+`","agentIdentityBlueprintId":"`+other+`"}`),
		"/applications/" + blueprint1 + "/microsoft.graph.agentIdentityBlueprint/inheritablePermissions": list(rules),
		principal + "/appRoleAssignments": list(`{"id":"r1","appRoleId":"`+roleID+`","resourceId":"`+graphID+`"}`,
			`{"id":"r2","appRoleId":"`+roleID+`","resourceId":"`+other+`"}`),
		principal + "/oauth2PermissionGrants": list(`{"id":"c1","consentType":"AllPrincipals","resourceId":"` + graphID + `","scope":"Mail.Read User.Read"}`),
		pathResource + graphID:                {body: `{"id":"` + graphID + `","appId":"graph-app","displayName":"Microsoft Graph","appRoles":[{"id":"` + roleID + `","value":"` + roleName + `"}]}`},
		pathResource + other:                  {body: `{"id":"` + other + `","appId":"other-app"}`},
	}
}

func TestInheritedPermissions(t *testing.T) {
	for rules, want := range map[string][]string{
		`{"resourceAppId":"graph-app","inheritableScopes":{"kind":"allAllowed"}}`:                                    {"r1 " + roleName, "c1 Mail.Read,User.Read"},
		`{"resourceAppId":"graph-app","inheritableScopes":{"kind":"enumerated","scopes":["Mail.Read"]}}`:             {"c1 Mail.Read"},
		`{"resourceAppId":"graph-app","inheritableScopes":{"kind":"none"}}`:                                          nil,
		`{"resourceAppId":"graph-app","inheritableScopes":{"kind":"none"},"inheritableRoles":{"kind":"allAllowed"}}`: {"r1 " + roleName},
	} {
		g := newGraph(t, inheriting(rules))
		p := pullAll(t, g.feed("inherited-permissions"), nil, knows())
		var got []string
		for _, r := range p.Records {
			reading, err := normalize(r)
			if err != nil || r.Context[contextHolder] != agent1 {
				t.Fatalf("%+v, %v", r, err)
			}
			for _, e := range reading.Entities {
				if e.Grant.Inherited != principal1 {
					t.Errorf("%s is inherited from %q", e.Key, e.Grant.Inherited)
				}
				got = append(got, strings.TrimPrefix(e.Key, "inherited:")+" "+e.Grant.RoleName+strings.Join(e.Grant.Scopes, ","))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rules, diff)
		}
		// The other agent's blueprint is another organization's: unknown, not none.
		if len(p.Records) != 1 || len(p.Blind) != 1 {
			t.Errorf("%d records, blind %v", len(p.Records), p.Blind)
		}
	}
}

// TestBetaTellsWhatIsInherited: where beta answers, it is believed, for blueprints of other organizations too.
func TestBetaTellsWhatIsInherited(t *testing.T) {
	answers := inheriting(`{}`)
	for _, id := range []string{agent1, agent2} {
		answers["/beta"+castAgentIdentity+"/"+id+betaRoles] = list(`{"id":"r9","principalId":"` + principal1 + `","appRoleId":"` + roleID + `","resourceId":"` + graphID + `"}`)
		answers["/beta"+castAgentIdentity+"/"+id+betaConsents] = list()
	}
	g := newGraph(t, answers)
	p := pullAll(t, g.feed("inherited-permissions"), nil, knows())
	want := []string{agent1 + ".grant.inherited%3Ar9", agent2 + ".grant.inherited%3Ar9"}
	if diff := cmp.Diff(want, told(t, p)); diff != "" || len(p.Blind) != 0 {
		t.Errorf("blind %v (-want +got):\n%s", p.Blind, diff)
	}
}

// TestAuditReadsEachSort: what an entry names is read as what it is.
func TestAuditReadsEachSort(t *testing.T) {
	for _, c := range []struct {
		id, path, body string
		known          events.Ref
		want           []string
	}{
		{blueprint1, "/applications/", `{"id":"` + blueprint1 + `","appId":"x","displayName":"Helpers"}`, blueprintRef(blueprint1),
			[]string{blueprint1 + ".blueprint.self", blueprint1 + ".credential.fic"}},
		{principal1, "/servicePrincipals/", `{"id":"` + principal1 + `","displayName":"Helpers","accountEnabled":true}`, blueprintRef(principal1),
			[]string{principal1 + ".blueprint.self"}},
		{user1, "/users/", `{"id":"` + user1 + `","displayName":"Bot","accountEnabled":true,"identityParentId":"` + agent1 + `"}`, agentRef(user1),
			[]string{user1 + ".agent.self"}},
	} {
		g := newGraph(t, map[string]canned{
			auditPath:     list(entry("e1", "Update something", c.id)),
			c.path + c.id: {body: c.body},
			"/applications/" + blueprint1 + "/federatedIdentityCredentials": list(`{"id":"fic"}`),
		})
		p := pullAll(t, g.feed(feedAudits), logFrom(t, time.Minute), knows(c.known))
		want := append([]string{activityAdmin + " " + c.id}, c.want...)
		slices.Sort(want)
		if diff := cmp.Diff(want, told(t, p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.path, diff)
		}
	}
}

// TestFailedDeedsLeadNowhere: an attempt that failed is told, and changes nothing that could be read again.
func TestFailedDeedsLeadNowhere(t *testing.T) {
	failed := strings.Replace(entry("e1", "Update service principal", agent1), `"success"`, `"failure"`, 1)
	g := newGraph(t, map[string]canned{auditPath: list(failed)})
	p := pullAll(t, g.feed(feedAudits), logFrom(t, time.Minute), knows(agentRef(agent1)))
	if diff := cmp.Diff([]string{activityAdmin + " " + agent1}, told(t, p)); diff != "" || g.count("/servicePrincipals/") != 0 {
		t.Errorf("asked for %v (-want +got):\n%s", g.asked, diff)
	}
}

// TestWindowOverlaps: a round begins before the end of the last one, because entries come late.
func TestWindowOverlaps(t *testing.T) {
	at := time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	w := &window{client: newGraph(t, nil).connector().client, path: auditPath, stamp: "activityDateTime", most: 999}
	got := w.call(&logCursor{At: at, Until: at.Add(time.Minute)}).url
	for _, bound := range []string{"ge 2026-05-06T06:53:09Z", "le 2026-05-06T07:09:10Z"} {
		if !strings.Contains(got, escaped(bound)) {
			t.Errorf("%s does not have %s", got, bound)
		}
	}
}

// TestOneBrokenObjectHoldsUpNoLog: an object that cannot be read is left to the sweeps in the end.
func TestOneBrokenObjectHoldsUpNoLog(t *testing.T) {
	g := newGraph(t, map[string]canned{
		auditPath:                      list(entry("e1", "Update service principal", agent1)),
		"/servicePrincipals/" + agent1: {body: `{"id":"another"}`},
	})
	f := g.feed(feedAudits)
	ctx := connectors.Knowing(t.Context(), knows(agentRef(agent1)))
	for range mostTries - 1 {
		if _, err := f.Pull(ctx, logFrom(t, time.Minute)); err == nil {
			t.Fatal("an answer about another object is believed")
		}
	}
	p, err := f.Pull(ctx, logFrom(t, time.Minute))
	if err != nil || !slices.Contains(p.Wakes, "stewards") {
		t.Errorf("wakes %v, %v", p.Wakes, err)
	}
}

// FuzzLogs: whatever the logs hold, reading them neither panics nor keeps more than ids of what was changed.
func FuzzLogs(f *testing.F) {
	for _, r := range samples(f, "testdata/directory_audit.records.json") {
		f.Add([]byte(r.Body))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := parseAudit(raw); err == nil {
			for _, id := range e.names() {
				if !isGUID(id) {
					t.Errorf("%q is no id", id)
				}
			}
			if _, err := e.record([]string{agent1}, time.Unix(1, 0)); err != nil {
				t.Error(err)
			}
		}
		if s, err := parseSignIn(raw); err == nil && s.ID == "" {
			t.Error("an entry without id")
		}
	})
}
