package okta

import (
	"net/http"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Fail plays a fault in Okta's own form. It has no expired cursor for a request without one, and no empty list for a
// request that is not for a list; such a request is answered as always.
func (s *Sandbox) Fail(w http.ResponseWriter, r *http.Request, f sandbox.Fault) bool {
	s.mu.Lock()
	c := &call{Sandbox: s, r: r, now: s.tick(), base: baseURL(r), q: r.URL.Query()}
	a, played := c.fail(f)
	header := s.heading(c, "other")
	if f.Kind == sandbox.RateLimit {
		setRate(header, 100, 0, c.now.Add(f.After))
	}
	body := a.encode()
	s.mu.Unlock()
	if played {
		write(w, a, header, body)
	}
	return played
}

func (c *call) fail(f sandbox.Fault) (answer, bool) {
	switch f.Kind {
	case sandbox.RateLimit:
		return tooMany(), true
	case sandbox.ServerError:
		return broken(), true
	case sandbox.Unauthorized:
		return unauthorized(), true
	case sandbox.Forbidden:
		return forbidden(), true
	case sandbox.Expired:
		return badCursor(), c.q.Has("after")
	case sandbox.EmptyOK:
		return c.empty()
	}
	return answer{}, false
}

// empty is the empty list of the path: what an app without an admin role gets. The System Log's keeps its next link, at
// the place where the request stood.
func (c *call) empty() (answer, bool) {
	path := c.r.URL.Path
	switch {
	case c.r.Method != http.MethodGet:
		return answer{}, false
	case path == "/api/v1/logs":
		c.hide = true
		a := listLogs(c)
		return a, a.status == http.StatusOK
	case isBareList(path):
		return c.linked(ok([]string{}), ""), true
	case isDataList(path):
		return ok(listBody[string]{Data: []string{}, Links: c.pageLinks("")}), true
	}
	return answer{}, false
}

func isBareList(path string) bool {
	for _, tail := range []string{"/apps", "/users", "/groups", "/api-tokens", "/eventHooks", "/grants", "/secrets", "/roles"} {
		if strings.HasSuffix(path, tail) {
			return true
		}
	}
	return strings.HasPrefix(path, "/api/v1/apps/") && strings.HasSuffix(path, "/jwks")
}

func isDataList(path string) bool {
	for _, tail := range []string{"/ai-agents", "/jwks", "/connections", "/delegation-links", "/operations", "/resource-owners"} {
		if strings.HasSuffix(path, tail) {
			return true
		}
	}
	return false
}
