package google

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// world is a sandbox with a server and a clock.
type world struct {
	*Sandbox
	t     testing.TB
	clock *clock
	base  string
}

// seedTime is when the organizations of tests are as they are.
var seedTime = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, agents int, opt Options) *world {
	t.Helper()
	s := NewWith(sandbox.NewCompany(7, agents), 7, Layout{At: seedTime})
	c := &clock{now: seedTime.AddDate(0, 0, 1)}
	s.Now, s.Options = c.Now, opt
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return &world{Sandbox: s, t: t, clock: c, base: srv.URL}
}

// object is a decoded JSON object.
type object = map[string]any

// send makes a request with the static token and returns status, header and body.
func (w *world) send(method, path, body string) (int, http.Header, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.Token())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, res.Header, b
}

// get answers the JSON of a GET that must succeed.
func (w *world) get(path string) object {
	w.t.Helper()
	return w.ok("GET", path, "")
}

func (w *world) ok(method, path, body string) object {
	w.t.Helper()
	code, _, b := w.send(method, path, body)
	if code != http.StatusOK {
		w.t.Fatalf("%s %s: %d\n%s", method, path, code, b)
	}
	return decodeObject(w.t, b)
}

func decodeObject(t testing.TB, b []byte) object {
	t.Helper()
	var out object
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("no JSON object: %v\n%s", err, b)
	}
	return out
}

// refused checks that a request fails with a code and a status in Google's error form, and returns the error.
func (w *world) refused(method, path, body string, code int, status string) object {
	w.t.Helper()
	got, _, b := w.send(method, path, body)
	if got != code {
		w.t.Fatalf("%s %s: status %d, want %d\n%s", method, path, got, code, b)
	}
	e, _ := decodeObject(w.t, b)["error"].(object)
	if e["status"] != status || e["code"] != float64(code) || e["message"] == "" {
		w.t.Fatalf("%s %s: error %v, want %s", method, path, e, status)
	}
	return e
}

// all lists a collection over all its pages, a page size of 0 being the server's, and returns the items and how many
// pages there were.
func (w *world) all(path, items string, size string) (out []object, pages int) {
	w.t.Helper()
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	token := ""
	for {
		q := path + sep + "pageToken=" + url.QueryEscape(token)
		if size != "" {
			q += "&pageSize=" + size
		}
		page := w.get(q)
		pages++
		list, _ := page[items].([]any)
		for _, it := range list {
			out = append(out, it.(object))
		}
		token, _ = page["nextPageToken"].(string)
		if token == "" {
			return out, pages
		}
		if pages > 10_000 {
			w.t.Fatalf("%s does not end", path)
		}
	}
}

// entries reads the audit log over all its pages.
func (w *world) entries(project, filter string, size int) (out []object) {
	w.t.Helper()
	token := ""
	for {
		body, err := json.Marshal(object{"resourceNames": []string{"projects/" + project}, "filter": filter,
			"pageSize": size, "pageToken": token, "orderBy": "timestamp asc"})
		if err != nil {
			w.t.Fatal(err)
		}
		page := w.ok("POST", "/logging/v2/entries:list", string(body))
		list, _ := page["entries"].([]any)
		for _, e := range list {
			out = append(out, e.(object))
		}
		if token, _ = page["nextPageToken"].(string); token == "" {
			return out
		}
	}
}

// do makes a change that must find a target.
func (w *world) do(c sandbox.Change) sandbox.Outcome {
	w.t.Helper()
	out, err := w.Mutate(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// agent is an agent of the truth; nil when there is none.
func (w *world) agent(id string) *sandbox.TruthAgent {
	for _, a := range w.Truth().Agents {
		if a.ID == id {
			return &a
		}
	}
	return nil
}

// first is some agent of the truth that fits.
func (w *world) first(fits func(sandbox.TruthAgent) bool) sandbox.TruthAgent {
	w.t.Helper()
	for _, a := range w.Truth().Agents {
		if fits(a) {
			return a
		}
	}
	w.t.Fatal("no agent of the seed fits; use more agents")
	return sandbox.TruthAgent{}
}

// seen is what the APIs show of all agents, by the ids that the truth has, with their names.
func (w *world) seen() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, p := range w.Projects() {
		accounts, _ := w.all("/iam/v1/projects/"+p+"/serviceAccounts", "accounts", "")
		for _, a := range accounts {
			out[a["uniqueId"].(string)], _ = a["displayName"].(string)
		}
		for _, l := range served(serviceRegistry) {
			agents, _ := w.all("/agentregistry/v1/projects/"+p+"/locations/"+l+"/agents", "agents", "")
			for _, a := range agents {
				out[a["agentId"].(string)] = a["displayName"].(string)
			}
			engines, _ := w.all("/aiplatform/v1/projects/"+p+"/locations/"+l+"/reasoningEngines", "reasoningEngines", "")
			for _, e := range engines {
				out[e["name"].(string)] = e["displayName"].(string)
			}
		}
	}
	return out
}

// named is the same of the truth.
func (w *world) named() map[string]string {
	out := map[string]string{}
	for _, a := range w.Truth().Agents {
		out[a.ID] = a.Name
	}
	return out
}

// natives are all kinds of agents.
var natives = []string{nativeRegistry, nativeEngine, nativeAccount, nativeRun, nativeGemini, nativeManaged}

// everything is one change of each kind, of each kind of agent and each kind of resource.
func everything() (out []sandbox.Change) {
	for _, op := range slices.Concat(sandbox.Ops(), sandbox.CloudOps(), sandbox.DirectoryOps()) {
		for _, native := range append(natives, "") {
			out = append(out, sandbox.Change{Op: op, Native: native})
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(rolesOn)) {
		out = append(out, sandbox.Change{Op: sandbox.AddBinding, Name: kind}, sandbox.Change{Op: sandbox.RemoveBinding, Name: kind})
	}
	return out
}
