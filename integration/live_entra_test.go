package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/entra"
	"github.com/rollcallhq/rollcall/integration/contract"
)

// liveEntra is the live suite's Entra.
var liveEntra = &liveVendor{
	Vendor: entra.Vendor, org: "tenant", variables: []string{"AGENT", "WRITE_TOKEN"},
	auth: liveEntraAuth,
	check: func(prefix string, s *liveSettings) error {
		if s.mutate && (s.own["AGENT"] == "" || s.own["WRITE_TOKEN"] == "") {
			return fmt.Errorf("%[1]sMUTATE needs %[1]sAGENT, the object id of an agent identity that may be renamed and disabled for a while, "+
				"and %[1]sWRITE_TOKEN, an access token that may do that", prefix)
		}
		return nil
	},
	options: map[string]string{"activities": "all"},
	publish: func(t testing.TB) published { return contract.Entra(t) },
	look:    lookAtGraph,
	limit: func(r *liveReport, op string, x contract.Exchange) {
		if units := x.Header.Get("x-ms-resource-unit"); units != "" {
			r.limits[op] = units + " resource units a call"
		}
		if full := x.Header.Get("x-ms-throttle-limit-percentage"); full != "" {
			r.limits[op] = "used up to " + full + " of the limit"
		}
	},
	absent: []string{"delta: an agent identity with its @odata.type", "delta: an agent identity without its @odata.type", "delta: owners@delta",
		"delta: createdByAppId of an agent identity", "audit: agentType in v1.0", "inheritable permissions: inheritableRoles", "users: accountEnabled of an agent's user"},
	begin: func(l *live) liveParts { return &entraLive{live: l} },
}

// liveEntraAuth prefers what a connection would be set up with over a token that somebody else got.
func liveEntraAuth(get func(string) string) (map[string]connectors.Secret, error) {
	auth := map[string]connectors.Secret{"tenant_id": connectors.Secret(get("TENANT_ID")), "client_id": connectors.Secret(get("CLIENT_ID"))}
	switch file := get("CERTIFICATE_FILE"); {
	case get("TOKEN") != "":
		return map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(get("TOKEN"))}, nil
	case auth["tenant_id"] == "" || auth["client_id"] == "" || get("CLIENT_SECRET") == "" && file == "":
		return nil, fmt.Errorf("set %[1]sTOKEN, or %[1]sTENANT_ID, %[1]sCLIENT_ID and %[1]sCLIENT_SECRET or %[1]sCERTIFICATE_FILE", "ROLLCALL_LIVE_ENTRA_")
	case file != "":
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("ROLLCALL_LIVE_ENTRA_CERTIFICATE_FILE: %w", err)
		}
		auth["method"], auth["certificate"] = "certificate", connectors.Secret(b)
		auth["certificate_password"] = connectors.Secret(get("CERTIFICATE_PASSWORD"))
	default:
		auth["method"], auth["client_secret"] = "client_secret", connectors.Secret(get("CLIENT_SECRET"))
	}
	return auth, nil
}

// TestLiveEntra reads a real tenant.
func TestLiveEntra(t *testing.T) { liveAgainst(t, liveEntra) }

// entraLive are the parts of the suite that are Entra's own.
type entraLive struct {
	*live
	access string // the suite's own token
}

// token gets the token for the suite's own calls by itself: the connector shows nobody its own.
func (l *entraLive) token(ctx context.Context) (string, error) {
	if l.access != "" || l.auth["method"] == "bearer" {
		return l.access + l.auth["token"].Reveal(), nil
	}
	var credential azcore.TokenCredential
	tenant, id := l.auth["tenant_id"].Reveal(), l.auth["client_id"].Reveal()
	credential, err := azidentity.NewClientSecretCredential(tenant, id, l.auth["client_secret"].Reveal(), nil)
	if l.auth["method"] == "certificate" {
		certs, key, parse := azidentity.ParseCertificates([]byte(l.auth["certificate"].Reveal()), []byte(l.auth["certificate_password"].Reveal()))
		if parse != nil {
			return "", parse
		}
		credential, err = azidentity.NewClientCertificateCredential(tenant, id, certs, key, nil)
	}
	if err != nil {
		return "", err
	}
	got, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{l.endpoint + "/.default"}})
	l.access = got.Token
	return got.Token, err
}

// call sends a request to a path with its version, with a JSON body if there is one.
func (l *entraLive) call(ctx context.Context, method, target, token string, body any) (reply, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, l.endpoint+target, sent)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := (&http.Client{Transport: l.watchedLoosely()}).Do(req)
	if err != nil {
		return reply{}, fmt.Errorf("%s %s failed", method, req.URL.Path) // without the query
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, b}, err
}

// ask tries what no document of Microsoft's settles.
func (l *entraLive) ask(t *testing.T) {
	token, err := l.token(t.Context())
	if err != nil {
		t.Fatal("the suite cannot log in: see the connector's own errors above") // the library's text holds ids
	}
	since := time.Now().Add(-lately).UTC().Format(time.RFC3339)
	filter := func(s string) string { return "$filter=" + url.PathEscape(s) }
	signIns := func(stream, word string) string {
		return "/beta/auditLogs/signIns?$top=1&" + filter("signInEventTypes/any(t: t eq '"+stream+"') and agent/agentType eq '"+word+"' and createdDateTime ge "+since)
	}
	for _, q := range []struct{ about, target string }{
		{"sponsors expanded in the list of agent identities", "/v1.0/servicePrincipals/microsoft.graph.agentIdentity?$top=1&$expand=sponsors"},
		{"owners expanded in the list of agent identities", "/v1.0/servicePrincipals/microsoft.graph.agentIdentity?$top=1&$expand=owners"},
		{"a delta of directory objects that are agent identities", "/v1.0/directoryObjects/delta?" + filter("isof('microsoft.graph.agentIdentity')")},
		{"a delta with a token that is no good, for the status of one that has expired", "/v1.0/servicePrincipals/delta?$deltatoken=expired"},
		{"sign-ins of agents in the word of the documents' example", signIns("servicePrincipal", "AgentIdentity")},
		{"sign-ins of agents in the word of the enumeration", signIns("servicePrincipal", "agenticAppInstance")},
		{"sign-ins of agents for a user", signIns("nonInteractiveUser", "AgentIdentity")},
		{"audit entries about sponsors, for what they are called", "/v1.0/auditLogs/directoryAudits?$top=20&" + filter("startswith(activityDisplayName,'Add sponsor')")},
		{"audit entries of beta, for agentType", "/beta/auditLogs/directoryAudits?$top=1"},
		{"risky agents", "/beta/identityProtection/riskyAgents?$top=1"},
	} {
		got, err := l.call(t.Context(), http.MethodGet, q.target, token, nil)
		if err != nil {
			t.Logf("%s: %v", q.about, err)
			continue
		}
		t.Logf("%s: answered %d %s, %d items", q.about, got.status, graphCode(got), graphItems(got))
	}
	t.Log("not answered by this suite: whether a blueprint's deletion takes agents' users along, and what its sponsors' reading takes at the least")
}

// graphCode is the code of a refusal, or empty.
func graphCode(r reply) string {
	var body struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return ""
	}
	return body.Error.Code
}

func graphItems(r reply) int {
	var body struct {
		Value []json.RawMessage `json:"value"`
	}
	_ = json.Unmarshal(r.body, &body) // what is no list has none
	return len(body.Value)
}

// lookAtGraph finds answers to what Microsoft's documents leave open.
func lookAtGraph(r *liveReport, x contract.Exchange) {
	var body struct {
		Value []map[string]json.RawMessage `json:"value"`
	}
	if x.Status != http.StatusOK || json.Unmarshal(x.Body, &body) != nil {
		return
	}
	path := x.Request.URL.Path
	for _, item := range body.Value {
		text := func(name string) string {
			var s string
			_ = json.Unmarshal(item[name], &s) // what is no text is none
			return s
		}
		note := func(fact, member string) {
			if _, there := item[member]; there {
				r.facts[fact]++
			}
		}
		agent := text("servicePrincipalType") == "ServiceIdentity"
		switch {
		case strings.Contains(path, "/servicePrincipals/") && strings.Contains(path, "delta"):
			note("delta: owners@delta", "owners@delta")
			if agent && text("@odata.type") != "" {
				r.facts["delta: an agent identity with its @odata.type"]++
			} else if agent {
				r.facts["delta: an agent identity without its @odata.type"]++
			}
			if agent {
				note("delta: createdByAppId of an agent identity", "createdByAppId")
			}
		case strings.HasPrefix(path, "/v1.0/auditLogs/"):
			if bytes.Contains(x.Body, []byte(`"agentType"`)) {
				r.facts["audit: agentType in v1.0"]++
			}
			if deed := text("activityDisplayName"); strings.Contains(strings.ToLower(deed), "sponsor") {
				r.facts["audit: an entry is called "+deed]++
			}
		case strings.HasSuffix(path, "/inheritablePermissions"):
			note("inheritable permissions: inheritableRoles", "inheritableRoles")
		case strings.Contains(path, "/users/microsoft.graph.agentUser"):
			note("users: accountEnabled of an agent's user", "accountEnabled")
		}
	}
}
