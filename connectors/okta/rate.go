package okta

import (
	"net/http"
	"strings"
)

// rateClass is the bucket of Okta's rate limits that a request draws on. The org's limits are per bucket and minute; an app by
// itself has another one than the list of apps and what hangs on an app.
func rateClass(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	at := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	switch {
	case at(0) == "workload-principals" || at(0) == "governance":
		return at(0)
	case at(0) == "oauth2":
		return strings.Join(parts[:min(3, len(parts))], "/") // oauth2/v1/clients, oauth2/v1/token
	case len(parts) == 4 && (at(2) == "apps" || at(2) == "users"):
		return "api/v1/" + at(2) + "/{id}"
	case at(2) == "apps" || at(2) == "users" || at(2) == "groups" || at(2) == "logs":
		return "api/v1/" + at(2)
	}
	return "api/v1"
}
