package google

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

const testToken = "ya29.secret-token-of-the-test"

// fake answers as Google's APIs do, as far as the tests need it. Paths carry the service's name first.
type fake struct {
	*httptest.Server

	mu       sync.Mutex
	lists    map[string][]string                                     // path → items, raw JSON
	bodies   map[string]string                                       // path → body, for what is no list
	override map[string]func(w http.ResponseWriter, r *http.Request) // path → another answer
	spoil    func(w http.ResponseWriter, r *http.Request) bool       // plays a fault instead of the answer, when it wants to
	epoch    int                                                     // page tokens of another epoch have expired
	calls    []string                                                // "GET /iam/v1/...", without the query
	queries  []string
}

// members are the names of the lists' members, by the end of their path.
var members = map[string]string{
	"/agents": "agents", "/reasoningEngines": "reasoningEngines", "/serviceAccounts": "accounts", "/keys": "keys",
	"/providers": "workloadIdentityPoolProviders",
	"/locations": "locations", "/projects:search": "projects", "/folders:search": "folders", "/organizations:search": "organizations",
}

func newFake(t *testing.T) *fake {
	f := &fake{lists: map[string][]string{}, bodies: map[string]string{}, override: map[string]func(http.ResponseWriter, *http.Request){}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	f.queries = append(f.queries, r.URL.RawQuery)
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if f.spoil != nil && f.spoil(w, r) {
		return
	}
	if h := f.override[r.URL.Path]; h != nil {
		h(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+testToken {
		refuse(w, 401, `{"error":{"code":401,"message":"Request had invalid authentication credentials.","status":"UNAUTHENTICATED"}}`)
		return
	}
	if body, ok := f.bodies[r.URL.Path]; ok {
		fmt.Fprint(w, body)
		return
	}
	items, ok := f.lists[r.URL.Path]
	if !ok {
		refuse(w, 404, `{"error":{"code":404,"message":"Method not found.","status":"NOT_FOUND"}}`)
		return
	}
	f.list(w, r, items)
}

// list writes one page; the token is the number of the first item, and its epoch.
func (f *fake) list(w http.ResponseWriter, r *http.Request, items []string) {
	token, epoch, _ := strings.Cut(r.URL.Query().Get("pageToken"), "@")
	if token != "" && word(epoch, "0") != strconv.Itoa(f.epoch) {
		refuse(w, 400, `{"error":{"code":400,"message":"The page token has expired.","status":"INVALID_ARGUMENT"}}`)
		return
	}
	first, _ := strconv.Atoi(token)
	size, err := strconv.Atoi(r.URL.Query().Get("pageSize"))
	if err != nil {
		size = 100
	}
	first = min(first, len(items))
	last := min(first+size, len(items))
	member := members[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/'):]]
	next := ""
	if last < len(items) {
		next = fmt.Sprintf(`,"nextPageToken":"%d@%d"`, last, f.epoch)
	}
	if first == last {
		fmt.Fprint(w, "{}")
		return
	}
	fmt.Fprintf(w, `{%q:[%s]%s}`, member, strings.Join(items[first:last], ","), next)
}

func refuse(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	fmt.Fprint(w, body)
}

// answer makes the path answer with a status and a body; status 0 ends that.
func (f *fake) answer(path string, status int, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.override, path)
	if status != 0 {
		f.override[path] = func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, body) }
	}
}

func (f *fake) set(path string, items ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists[path] = items
}

// called counts the calls to a path.
func (f *fake) called(path string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if strings.HasSuffix(c, " "+path) {
			n++
		}
	}
	return n
}

// settings connect to the fake.
func (f *fake) settings(options map[string]string) connectors.Settings {
	return connectors.Settings{
		Tenant: "acme", Connection: "gcp", Endpoint: f.URL, Transport: http.DefaultTransport, Options: options,
		Auth: map[string]connectors.Secret{"method": "bearer", "token": testToken},
	}
}

func (f *fake) connect(t *testing.T, options map[string]string) *connector {
	t.Helper()
	c, err := New(f.settings(options))
	if err != nil {
		t.Fatal(err)
	}
	return c.(*connector)
}

func (c *connector) feed(t *testing.T, name string) connectors.Feed {
	t.Helper()
	for _, f := range c.Feeds() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no feed %s", name)
	return connectors.Feed{}
}

// round pulls a feed from the start until it is caught up.
func round(t *testing.T, f connectors.Feed) []connectors.Page {
	t.Helper()
	var pages []connectors.Page
	for cur := connectors.Cursor(nil); ; {
		p, err := f.Pull(context.Background(), cur)
		if err != nil {
			t.Fatalf("%s from %q: %v", f.Name, cur, err)
		}
		pages = append(pages, p)
		if !p.More {
			return pages
		}
		if cur = p.Next; len(pages) > 100 {
			t.Fatalf("%s does not end", f.Name)
		}
	}
}

func records(pages []connectors.Page) (out []connectors.Record) {
	for _, p := range pages {
		out = append(out, p.Records...)
	}
	return out
}

// company is the vendor facts' own example: a project with an engine that has an identity of its own, one that runs as a service
// account, the agent that the registry made of the first, and the accounts.
func company(t *testing.T) *fake {
	f := newFake(t)
	f.set("/cloudresourcemanager/v3/projects:search",
		`{"name":"projects/444455556666","projectId":"rc-sandbox","state":"ACTIVE"}`)
	for _, service := range []string{"agentregistry", "aiplatform"} {
		f.set("/"+service+"/v1/projects/rc-sandbox/locations",
			`{"name":"projects/rc-sandbox/locations/global","locationId":"global"}`,
			`{"name":"projects/rc-sandbox/locations/us-central1","locationId":"us-central1"}`)
	}
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/global/agents")
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/us-central1/agents", jsonAgent)
	f.set("/aiplatform/v1/projects/rc-sandbox/locations/us-central1/reasoningEngines", jsonEngine, jsonLegacyEngine)
	f.set("/aiplatform/v1/projects/444455556666/locations/us-central1/reasoningEngines", jsonEngine, jsonLegacyEngine)
	f.set("/iam/v1/projects/rc-sandbox/serviceAccounts", jsonAccount, jsonDisabledAccount)
	f.set("/iam/v1/projects/rc-sandbox/serviceAccounts/104857600000000000001/keys", jsonKey, jsonExposedKey)
	f.set("/iam/v1/projects/rc-sandbox/serviceAccounts/104857600000000000002/keys")
	f.bodies["/cloudresourcemanager/v3/projects/rc-sandbox:getIamPolicy"] = jsonPolicy
	f.set("/cloudresourcemanager/v3/folders:search", `{"name":"folders/333344445555","state":"ACTIVE"}`, `{"name":"folders/9","state":"DELETE_REQUESTED"}`)
	f.set("/cloudresourcemanager/v3/organizations:search", `{"name":"organizations/111122223333","state":"ACTIVE"}`)
	f.bodies["/cloudresourcemanager/v3/folders/333344445555:getIamPolicy"] = `{"version":3,"etag":"BwYxF=","bindings":[{"role":"roles/logging.viewer","members":["serviceAccount:invoice-agent@rc-sandbox.iam.gserviceaccount.com","group:sre@example.com"]}]}`
	f.bodies["/cloudresourcemanager/v3/organizations/111122223333:getIamPolicy"] = `{"version":3,"etag":"BwYxO=","bindings":[{"role":"roles/browser","members":["principalSet://agents.global.org-111122223333.system.id.goog/*","domain:example.com"]}]}`
	f.bodies[accountsPath+"/104857600000000000001:getIamPolicy"] = `{"version":3,"etag":"BwYxA=","bindings":[{"role":"roles/iam.serviceAccountTokenCreator","members":["principal://agents.global.org-111122223333.system.id.goog/resources/aiplatform/projects/444455556666/locations/us-central1/reasoningEngines/4411"]}]}`
	f.bodies[accountsPath+"/104857600000000000002:getIamPolicy"] = jsonOutsiders
	for _, p := range []string{"gh", "off", "many"} {
		f.bodies["/iam/v1/projects/444455556666/locations/global/workloadIdentityPools/"+p] = `{"name":"projects/444455556666/locations/global/workloadIdentityPools/` + p + `","state":"ACTIVE"}`
	}
	f.bodies["/iam/v1/projects/444455556666/locations/global/workloadIdentityPools/off"] = `{"state":"ACTIVE","disabled":true}`
	f.answer("/iam/v1/projects/999/locations/global/workloadIdentityPools/theirs", 403, jsonDenied)
	f.set("/iam/v1/projects/444455556666/locations/global/workloadIdentityPools/gh/providers", jsonProvider)
	f.set("/iam/v1/projects/444455556666/locations/global/workloadIdentityPools/off/providers", jsonProvider)
	f.set("/iam/v1/projects/444455556666/locations/global/workloadIdentityPools/many/providers", jsonProvider,
		`{"name":"projects/444455556666/locations/global/workloadIdentityPools/many/providers/aws","state":"ACTIVE","aws":{"accountId":"123456789012"}}`,
		`{"name":"projects/444455556666/locations/global/workloadIdentityPools/many/providers/old","state":"DELETED","oidc":{"issuerUri":"https://old.example"}}`)
	f.bodies["/aiplatform/v1/"+enginePath+":getIamPolicy"] = `{"version":3,"etag":"BwYxE=","bindings":[{"role":"roles/aiplatform.user","members":["serviceAccount:invoice-agent@rc-sandbox.iam.gserviceaccount.com"]}]}`
	f.bodies["/aiplatform/v1/"+strings.Replace(enginePath, "4411", "4412", 1)+":getIamPolicy"] = `{"etag":"ACAB"}`
	f.bodies["/logging/v2/entries:list"] = `{}`
	return f
}

// The bodies of the vendor's documentation.
const (
	jsonAgent           = `{"name":"projects/rc-sandbox/locations/us-central1/agents/agentregistry-00000000-0000-0000-1111-222233334444","agentId":"urn:agent:projects-444455556666:projects:444455556666:locations:us-central1:aiplatform:reasoningEngines:4411","uid":"b5f1b2ce-0000-4000-8000-0000000000aa","displayName":"invoice-agent","description":"matches invoices","version":"1.2.0","location":"us-central1","createTime":"2026-11-01T09:01:10Z","updateTime":"2026-11-04T16:25:00Z","protocols":[{"type":"A2A_AGENT","protocolVersion":"0.3.0","interfaces":[{"url":"https://us-central1-aiplatform.googleapis.com/v1/projects/444455556666/locations/us-central1/reasoningEngines/4411","protocolBinding":"HTTP_JSON"}]}],"skills":[{"id":"match","name":"Match invoice","tags":["finance"]}],"attributes":{"agentregistry.googleapis.com/system/Framework":{"framework":"google-adk"},"agentregistry.googleapis.com/system/RuntimeIdentity":{"principal":"principal://agents.global.org-111122223333.system.id.goog/resources/aiplatform/projects/444455556666/locations/us-central1/reasoningEngines/4411"},"agentregistry.googleapis.com/system/RuntimeReference":{"uri":"//aiplatform.googleapis.com/projects/444455556666/locations/us-central1/reasoningEngines/4411"}}}`
	jsonEngine          = `{"name":"projects/444455556666/locations/us-central1/reasoningEngines/4411","displayName":"invoice-agent","description":"matches invoices","createTime":"2026-11-01T09:00:00.000001Z","updateTime":"2026-11-04T16:20:11.5Z","etag":"AMEw9yPsynth","labels":{"team":"finance"},"spec":{"agentFramework":"google-adk","identityType":"AGENT_IDENTITY","effectiveIdentity":"agents.global.org-111122223333.system.id.goog/resources/aiplatform/projects/444455556666/locations/us-central1/reasoningEngines/4411"}}`
	jsonLegacyEngine    = `{"name":"projects/444455556666/locations/us-central1/reasoningEngines/4412","displayName":"legacy","createTime":"2026-03-01T09:00:00Z","updateTime":"2026-03-01T09:00:00Z","spec":{"identityType":"SERVICE_ACCOUNT","serviceAccount":"invoice-agent@rc-sandbox.iam.gserviceaccount.com","effectiveIdentity":"invoice-agent@rc-sandbox.iam.gserviceaccount.com"}}`
	jsonAccount         = `{"name":"projects/rc-sandbox/serviceAccounts/invoice-agent@rc-sandbox.iam.gserviceaccount.com","projectId":"rc-sandbox","uniqueId":"104857600000000000001","email":"invoice-agent@rc-sandbox.iam.gserviceaccount.com","displayName":"Invoice agent","description":"runs reasoningEngines/4411","etag":"MDEwMjE5MjA=","oauth2ClientId":"104857600000000000001"}`
	jsonDisabledAccount = `{"name":"projects/rc-sandbox/serviceAccounts/old-bot@rc-sandbox.iam.gserviceaccount.com","projectId":"rc-sandbox","uniqueId":"104857600000000000002","email":"old-bot@rc-sandbox.iam.gserviceaccount.com","etag":"MDEwMjE5MjA=","oauth2ClientId":"104857600000000000002","disabled":true}`
	jsonKey             = `{"name":"projects/rc-sandbox/serviceAccounts/invoice-agent@rc-sandbox.iam.gserviceaccount.com/keys/aaaabbbbccccddddeeeeffff0000111122223333","keyType":"USER_MANAGED","keyOrigin":"GOOGLE_PROVIDED","keyAlgorithm":"KEY_ALG_RSA_2048","validAfterTime":"2026-10-01T08:00:00Z","validBeforeTime":"9999-12-31T23:59:59Z"}`
	jsonExposedKey      = `{"name":"projects/rc-sandbox/serviceAccounts/invoice-agent@rc-sandbox.iam.gserviceaccount.com/keys/0000111122223333aaaabbbbccccddddeeeeffff","keyType":"USER_MANAGED","keyOrigin":"USER_PROVIDED","keyAlgorithm":"KEY_ALG_RSA_2048","validAfterTime":"2026-10-01T08:00:00Z","validBeforeTime":"2027-10-01T08:00:00Z","disabled":true,"disableReason":"SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED","extendedStatus":[{"key":"SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_EXPOSED","value":"https://github.com/acme/leak"}]}`
	jsonPolicy          = `{"version":3,"etag":"BwYxSynthA=","bindings":[{"role":"roles/bigquery.dataViewer","members":["principal://agents.global.org-111122223333.system.id.goog/resources/aiplatform/projects/444455556666/locations/us-central1/reasoningEngines/4411","serviceAccount:invoice-agent@rc-sandbox.iam.gserviceaccount.com"],"condition":{"title":"until-2027","description":"quarterly review","expression":"request.time < timestamp(\"2027-01-01T00:00:00Z\")"}},{"role":"roles/viewer","members":["deleted:serviceAccount:gone@rc-sandbox.iam.gserviceaccount.com?uid=104857600000000000009","principalSet://agents.global.org-111122223333.system.id.goog/attribute.platformContainer/aiplatform/projects/444455556666","serviceAccount:old-bot@rc-sandbox.iam.gserviceaccount.com","user:alice@example.com"]}]}`
)

// jsonOutsiders lets identities of workload identity pools become a service account.
const jsonOutsiders = `{"version":3,"etag":"BwYxW=","bindings":[{"role":"roles/iam.workloadIdentityUser","members":["principal://iam.googleapis.com/projects/444455556666/locations/global/workloadIdentityPools/gh/subject/repo:acme/infra:ref:refs/heads/main","principalSet://iam.googleapis.com/projects/444455556666/locations/global/workloadIdentityPools/many/attribute.repository/acme/infra","principal://iam.googleapis.com/projects/444455556666/locations/global/workloadIdentityPools/off/subject/x","principal://iam.googleapis.com/projects/999/locations/global/workloadIdentityPools/theirs/subject/y","serviceAccount:rc-sandbox.svc.id.goog[bots/runner]","user:alice@example.com"]},{"role":"roles/iam.serviceAccountTokenCreator","members":["principal://iam.googleapis.com/projects/444455556666/locations/global/workloadIdentityPools/gh/subject/z"]}]}`

const jsonProvider = `{"name":"projects/444455556666/locations/global/workloadIdentityPools/gh/providers/github","state":"ACTIVE","oidc":{"issuerUri":"https://token.actions.githubusercontent.com","allowedAudiences":["https://github.com/acme"]},"attributeMapping":{"google.subject":"assertion.sub","attribute.repository":"assertion.repository"}}`

// edit changes members of a JSON object; nil takes one away.
func edit(t *testing.T, object string, changes map[string]any) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range changes {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
