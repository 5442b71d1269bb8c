package integration

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	googleconnector "github.com/rollcallhq/rollcall/connectors/google"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
)

// A service account reads Workspace's reports in the name of an administrator who has let it, and of nobody else; whoever may not, reads
// all the rest.
func TestGoogleWorkspaceInAnAdministratorsName(t *testing.T) {
	t.Parallel()
	org := google.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	server := httptest.NewServer(sandbox.Serve(org))
	t.Cleanup(server.Close)
	key, err := org.Credentials(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	var later atomic.Int64
	for admin, may := range map[string]bool{"cloud-admin@tessellate.example": true, "colleague.1@tessellate.example": false} {
		later.Store(0)
		s := googleSettings(org, server.URL, http.DefaultTransport, map[string]string{"workspace_admin": admin})
		s.Auth = map[string]connectors.Secret{"method": "service_account_key", "key": connectors.Secret(key)}
		s.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		r := newReader(t, &googleconnector.Vendor, s)
		r.readAll(t)
		later.Store(int64(20 * time.Minute))
		var fault error
		delegations := 0
		for range 10 {
			page, err := r.pull(t.Context(), "workspace-reports")
			if err != nil {
				fault = err
				break
			}
			for _, record := range page.Records {
				reading, err := r.connector.Normalize(record)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range reading.Entities {
					if e.Delegation != nil {
						delegations++
					}
				}
			}
			if !page.More {
				break
			}
		}
		if may && (fault != nil || delegations == 0) {
			t.Errorf("%s: %v, %d delegations", admin, fault, delegations)
		}
		if f := connectors.AsFault(fault); !may && (f == nil || f.Kind != connectors.Forbidden || !strings.Contains(f.Cure, "domain-wide delegation")) {
			t.Errorf("%s: %v, want forbidden with the cure", admin, fault)
		}
	}
}
