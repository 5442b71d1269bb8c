package okta

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

func TestAgentsPass(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"next in the body": bodyPaged(2, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", ""), anAgent("wlp3", "three", "")),
		"next in a header": func(w http.ResponseWriter, r *http.Request) {
			part, next := paged(r, 2, []string{anAgent("wlp1", "one", ""), anAgent("wlp2", "two", ""), anAgent("wlp3", "three", "")})
			if next != "" {
				w.Header().Add("Link", "<"+next+`>; rel="next"`)
			}
			answerJSON(w, 200, `{"data":[`+strings.Join(part, ",")+`]}`)
		},
		"an empty page before the end": func(w http.ResponseWriter, r *http.Request) {
			after := r.URL.Query().Get("after")
			body := map[string]string{
				"":  `{"data":[` + anAgent("wlp1", "one", "") + `],"_links":{"next":{"href":"` + agentsPath + `?after=a"}}}`,
				"a": `{"data":[],"_links":{"next":{"href":"` + agentsPath + `?after=b"}}}`,
				"b": `{"data":[` + anAgent("wlp2", "two", "") + `,` + anAgent("wlp3", "three", "") + `],"_links":{"next":null}}`,
			}[after]
			answerJSON(w, 200, body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.on(agentsPath, h)
			p := readAll(t, o.connect(t), "ai-agents")
			if d := cmp.Diff([]string{"wlp1 self", "wlp2 self", "wlp3 self"}, p.refs(events.KindAgent)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff([]string{scopeAgents}, p.seals); d != "" {
				t.Error("seals:", d)
			}
			opens := 0
			for _, page := range p.pages {
				opens += len(page.Opens)
			}
			if opens != 1 || len(p.pages[0].Opens) != 1 {
				t.Errorf("the pass opens %d times", opens)
			}
			if first := o.calls("GET")[0]; first != "GET "+agentsPath+"?limit=200" {
				t.Errorf("first call is %s", first)
			}
		})
	}
}

func TestUnreadableAgentBreaksThePass(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(1, `{"status":"ACTIVE"}`, anAgent("wlp2", "two", "")))
	c := o.connect(t)
	pull := c.feed(t, "ai-agents")
	first, err := pull(t.Context(), nil)
	if err != nil || len(first.Records) != 1 {
		t.Fatalf("got %d records, error %v", len(first.Records), err)
	}
	if _, err := c.Normalize(first.Records[0]); err == nil {
		t.Error("an agent without an id was normalized")
	}
	last, err := pull(t.Context(), first.Next)
	if err != nil || len(last.Seals) != 0 || !slices.Equal(last.Breaks, []string{scopeAgents}) {
		t.Errorf("the last page seals %v and breaks %v, error %v", last.Seals, last.Breaks, err)
	}
}

// A sight that was lost for a moment is back when the page is read again: the pull fails and is made anew.
func TestSightLostForAMomentIsNoEnd(t *testing.T) {
	for nth := 2; nth <= 3; nth++ { // the request that is answered with nothing
		o := newOrg(t)
		o.on(appsPath, func(w http.ResponseWriter, r *http.Request) {
			if n := len(o.calls("/apps?")); n >= 2 && n <= nth {
				answerJSON(w, 200, "[]")
				return
			}
			linkPaged(1, anApp("0oa1", "service", ""), anApp("0oa2", "service", ""))(w, r)
		})
		o.on(agentsPath, bodyPaged(1))
		pull := o.connect(t).feed(t, "service-apps")
		first, err := pull(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		page, err := pull(t.Context(), first.Next)
		for ; err != nil && len(o.calls("/apps?")) < 20; page, err = pull(t.Context(), first.Next) {
			t.Log(err)
		}
		if len(page.Records) != 1 || len(page.Seals)+len(page.Breaks) != 1 {
			t.Errorf("empty until request %d: %d records, seals %v, breaks %v", nth, len(page.Records), page.Seals, page.Breaks)
		}
	}
}

// A sight that is lost in the middle of a list looks like the list's end.
func TestSightLostInTheMiddleBreaksThePass(t *testing.T) {
	for _, c := range []struct {
		still bool // the list still shows something at its start: the empty page was its end
		seals int
	}{{true, 1}, {false, 0}} {
		o := newOrg(t)
		o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
			switch q := r.URL.Query(); {
			case q.Get("limit") == "200":
				answerJSON(w, 200, `{"data":[`+anAgent("wlp1", "one", "")+`],"_links":{"next":{"href":"`+agentsPath+`?after=a&filter=x%20y"}}}`)
			case q.Has("after") || !c.still:
				answerJSON(w, 200, `{"data":[]}`)
			default:
				answerJSON(w, 200, `{"data":[`+anAgent("wlp1", "one", "")+`]}`)
			}
		})
		p := readAll(t, o.connect(t), "ai-agents")
		if len(p.seals) != c.seals || len(p.seals)+len(p.breaks) != 1 {
			t.Errorf("still %v: seals %v, breaks %v", c.still, p.seals, p.breaks)
		}
		if got := o.calls("limit=1"); !slices.Contains(got, "GET "+agentsPath+"?filter=x%20y&limit=1") {
			t.Errorf("calls are %v", got)
		}
		if err := o.connect(t).client.each(t.Context(), agentsPath+"?limit=200", readData, func(list, *answer) error { return nil }); (err == nil) != c.still {
			t.Errorf("still %v: reading it to its end says %v", c.still, err)
		}
	}
}

func TestServiceAppsPass(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(1, anAgent("wlp2", "two", `"appId":"0oa1",`), anAgent("wlp1", "one", `"appId":"0oa1",`)))
	o.on(appsPath, linkPaged(2, anApp("0oa1", "service", `,"jwks":{"keys":[{"kty":"RSA","kid":"k1","n":"x","e":"AQAB"}]}`),
		anApp("0oa2", "web", ""), `{"id":"0oa3","signOnMode":"SAML_2_0","status":"ACTIVE","settings":{"app":{}}}`, anApp("0oa4", "service", "")))
	p := readAll(t, o.connect(t), "service-apps")
	if len(o.calls("/apps?")) != len(o.calls("includeNonDeleted=true")) || len(o.calls("/apps?")) == 0 {
		t.Errorf("inactive apps are not asked for: %v", o.calls("/apps?"))
	}
	if d := cmp.Diff([]string{"0oa1 self", "0oa4 self"}, p.refs(events.KindAgent)); d != "" {
		t.Error(d)
	}
	if got := p.refs(events.KindCredential); got != nil {
		t.Errorf("keys are read apart, and the settings told %v", got)
	}
	if d := cmp.Diff([]string{scopeApps}, p.seals); d != "" {
		t.Error("seals:", d)
	}
	linked, alone := p.readings[0].Entities[0].Agent, p.readings[1].Entities[0].Agent
	if linked.Class != events.ClassAgent || linked.ClassReason != "linked to the AI agent wlp1,wlp2" || alone.Class != events.ClassWorkload {
		t.Errorf("classes are %q (%s) and %q", linked.Class, linked.ClassReason, alone.Class)
	}
}

// An app that cannot be read may be a service app: the pass must not find it gone.
func TestUnreadableAppBreaksThePass(t *testing.T) {
	for _, app := range []string{`{"id":7}`, `"x"`, `{"id":"0oa1","signOnMode":"OPENID_CONNECT","settings":"none"}`,
		`{"id":"0oa1","signOnMode":"OPENID_CONNECT","settings":{"oauthClient":{"application_type":"service","grant_types":{}}}}`} {
		o := newOrg(t)
		o.on(agentsPath, bodyPaged(1))
		o.on(appsPath, linkPaged(1, app))
		page, err := o.connect(t).feed(t, "service-apps")(t.Context(), nil)
		if err != nil || len(page.Seals) != 0 || len(page.Breaks) != 1 || len(page.Records) != 1 {
			t.Errorf("app %s: seals %v, breaks %v, error %v", app, page.Seals, page.Breaks, err)
		}
	}
}

func TestServiceAppsWithoutSightOfAgents(t *testing.T) {
	for name, want := range map[string]events.Class{
		`403 {"errorCode":"E0000006"}`: events.ClassUnknown,  // agents are hidden
		`401 {"errorCode":"E0000015"}`: events.ClassWorkload, // the org has no agents
	} {
		o := newOrg(t)
		o.on(agentsPath, fixed(map[string]int{"403": 403, "401": 401}[name[:3]], name[4:]))
		o.on(appsPath, linkPaged(2, anApp("0oa1", "service", "")))
		p := readAll(t, o.connect(t), "service-apps")
		if got := p.readings[0].Entities[0].Agent.Class; got != want {
			t.Errorf("%s: class is %q, want %q", name, got, want)
		}
	}
}

func TestKeysPass(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", ""), anAgent("wlp3", "three", "")))
	o.on(agentsPath+"/wlp1/credentials/jwks", fixed(200, `{"data":[{"id":"pks1","kid":"k1","kty":"RSA","status":"ACTIVE"}],"_links":{}}`))
	o.on(agentsPath+"/wlp2/credentials/jwks", fixed(404, `{"errorCode":"E0000007","errorSummary":"Not found"}`)) // deleted meanwhile
	o.on(agentsPath+"/wlp3/credentials/jwks", fixed(200, `{"data":[]}`))
	p := readAll(t, o.connect(t), "agent-keys")
	if d := cmp.Diff([]string{"wlp1 pks1"}, p.refs(events.KindCredential)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"agent-keys/wlp1", "agent-keys/wlp3"}, p.replaces()); d != "" {
		t.Error("replaces:", d)
	}
}

func TestKeysHiddenOfSomeAgents(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", ""), anAgent("wlp3", "three", "")))
	o.on(agentsPath+"/wlp1/credentials/jwks", fixed(403, `{"errorCode":"E0000006","errorSummary":"no"}`))
	o.on(agentsPath+"/wlp2/credentials/jwks", fixed(200, `{"data":[]}`))
	o.on(agentsPath+"/wlp3/credentials/jwks", fixed(200, `{"data":[]}`))
	p := readAll(t, o.connect(t), "agent-keys")
	if len(p.blind) != 1 || !strings.Contains(p.blind[0].Reason, "custom role with permission to view AI agents") {
		t.Errorf("the last page says it cannot see %v", p.blind)
	}
	if slices.Contains(p.replaces(), "agent-keys/wlp1") {
		t.Error("hidden keys are taken for none")
	}
	for _, id := range []string{"wlp2", "wlp3"} {
		o.on(agentsPath+"/"+id+"/credentials/jwks", fixed(403, `{"errorCode":"E0000006","errorSummary":"no"}`))
	}
	pull := o.connect(t).feed(t, "agent-keys")
	page, err := pull(t.Context(), nil)
	if err != nil || page.Ahead != 3 || !page.More {
		t.Fatalf("before it begins the walk says that %d calls are ahead, error %v", page.Ahead, err)
	}
	_, err = pull(t.Context(), page.Next)
	mustFault(t, err, connectors.Forbidden)
	if n := len(o.calls("jwks")); n != 6 {
		t.Errorf("%d calls in both, want three in each", n)
	}
}

func TestConnectionsPass(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, anAgent("wlp1", "one", "")))
	o.on(agentsPath+"/wlp1/connections", bodyPaged(1, `{"id":"mcn1","connectionType":"NEW_KIND","status":"ACTIVE"}`,
		`{"id":"mcn2","connectionType":"STS_VAULT_SECRET","status":"INACTIVE","secret":{"orn":"orn:okta:pam:1:secrets:s1","name":"db"}}`))
	o.on(delegationsPath, func(w http.ResponseWriter, r *http.Request) {
		if f := r.URL.Query().Get("filter"); f != `to.resourceOrn eq "`+ornAgents+`wlp1"` || strings.Contains(r.URL.RawQuery, "+") {
			answerJSON(w, 400, `{"errorCode":"E0000031"}`)
			return
		}
		answerJSON(w, 200, `{"data":[{"id":"dlk1","from":{"clientOrn":"orn:okta:idp:1:apps:oidc_client:0oa1"}}]}`)
	})
	p := readAll(t, o.connect(t), "connections")
	if d := cmp.Diff([]string{"wlp1 mcn1", "wlp1 mcn2"}, p.refs(events.KindGrant)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"wlp1 dlk1"}, p.refs(events.KindDelegation)); d != "" {
		t.Error(d)
	}
	if len(p.blind) != 0 {
		t.Errorf("the feed says it cannot see %v", p.blind)
	}
}

func TestConnectionsWithoutDelegationLinks(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, anAgent("wlp1", "one", "")))
	o.on(agentsPath+"/wlp1/connections", fixed(200, `{"data":[]}`))
	p := readAll(t, o.connect(t), "connections")
	if d := cmp.Diff([]string{"connections/wlp1"}, p.replaces()); d != "" {
		t.Error("replaces:", d)
	}
	if len(p.blind) != 1 || !slices.Equal(p.blind[0].Kinds, []events.Kind{events.KindDelegation}) {
		t.Errorf("the feed says it cannot see %v", p.blind)
	}
}
