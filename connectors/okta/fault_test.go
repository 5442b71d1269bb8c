package okta

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   connectors.FaultKind
		cure   string
	}{
		"bad token":    {401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`, connectors.Unauthorized, "set auth token"},
		"no feature":   {401, `{"errorCode":"E0000015","errorSummary":"no access to the feature"}`, connectors.Forbidden, "enable AI agents"},
		"no role":      {403, `{"errorCode":"E0000006","errorSummary":"You do not have permission"}`, connectors.Forbidden, "Super Administrator"},
		"proxy":        {403, `<html>Your organization blocks this</html>`, connectors.Forbidden, "proxies on the way"},
		"stranger":     {403, `{"detail":"no"}`, connectors.Forbidden, "not how Okta refuses"},
		"proxy login":  {407, `<html>Who are you?</html>`, 0, ""},
		"no path":      {404, `{"errorCode":"E0000008","errorSummary":"path not found"}`, connectors.Forbidden, "enable AI agents"},
		"no list":      {404, `{"errorCode":"E0000007","errorSummary":"Not found"}`, connectors.Forbidden, "enable AI agents"},
		"no method":    {405, `{"errorCode":"E0000022","errorSummary":"no"}`, connectors.Forbidden, "enable AI agents"},
		"no such call": {501, `<html>Unsupported method</html>`, connectors.Forbidden, "enable AI agents"},
		"gone":         {410, `{}`, connectors.CursorExpired, ""},
		"rate limit":   {429, `{"errorCode":"E0000047"}`, connectors.RateLimited, "pace"},
		"read only":    {503, `{"errorCode":"E0000010","errorSummary":"READ-ONLY"}`, 0, ""},
		"not a filter": {400, `{"errorCode":"E0000031","errorSummary":"Invalid search"}`, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.on(agentsPath, fixed(c.status, c.body))
			_, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
			if err == nil {
				t.Fatal("no error")
			}
			if c.kind == 0 {
				if f := connectors.AsFault(err); f != nil {
					t.Errorf("got the fault %v, want a transient error", f)
				}
				return
			}
			if f := mustFault(t, err, c.kind); !strings.Contains(f.Cure, c.cure) {
				t.Errorf("the cure is %q", f.Cure)
			}
			if c.kind != connectors.RateLimited && !strings.Contains(err.Error(), "GET "+agentsPath) {
				t.Errorf("the error does not name the request: %v", err)
			}
		})
	}
}

func TestRefusedCursorExpires(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("after") {
			answerJSON(w, 400, `{"errorCode":"E0000054","errorSummary":"Invalid paging request"}`)
			return
		}
		bodyPaged(1, anAgent("wlp1", "one", ""), anAgent("wlp2", "two", ""))(w, r)
	})
	pull := o.connect(t).feed(t, "ai-agents")
	page, err := pull(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pull(t.Context(), page.Next)
	mustFault(t, err, connectors.CursorExpired)
}

func TestBodiesOfAnotherShape(t *testing.T) {
	const whole = `{"data":[{"id":"wlp1","profile":{"name":"one"}}],"_links":{}}`
	for name, c := range map[string]struct{ contentType, body, says string }{
		"html":           {"text/html", "<html><body>Sign in to " + strings.Repeat("x ", 200), "<html><body>Sign in"},
		"html as json":   {"application/json", "<html>", "<html>"},
		"truncated":      {"application/json", whole[:30], `{\"data\"`},
		"empty":          {"application/json", "", "an empty body"},
		"bare array":     {"application/json", `[]`, "[]"},
		"data missing":   {"application/json", `{}`, `"data" is missing`},
		"data null":      {"application/json", `{"data":null}`, `"data" is missing or null`},
		"data an object": {"application/json", `{"data":{}}`, `"data" array`},
		"next a list":    {"application/json", `{"data":[],"_links":{"next":[]}}`, "_links.next"},
		"next empty":     {"application/json", `{"data":[],"_links":{"next":{}}}`, "no href"},
		"next itself":    {"application/json", `{"data":[],"_links":{"next":{"href":"` + agentsPath + `?limit=200"}}}`, "back to the same page"},
		"next elsewhere": {"application/json", `{"data":[],"_links":{"next":{"href":"https://evil.test/a"}}}`, "evil.test"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.on(agentsPath, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.Write([]byte(c.body))
			})
			_, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
			if err == nil || connectors.AsFault(err) != nil {
				t.Fatalf("got %v, want a transient error", err)
			}
			for _, part := range []string{"GET " + agentsPath, c.says} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
			if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestAnswerThatBreaksOff(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte(`{"data":[`))
	})
	_, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
	if err == nil || connectors.AsFault(err) != nil || !strings.Contains(err.Error(), "broke off after 9 bytes") {
		t.Errorf("error is %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := newOrg(t)
	o.URL = "http://" + l.Addr().String()
	l.Close()
	_, err = o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "check the connection's endpoint") {
		t.Errorf("error is %v", err)
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	const jwt = "eyJraWQiOiJ4In0.eyJzdWIiOiJ5In0.c2lnbmF0dXJl"
	for name, body := range map[string]string{
		"echoed token":   `<p>Authorization: Bearer ` + testToken + `</p>`,
		"bare token":     `<p>token ` + testToken + ` is unknown</p>`,
		"in the summary": `{"errorCode":"E0000011","errorSummary":"token ` + testToken + ` is invalid ` + jwt + `"}`,
		"client secret":  `[{"client_secret":"shh-` + testToken,
		"jwt":            `<p>` + jwt + `</p>`,
	} {
		for _, status := range []int{200, 401, 403, 500} {
			o := newOrg(t)
			o.on(agentsPath, fixed(status, body))
			_, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
			if err == nil || strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "eyJ") || strings.Contains(err.Error(), "shh") {
				t.Errorf("%s, status %d: %v", name, status, err)
			}
		}
	}
}

func TestProbe(t *testing.T) {
	empty, no := fixed(200, `{"data":[]}`), fixed(403, `{"errorCode":"E0000006"}`)
	for name, c := range map[string]struct {
		agents, apps http.HandlerFunc
		kind         connectors.FaultKind // 0: the probe is content; -1: a transient error
	}{
		"agents show":            {bodyPaged(1, anAgent("wlp1", "one", "")), no, 0},
		"apps show":              {no, linkPaged(1, anApp("0oa1", "web", "")), 0},
		"no agents, but apps":    {empty, linkPaged(1, anApp("0oa1", "web", "")), 0},
		"all empty":              {empty, fixed(200, `[]`), connectors.Forbidden},
		"all forbidden":          {no, no, connectors.Forbidden},
		"bad credentials":        {fixed(401, `{"errorCode":"E0000011"}`), fixed(401, `{}`), connectors.Unauthorized},
		"agents fail, apps show": {fixed(503, `{}`), linkPaged(1, anApp("0oa1", "web", "")), -1},
		"limit on second query":  {empty, fixed(429, `{}`), connectors.RateLimited},
	} {
		o := newOrg(t)
		o.on(agentsPath, c.agents)
		o.on(appsPath, c.apps)
		err := o.connect(t).Probe(t.Context())
		switch {
		case c.kind > 0:
			mustFault(t, err, c.kind)
		case (err != nil) != (c.kind < 0) || connectors.AsFault(err) != nil:
			t.Errorf("%s: %v", name, err)
		}
	}
}
