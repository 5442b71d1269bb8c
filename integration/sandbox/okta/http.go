package okta

import (
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// maxBody is more than any request that Okta takes.
const maxBody = 1 << 20

// call is one request on its way through a handler. The sandbox's lock is held meanwhile.
type call struct {
	*Sandbox
	r    *http.Request
	now  time.Time
	base string     // scheme and host that the client used
	q    url.Values // the query; r.URL.Query drops what it cannot parse, so it is parsed once, strictly
	hide bool       // the log shows nothing, though it may be asked for more; see Fail
}

// answer is what a handler returns; it is encoded under the lock and written after it.
type answer struct {
	status int
	header http.Header
	body   any // nil: none

	// outside, if not nil, is called without the lock and makes the answer: for what must ask somebody else first.
	outside func() answer
}

// encode makes the body's bytes, nil if there is none.
func (a answer) encode() []byte {
	if a.body == nil {
		return nil
	}
	b, _ := json.Marshal(a.body) // of plain structs and maps: it cannot fail
	return b
}

type handler func(*call) answer

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func (a answer) with(key, value string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Add(key, value)
	return a
}

// route is one path: its scope without the .read or .manage, its rate limit class, and a handler for each method.
type route struct {
	path, scope, class             string
	get, post, put, patch, destroy handler
}

func (rt route) handlers() map[string]handler {
	all := map[string]handler{
		http.MethodGet: rt.get, http.MethodPost: rt.post, http.MethodPut: rt.put, http.MethodPatch: rt.patch, http.MethodDelete: rt.destroy,
	}
	for m, h := range all {
		if h == nil {
			delete(all, m)
		}
	}
	return all
}

const agents = "/workload-principals/api/v1/ai-agents"

func (s *Sandbox) table() []route {
	const a, ag = "okta.aiAgents", agents + "/{id}"
	return []route{
		{path: "/.well-known/okta-organization", class: "other", get: organization},
		{path: "/oauth2/v1/token", class: "token", post: mintToken},

		{path: agents, scope: a, class: "workload", get: listAgents, post: registerAgent},
		{path: ag, scope: a, class: "workload", get: getAgent, put: replaceAgent, patch: patchAgent, destroy: deleteAgent},
		{path: ag + "/lifecycle/activate", scope: a, class: "workload", post: activateAgent},
		{path: ag + "/lifecycle/deactivate", scope: a, class: "workload", post: deactivateAgent},
		{path: ag + "/owners", scope: a, class: "workload"}, // 405 on every method: owners are not in this API
		{path: ag + "/credentials/jwks", scope: a, class: "workload", get: listAgentKeys, post: addAgentKey},
		{path: ag + "/credentials/jwks/{key}", scope: a, class: "workload", get: getAgentKey, destroy: deleteAgentKey},
		{path: ag + "/credentials/jwks/{key}/lifecycle/activate", scope: a, class: "workload", post: activateAgentKey},
		{path: ag + "/credentials/jwks/{key}/lifecycle/deactivate", scope: a, class: "workload", post: deactivateAgentKey},
		{path: ag + "/connections", scope: a, class: "workload", get: listConnections, post: addConnection},
		{path: ag + "/connections/{conn}", scope: a, class: "workload", get: getConnection, patch: patchConnection, destroy: deleteConnection},
		{path: ag + "/connections/{conn}/lifecycle/activate", scope: a, class: "workload", post: activateConnection},
		{path: ag + "/connections/{conn}/lifecycle/deactivate", scope: a, class: "workload", post: deactivateConnection},
		{path: "/workload-principals/api/v1/delegation-links", scope: a, class: "workload", get: listDelegationLinks, post: addDelegationLink},
		{path: "/workload-principals/api/v1/delegation-links/{link}", scope: a, class: "workload", destroy: deleteDelegationLink},
		{path: "/workload-principals/api/v1/operations", scope: a, class: "workload", get: listOperations},
		{path: "/workload-principals/api/v1/operations/{op}", scope: a, class: "workload", get: getOperation},
		{path: "/governance/api/v1/resource-owners", scope: "okta.governance.resourceOwner", class: "governance", get: listOwners},

		{path: "/api/v1/apps", scope: "okta.apps", class: "apps", get: listApps},
		{path: "/api/v1/apps/{id}", scope: "okta.apps", class: "app", get: getApp},
		{path: "/api/v1/apps/{id}/grants", scope: "okta.appGrants", class: "apps", get: listGrants},
		{path: "/api/v1/apps/{id}/credentials/secrets", scope: "okta.apps", class: "apps", get: listSecrets},
		{path: "/api/v1/apps/{id}/credentials/jwks", scope: "okta.apps", class: "apps", get: listAppKeys},
		{path: "/oauth2/v1/clients/{id}/roles", scope: "okta.roles", class: "clients", get: listRoles},

		{path: "/api/v1/users", scope: "okta.users", class: "users", get: listUsers},
		{path: "/api/v1/users/{id}", scope: "okta.users", class: "user", get: getUser},
		{path: "/api/v1/groups", scope: "okta.groups", class: "groups", get: listGroups},
		{path: "/api/v1/groups/{id}", scope: "okta.groups", class: "groups", get: getGroup},
		{path: "/api/v1/api-tokens", scope: "okta.apiTokens", class: "other", get: listAPITokens},
		{path: "/api/v1/api-tokens/{id}", scope: "okta.apiTokens", class: "other", get: getAPIToken, destroy: revokeAPIToken},
		{path: eventHooks, scope: "okta.eventHooks", class: "other", get: listHooks, post: createHook},
		{path: eventHooks + "/{id}", scope: "okta.eventHooks", class: "other", get: getHook, put: replaceHook, destroy: deleteHook},
		{path: eventHooks + "/{id}/lifecycle/activate", scope: "okta.eventHooks", class: "other", post: activateHook},
		{path: eventHooks + "/{id}/lifecycle/deactivate", scope: "okta.eventHooks", class: "other", post: deactivateHook},
		{path: eventHooks + "/{id}/lifecycle/verify", scope: "okta.eventHooks", class: "other", post: verifyHook},
		{path: "/api/v1/logs", scope: "okta.logs", class: "logs", get: listLogs},
	}
}

// mux routes by path alone, since the wrong method is Okta's 405 and an unknown path its 404, each in its own form.
func (s *Sandbox) mux() http.Handler {
	m := http.NewServeMux()
	for _, rt := range s.table() {
		m.HandleFunc(rt.path, func(w http.ResponseWriter, r *http.Request) { s.handle(w, r, rt) })
	}
	m.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.handle(w, r, route{class: "other", get: noPath, post: noPath, put: noPath, patch: noPath, destroy: noPath})
	})
	return m
}

func (s *Sandbox) handle(w http.ResponseWriter, r *http.Request, rt route) {
	s.mu.Lock()
	now := s.tick()
	c := &call{Sandbox: s, r: r, now: now, base: baseURL(r)}
	a := c.answer(rt)
	header := s.heading(c, rt.class)
	body := a.encode()
	s.seen = c.base
	s.mu.Unlock()
	if a.outside != nil {
		a = a.outside()
		body = a.encode()
	}
	write(w, a, header, body)
}

// answer checks, in Okta's order, whether the call may be made, and makes it.
func (c *call) answer(rt route) answer {
	if a, full := c.drain(rt.class); full {
		return a
	}
	handlers := rt.handlers()
	h := handlers[c.r.Method]
	if rt.scope != "" {
		if a, refused := c.authorize(rt.scope, c.r.Method == http.MethodGet); refused {
			return a
		}
	}
	if h == nil {
		return fault(http.StatusMethodNotAllowed, "E0000022", "The endpoint does not support the provided HTTP method")
	}
	q, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return invalid("query", "The query string can't be parsed.")
	}
	c.q = q
	return h(c)
}

func write(w http.ResponseWriter, a answer, header http.Header, body []byte) {
	for k, v := range header {
		w.Header()[k] = v
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if body != nil {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// heading is what every answer has: the request's id, the date of the org's clock, and the rate limit.
func (s *Sandbox) heading(c *call, class string) http.Header {
	h := http.Header{}
	h.Set("Date", c.now.Format(http.TimeFormat))
	h.Set("Cache-Control", "no-cache, no-store")
	// Not from the org's generator: reading must not change which ids come next.
	h.Set("X-Okta-Request-Id", requestID(c.r, c.now))
	s.rateHeaders(h, class, c.now)
	return h
}

func requestID(r *http.Request, now time.Time) string {
	return sandbox.NewRand(uint64(now.UnixNano()), r.Method, r.URL.String()).Base62(26)
}

func baseURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// decode reads a JSON body of one of the given media types; a false second result comes with Okta's refusal.
func (c *call) decode(v any, types ...string) (answer, bool) {
	got, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, got) {
		return fault(http.StatusBadRequest, "E0000021", "Bad request. Accept and/or Content-Type headers likely do not match supported values."), false
	}
	b, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fault(http.StatusBadRequest, "E0000003", "The request body was not well-formed."), false
	}
	return answer{}, true
}

// link is a HAL link.
type link struct {
	Href  string `json:"href"`
	Name  string `json:"name,omitempty"`
	Hints *hints `json:"hints,omitempty"`
}

type hints struct {
	Allow []string `json:"allow"`
}

func href(parts ...string) *link { return &link{Href: strings.Join(parts, "")} }

func allow(l *link, methods ...string) *link {
	l.Hints = &hints{Allow: methods}
	return l
}

// number reads an integer parameter within bounds; absent gives the default.
func (c *call) number(name string, def, low, high int) (int, bool) {
	if !c.q.Has(name) {
		return def, true
	}
	n, err := strconv.Atoi(c.q.Get(name))
	return n, err == nil && n >= low && n <= high
}
