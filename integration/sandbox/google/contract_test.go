package google

import (
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// TestRoutesAreInTheContract holds each route to its discovery document: same method, path and query parameters.
func TestRoutesAreInTheContract(t *testing.T) {
	docs := loadDiscovery(t)
	for _, r := range routes {
		m := docs[r.service].methods[r.verb+" "+anonymous(r.pattern)]
		if m == nil {
			t.Errorf("%s %s: the document of %s has no such method", r.verb, r.pattern, r.service)
			continue
		}
		var want []string
		for name, p := range m.Parameters {
			if p.Location == "query" {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(slices.Values(r.params))); diff != "" {
			t.Errorf("%s: parameters of the document (-) and ours (+):\n%s", m.ID, diff)
		}
	}
}

// contract crawls the sandbox as a client would, and holds each answer to its method's schema.
type contract struct {
	*world
	docs map[string]*discovery
	hit  map[string]bool
}

// call makes a request that must succeed and checks its answer.
func (c *contract) call(verb, path, body string) object {
	c.t.Helper()
	u, err := url.Parse(path)
	if err != nil {
		c.t.Fatal(err)
	}
	route, _ := find(verb, u.EscapedPath())
	if route == nil {
		c.t.Fatalf("%s %s: no route", verb, path)
	}
	out := c.ok(verb, path, body)
	d := c.docs[route.service]
	m := d.methods[verb+" "+anonymous(route.pattern)]
	for _, bad := range d.check(m.Response, out, m.ID) {
		c.t.Errorf("%s %s: %s", verb, path, bad)
	}
	c.hit[verb+" "+route.service+"/"+route.pattern] = true
	return out
}

// walk lists a collection to its end and gets each of its items by name below prefix, with all that after adds.
func (c *contract) walk(prefix, collection, items string, after func(name string)) {
	c.t.Helper()
	token := ""
	sep := "?"
	if strings.Contains(collection, "?") {
		sep = "&"
	}
	for {
		out := c.call("GET", prefix+collection+sep+"pageToken="+url.QueryEscape(token), "")
		list, _ := out[items].([]any)
		for _, it := range list {
			name, _ := it.(object)["name"].(string)
			if after != nil {
				after(name)
			}
		}
		if token, _ = out["nextPageToken"].(string); token == "" {
			return
		}
	}
}

func TestAnswersKeepTheContract(t *testing.T) {
	w := newWorld(t, 120, Options{PageSize: 4, Unreachable: []string{"europe-west6"}})
	w.do(sandbox.Change{Op: sandbox.OpenSink})
	for _, c := range everything() {
		_, _ = w.Mutate(c) // some find nothing, which other tests are about
	}
	w.clock.Advance(time.Hour)
	c := &contract{w, loadDiscovery(t), map[string]bool{}}
	c.walk("/cloudresourcemanager/v3/", "projects:search", "projects", func(name string) {
		c.call("GET", "/cloudresourcemanager/v3/"+name, "")
		c.call("POST", "/cloudresourcemanager/v3/"+name+":getIamPolicy", `{"options":{"requestedPolicyVersion":3}}`)
		c.call("POST", "/cloudresourcemanager/v3/"+name+":getIamPolicy", "")
	})
	c.hierarchy()
	c.queue()
	c.searches()
	for _, p := range w.Projects() {
		c.project("projects/" + p)
	}
	c.life("projects/" + w.Projects()[0])
	for _, r := range routes {
		if !c.hit[r.verb+" "+r.service+"/"+r.pattern] {
			t.Errorf("the crawl never reached %s %s/%s", r.verb, r.service, r.pattern)
		}
	}
}

// searches asks Cloud Asset Inventory and Workspace's reports.
func (c *contract) searches() {
	organization := "/cloudasset/v1/organizations/" + c.Organization()
	c.call("GET", organization+":searchAllResources?pageSize=500", "")
	c.call("GET", organization+":searchAllIamPolicies?query=policy:agents.global", "")
	for _, application := range []string{"token", "login", "admin", "workspace_studio", "drive"} {
		c.call("GET", "/admin/admin/reports/v1/activity/users/all/applications/"+application, "")
	}
}

// life takes a service account from its creation to its end.
func (c *contract) life(p string) {
	in := "/iam/v1/" + p + "/serviceAccounts"
	a := c.call("POST", in, `{"accountId":"try-out","serviceAccount":{"displayName":"A try","description":"goes again"}}`)
	at := in + "/" + a["uniqueId"].(string)
	c.call("POST", at+":disable", "{}")
	c.call("POST", at+":enable", "{}")
	k := c.call("POST", at+"/keys:upload", `{"publicKeyData":"`+base64.StdEncoding.EncodeToString(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("of a test")}))+`"}`)
	c.call("DELETE", "/iam/v1/"+k["name"].(string), "")
	c.call("DELETE", at, "")
	c.refused("DELETE", at, "", 404, "NOT_FOUND")
	c.call("POST", at+":undelete", "{}")
	c.refused("POST", at+":undelete", "{}", 404, "NOT_FOUND")
	c.refused("POST", in, `{"accountId":"try-out"}`, 409, "ALREADY_EXISTS")
	c.refused("POST", in, `{"accountId":"Try"}`, 400, "INVALID_ARGUMENT")
	c.refused("POST", at+"/keys:upload", `{"publicKeyData":"eA=="}`, 400, "INVALID_ARGUMENT")
	var methods []string
	for _, e := range c.entries(strings.TrimPrefix(p, "projects/"), `protoPayload.methodName:"ServiceAccount"`, 1000) {
		m := e["protoPayload"].(object)["methodName"].(string)
		methods = append(methods, m[strings.LastIndexByte(m, '.')+1:])
	}
	want := []string{"CreateServiceAccount", "DeleteServiceAccount", "DeleteServiceAccountKey", "DisableServiceAccount", "EnableServiceAccount",
		"UndeleteServiceAccount", "UploadServiceAccountKey"}
	if got := methods[max(0, len(methods)-len(want)):]; !slices.Equal(slices.Sorted(slices.Values(got)), want) { // all at one moment
		c.t.Errorf("the log ends with %v, want %v", got, want)
	}
}

// queue pulls from the subscription, which every change was written to.
func (c *contract) queue() {
	const v = "/pubsub/v1/"
	c.walk(v, "projects/"+c.Projects()[0]+"/subscriptions", "subscriptions", func(name string) {
		c.call("GET", v+name, "")
		list := c.call("POST", v+name+":pull", `{"maxMessages":3}`)["receivedMessages"].([]any)
		id := `"` + list[0].(object)["ackId"].(string) + `"`
		c.call("POST", v+name+":modifyAckDeadline", `{"ackIds":[`+id+`],"ackDeadlineSeconds":30}`)
		c.call("POST", v+name+":acknowledge", `{"ackIds":[`+id+`]}`)
	})
}

// hierarchy crawls the organization and its folders.
func (c *contract) hierarchy() {
	const v = "/cloudresourcemanager/v3/"
	const three = `{"options":{"requestedPolicyVersion":3}}`
	c.walk(v, "organizations:search", "organizations", func(name string) {
		c.call("GET", v+name, "")
		c.call("POST", v+name+":getIamPolicy", three)
		c.walk(v, "folders?parent="+name, "folders", nil)
		c.walk(v, "projects?parent="+name, "projects", nil)
	})
	c.walk(v, "folders:search", "folders", func(name string) {
		c.call("GET", v+name, "")
		c.call("POST", v+name+":getIamPolicy", three)
		c.walk(v, "projects?parent="+name, "projects", nil)
	})
}

// pools crawls the workload identity pools of a project.
func (c *contract) pools(p string) {
	const v, deleted = "/iam/v1/", "?showDeleted=true"
	get := func(name string) { c.call("GET", v+name, "") }
	c.walk(v, p+"/locations/global/workloadIdentityPools"+deleted, "workloadIdentityPools", func(pool string) {
		get(pool)
		c.call("POST", v+pool+":getIamPolicy", `{"options":{"requestedPolicyVersion":3}}`)
		c.walk(v, pool+"/providers"+deleted, "workloadIdentityPoolProviders", get)
		c.walk(v, pool+"/namespaces"+deleted, "workloadIdentityPoolNamespaces", func(ns string) {
			get(ns)
			c.walk(v, ns+"/managedIdentities"+deleted, "workloadIdentityPoolManagedIdentities", func(m string) {
				get(m)
				c.call("GET", v+m+":listAttestationRules", "")
			})
		})
	})
}

func (c *contract) project(p string) {
	c.t.Helper()
	c.pools(p)
	c.walk("/iam/v1/", p+"/serviceAccounts", "accounts", func(name string) {
		c.call("GET", "/iam/v1/"+name, "")
		c.call("POST", "/iam/v1/"+name+":getIamPolicy?options.requestedPolicyVersion=3", "")
		if c.get("/iam/v1/" + name)["disabled"] == nil {
			_, account := cutLast(name, "/")
			c.call("POST", "/iamcredentials/v1/projects/-/serviceAccounts/"+account+":generateAccessToken", `{"scope":["a"],"lifetime":"60s"}`)
		}
		for _, k := range c.call("GET", "/iam/v1/"+name+"/keys", "")["keys"].([]any) { // which has no pages
			c.call("GET", "/iam/v1/"+k.(object)["name"].(string), "")
		}
	})
	get := func(service string) func(string) { return func(name string) { c.call("GET", service+name, "") } }
	for _, l := range served(serviceRegistry) {
		at := p + "/locations/" + l
		c.walk("/agentregistry/v1/", at+"/agents?orderBy=display_name+desc", "agents", get("/agentregistry/v1/"))
		c.walk("/agentregistry/v1/", at+"/bindings", "bindings", get("/agentregistry/v1/"))
		c.walk("/agentregistry/v1/", at+"/services", "services", get("/agentregistry/v1/"))
		c.walk("/run/v2/", at+"/services", "services", func(name string) {
			c.call("GET", "/run/v2/"+name, "")
			c.call("GET", "/run/v2/"+name+":getIamPolicy?options.requestedPolicyVersion=3", "")
		})
		c.walk("/aiplatform/v1/", at+"/reasoningEngines", "reasoningEngines", func(name string) {
			c.call("GET", "/aiplatform/v1/"+name, "")
			c.call("POST", "/aiplatform/v1/"+name+":getIamPolicy?options.requestedPolicyVersion=3", "")
		})
	}
	c.walk("/agentregistry/v1/", p+"/locations", "locations", get("/agentregistry/v1/"))
	c.walk("/aiplatform/v1/", p+"/locations", "locations", nil)
	c.walk("/aiplatform/v1/", p+"/locations/us-central1/agents", "agents", nil)
	c.call("GET", "/run/v2/"+p+"/locations/-/services", "")
	c.gemini(p)
	c.authManager(p)
	c.log(p)
}

func (c *contract) gemini(p string) {
	const v = "/discoveryengine/v1alpha/"
	get := func(name string) { c.call("GET", v+name, "") }
	c.walk(v, p+"/locations/global/authorizations", "authorizations", get)
	c.walk(v, p+"/locations/global/collections/default_collection/engines", "engines", func(engine string) {
		get(engine)
		get(engine + ":getIamPolicy?options.requestedPolicyVersion=3")
		c.walk(v, engine+"/assistants", "assistants", func(assistant string) { c.walk(v, assistant+"/agents", "agents", get) })
	})
}

func (c *contract) authManager(p string) {
	const v = "/agentidentity/v1/"
	get := func(name string) { c.call("GET", v+name, "") }
	c.walk(v, p+"/locations", "locations", nil)
	c.call("GET", v+p+"/locations/-/authProviders", "")
	for _, l := range served(serviceIdentity) {
		c.walk(v, p+"/locations/"+l+"/authProviders?showDeleted=true", "authProviders", func(name string) {
			get(name)
			c.call("GET", v+name+":getIamPolicy", "")
			c.call("GET", v+name+":queryWorkloads", "")
			c.walk(v, name+"/authorizations", "authorizations", get)
		})
		c.walk(v, p+"/locations/"+l+"/accessSummaries", "accessSummaries", func(name string) {
			agent := c.call("GET", v+name, "")["workloadId"].(string)
			c.call("GET", v+p+"/locations/"+l+"/authProviders:query?workloadId="+url.QueryEscape(agent), "")
		})
	}
}

// log holds each entry's payload to the AuditLog that Service Control publishes.
func (c *contract) log(p string) {
	audit := c.docs["servicecontrol"]
	out := c.call("POST", "/logging/v2/entries:list", `{"resourceNames":["`+p+`"]}`)
	if len(out["entries"].([]any)) == 0 {
		c.t.Errorf("%s has an empty log", p)
	}
	for _, e := range c.entries(strings.TrimPrefix(p, "projects/"), "", 1000) {
		payload := e["protoPayload"].(object)
		if payload["@type"] != "type.googleapis.com/google.cloud.audit.AuditLog" {
			c.t.Errorf("entry %v has the payload type %v", e["insertId"], payload["@type"])
		}
		delete(payload, "@type")
		for _, bad := range audit.check(&schema{Ref: "AuditLog"}, payload, "AuditLog") {
			c.t.Errorf("entry %v: %s", e["insertId"], bad)
		}
	}
}

// TestTheCheckerSees proves that the contract test can fail: each broken answer below must be found.
func TestTheCheckerSees(t *testing.T) {
	d := loadDiscovery(t)[serviceIAM]
	for name, account := range map[string]object{
		"unknown property": {"name": "x", "owner": "y"},
		"wrong type":       {"disabled": "yes"},
		"no base64":        {"etag": "?"},
		"no object":        nil,
	} {
		v := any(account)
		if account == nil {
			v = []any{}
		}
		if bad := d.check(&schema{Ref: "ServiceAccount"}, v, "x"); len(bad) != 1 {
			t.Errorf("%s: found %v, want one fault", name, bad)
		}
	}
	for name, key := range map[string]object{
		"unknown enum": {"keyType": "MINE"}, "no time": {"validAfterTime": "yesterday"}, "number": {"name": 3.0},
	} {
		if bad := d.check(&schema{Ref: "ServiceAccountKey"}, key, "x"); len(bad) != 1 {
			t.Errorf("%s: found %v, want one fault", name, bad)
		}
	}
}
