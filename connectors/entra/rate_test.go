package entra

import (
	"net/http/httptest"
	"testing"
)

func TestRateClass(t *testing.T) {
	for _, c := range []struct{ url, priority, want string }{
		{"https://graph.microsoft.com/v1.0/users/delta?$deltatoken=x", "", "graph.microsoft.com/directory"},
		{"https://graph.microsoft.com/v1.0/$batch", "Low", "graph.microsoft.com/directory-low"},
		{"https://graph.microsoft.com/v1.0/auditLogs/directoryAudits", "", "graph.microsoft.com/reports"},
		{"https://graph.microsoft.com/beta/auditLogs/signIns", "", "graph.microsoft.com/reports"},
		{"https://graph.microsoft.com/beta/identityProtection/riskyAgents", "", "graph.microsoft.com/identity-protection"},
		{"https://graph.microsoft.com/v1.0/subscriptions/1", "", "graph.microsoft.com/subscriptions"},
		{"https://login.microsoftonline.com/tenant/oauth2/v2.0/token", "", "login.microsoftonline.com/login"},
	} {
		r := httptest.NewRequest("GET", c.url, nil)
		if c.priority != "" {
			r.Header.Set("x-ms-throttle-priority", c.priority)
		}
		if got := rateClass(r); got != c.want {
			t.Errorf("%s: %s, not %s", c.url, got, c.want)
		}
	}
}
