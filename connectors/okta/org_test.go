package okta

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	testToken = "test-token-00abc"
	testOrg   = "00o1cccccccccccc0g7"
	ornAgents = "orn:okta:directory:" + testOrg + ":workload-principals:ai-agents:"
)

// org is a small Okta org for one test: fixed answers by path, and lists that page.
type org struct {
	*httptest.Server
	mu       sync.Mutex
	handlers map[string]http.HandlerFunc // by path
	seen     []string                    // "GET path?query", in order
}

func newOrg(t *testing.T) *org {
	t.Helper()
	o := &org{handlers: map[string]http.HandlerFunc{}}
	o.Server = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.Close)
	return o
}

func (o *org) serve(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.seen = append(o.seen, r.Method+" "+r.URL.RequestURI())
	h := o.handlers[r.URL.Path]
	o.mu.Unlock()
	if h == nil {
		answerJSON(w, 404, `{"errorCode":"E0000008","errorSummary":"The requested path was not found"}`)
		return
	}
	h(w, r)
}

// on sets what a path answers.
func (o *org) on(path string, h http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handlers[path] = h
}

// calls are the requests so far whose line contains part.
func (o *org) calls(part string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.seen), func(s string) bool { return !strings.Contains(s, part) })
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

func fixed(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) }
}

// bodyPaged serves items as {"data": [...]} in pages of size, the next link in the body.
func bodyPaged(size int, items ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		part, next := paged(r, size, items)
		links := `"self":{"href":"` + r.URL.RequestURI() + `"}`
		if next != "" {
			links += `,"next":{"href":"` + next + `"}`
		}
		answerJSON(w, 200, `{"data":[`+strings.Join(part, ",")+`],"_links":{`+links+`}}`)
	}
}

// linkPaged serves items as an array in pages of size, the next link in a header.
func linkPaged(size int, items ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		part, next := paged(r, size, items)
		w.Header().Add("Link", `<http://`+r.Host+r.URL.RequestURI()+`>; rel="self"`)
		if next != "" {
			w.Header().Add("Link", `<`+next+`>; rel="next"`)
		}
		answerJSON(w, 200, `[`+strings.Join(part, ",")+`]`)
	}
}

func paged(r *http.Request, size int, items []string) (part []string, next string) {
	q := r.URL.Query()
	var at int
	fmt.Sscanf(q.Get("after"), "n%d", &at)
	part = items[min(at, len(items)):min(at+size, len(items))]
	if at+size < len(items) {
		q.Set("after", fmt.Sprintf("n%d", at+size))
		next = "http://" + r.Host + r.URL.Path + "?" + q.Encode()
	}
	return part, next
}

// anAgent is an AI agent as the list shows it, with the link that holds its ORN.
func anAgent(id, name, more string) string {
	return fmt.Sprintf(`{"id":%q,"status":"ACTIVE","created":"2026-03-02T09:15:00.000Z","lastUpdated":"2026-08-20T07:01:12.000Z",%s`+
		`"profile":{"name":%q},"_links":{"delegationLinks":{"href":"https://acme.okta.com/workload-principals/api/v1/delegation-links`+
		`?filter=to.resourceOrn%%20eq%%20%%22%s%%22"}}}`, id, more, name, ornAgents+id)
}

// anApp is an OIDC app as the list shows it.
func anApp(id, kind, more string) string {
	return fmt.Sprintf(`{"id":%q,"name":"oidc_client","label":"app %s","status":"ACTIVE","created":"2025-11-03T10:00:00.000Z",`+
		`"lastUpdated":"2026-07-30T08:00:00.000Z","signOnMode":"OPENID_CONNECT","credentials":{"oauthClient":{"client_id":%q,`+
		`"token_endpoint_auth_method":"private_key_jwt"}},"settings":{"oauthClient":{"application_type":%q,`+
		`"grant_types":["client_credentials"]%s}}}`, id, id, id, kind, more)
}

// anOwner is an element of the list of owners: one user owns an agent.
func anOwner(agent, user string) string {
	return fmt.Sprintf(`{"parentResourceOrn":%q,"principals":[{"id":"pri%s","type":"users","orn":"orn:okta:directory:%s:users:%s",`+
		`"profile":{"id":%q,"name":"Name %s"}}],"resource":{"id":%q,"type":"ai-agents","orn":%q}}`,
		ornAgents+agent, user, testOrg, user, user, user, agent, ornAgents+agent)
}

// connect makes a connector with a bearer token.
func (o *org) connect(t *testing.T, more ...func(*connectors.Settings)) *connector {
	t.Helper()
	s := connectors.Settings{Tenant: "acme", Connection: "okta", Endpoint: o.URL, Transport: http.DefaultTransport,
		Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken}}
	for _, m := range more {
		m(&s)
	}
	c, err := newConnector(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// knows is a log that knows all that lives.
type knows struct{}

func (knows) Known(events.Kind) []string     { return nil }
func (knows) IsKnown(events.Ref) bool        { return true }
func (knows) Holds(string, events.Kind) bool { return false }

// feed finds a feed's pull by its name.
func (c *connector) feed(t *testing.T, name string) func(context.Context, connectors.Cursor) (connectors.Page, error) {
	t.Helper()
	for _, f := range c.Feeds() {
		if f.Name == name {
			return f.Pull
		}
	}
	t.Fatalf("there is no feed %s", name)
	return nil
}

// pass is what a pass over a feed brought, from its first page to its last.
type pass struct {
	pages    []connectors.Page
	readings []connectors.Reading
	seals    []string
	breaks   []string
	blind    []connectors.Blindness
}

// readAll pulls a feed until it has no more.
func readAll(t *testing.T, c *connector, feed string) pass {
	t.Helper()
	pull := c.feed(t, feed)
	var p pass
	var cur connectors.Cursor
	for range 100 {
		page, err := pull(t.Context(), cur)
		if err != nil {
			t.Fatalf("feed %s, page %d: %v", feed, len(p.pages)+1, err)
		}
		p.add(t, c, page)
		if cur = page.Next; !page.More {
			return p
		}
	}
	t.Fatalf("feed %s does not end", feed)
	return p
}

func (p *pass) add(t *testing.T, c *connector, page connectors.Page) {
	t.Helper()
	p.pages = append(p.pages, page)
	for _, r := range page.Records {
		if r.Asked.IsZero() {
			t.Errorf("record %s has no time of asking", r.Type)
		}
		reading, err := c.Normalize(r)
		if err != nil {
			t.Errorf("record %s %s: %v", r.Type, r.Body, err)
		}
		for _, e := range reading.Entities {
			if err := e.Check(); err != nil {
				t.Error(err)
			}
		}
		p.readings = append(p.readings, reading)
	}
	p.seals, p.breaks, p.blind = append(p.seals, page.Seals...), append(p.breaks, page.Breaks...), page.Blind
}

// refs are the addresses of all entities of a kind, sorted.
func (p *pass) refs(k events.Kind) []string {
	var refs []string
	for _, r := range p.readings {
		for _, e := range r.Entities {
			if e.Kind == k {
				refs = append(refs, e.Holder+" "+e.Key)
			}
		}
	}
	slices.Sort(refs)
	return refs
}

// replaces are all scopes that were shown in full, sorted.
func (p *pass) replaces() []string {
	var scopes []string
	for _, r := range p.readings {
		scopes = append(scopes, r.Replaces...)
	}
	slices.Sort(scopes)
	return scopes
}

// mustFault fails unless err is a fault of the kind.
func mustFault(t *testing.T, err error, kind connectors.FaultKind) *connectors.Fault {
	t.Helper()
	f := connectors.AsFault(err)
	if f == nil || f.Kind != kind {
		t.Fatalf("got error %v, want a fault of kind %v", err, kind)
	}
	return f
}

func mustMarshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
