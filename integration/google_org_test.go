package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// googleOrg is an organization of many projects with service accounts in them and nothing else, which answers as Google's hosts do
// and refuses what goes beyond the limits that Google documents. It is only as rich as measuring needs; what Google's answers are like
// in full the sandbox knows.
type googleOrg struct {
	tb       testing.TB
	projects []string
	accounts int // in each project
	log      *eventlog.Log

	mu       sync.Mutex
	bindings map[string][]string // of a project's policy: role → member
	entries  []string
	total    int
	calls    map[string]int // by host
	minutes  map[string]int // by host and minute
	most     map[string]int // the most calls to a host within one minute
	refused  int
	asked    map[string]int // by path
}

func newGoogleOrg(tb testing.TB, projects, accounts int) *googleOrg {
	g := &googleOrg{tb: tb, accounts: accounts, log: eventlog.NewMemory(), bindings: map[string][]string{}, calls: map[string]int{}, minutes: map[string]int{},
		most: map[string]int{}, asked: map[string]int{}}
	for i := range projects {
		g.projects = append(g.projects, fmt.Sprintf("acme-%04d", i))
	}
	return g
}

// makeGoogle makes so many connectors to Google, before the bubble in which they are used begins.
func makeGoogle(tb testing.TB, n int) []*made {
	tb.Helper()
	return makeAll(tb, n, google.Vendor, "", "token-of-the-org")
}

// RoundTrip answers a request without a network.
func (g *googleOrg) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w, host := httptest.NewRecorder(), r.URL.Host
	g.total++
	g.calls[host]++
	g.asked[r.URL.Path]++
	key := host + time.Now().Truncate(time.Minute).Format(" 15:04 2")
	g.minutes[key]++
	g.most[host] = max(g.most[host], g.minutes[key])
	if float64(g.minutes[key]) > google.Vendor.PerMinute(host) {
		g.refused++
		w.WriteHeader(http.StatusTooManyRequests)
		fmt.Fprint(w, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"quota"}}`)
	} else {
		fmt.Fprint(w, g.answer(r))
	}
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// answer is the body for a request.
func (g *googleOrg) answer(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch last := parts[len(parts)-1]; {
	case last == "projects:search":
		return g.page(r, "projects", 100, len(g.projects), func(i int) string {
			return fmt.Sprintf(`{"name":"projects/%d","projectId":%q,"state":"ACTIVE"}`, 1000+i, g.projects[i])
		})
	case last == "organizations:search":
		return `{"organizations":[{"name":"organizations/7","state":"ACTIVE"}]}`
	case last == "locations":
		return `{"locations":[{"locationId":"us-central1"}]}`
	case last == "serviceAccounts":
		return g.page(r, "accounts", 100, g.accounts, func(i int) string { return account(parts[2], i) })
	case len(parts) == 5 && parts[3] == "serviceAccounts" && strings.Contains(last, "@"):
		var i int
		if _, err := fmt.Sscanf(last, "bot%d@", &i); err != nil {
			g.tb.Error(err)
		}
		return account(parts[2], i)
	case last == "keys":
		return fmt.Sprintf(`{"keys":[{"name":"x/keys/k%s","keyType":"USER_MANAGED"}]}`, parts[4])
	case strings.HasSuffix(last, ":getIamPolicy"):
		return g.policy(strings.TrimSuffix(last, ":getIamPolicy"))
	case last == "entries:list":
		return g.list(r)
	}
	return `{}`
}

func account(project string, i int) string {
	return fmt.Sprintf(`{"uniqueId":"%s%03d","email":"bot%d@%s.iam.gserviceaccount.com","displayName":"Bot %d"}`, strings.TrimPrefix(project, "acme-"), i, i, project, i)
}

// page writes a page of n items.
func (g *googleOrg) page(r *http.Request, member string, size, n int, item func(int) string) string {
	if asked, err := strconv.Atoi(r.URL.Query().Get("pageSize")); err == nil {
		size = min(size, asked)
	}
	first, _ := strconv.Atoi(r.URL.Query().Get("pageToken"))
	var items []string
	for i := first; i < min(first+size, n); i++ {
		items = append(items, item(i))
	}
	next := ""
	if first+size < n {
		next = fmt.Sprintf(`,"nextPageToken":"%d"`, first+size)
	}
	return fmt.Sprintf(`{%q:[%s]%s}`, member, strings.Join(items, ","), next)
}

func (g *googleOrg) policy(of string) string {
	var out []string
	for _, b := range g.bindings[of] {
		role, member, _ := strings.Cut(b, " ")
		out = append(out, fmt.Sprintf(`{"role":%q,"members":[%q]}`, role, member))
	}
	return fmt.Sprintf(`{"version":3,"etag":"BwX%d","bindings":[%s]}`, len(out), strings.Join(out, ","))
}

// list shows the entries that are not older than the filter asks for.
func (g *googleOrg) list(r *http.Request) string {
	b, _ := io.ReadAll(r.Body)
	var ask struct {
		Filter string `json:"filter"`
	}
	if err := json.Unmarshal(b, &ask); err != nil {
		g.tb.Error(err)
	}
	_, from, _ := strings.Cut(ask.Filter, `timestamp>="`)
	var fit []string
	for _, e := range g.entries {
		if _, at, _ := strings.Cut(e, `"timestamp":"`); at[:20]+`"` >= from {
			fit = append(fit, e)
		}
	}
	return fmt.Sprintf(`{"entries":[%s]}`, strings.Join(fit, ","))
}

// grant changes one line of a project's policy, as somebody.
func (g *googleOrg) grant(project, role, member, who string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bindings[project] = append(slices.Clone(g.bindings[project]), role+" "+member)
	g.entries = append(g.entries, fmt.Sprintf(`{"insertId":"e%d","logName":"projects/%s/logs/cloudaudit.googleapis.com%%2Factivity","timestamp":"%s",`+
		`"resource":{"type":"project","labels":{"project_id":%q}},"protoPayload":{"serviceName":"cloudresourcemanager.googleapis.com",`+
		`"methodName":"SetIamPolicy","resourceName":"projects/%s","authenticationInfo":{"principalEmail":%q},`+
		`"serviceData":{"policyDelta":{"bindingDeltas":[{"action":"ADD","role":%q,"member":%q}]}}}}`,
		len(g.entries), project, time.Now().UTC().Format("2006-01-02T15:04:05Z"), project, project, who, role, member))
}

func (g *googleOrg) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}
