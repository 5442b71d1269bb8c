package google

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcallhq/rollcall/connectors"
)

// FuzzNormalize: no record panics, and what is read is fit to be published.
func FuzzNormalize(f *testing.F) {
	for _, o := range odd {
		f.Add(o.typ, o.body)
	}
	for typ, body := range map[string]string{typeRegistryAgent: jsonAgent, typeReasoningEngine: jsonEngine, typeServiceAccount: jsonAccount,
		typeServiceAccountKeys: `{"keys":[` + jsonKey + `]}`, typeIAMPolicy: jsonPolicy, typeDelta: `{"deltas":[{"action":"REMOVE","role":"roles/a","member":"principal://a"}]}`,
		typeLogEntry: `{"id":"projects/acme/e1@x","time":"2026-11-05T10:00:00Z","type":"admin_action"}`, typeGone: `{"id":"1","restorable":true}`,
		typePerson: `{"kind":"user","email":"a@example.com"}`, typeGap: `{"from":"2026-11-05T10:00:00Z","to":"2026-11-05T10:00:00Z"}`,
		typeWorkspaceAgent: `{"id":"7","holder":"workspace_agent:7","owner":"user:1"}`, typeWorkspaceGrant: `{"client":"abc","person":"*","source":"oauth_consent"}`,
		typeWorkspaceAction: `{"id":"workspace/token/7@x","time":"2026-11-05T10:00:00Z","application":"token","type":"workspace_action"}`,
		typeBounded:         `{"minute":"2026-11-05T10:00:00Z","left_out":3}`} {
		f.Add(typ, body)
	}
	f.Add(typeIAMPolicy, jsonOutsiders)
	f.Add(typePolicyGone, `{}`)
	f.Add(typeRegistryService, jsonRegistered)
	f.Add(typeListed, `{"resources":["//x"]}`)
	f.Add(typeAuthProvider, `{"provider":`+jsonOldProvider+`}`)
	for typ, body := range map[string]string{typeRunAgent: jsonRun, typeGeminiAgent: jsonGemini, typeBinding: jsonBinding,
		typeAuthProvider: `{"provider":` + jsonAuthProvider + `,"accessSummaries":[` + strings.Join(jsonSummaries, ",") + `]}`} {
		f.Add(typ, body)
	}
	f.Fuzz(func(t *testing.T, typ, body string) {
		r := connectors.Record{Type: typ, Body: jsontext.Value(body), Context: map[string]string{
			ctxProject: "acme", ctxLocation: "us-central1", ctxUniqueID: "1", ctxResource: "//x", ctxHolders: holdersJSON,
			ctxPools: poolsJSON, ctxAbout: "1", ctxLogID: "projects/acme/e1@x", ctxActor: `{"id":"1"}`}}
		first, err := normalize(r)
		if err != nil {
			return
		}
		for _, e := range first.Entities {
			if e.Body() == nil || e.Holder == "" || e.Key == "" || e.Scope == "" {
				t.Errorf("entity %s without a part", e.Ref())
			}
		}
		if second, _ := normalize(r); !cmp.Equal(first, second) || string(r.Body) != body {
			t.Error("normalizing is not pure")
		}
	})
}

// FuzzCursor: whatever is taken for a cursor is written and read as itself, and names places that may stand in a path.
func FuzzCursor(f *testing.F) {
	f.Add([]byte(`{"v":1,"place":{"project":"acme","location":"us-central1"},"token":"x","broken":true}`))
	f.Add([]byte(`{"v":0}`))
	f.Add([]byte(`nonsense`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCursor(b)
		if err != nil || len(b) == 0 {
			return
		}
		if strings.ContainsAny(c.Place.parent(), "?#%\\ ") || strings.Contains(c.Place.parent(), "..") && strings.Contains(c.Place.parent(), "/../") {
			t.Errorf("place %q", c.Place.parent())
		}
		out, err := c.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseCursor(out); err != nil || !cmp.Equal(again, c, cmpopts.EquateEmpty()) {
			t.Errorf("%s is read as %+v, then as %+v, %v", b, c, again, err)
		}
	})
}

// FuzzCanonicalPrincipal: a canonical spelling is its own.
func FuzzCanonicalPrincipal(f *testing.F) {
	f.Add(canonical)
	f.Add("spiffe://agents.global.project-1.system.id.goog/resources/run/x")
	f.Add("agents.global.1.system.id.goog/resources/ /")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := canonicalPrincipal(s)
		if !ok {
			return
		}
		if again, ok := canonicalPrincipal(p); !ok || again != p {
			t.Errorf("%q becomes %q, and that %q", s, p, again)
		}
		if name := resourceName(s); resourceName(name) != name {
			t.Errorf("resource name %q is not its own", name)
		}
	})
}

// FuzzListing: no body panics; what is read of a list are objects, and no secret is left in them.
func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"agents":[{"name":"a","clientSecret":"hunter2"}],"nextPageToken":"x"}`))
	f.Add([]byte(`<html>`))
	f.Add([]byte(`{"agents":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := &answer{method: "GET", path: "/v1/x", status: 200, body: bytes.Clone(b)}
		l, err := a.listing("agents")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "GET /v1/x: status 200: ") {
				t.Errorf("error %q does not say where", err)
			}
			return
		}
		for _, item := range l.items {
			if item.Kind() != '{' || !item.IsValid() {
				t.Errorf("item %s is no object", item)
			}
		}
	})
}

// FuzzReported: no activity of Workspace's panics, and what is read of one is in order.
func FuzzReported(f *testing.F) {
	f.Add([]byte(`{"id":{"time":"2026-11-05T09:12:13.456Z","uniqueQualifier":"-123456789","applicationName":"token","customerId":"C01abc"},"actor":{"email":"alice@example.com","agentAttributionInfo":{"agentId":"8801","agentOwner":{"email":"o@example.com"}}},"isAgenticAction":true,"events":[{"type":"auth","name":"authorize","parameters":[{"name":"client_id","value":"1234"},{"name":"scope","multiValue":["b","a b"]},{"name":"scope","value":"c,a"}]}]}`))
	f.Add([]byte(`{"id":{"time":"2026-11-05T09:12:13Z","uniqueQualifier":7,"applicationName":"x"},"events":[{"parameters":{}},{"parameters":[{"multiValue":7}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseReported(jsontext.Value(b))
		if err != nil {
			return
		}
		if !strings.HasPrefix(a.id(), "workspace/") || a.at.IsZero() {
			t.Errorf("activity %q of %v", a.id(), a.at)
		}
		for _, e := range a.Events {
			scopes := scopesIn(e.Parameters, "scope")
			if !slices.IsSorted(scopes) || slices.Contains(scopes, "") || len(slices.Compact(slices.Clone(scopes))) != len(scopes) {
				t.Errorf("scopes %q", scopes)
			}
		}
	})
}

// FuzzLogEntry: no entry panics, and what is read of one names things that may stand in a path.
func FuzzLogEntry(f *testing.F) {
	follower := &follower{now: time.Unix(0, 0)}
	f.Add([]byte(follower.entry("e1", "iam", "google.iam.admin.v1.SetIAMPolicy", account1, map[string]any{"serviceData": map[string]any{
		"policyDelta": map[string]any{"bindingDeltas": []any{map[string]any{"action": "ADD", "member": "user:a@example.com"}}}}})))
	for service, resource := range map[string]string{"run": "projects/a/locations/l/services/s", "agentidentity": authProviderName,
		"discoveryengine": "projects/1/locations/global/collections/c/engines/e", "iam": "projects/1/locations/global/workloadIdentityPools/p"} {
		f.Add([]byte(follower.entry("e2", service, "google.iam.v1.IAMPolicy.SetIamPolicy", resource, nil)))
	}
	f.Add([]byte(`{"insertId":"1","logName":"x","timestamp":"2026-11-05T10:00:00Z","protoPayload":{"methodName":".","status":7,"request":[],"response":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(jsontext.Value(b))
		if err != nil {
			return
		}
		_, _, _, _ = e.failed(), e.deltas(), e.parties(), e.isKnown()
		for _, what := range e.effect().reads {
			if id, ok := e.target(what); ok && (!plainPath(id) || strings.Contains(id, "..")) {
				t.Errorf("%s %q may not stand in a path", what, id)
			}
		}
	})
}
