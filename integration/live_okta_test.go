package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/okta"
	"github.com/rollcallhq/rollcall/integration/contract"
)

// agentsAPI is the list of AI agents.
const agentsAPI = "/workload-principals/api/v1/ai-agents"

// liveOkta is the live suite's Okta.
var liveOkta = &liveVendor{
	Vendor: okta.Vendor, org: "org", variables: []string{"SCOPES", "OWNER"},
	auth: liveOktaAuth, check: checkLiveOkta,
	options: map[string]string{"page_size": "10", "activities": "all", "log_since": sinceThen},
	adjust: func(l *live, s *connectors.Settings) {
		if scopes := l.own["SCOPES"]; scopes != "" && l.auth["method"] == "private_key_jwt" {
			s.Auth["scopes"] = connectors.Secret(scopes)
		}
	},
	publish: func(t testing.TB) published { return contract.Okta(t) },
	look:    lookAtOkta,
	limit: func(r *liveReport, _ string, x contract.Exchange) {
		parts := strings.Split(x.Request.URL.Path, "/")
		class := strings.Join(parts[:min(4, len(parts))], "/")
		if limit := x.Header.Get("X-Rate-Limit-Limit"); limit != "" {
			r.limits[class] = limit + " per window"
		} else if r.limits[class] == "" {
			r.limits[class] = "not stated"
		}
	},
	absent: []string{"platform at the top level", "platform in profile", "agents: next in the Link header", "agents: next in the body"},
	begin: func(l *live) liveParts {
		o := &oktaLive{live: l}
		o.caller = &caller{endpoint: l.endpoint, client: &http.Client{Transport: l.watched()}, auth: l.auth, scopes: o.callerScopes()}
		o.own = o.ownByAPI
		return o
	},
}

func checkLiveOkta(prefix string, s *liveSettings) error {
	s.own["SCOPES"] = strings.Join(strings.FieldsFunc(s.own["SCOPES"], func(r rune) bool { return r == ',' || r == ' ' }), " ")
	if s.mutate && s.own["OWNER"] == "" {
		return fmt.Errorf("%[1]sMUTATE needs %[1]sOWNER, a user's id: Okta activates no agent without an owner, and deletes none that was never active",
			prefix)
	}
	return nil
}

func liveOktaAuth(get func(string) string) (map[string]connectors.Secret, error) {
	if token := get("TOKEN"); token != "" {
		return map[string]connectors.Secret{"method": "ssws", "token": connectors.Secret(token)}, nil
	}
	key := get("PRIVATE_KEY")
	if file := get("PRIVATE_KEY_FILE"); key == "" && file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("ROLLCALL_LIVE_OKTA_PRIVATE_KEY_FILE: %w", err)
		}
		key = string(b)
	}
	if key == "" || get("CLIENT_ID") == "" || get("KEY_ID") == "" {
		return nil, fmt.Errorf("set %[1]sTOKEN, or %[1]sCLIENT_ID, %[1]sKEY_ID and %[1]sPRIVATE_KEY or %[1]sPRIVATE_KEY_FILE", "ROLLCALL_LIVE_OKTA_")
	}
	return map[string]connectors.Secret{"method": "private_key_jwt", "client_id": connectors.Secret(get("CLIENT_ID")),
		"key_id": connectors.Secret(get("KEY_ID")), "private_key": connectors.Secret(key)}, nil
}

// oktaLive are the parts of the suite that are Okta's own.
type oktaLive struct {
	*live
	caller *caller

	// own makes a user the only owner of an agent.
	own func(ctx context.Context, orn string) error
}

// callerScopes are what the suite's own calls need.
func (l *oktaLive) callerScopes() string {
	switch {
	case l.live.own["SCOPES"] != "":
		return l.live.own["SCOPES"]
	case l.mutate:
		return "okta.aiAgents.manage okta.governance.resourceOwner.manage okta.logs.read"
	}
	return "okta.aiAgents.read okta.governance.resourceOwner.read okta.logs.read"
}

func (l *oktaLive) touches() string {
	return fmt.Sprintf("creates the AI agent %q there, gives it to %s, activates, deactivates and deletes it; removes agents named %s... that are older than an hour",
		l.name, l.owner(), liveNames)
}

// owner is the id of the user who is to own what is created.
func (l *oktaLive) owner() string { return l.live.own["OWNER"] }

// TestLiveOkta reads a real org.
func TestLiveOkta(t *testing.T) { liveAgainst(t, liveOkta) }

// ask tries what no document of Okta's settles. Each answer is told, whatever it is.
func (l *oktaLive) ask(t *testing.T) {
	since := "since=" + time.Now().Add(-lately).UTC().Format("2006-01-02T15:04:05.000Z")
	for _, q := range []struct{ about, target string }{
		{"a list of agents of one item, for the place of its next link", agentsAPI + "?limit=1"},
		{"owners of all agents in one sweep", "/governance/api/v1/resource-owners?limit=1&filter=" + url.PathEscape(`resource.type eq "ai-agents"`)},
		{"delegation links without a filter", "/workload-principals/api/v1/delegation-links?limit=1"},
		{"log entries about agents, for the types of their targets", "/api/v1/logs?limit=20&" + since + "&filter=" + url.PathEscape(`eventType sw "workload_principal."`)},
		{"log entries filtered by the beginning of client.id", "/api/v1/logs?limit=1&" + since + "&filter=" + url.PathEscape(`client.id sw "wlp"`)},
		{"log entries filtered by the beginning of actor.id", "/api/v1/logs?limit=1&" + since + "&filter=" + url.PathEscape(`actor.id sw "wlp"`)},
	} {
		l.tell(t, q.about, q.target)
	}
	got, err := l.caller.get(t.Context(), "/api/v1/logs?limit=1&"+since)
	if err != nil {
		t.Logf("the log: %v", err)
		return
	}
	if after := afterOf(got); after != "" {
		l.tell(t, "since and after together, which the documents exclude", "/api/v1/logs?limit=1&"+since+"&after="+url.QueryEscape(after))
	}
	t.Log("not answered by this suite: which custom admin role suffices for agents, and how old a place in the log may become")
}

func (l *oktaLive) tell(t *testing.T, about, target string) {
	t.Helper()
	got, err := l.caller.get(t.Context(), target)
	if err != nil {
		t.Logf("%s: %v", about, err)
		return
	}
	t.Logf("%s: answered %d %s; next link in the header: %v", about, got.status, errorCode(got), linkTo(got, "next") != "")
}

// errorCode is Okta's code of a refusal, or empty.
func errorCode(r reply) string {
	var e struct {
		Code string `json:"errorCode"`
	}
	if r.status == http.StatusOK || json.Unmarshal(r.body, &e) != nil {
		return ""
	}
	return e.Code
}

// afterOf is the place that an answer's next link leads to.
func afterOf(r reply) string {
	u, err := url.Parse(linkTo(r, "next"))
	if err != nil {
		return ""
	}
	return u.Query().Get("after")
}

// lookAtOkta finds answers to what Okta's documents leave open.
func lookAtOkta(r *liveReport, x contract.Exchange) {
	switch {
	case x.Request.Method != http.MethodGet || x.Status != http.StatusOK:
	case x.Request.URL.Path == agentsAPI:
		r.oktaAgents(x)
	case x.Request.URL.Path == "/api/v1/logs":
		r.oktaLog(x.Body)
	}
}

// oktaAgents looks for where the list of agents has its next link and its platform.
func (r *liveReport) oktaAgents(x contract.Exchange) {
	var body struct {
		Data []struct {
			Platform string `json:"platform"`
			Profile  struct {
				Platform string `json:"platform"`
			} `json:"profile"`
		} `json:"data"`
		Links struct {
			Next json.RawMessage `json:"next"`
		} `json:"_links"`
	}
	if json.Unmarshal(x.Body, &body) != nil {
		return
	}
	for _, a := range body.Data {
		if a.Platform != "" {
			r.facts["platform at the top level"]++
		}
		if a.Profile.Platform != "" {
			r.facts["platform in profile"]++
		}
	}
	if strings.Contains(strings.Join(x.Header.Values("Link"), ","), `rel="next"`) {
		r.facts["agents: next in the Link header"]++
	}
	if len(body.Links.Next) > 0 {
		r.facts["agents: next in the body"]++
	}
}

// oktaLog looks at what the entries about agents call their targets and their actors.
func (r *liveReport) oktaLog(b []byte) {
	var entries []struct {
		Type  string `json:"eventType"`
		Actor struct {
			ID, Type string
		} `json:"actor"`
		Targets []struct{ Type string } `json:"target"`
	}
	if json.Unmarshal(b, &entries) != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Actor.ID, "wlp") {
			r.facts["log: an agent as actor has the type "+e.Actor.Type]++
		}
		if !strings.HasPrefix(e.Type, "workload_principal.") {
			continue
		}
		r.facts["log: type "+e.Type]++
		for _, t := range e.Targets {
			r.facts["log: a target of "+e.Type+" has the type "+t.Type]++
		}
	}
}
