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
	"/providers": "workloadIdentityPoolProviders", "/services": "services", "/bindings": "bindings", "/engines": "engines",
	"/assistants": "assistants", "/authorizations": "authorizations", "/accessSummaries": "accessSummaries", "/authProviders": "authProviders",
	"/workloadIdentityPools": "workloadIdentityPools",
	"/locations":             "locations", "/projects:search": "projects", "/folders:search": "folders", "/organizations:search": "organizations",
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
	f.set("/run/v2/projects/rc-sandbox/locations/-/services", jsonRun, jsonPlainRun)
	f.set("/run/v2/projects/444455556666/locations/us-central1/services", jsonRun, jsonPlainRun)
	f.bodies["/run/v2/projects/rc-sandbox/locations/us-central1/services/desk"] = jsonRun
	f.bodies["/cloudresourcemanager/v3/projects/rc-sandbox"] = `{"name":"projects/444455556666","projectId":"rc-sandbox","state":"ACTIVE"}`
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/global/bindings")
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/us-central1/bindings", jsonBinding)
	f.bodies["/agentregistry/v1/projects/rc-sandbox/locations/us-central1/bindings/b1"] = jsonBinding
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/global/services")
	f.set("/agentregistry/v1/projects/rc-sandbox/locations/us-central1/services", jsonRegistered, jsonServer, jsonEndpoint)
	f.bodies["/agentregistry/v1/projects/rc-sandbox/locations/us-central1/services/triage"] = jsonRegistered
	f.bodies["/agentregistry/v1/projects/rc-sandbox/locations/us-central1/services/ledger"] = jsonServer
	const apps = "/discoveryengine/v1alpha/projects/rc-sandbox/locations/global/collections/default_collection/engines"
	const assistants = "/discoveryengine/v1alpha/projects/444455556666/locations/global/collections/default_collection/engines/acme-app/assistants"
	f.set(apps, `{"name":"projects/444455556666/locations/global/collections/default_collection/engines/acme-app"}`,
		`{"name":"projects/444455556666/locations/global/collections/default_collection/engines/plain-search"}`)
	f.set(assistants, `{"name":"projects/444455556666/locations/global/collections/default_collection/engines/acme-app/assistants/default_assistant"}`)
	f.set(assistants+"/default_assistant/agents", jsonGemini, jsonSuspended)
	f.bodies[assistants+"/default_assistant/agents/8801"] = jsonGemini
	f.set("/discoveryengine/v1alpha/projects/rc-sandbox/locations/global/authorizations", jsonAuthorization)
	f.set("/agentidentity/v1/projects/rc-sandbox/locations", `{"name":"projects/rc-sandbox/locations/us-central1","locationId":"us-central1"}`)
	const identity = "/agentidentity/v1/projects/rc-sandbox/locations/us-central1"
	f.set(identity+"/authProviders", jsonAuthProvider, jsonKeyProvider, jsonOldProvider)
	f.bodies[identity+"/authProviders/jira-3lo"] = jsonAuthProvider
	f.set(identity+"/authProviders/jira-3lo/authorizations", `{"name":"`+authProviderName+`/authorizations/a1","clientUserId":"alice","scopes":["read:jira-work"],"state":"ACTIVE"}`,
		`{"name":"`+authProviderName+`/authorizations/a2","clientUserId":"bob@example.com","scopes":["read:jira-work"],"state":"SUSPENDED"}`)
	f.set(identity + "/authProviders/weather/authorizations")
	f.set(identity + "/authProviders/old/authorizations")
	f.override[identity+"/accessSummaries"] = func(w http.ResponseWriter, r *http.Request) {
		_, name, _ := strings.Cut(strings.TrimSuffix(r.URL.Query().Get("filter"), `"`), `"`)
		var items []string
		for _, s := range jsonSummaries {
			if jsonText(s, "authProvider") == name {
				items = append(items, s)
			}
		}
		fmt.Fprintf(w, `{"accessSummaries":[%s]}`, strings.Join(items, ","))
	}
	govern(f)
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

const authProviderName = "projects/rc-sandbox/locations/us-central1/authProviders/jira-3lo"

// The bodies of what agents are hosted by, bound to and delegated, after the vendor's documentation.
const (
	jsonRun           = `{"name":"projects/rc-sandbox/locations/us-central1/services/desk","description":"answers the help desk","createTime":"2026-10-01T08:00:00Z","updateTime":"2026-11-02T08:30:00Z","labels":{"team":"it"},"functionalType":"FUNCTIONAL_TYPE_AGENT","uri":"https://desk-444455556666.us-central1.run.app","creator":"admin@example.com","template":{"workloadIdentityConfig":{"identityType":"IDENTITY_TYPE_AGENT_IDENTITY","identity":"spiffe://agents.global.org-111122223333.system.id.goog/resources/run/projects/444455556666/locations/us-central1/services/desk","identityCertificateEnabled":true}}}`
	jsonPlainRun      = `{"name":"projects/rc-sandbox/locations/us-central1/services/shop","template":{"serviceAccount":"invoice-agent@rc-sandbox.iam.gserviceaccount.com"}}`
	jsonBinding       = `{"name":"projects/rc-sandbox/locations/us-central1/bindings/b1","displayName":"invoices ask the ledger","createTime":"2026-11-01T09:05:00Z","source":{"identifier":"urn:agent:projects-444455556666:projects:444455556666:locations:us-central1:aiplatform:reasoningEngines:4411"},"target":{"identifier":"urn:mcp:acme:ledger:main"},"authProviderBinding":{"authProvider":"projects/rc-sandbox/locations/us-central1/authProviders/jira-3lo","scopes":["write","read"],"continueUri":"https://acme.example/continue"}}`
	jsonRegistered    = `{"name":"projects/rc-sandbox/locations/us-central1/services/triage","displayName":"Triage","description":"runs in another cloud","createTime":"2026-10-05T08:00:00Z","updateTime":"2026-11-02T08:30:00Z","agentSpec":{"type":"NO_SPEC"},"interfaces":[{"url":"https://triage.example.com/a2a","protocolBinding":"JSONRPC"},{"url":"grpc://triage.example.com","protocolBinding":"GRPC"}],"registryResource":"projects/rc-sandbox/locations/us-central1/agents/agentregistry-00000000-0000-0000-aaaa-222233334444"}`
	jsonServer        = `{"name":"projects/rc-sandbox/locations/us-central1/services/ledger","displayName":"Ledger tools","mcpServerSpec":{"type":"TOOL_SPEC","content":{"tools":[]}},"registryResource":"projects/rc-sandbox/locations/us-central1/mcpServers/agentregistry-1"}`
	jsonEndpoint      = `{"name":"projects/rc-sandbox/locations/us-central1/services/model","endpointSpec":{"type":"NO_SPEC"}}`
	jsonGemini        = `{"name":"projects/444455556666/locations/global/collections/default_collection/engines/acme-app/assistants/default_assistant/agents/8801","displayName":"Invoice helper","description":"Answers invoice questions","state":"ENABLED","createTime":"2026-10-01T08:00:00Z","updateTime":"2026-11-02T08:30:00Z","adkAgentDefinition":{"provisionedReasoningEngine":{"reasoningEngine":"projects/444455556666/locations/us-central1/reasoningEngines/4411"}},"sharingConfig":{"scope":"RESTRICTED"},"authorizationConfig":{"toolAuthorizations":["projects/444455556666/locations/global/authorizations/jira"]}}`
	jsonSuspended     = `{"name":"projects/444455556666/locations/global/collections/default_collection/engines/acme-app/assistants/default_assistant/agents/8802","displayName":"Contract bot","description":"A2A agent","state":"SUSPENDED","suspensionReason":"policy review","createTime":"2026-10-03T08:00:00Z","updateTime":"2026-11-03T08:30:00Z","a2aAgentDefinition":{"jsonAgentCard":"{\"name\":\"Contract bot\"}"}}`
	jsonAuthorization = `{"name":"projects/444455556666/locations/global/authorizations/jira","displayName":"Jira","serverSideOauth2":{"clientId":"abc","clientSecret":"hunter2-of-jira","authorizationUri":"https://auth.atlassian.com/authorize?client_id=abc&scope=write+read","tokenUri":"https://auth.atlassian.com/oauth/token"}}`
	jsonAuthProvider  = `{"name":"projects/rc-sandbox/locations/us-central1/authProviders/jira-3lo","description":"Jira on behalf of users","state":"ENABLED","createTime":"2026-09-01T00:00:00Z","updateTime":"2026-10-01T00:00:00Z","allowedScopes":["read:jira-work"],"authProviderTypeParams":{"threeLeggedOauth":{"clientId":"abc","authorizationUrl":"https://auth.atlassian.com/authorize","tokenUrl":"https://auth.atlassian.com/oauth/token","redirectUrl":"https://agentidentity.googleapis.com/cb"}}}`
	jsonKeyProvider   = `{"name":"projects/rc-sandbox/locations/us-central1/authProviders/weather","state":"DISABLED","authProviderTypeParams":{"apiKey":{}}}`
	jsonOldProvider   = `{"name":"projects/rc-sandbox/locations/us-central1/authProviders/old","state":"DISABLED","deleted":true,"expireTime":"2026-12-01T00:00:00Z","authProviderTypeParams":{"threeLeggedOauth":{}}}`
)

// jsonSummaries say which agents have used what of which provider: for people whose consent holds, is suspended or is gone, and as themselves.
var jsonSummaries = []string{
	`{"name":"projects/rc-sandbox/locations/us-central1/accessSummaries/s1","authProvider":"` + authProviderName + `","authProviderType":"AUTH_PROVIDER_TYPE_THREE_LEGGED_OAUTH","userId":"alice","workloadId":"` + canonical + `","scopes":["read:jira-work"],"firstAccessTime":"2026-10-02T10:00:00Z","lastAccessTime":"2026-11-04T15:00:00Z"}`,
	`{"name":"projects/rc-sandbox/locations/us-central1/accessSummaries/s2","authProvider":"` + authProviderName + `","userId":"bob@example.com","workloadId":"principal://agents.global.org-111122223333.system.id.goog/resources/run/projects/444455556666/locations/us-central1/services/desk","scopes":["read:jira-work"],"firstAccessTime":"2026-10-02T10:00:00Z"}`,
	`{"name":"projects/rc-sandbox/locations/us-central1/accessSummaries/s3","authProvider":"` + authProviderName + `","userId":"carol","workloadId":"` + canonical + `","firstAccessTime":"2026-10-02T10:00:00Z"}`,
	`{"name":"projects/rc-sandbox/locations/us-central1/accessSummaries/s4","authProvider":"projects/rc-sandbox/locations/us-central1/authProviders/weather","authProviderType":"AUTH_PROVIDER_TYPE_API_KEY","workloadId":"` + canonical + `","firstAccessTime":"2026-10-02T10:00:00Z"}`,
}

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
