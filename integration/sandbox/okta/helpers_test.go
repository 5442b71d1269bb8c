package okta

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// org is a sandbox behind a server, with the means to ask it.
type org struct {
	*Sandbox
	t     *testing.T
	url   string
	clock *clock
}

// start serves the org of sixty agents and seed 1.
func start(t *testing.T, opt Options) *org {
	t.Helper()
	o := &org{t: t, clock: &clock{now: time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)}}
	if opt.Now == nil {
		opt.Now = o.clock.Now
	}
	o.Sandbox = NewWith(sandbox.NewCompany(1, 60), 1, opt)
	h := httptest.NewServer(sandbox.Serve(o.Sandbox))
	t.Cleanup(h.Close)
	t.Cleanup(func() { _ = o.Close() })
	o.url = h.URL
	return o
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with the static token. A path may also be a whole address, as in a next link.
func (o *org) do(method, path, contentType, body string) reply {
	o.t.Helper()
	return o.as("SSWS "+o.Token(), method, path, contentType, body)
}

func (o *org) as(authorization, method, path, contentType, body string) reply {
	o.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = o.url + path
	}
	r, err := http.NewRequestWithContext(o.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, b}
}

func (o *org) get(path string) reply {
	o.t.Helper()
	return o.do(http.MethodGet, path, "", "")
}

// read gets a path, which must answer 200, into v.
func (o *org) read(path string, v any) reply {
	o.t.Helper()
	r := o.get(path)
	if r.status != http.StatusOK {
		o.t.Fatalf("GET %s: %d %s", path, r.status, r.body)
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		o.t.Fatalf("GET %s: %v in %s", path, err, r.body)
	}
	return r
}

// code is the errorCode of a refusal.
func (r reply) code() string {
	var e apiError
	_ = json.Unmarshal(r.body, &e)
	return e.Code
}

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// next finds the next link in the headers, or else in the body.
func (r reply) next() string {
	for _, l := range r.header.Values("Link") {
		if m := nextLink.FindStringSubmatch(l); m != nil {
			return m[1]
		}
	}
	var body struct {
		Links pageLinks `json:"_links"`
	}
	if json.Unmarshal(r.body, &body) == nil && body.Links.Next != nil {
		return body.Links.Next.Href
	}
	return ""
}

// ids reads the ids of a page, a bare array or an object with data.
func (r reply) ids(t *testing.T) (ids []string) {
	t.Helper()
	type thing struct {
		ID       string   `json:"id"`
		UUID     string   `json:"uuid"`
		Resource resource `json:"resource"`
	}
	var list []thing
	if json.Unmarshal(r.body, &list) != nil {
		var body listBody[thing]
		if err := json.Unmarshal(r.body, &body); err != nil {
			t.Fatalf("%v in %s", err, r.body)
		}
		list = body.Data
	}
	for _, v := range list {
		ids = append(ids, v.ID+v.UUID+v.Resource.ID)
	}
	return ids
}

// walk follows next links from a path to the end and returns all ids and the number of pages.
func (o *org) walk(path string) (ids []string, pages int) {
	o.t.Helper()
	for path != "" {
		if pages++; pages > 500 {
			o.t.Fatalf("no end of pages at %s", path)
		}
		r := o.get(path)
		if r.status != http.StatusOK {
			o.t.Fatalf("GET %s: %d %s", path, r.status, r.body)
		}
		ids = append(ids, r.ids(o.t)...)
		path = r.next()
	}
	return ids, pages
}

// must makes a change that has to succeed.
func (o *org) must(c sandbox.Change) sandbox.Outcome {
	o.t.Helper()
	out, err := o.Mutate(c)
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

// truth finds one identity of the truth.
func (o *org) truth(id string) (sandbox.TruthAgent, bool) {
	for _, a := range o.Truth().Agents {
		if a.ID == id {
			return a, true
		}
	}
	return sandbox.TruthAgent{}, false
}

func mustDecode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
}
