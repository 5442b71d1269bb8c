package integration

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
	oktaconnector "github.com/rollcallhq/rollcall/connectors/okta"
	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/okta"
)

// oktaReads are the operations that the Okta connector asks for, each with the reason why the published contract lacks it, if it
// does. The test fails when one of them was never asked for, or when something outside the contract and outside this list was. A path
// of the contract has the contract's names of its parts; in any other, what names one object is {id}.
var oktaReads = []apiCall{
	{"GET /workload-principals/api/v1/ai-agents", ""},
	{"GET /workload-principals/api/v1/ai-agents/{agentId}", ""},
	{"GET /workload-principals/api/v1/ai-agents/{agentId}/credentials/jwks", ""},
	{"GET /workload-principals/api/v1/ai-agents/{agentId}/connections", ""},
	{"GET /workload-principals/api/v1/delegation-links", "a beta API, described on Okta's site but in no published specification"},
	{"GET /governance/api/v1/resource-owners", ""},
	{"GET /api/v1/apps", ""},
	{"GET /api/v1/apps/{appId}", ""},
	{"GET /api/v1/logs", ""},
	{"POST /oauth2/v1/token", "the org's authorization server is described by OAuth 2.0 and Okta's guides, not by the management specification"},
}

// apiCall is one that a connector is to ask for, or never to; why is the reason for what is out of the ordinary.
type apiCall struct{ op, why string }

// oktaShuns are operations that the connector must never ask for, each with the reason.
var oktaShuns = []apiCall{
	{"GET /api/v1/apps/{appId}/credentials/secrets", "it answers secrets, and Okta writes each reading into its log"},
	{"GET /api/v1/apps/{appId}/credentials/secrets/{secretId}", "it answers a secret, and Okta writes each reading into its log"},
}

// oktaLacks are the changes that an Okta org does not have.
var oktaLacks = []sandbox.Op{sandbox.RestoreAgent, sandbox.PurgeAgent}

// published is what a vendor has published of its API.
type published interface {
	Operation(*http.Request) (string, bool)
	Request(r *http.Request, body []byte) []string
	Answer(r *http.Request, status int, header http.Header, body []byte) []string
	Held(op string) int
}

// held holds what a connector asks and what it is answered to the contract.
type held struct {
	contract     published
	reads, shuns []apiCall
	report       func(format string, args ...any)

	mu    sync.Mutex
	asked map[string]int // how often each operation was asked for, those outside the contract too
	found map[string]int // findings
}

// see looks at one exchange, or at those that one was made of.
func (h *held) see(x contract.Exchange) {
	for _, part := range contract.Parts(x) {
		h.look(part)
	}
}

func (h *held) look(x contract.Exchange) {
	op, known := h.contract.Operation(x.Request)
	if !known {
		op = x.Request.Method + " " + sandbox.Pattern(x.Request.URL.Path)
	}
	h.mu.Lock()
	h.asked[op]++
	h.mu.Unlock()
	var wrong []string
	switch {
	case known:
		wrong = slices.Concat(h.contract.Request(x.Request, x.Sent), h.contract.Answer(x.Request, x.Status, x.Header, x.Body))
	case !h.allowed(op):
		wrong = []string{op + " is neither in the contract nor allowed by the list of what is read"}
	}
	for _, s := range h.shuns {
		if op == s.op {
			wrong = append(wrong, op+" is never to be asked for: "+s.why)
		}
	}
	for _, w := range wrong {
		if h.isNew(w) {
			h.report("%s\nasked: %s\nanswered %d: %.500s", w, x.Request.URL.RequestURI(), x.Status, x.Body)
		}
	}
}

// isNew keeps one finding from being told for each of a hundred requests.
func (h *held) isNew(finding string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.found[finding]++
	return h.found[finding] == 1
}

func (h *held) allowed(op string) bool {
	for _, r := range h.reads {
		if r.op == op && r.why != "" {
			return true
		}
	}
	return false
}

// missed are the listed operations that were never asked for, and those whose reason no longer holds.
func (h *held) missed() (out []string) {
	for _, r := range h.reads {
		switch {
		case h.asked[r.op] == 0:
			out = append(out, r.op+" was never asked for")
		case r.why != "" && h.contract.Held(r.op) > 0:
			out = append(out, r.op+" is in the contract now: drop the reason")
		}
	}
	return out
}

// Whatever the Okta connector asks, in orgs of several moods, through every change that an org has, is a request that Okta has
// published; and the sandbox's answers to it are such as Okta has published.
func TestOktaConnectorHoldsTheContract(t *testing.T) {
	t.Parallel()
	h := &held{contract: contract.Okta(t), reads: oktaReads, shuns: oktaShuns, report: t.Errorf, asked: map[string]int{}, found: map[string]int{}}
	for _, mood := range []okta.Options{
		{PageSize: 3, DPoP: true},
		{PageSize: 3, AgentPaging: okta.InLink, FoldLinks: true, EmptyPages: true, NoOwnerSweep: true, PlatformInProfile: true, BetaEventTypes: true},
	} {
		org := okta.NewWith(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed, mood)
		server := httptest.NewServer(sandbox.Serve(org))
		t.Cleanup(server.Close)
		r := newReader(t, &oktaconnector.Vendor, oktaSettings(t, org, server.URL, &contract.Watch{Next: http.DefaultTransport, See: h.see}))
		r.readAll(t)
		made := map[sandbox.Op]bool{}
		for range 4 {
			for _, op := range sandbox.Ops() {
				if _, err := org.Mutate(sandbox.Change{Op: op}); err == nil {
					made[op] = true
				} else if !errors.Is(err, sandbox.ErrNoTarget) {
					t.Fatal(err)
				}
				r.read(t, "system-log")
			}
		}
		r.readAll(t)
		for _, op := range sandbox.Ops() {
			if made[op] == slices.Contains(oktaLacks, op) {
				t.Errorf("change %s: made %v", op, made[op])
			}
		}
	}
	for _, m := range h.missed() {
		t.Errorf("%s; asked for were %v", m, slices.Sorted(maps.Keys(h.asked)))
	}
}

// The test above can fail: each of these requests is one that the contract does not have.
func TestOktaContractSeesABrokenRequest(t *testing.T) {
	t.Parallel()
	c := contract.Okta(t)
	org := okta.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	server := httptest.NewServer(sandbox.Serve(org))
	t.Cleanup(server.Close)
	for target, want := range map[string]string{
		"/workload-principals/api/v1/ai-agents?limit=5":                       "",
		"/workload-principals/api/v1/ai-agents?limit=500":                     "limit",
		"/workload-principals/api/v1/ai-agents?page=5":                        `"page" is unknown`,
		"/workload-principals/api/v1/ai-agents/wlp1/credentials/jwks?limit=5": `"limit" is unknown`,
		"/workload-principals/api/v1/delegation-links?filter=x":               "",
		"/workload-principals/api/v1/elsewhere":                               "neither in the contract nor allowed",
		"/api/v1/apps/0oa1/credentials/secrets":                               "never to be asked for",
		"/governance/api/v1/resource-owners?filter=owner%20eq%20%221%22":      "compares owner eq",
		"/governance/api/v1/resource-owners":                                  "filter",
	} {
		var found []string
		h := &held{contract: c, reads: oktaReads, shuns: oktaShuns, asked: map[string]int{}, found: map[string]int{}, report: func(_ string, args ...any) { found = append(found, args[0].(string)) }}
		client := http.Client{Transport: &contract.Watch{Next: http.DefaultTransport, See: h.see}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+target, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "SSWS "+org.Token())
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := strings.Join(found, "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("GET %s: findings are %q, want %q", target, got, want)
		}
		if len(h.missed()) < len(oktaReads)-1 {
			t.Errorf("GET %s: only %v are missed", target, h.missed())
		}
	}
}

// oktaSettings connects to a sandbox with the private key of its client, in small pages.
func oktaSettings(t *testing.T, org *okta.Sandbox, url string, base http.RoundTripper) connectors.Settings {
	t.Helper()
	id, kid, key := org.Client()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return connectors.Settings{
		Tenant: "acme", Connection: "okta", Endpoint: url,
		Auth: map[string]connectors.Secret{"method": "private_key_jwt", "client_id": connectors.Secret(id), "key_id": connectors.Secret(kid),
			"private_key": connectors.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))},
		Options:   map[string]string{"page_size": "3", "activities": "all"},
		Transport: connectors.NewTransport(base, connectors.Limits{Share: 1}),
	}
}
