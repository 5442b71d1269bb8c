package entra

import (
	"net/http"
	"strings"
)

// rateClasses are Graph's limits by the first part of the path below the version; each is counted on its own. Everything else is the
// directory's, whose units all of an application's calls in a tenant share.
var rateClasses = map[string]string{
	"auditLogs":          "reports",             // 5 requests in 10 seconds for an application in a tenant
	"identityProtection": "identity-protection", // 1 request a second for a tenant, whoever asks
	"subscriptions":      "subscriptions",
}

// rateClass puts a request into its class. Graph throttles reads of low priority first, so that a sweep that has to wait holds up no
// delta. Logins are limited elsewhere.
func rateClass(r *http.Request) string {
	_, path, versioned := strings.Cut(r.URL.Path, "/v1.0/")
	if !versioned {
		_, path, versioned = strings.Cut(r.URL.Path, "/beta/")
	}
	first, _, _ := strings.Cut(path, "/")
	switch class := rateClasses[first]; {
	case !versioned:
		return r.URL.Host + "/login"
	case class != "":
		return r.URL.Host + "/" + class
	case r.Header.Get("x-ms-throttle-priority") == "Low":
		return r.URL.Host + "/directory-low"
	}
	return r.URL.Host + "/directory"
}
