package google

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const holdersJSON = `{"serviceAccount:a@x":"1","principal://a":"projects/1/locations/r/reasoningEngines/2"}`

const poolsJSON = `{"projects/4/locations/global/workloadIdentityPools/p":{"providers":[{"name":"x","disabled":true}]},"projects/4/locations/global/workloadIdentityPools/none":{}}`

var (
	ofAccount = map[string]string{ctxProject: "acme", ctxUniqueID: "7", ctxResource: accountResource("acme", "7"), ctxHolders: holdersJSON, ctxPools: poolsJSON}
	proof     = map[string]string{ctxLogID: "projects/acme/e1@x", ctxLogAt: "2026-11-05T10:00:00Z", ctxActor: `{"id":"user:1"}`, ctxNote: "note", ctxAbout: "1\n2"}
	atGlobal  = map[string]string{ctxProject: "acme", ctxLocation: "global"}
	atRegion  = map[string]string{ctxProject: "acme", ctxLocation: "us-central1"}
	ofKey     = map[string]string{ctxProject: "acme", ctxUniqueID: "1"}
	ofPolicy  = map[string]string{ctxProject: "acme", ctxResource: projectResource("acme"), ctxHolders: holdersJSON}
	partly    = map[string]string{ctxProject: "acme", ctxResource: projectResource("acme"), ctxHolders: holdersJSON, ctxPartial: "true"}
)

// odd are records that differ from the documentation's examples in what the vendor leaves out, adds or changes.
var odd = []struct {
	typ, body string
	context   map[string]string
}{
	// Agent Registry: no principal yet; an agent of another place; attributes of other shapes; hosted elsewhere; no id.
	{typeRegistryAgent, `{"agentId":"urn:agent:1","name":"projects/acme/locations/us-central1/agents/1","displayName":null,"attributes":{"agentregistry.googleapis.com/system/RuntimeReference":{"uri":"https://us-central1-aiplatform.googleapis.com/v1/projects/4/locations/us-central1/reasoningEngines/7"}}}`, atRegion},
	{typeRegistryAgent, `{"agentId":"urn:agent:2","name":"projects/acme/locations/eu/agents/2","createTime":"yesterday","laterField":{"a":1}}`, atGlobal},
	{typeRegistryAgent, `{"agentId":"urn:agent:3","attributes":{"agentregistry.googleapis.com/system/RuntimeIdentity":{"principal":"agent-7"},"agentregistry.googleapis.com/system/Framework":"adk","agentregistry.googleapis.com/system/RuntimeReference":null}}`, atGlobal},
	{typeRegistryAgent, `{"agentId":"urn:agent:4","attributes":{"agentregistry.googleapis.com/system/RuntimeReference":{"uri":"//run.googleapis.com/projects/4/locations/us-central1/services/bot"}}}`, atRegion},
	{typeRegistryAgent, `{"name":"projects/acme/locations/us-central1/agents/1"}`, atRegion},

	// The registry's word for agents of Gemini Enterprise: with the agent's own name, and with the app's alone, which all its agents have.
	{typeRegistryAgent, `{"agentId":"urn:agent:5","attributes":{"agentregistry.googleapis.com/system/RuntimeReference":{"uri":"//discoveryengine.googleapis.com/projects/4/locations/global/collections/default_collection/engines/acme-app/assistants/default_assistant/agents/8801"},"agentregistry.googleapis.com/system/RuntimeIdentity":{"principal":"principal://agents.global.org-1.system.id.goog/resources/discoveryengine/projects/4/locations/global/collections/default_collection/engines/acme-app/assistants/default_assistant/agents/8801"}}}`, atGlobal},
	{typeRegistryAgent, `{"agentId":"urn:agent:6","attributes":{"agentregistry.googleapis.com/system/RuntimeReference":{"uri":"//discoveryengine.googleapis.com/v1/projects/4/locations/global/collections/default_collection/engines/acme-app"},"agentregistry.googleapis.com/system/RuntimeIdentity":{"principal":"spiffe://agents.global.org-1.system.id.goog/resources/discoveryengine/projects/4/locations/global/collections/default_collection/engines/acme-app"}}}`, atGlobal},

	// Agent Runtime: other spellings and types of identity, none, Google's own account; names that are none.
	{typeReasoningEngine, `{"name":"projects/4/locations/us-central1/reasoningEngines/1","spec":{"identityType":"LATER_TYPE","effectiveIdentity":"spiffe://agents.global.project-4.system.id.goog/resources/aiplatform/projects/4/locations/us-central1/reasoningEngines/1"}}`, atRegion},
	{typeReasoningEngine, `{"name":"projects/4/locations/us-central1/reasoningEngines/2","spec":null,"labels":null}`, atRegion},
	{typeReasoningEngine, `{"name":"projects/4/locations/us-central1/reasoningEngines/3","spec":{"effectiveIdentity":"service-4@gcp-sa-aiplatform-re.iam.gserviceaccount.com"}}`, atRegion},
	{typeReasoningEngine, `{"name":"projects/4/locations/us-central1/reasoningEngines/4","spec":{"serviceAccount":"a@acme.iam.gserviceaccount.com"},"updateTime":"2026-11-04T16:20:11.5+02:00"}`, atRegion},
	{typeReasoningEngine, `{"name":"projects/4/locations/us-central1/endpoints/4"}`, atRegion},
	{typeReasoningEngine, `{"name":7}`, atRegion},

	// Service accounts: nothing but an id; null and wrong types; no id.
	{typeServiceAccount, `{"uniqueId":"1","email":"a@acme.iam.gserviceaccount.com","disabled":null}`, map[string]string{ctxProject: "acme"}},
	{typeServiceAccount, `{"uniqueId":"1","disabled":"true"}`, map[string]string{ctxProject: "acme"}},
	{typeServiceAccount, `{"email":"a@acme.iam.gserviceaccount.com"}`, map[string]string{ctxProject: "acme"}},

	// Keys: none; Google's own, a later reason, no reason; one without a name.
	{typeServiceAccountKeys, `{}`, ofKey},
	{typeServiceAccountKeys, `{"keys":[{"name":"projects/x/serviceAccounts/y/keys/k3","keyType":"SYSTEM_MANAGED"},{"name":"projects/x/serviceAccounts/y/keys/k2","keyType":"LATER","disabled":true,"disableReason":"LATER_REASON"},{"name":"projects/x/serviceAccounts/y/keys/k1","disabled":true,"extendedStatus":[{"key":"SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_COMPROMISE_DETECTED"}]}]}`, ofKey},
	{typeServiceAccountKeys, `{"keys":[{"name":"projects/x/serviceAccounts/y/keys/k1"},{}]}`, ofKey},
	{typeServiceAccountKeys, `{"keys":[]}`, atGlobal},

	// Policies: the same grant under two titles; nobody; accounts that could not be looked up; no holders.
	{typeIAMPolicy, `{"bindings":[{"role":"roles/a","members":["serviceAccount:a@x","serviceAccount:a@x","user:b@x"],"condition":{"title":"t1","expression":"true"}},{"role":"roles/a","members":["serviceAccount:a@x"],"condition":{"title":"t2","expression":"true"}},{"role":"roles/a","members":["serviceAccount:a@x","principal://a"]}]}`, ofPolicy},
	{typeIAMPolicy, `{"etag":"ACAB"}`, ofPolicy},
	{typeIAMPolicy, `{"bindings":[{"role":"roles/a","members":["principal://a"]},{"members":["principal://a"]}]}`, partly},
	{typeIAMPolicy, `{"bindings":[]}`, map[string]string{ctxResource: "x"}},
	{typeIAMPolicy, `{"bindings":{}}`, ofPolicy},

	{typeIAMPolicy, `{"bindings":[{"role":"roles/iam.workloadIdentityUser","members":["principal://iam.googleapis.com/projects/4/locations/global/workloadIdentityPools/p/subject/s","principalSet://iam.googleapis.com/projects/4/locations/global/workloadIdentityPools/none/*","principal://iam.googleapis.com/projects/5/locations/global/workloadIdentityPools/hidden/subject/s"]}]}`, ofAccount},

	// Cloud Run: an agent by type alone, an identity still to come; a name of another shape.
	{typeRunAgent, `{"name":"projects/acme/locations/us-central1/services/bot","functionalType":"FUNCTIONAL_TYPE_AGENT","template":{"serviceAccount":"a@acme.iam.gserviceaccount.com"}}`, atRegion},
	{typeRunAgent, `{"name":"projects/acme/locations/us-central1/services/bot","template":{"workloadIdentityConfig":{"identityType":"IDENTITY_TYPE_AGENT_IDENTITY"}},"uri":"http://x"}`, atRegion},
	{typeRunAgent, `{"name":"namespaces/acme/services/bot"}`, atRegion},

	// Gemini Enterprise: a later state, managed, rejected; the same authorization twice; no name.
	{typeGeminiAgent, `{"name":"projects/4/locations/global/collections/c/engines/e/assistants/a/agents/1","state":"LATER","managedAgentDefinition":{},"rejectionReason":"no","authorizationConfig":{"agentAuthorization":"projects/4/locations/global/authorizations/x","toolAuthorizations":["projects/4/locations/global/authorizations/x"]}}`, atGlobal},
	{typeGeminiAgent, `{"name":"projects/4/locations/global/collections/c/engines/e"}`, atGlobal},

	// Services: an agent without a name of its own that nothing was made of yet; of no kind that is known; without a name.
	{typeRegistryService, `{"name":"projects/4/locations/eu/services/s","agentSpec":{"type":"A2A_AGENT_CARD","content":{"name":"x"}},"mcpServerSpec":null}`, atGlobal},
	{typeRegistryService, `{"name":"projects/acme/locations/eu/services/s","agentSpec":null,"laterSpec":{}}`, atGlobal},
	{typeRegistryService, `{"agentSpec":{}}`, atGlobal},

	// Bindings without a source, a target, a name. Providers: of a later type, used by what is no agent; without a name.
	{typeBinding, `{"name":"projects/acme/locations/global/bindings/1","target":{"identifier":"urn:agent:1"}}`, atGlobal},
	{typeBinding, `{"name":"projects/acme/locations/global/bindings/1","source":{"identifier":"urn:agent:1"}}`, atGlobal},
	{typeAuthProvider, `{"provider":{"name":"projects/acme/locations/global/authProviders/1","authProviderTypeParams":{"later":{}}},"accessSummaries":[{"workloadId":"spiffe://agents.global.org-1.system.id.goog/resources/later/x","userId":"u","authProviderType":"AUTH_PROVIDER_TYPE_LATER"},{"workloadId":"serviceAccount:a@x"}]}`, atGlobal},
	{typeAuthProvider, `{"provider":{}}`, atGlobal},
	{typeAuthProvider, `{"provider":{"name":"projects/4/locations/global/authProviders/1","deleted":true}}`, atGlobal},
	{typePolicyGone, `{}`, nil},
	{typeListed, `{"resources":["//run.googleapis.com/projects/4/locations/us-central1/services/shop",""]}`, nil},
	{typeListed, `{"resources":"x"}`, nil},
	{typePolicyGone, `{}`, map[string]string{ctxResource: "//iam.googleapis.com/projects/4/locations/global/workloadIdentityPools/p"}},

	// What the log brings: an entry about two agents, one that is none, a change of a policy, somebody gone.
	{typeLogEntry, `{"id":"projects/acme/e1@x","time":"2026-11-05T10:00:00Z","service":"iam.googleapis.com","method":"m","type":"admin_action","failed":true}`, proof},
	{typeLogEntry, `{"digest":"x"}`, nil},
	{typeDelta, `{"deltas":[{"action":"ADD","role":"roles/a","member":"serviceAccount:a@x"},{"action":"REMOVE","role":"roles/b","member":"serviceAccount:a@x"},{"action":"REMOVE","role":"roles/b","member":"user:a@x"}]}`, ofPolicy},
	{typeGone, `{"id":"1","restorable":true}`, proof},
	{typeGone, `{}`, proof},
	{typePerson, `{"kind":"user"}`, nil},

	// What Workspace reports: a consent of two agents, one taken back, the domain delegated; what was done, by nobody who is named; an agent
	// that only reports show, and one that is known; records without what makes them one.
	{typeWorkspaceGrant, `{"client":"abc","name":"Jira","scopes":["a","b"],"person":"user:1","source":"oauth_consent","customer":"C1","time":"2026-11-05T10:00:00Z"}`, proof},
	{typeWorkspaceGrant, `{"client":"abc","person":"user:1","source":"oauth_consent","gone":true,"time":"2026-11-05T10:00:00Z"}`, proof},
	{typeWorkspaceGrant, `{"client":"1","person":"*","source":"domain_wide_delegation","scopes":["a"],"customer":"C1","time":"2026-11-05T10:00:00Z"}`, proof},
	{typeWorkspaceGrant, `{"client":"1"}`, proof},
	{typeWorkspaceAction, `{"id":"workspace/token/7@x","time":"2026-11-05T10:00:00Z","application":"token","events":["authorize","later"],"client":"abc","scopes":["a"],"type":"workspace_action"}`, proof},
	{typeWorkspaceAction, `{"id":"workspace/token/7@x","time":"2026-11-05T10:00:00Z","application":"token","type":"workspace_action"}`, proof},
	{typeWorkspaceAction, `{"digest":"x"}`, nil},
	{typeWorkspaceAgent, `{"id":"7","holder":"workspace_agent:7","name":"Flow","type":"LATER","owner":"user:1","time":"2026-11-05T10:00:00Z"}`, nil},
	{typeWorkspaceAgent, `{"id":"7","holder":"projects/4/x","known":true,"owner":"user:1","time":"2026-11-05T10:00:00Z"}`, nil},
	{typeWorkspaceAgent, `{"id":"7"}`, nil},

	{"later_type", `{}`, nil},
}

// TestNormalizeOddities compares with testdata/odd.json.
func TestNormalizeOddities(t *testing.T) {
	var got []golden
	for _, o := range odd {
		got = append(got, reading(&connector{}, connectors.Record{Type: o.typ, Body: jsontext.Value(o.body), Context: o.context}))
	}
	checkGolden(t, "odd", got)
}

// TestNormalizeIsPure: twice the same reading, and the record is as it was.
func TestNormalizeIsPure(t *testing.T) {
	for _, o := range odd {
		r := connectors.Record{Type: o.typ, Body: jsontext.Value(o.body), Context: o.context}
		first, err1 := normalize(r)
		second, err2 := normalize(r)
		if diff := cmp.Diff(first, second); diff != "" || (err1 == nil) != (err2 == nil) {
			t.Errorf("%s reads differently (-once +again): %s", o.body, diff)
		}
		if string(r.Body) != o.body {
			t.Errorf("%s was changed to %s", o.body, r.Body)
		}
	}
}
