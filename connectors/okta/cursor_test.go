package okta

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

func TestForeignCursorsStartAnew(t *testing.T) {
	for _, from := range []string{"", "x", "null", "[]", `{"v":0,"next":"/a"}`, `{"v":2,"next":"/a"}`, `{"v":1,"next":"@evil.test/"}`,
		`{"v":1,"next":"https://evil.test/"}`, `{"v":1,"next":7}`} {
		o := newOrg(t)
		o.on(agentsPath, bodyPaged(1, anAgent("wlp1", "one", "")))
		page, err := o.connect(t).feed(t, "ai-agents")(t.Context(), connectors.Cursor(from))
		if err != nil || !slices.Equal(page.Opens, []string{scopeAgents}) || !slices.Equal(page.Seals, []string{scopeAgents}) {
			t.Errorf("cursor %s: opens %v, seals %v, error %v", from, page.Opens, page.Seals, err)
		}
	}
}

// Every pass ends although each of its pages is read by a process of its own.
func TestPassesEndAcrossProcesses(t *testing.T) {
	for _, dialect := range []string{"sweep", "each"} {
		o := fullOrg(t, dialect)
		for _, f := range o.connect(t).Feeds() {
			var cur connectors.Cursor
			var p pass
			for more := true; more; {
				c := o.connect(t)
				page, err := c.feed(t, f.Name)(t.Context(), cur)
				if err != nil || len(p.pages) > 10 {
					t.Fatalf("feed %s, page %d: %v", f.Name, len(p.pages), err)
				}
				p.add(t, c, page)
				cur, more = page.Next, page.More
			}
			if f.Name == "owners" && !slices.Equal(p.replaces(), []string{"owners/wlp1", "owners/wlp2", "owners/wlp3"}) {
				t.Errorf("dialect %s: %v", dialect, p.replaces())
			}
			if listing := strings.HasSuffix(f.Name, "s") && f.Led != "" && !f.Rests && f.Name != "owners"; len(p.seals) != map[bool]int{true: 1}[listing] {
				t.Errorf("feed %s seals %v", f.Name, p.seals)
			}
		}
	}
}

// fullOrg is an org in which every feed has pages to read.
func fullOrg(t *testing.T, dialect string) *org {
	o := ownedAgents(t, dialect)
	o.on(appsPath, linkPaged(1, anApp("0oa1", "service", ""), anApp("0oa2", "service", "")))
	o.on(logsPath, (&tail{}).serve)
	o.on(tokensPath, fixed(200, `[]`))
	for _, id := range []string{"0oa1", "0oa2"} {
		o.on(appsPath+"/"+id+"/credentials/jwks", fixed(200, `[]`))
		o.on(appsPath+"/"+id+"/grants", fixed(200, `[]`))
		o.on(clientsPath+"/"+id+"/roles", fixed(200, `[]`))
	}
	for _, id := range []string{"wlp1", "wlp2", "wlp3"} {
		o.on(agentsPath+"/"+id+"/credentials/jwks", fixed(200, `{"data":[]}`))
		o.on(agentsPath+"/"+id+"/connections", fixed(200, `{"data":[]}`))
	}
	return o
}

func TestCirclesEnd(t *testing.T) {
	o := fullOrg(t, "sweep")
	o.on(ownersPath, func(w http.ResponseWriter, r *http.Request) {
		next := map[string]string{"": "a", "a": "b", "b": "a"}[r.URL.Query().Get("after")]
		answerJSON(w, 200, `{"data":[],"_links":{"next":{"href":"`+ownersPath+`?after=`+next+`"}}}`)
	})
	_, err := o.connect(t).feed(t, "owners")(t.Context(), nil)
	if err == nil || connectors.AsFault(err) != nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("error is %v", err)
	}
}

func TestCursorsAreSmall(t *testing.T) {
	o := fullOrg(t, "sweep")
	c := o.connect(t)
	for _, f := range c.Feeds() {
		p := readAll(t, c, f.Name)
		for _, page := range p.pages {
			if len(page.Next) > 1500 {
				t.Errorf("feed %s has a cursor of %d bytes: %s", f.Name, len(page.Next), page.Next)
			}
		}
		if last := p.pages[len(p.pages)-1]; (last.Next != nil) != (f.Name == "system-log") || last.More {
			t.Errorf("feed %s does not end its pass at the start: %s", f.Name, last.Next)
		}
	}
}

func TestPageSize(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(1, anAgent("wlp1", "one", "")))
	o.on(agentsPath+"/wlp1/connections", fixed(200, `{"data":[]}`))
	c := o.connect(t, func(s *connectors.Settings) { s.Options = map[string]string{"page_size": "3"} })
	readAll(t, c, "ai-agents")
	readAll(t, c, "connections")
	if got := o.calls("limit=3"); len(got) != 3 { // one list serves both feeds; links are asked for as well
		t.Errorf("calls are %v", o.calls(""))
	}
}

func TestEndpointWithAPath(t *testing.T) {
	o := newOrg(t)
	o.on("/org1"+agentsPath, bodyPaged(1, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", "")))
	p := readAll(t, o.connect(t, func(s *connectors.Settings) { s.Endpoint += "/org1/" }), "ai-agents")
	if len(p.pages) != 2 {
		t.Errorf("%d pages", len(p.pages))
	}
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", `{"v":1,"next":"/a?after=b","phase":"each","pass":"X","opened":true}`, `{"v":1,"next":"@evil.test"}`, `{"v":9}`, "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := parseCursor(b)
		if c.Next != "" && !strings.HasPrefix(c.Next, "/") {
			t.Errorf("the next target is %q", c.Next)
		}
	})
}

func FuzzFollow(f *testing.F) {
	for _, s := range []string{"/a?b=c", "https://acme.okta.com/a", "https://acme.okta.com@evil.test/", "//evil.test/a", "a", "", "?x", "https://acme.okta.com:443/a"} {
		f.Add(s)
	}
	base, err := url.Parse("https://acme.okta.com")
	if err != nil {
		f.Fatal(err)
	}
	c := &client{base: base}
	f.Fuzz(func(t *testing.T, link string) {
		target, err := c.follow(link)
		if err != nil {
			return
		}
		u, err := url.Parse(base.String() + target)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.User != nil {
			t.Errorf("link %q is followed to %q, error %v", link, target, err)
		}
	})
}

func FuzzHeaderLink(f *testing.F) {
	for _, s := range []string{`<https://a.test/x>; rel="next"`, `<a>; rel="self", <b>; rel=next`, `<a,b>; title="x, <y>; rel=next"; rel="prev next"`, `<`, `>`, `,,`, `<a>;rel`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		link, err := headerLink(http.Header{"Link": {line}}, "next")
		if err == nil && link != "" && !strings.Contains(line, "<"+link+">") {
			t.Errorf("the header %q has no link %q", line, link)
		}
	})
}
