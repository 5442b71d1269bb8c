package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

// testToken is the secret that must turn up nowhere.
const testToken = "sEcReT-0123456789abcdef"

// graph is a Graph of canned answers. Answers are looked up by method, path below the version and query, then without query.
type graph struct {
	t       *testing.T
	srv     *httptest.Server
	mu      sync.Mutex
	answers map[string]canned
	asked   []string // what was asked for, in order, parts of a batch included
	headers []http.Header
	bodies  map[string]string // what was written last, by method and path

	choose func(uri string) (canned, bool) // answers before answers do
}

// canned is an answer; "{{self}}" in the body stands for the server's own base URL with the version.
type canned struct {
	status int // 0: 200
	body   string
	header map[string]string
	then   *canned
}

func newGraph(t *testing.T, answers map[string]canned) *graph {
	g := &graph{t: t, answers: maps.Clone(answers), bodies: map[string]string{}}
	if g.answers == nil {
		g.answers = map[string]canned{}
	}
	g.srv = httptest.NewServer(g)
	t.Cleanup(g.srv.Close)
	return g
}

func (g *graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if got := r.Header.Get("Authorization"); got != "Bearer "+testToken {
		g.t.Errorf("%s %s came with the Authorization %q", r.Method, r.URL, got)
	}
	g.mu.Lock()
	g.headers = append(g.headers, r.Header.Clone())
	g.mu.Unlock()
	uri := strings.TrimPrefix(r.URL.RequestURI(), "/v1.0")
	if uri == "/$batch" || uri == "/beta/$batch" {
		g.batch(w, r, strings.TrimSuffix(uri, "/$batch"))
		return
	}
	if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
		g.mu.Lock()
		g.bodies[r.Method+" "+uri] = string(body)
		g.mu.Unlock()
	}
	c := g.find(uri)
	if written, ok := g.answers[r.Method+" "+uri]; ok {
		c = written
	}
	for name, value := range c.header {
		w.Header().Set(name, value)
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(c.code())
	io.WriteString(w, g.self(c.body))
}

func (c canned) code() int {
	if c.status == 0 {
		return http.StatusOK
	}
	return c.status
}

func (g *graph) self(body string) string {
	return strings.ReplaceAll(body, "{{self}}", g.srv.URL+"/v1.0")
}

// set changes what is answered.
func (g *graph) set(uri string, c canned) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers[uri] = c
}

func (g *graph) find(uri string) canned {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, uri)
	if g.choose != nil {
		if c, ok := g.choose(unescaped(uri)); ok {
			return c
		}
	}
	path, _, _ := strings.Cut(uri, "?")
	for _, key := range []string{uri, path} {
		c, ok := g.answers[key]
		if !ok {
			continue
		}
		if c.then != nil {
			g.answers[key] = *c.then
		}
		return c
	}
	return canned{status: 404, body: `{"error":{"code":"Request_ResourceNotFound","message":"Resource not found."}}`}
}

func unescaped(uri string) string {
	plain, err := url.QueryUnescape(uri)
	if err != nil {
		return uri
	}
	return plain
}

func (g *graph) batch(w http.ResponseWriter, r *http.Request, version string) {
	var in struct {
		Requests []struct{ ID, Method, URL string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		g.t.Errorf("batch: %v", err)
	}
	if n := len(in.Requests); r.Method != http.MethodPost || n == 0 || n > 20 {
		g.t.Errorf("%s $batch with %d requests", r.Method, n)
	}
	var parts []string
	for i := range in.Requests { // Graph answers in any order
		q := in.Requests[len(in.Requests)-1-i]
		c := g.find(version + q.URL)
		headers, _ := json.Marshal(c.header)
		parts = append(parts, fmt.Sprintf(`{"id":%q,"status":%d,"headers":%s,"body":%s}`, q.ID, c.code(), headers, g.self(c.body)))
	}
	if c, ok := g.answers["/$batch"]; ok {
		w.WriteHeader(c.code())
		io.WriteString(w, c.body)
		return
	}
	io.WriteString(w, `{"responses":[`+strings.Join(parts, ",")+`]}`)
}

// count is how often something was asked for whose URI begins so.
func (g *graph) count(prefix string) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, uri := range g.asked {
		if strings.HasPrefix(uri, prefix) {
			n++
		}
	}
	return n
}

func (g *graph) settings() connectors.Settings {
	return connectors.Settings{
		Tenant: "acme", Connection: "entra", Endpoint: g.srv.URL, Transport: http.DefaultTransport,
		Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken},
	}
}

func (g *graph) connector() *Connector {
	g.t.Helper()
	c, err := New(g.settings())
	if err != nil {
		g.t.Fatal(err)
	}
	return c.(*Connector)
}

// feed is a feed of a connector to g.
func (g *graph) feed(name string) connectors.Feed {
	g.t.Helper()
	for _, f := range g.connector().Feeds() {
		if f.Name == name {
			return f
		}
	}
	g.t.Fatalf("no feed %s", name)
	return connectors.Feed{}
}

// round pulls from a cursor until the feed has caught up.
func round(t *testing.T, f connectors.Feed, from connectors.Cursor) (pages []connectors.Page, next connectors.Cursor) {
	t.Helper()
	for range 50 {
		p, err := f.Pull(context.Background(), from)
		if err != nil {
			t.Fatal(err)
		}
		pages, from = append(pages, p), p.Next
		if !p.More {
			return pages, from
		}
	}
	t.Fatal("the feed does not catch up")
	return nil, nil
}

// pullError pulls once and wants an error.
func pullError(t *testing.T, f connectors.Feed, from connectors.Cursor) error {
	t.Helper()
	p, err := f.Pull(context.Background(), from)
	if err == nil {
		t.Fatalf("no error but the page %+v", p)
	}
	if strings.Contains(err.Error(), testToken) {
		t.Errorf("the token is in the error %q", err)
	}
	return err
}

func wantFault(t *testing.T, err error, kind connectors.FaultKind, words ...string) *connectors.Fault {
	t.Helper()
	f := connectors.AsFault(err)
	if f == nil || f.Kind != kind {
		t.Fatalf("got %v, want a fault of the kind %v", err, kind)
	}
	wantWords(t, err, words...)
	return f
}

func wantWords(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not have %q", err, w)
		}
	}
}
