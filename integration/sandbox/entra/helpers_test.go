package entra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// tenant is a sandbox behind HTTP, with a clock that only the test moves.
type tenant struct {
	*Sandbox
	t   *testing.T
	url string

	mu  sync.Mutex
	now time.Time
}

// seedTime is when the tenants of tests are as they are.
var seedTime = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// start serves a tenant with pages of three and a clock that stands at seedTime.
func start(t *testing.T) *tenant {
	t.Helper()
	x := &tenant{Sandbox: NewWith(sandbox.NewCompany(7, 90), 7, Layout{At: seedTime}), t: t, now: seedTime}
	x.Now = x.clock
	x.PageSize = 3
	srv := httptest.NewServer(x.Sandbox)
	t.Cleanup(srv.Close)
	x.url = srv.URL
	return x
}

func (x *tenant) clock() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.now
}

func (x *tenant) pass(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.now = x.now.Add(d)
}

// object is a JSON object of an answer.
type jsonObject = map[string]any

// reply is an answer with its body decoded.
type reply struct {
	status int
	header http.Header
	raw    []byte
	body   jsonObject
}

func (r reply) items() []jsonObject {
	var out []jsonObject
	list, _ := r.body["value"].([]any)
	for _, v := range list {
		out = append(out, v.(jsonObject))
	}
	return out
}

func (r reply) link(name string) string { s, _ := r.body["@odata."+name].(string); return s }

func (r reply) code() string {
	e, _ := r.body["error"].(jsonObject)
	s, _ := e["code"].(string)
	return s
}

// call sends a request; address is absolute or begins with a slash. Spaces in it are encoded.
func (x *tenant) call(method, address, body string, header ...string) reply {
	x.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = x.url + address
	}
	req, err := http.NewRequest(method, strings.ReplaceAll(address, " ", "%20"), strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.Token())
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, raw: b}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(b, &r.body); err != nil {
			x.t.Fatalf("%s %s: not JSON: %v\n%s", method, address, err, b)
		}
	}
	return r
}

func (x *tenant) get(address string, header ...string) reply {
	x.t.Helper()
	return x.call(http.MethodGet, address, "", header...)
}

// ok gets an address that must answer 200.
func (x *tenant) ok(address string, header ...string) reply {
	x.t.Helper()
	r := x.get(address, header...)
	if r.status != http.StatusOK {
		x.t.Fatalf("GET %s = %d %s", address, r.status, r.raw)
	}
	return r
}

// refused gets an address that must answer an error with that status and code.
func (x *tenant) refused(status int, code, address string, header ...string) reply {
	x.t.Helper()
	r := x.get(address, header...)
	if r.status != status || r.code() != code {
		x.t.Errorf("GET %s = %d %s, want %d %s", address, r.status, r.raw, status, code)
	}
	return r
}

// walk follows nextLinks to the end and returns all items and the last page.
func (x *tenant) walk(address string, header ...string) ([]jsonObject, reply) {
	x.t.Helper()
	var all []jsonObject
	for range 1000 {
		r := x.ok(address, header...)
		all = append(all, r.items()...)
		address = r.link("nextLink")
		if address == "" {
			return all, r
		}
		if r.link("deltaLink") != "" {
			x.t.Fatalf("a page has both links: %s", r.raw)
		}
	}
	x.t.Fatal("a list has no end")
	return nil, reply{}
}

// round walks a delta round and returns its items and the delta link.
func (x *tenant) round(address string, header ...string) ([]jsonObject, string) {
	x.t.Helper()
	items, last := x.walk(address, header...)
	if last.link("deltaLink") == "" {
		x.t.Fatalf("a delta round ends without a deltaLink: %s", last.raw)
	}
	return items, last.link("deltaLink")
}

// do makes a change that must succeed.
func (x *tenant) do(c sandbox.Change) sandbox.Outcome {
	x.t.Helper()
	out, err := x.Mutate(c)
	if err != nil {
		x.t.Fatal(err)
	}
	return out
}

// agent is the truth about one agent.
func (x *tenant) agent(id string) sandbox.TruthAgent {
	x.t.Helper()
	for _, a := range x.Truth().Agents {
		if a.ID == id {
			return a
		}
	}
	return sandbox.TruthAgent{}
}

// some is an active agent of a native type.
func (x *tenant) some(native string) sandbox.TruthAgent {
	x.t.Helper()
	for _, a := range x.Truth().Agents {
		if a.Native == native && a.Status == "active" {
			return a
		}
	}
	x.t.Fatalf("the tenant has no active %s", native)
	return sandbox.TruthAgent{}
}

func ids(items []jsonObject) map[string]int {
	out := map[string]int{}
	for _, m := range items {
		id, _ := m["id"].(string)
		out[id]++
	}
	return out
}

// find returns the item with an id, or nil.
func find(items []jsonObject, id string) jsonObject {
	for _, m := range items {
		if m["id"] == id {
			return m
		}
	}
	return nil
}

func compact(v any) string {
	b, _ := json.Marshal(v)
	return string(bytes.TrimSpace(b))
}

func query(filter string) string { return "$filter=" + url.QueryEscape(filter) }

func sprint(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func newRequest(t *testing.T, path string) *http.Request {
	t.Helper()
	return httptest.NewRequest(http.MethodGet, path, nil)
}
