package entra

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Fail answers a request with the vendor's own form of a fault. It does not have: an expired cursor on a request that sent
// none, an empty list where there is no list, and the faults that need no form.
func (s *Sandbox) Fail(w http.ResponseWriter, r *http.Request, f sandbox.Fault) bool {
	a, ok := s.failing(r, f)
	if ok {
		a.write(w)
	}
	return ok
}

func (s *Sandbox) failing(r *http.Request, f sandbox.Fault) (answer, bool) {
	if isLogin(r.URL.Path) {
		return failLogin(f)
	}
	switch f.Kind {
	case sandbox.RateLimit:
		return s.pack(r, nil, s.throttled(r, f.After)), true
	case sandbox.ServerError:
		return s.pack(r, nil, broken("An unexpected error occurred.")), true
	case sandbox.Unauthorized:
		return s.pack(r, nil, unauthorized("Access token has expired or is not yet valid.")), true
	case sandbox.Forbidden:
		return s.pack(r, nil, denied()), true
	case sandbox.Expired:
		return s.failCursor(r)
	case sandbox.EmptyOK:
		return s.failEmpty(r)
	}
	return answer{}, false
}

// reads tells whether a request asks for one thing that a body is not needed for, or for a list by ids. To look at any other
// would take its body away from the answer that it is to get, or make a change twice.
func reads(r *http.Request) bool {
	return r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/directoryObjects/getByIds")
}

// throttled is a 429. The delay is stated in whole seconds; without a delay the header is missing, as it is on the vendor's
// identity protection API.
func (s *Sandbox) throttled(r *http.Request, after time.Duration) *failure {
	h := http.Header{
		"X-Ms-Throttle-Scope":       {"Tenant_Application/ReadWrite/" + s.ClientID() + "/" + s.TenantID()},
		"X-Ms-Throttle-Information": {"ResourceUnitLimitExceeded"},
		"X-Ms-Resource-Unit":        {cost(r)},
	}
	if after > 0 {
		h.Set("Retry-After", seconds(after))
	}
	return &failure{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too many requests", header: h}
}

// failCursor is a reset by the service for a delta token, and an expired page token for anything else.
func (s *Sandbox) failCursor(r *http.Request) (answer, bool) {
	if r.Method != http.MethodGet {
		return answer{}, false
	}
	q, err := s.read(r)
	if err != nil || q.opt.skip == "" && (q.opt.delta == "" || q.opt.delta == "latest") {
		return answer{}, false
	}
	f := expiredPage()
	if isDelta(q.path) {
		f = resync()
		f.header = http.Header{"Location": {q.base + "/" + q.path[0] + "/delta?$deltatoken="}}
	}
	return s.pack(r, nil, f), true
}

func isDelta(path []string) bool {
	return len(path) == 2 && strings.Contains(path[1], "delta")
}

// failEmpty answers a list without its items. On a delta request the link leads on from where the request was, so that what
// was left out can still be found.
func (s *Sandbox) failEmpty(r *http.Request) (answer, bool) {
	if !reads(r) {
		return answer{}, false
	}
	a := s.graph(r)
	var m map[string]any
	if a.status != http.StatusOK || json.Unmarshal(a.body, &m) != nil {
		return a, false
	}
	if _, ok := m["value"].([]any); !ok {
		return a, false
	}
	m["value"] = []any{}
	delete(m, "@odata.nextLink")
	if q, err := s.read(r); err == nil && isDelta(q.path) {
		m["@odata.deltaLink"] = s.linkBack(q)
	}
	a.body, _ = encode(m)
	return a, true
}

// linkBack is a delta link to the place that a request asked for; for a first request to the tenant's beginning.
func (s *Sandbox) linkBack(q *request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, _ := baseOf(q.path[0])
	c, err := q.deltaCursor(k)
	if err != nil {
		return ""
	}
	at := cursor{Use: "delta", Of: k.set, Select: c.Select, IDs: c.IDs, Pos: c.Pos}
	if c.All {
		at.Pos = 0
	}
	return q.base + "/" + k.set + "/delta()?$deltatoken=" + q.seal(at)
}

// failLogin is a fault in the form of the token endpoint.
func failLogin(f sandbox.Fault) (answer, bool) {
	switch f.Kind {
	case sandbox.RateLimit:
		a := errManyRequests.answer()
		if f.After > 0 {
			a.header.Set("Retry-After", seconds(f.After))
		}
		return a, true
	case sandbox.ServerError:
		return errTransient.answer(), true
	case sandbox.Unauthorized:
		return errOldSecret.answer(), true
	case sandbox.Forbidden:
		return errDisabled.answer(), true
	}
	return answer{}, false
}

// seconds writes a delay as Retry-After has it, rounded up.
func seconds(d time.Duration) string { return fmt.Sprint(int64((d + time.Second - 1) / time.Second)) }
