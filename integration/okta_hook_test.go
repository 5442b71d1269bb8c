package integration

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/okta"
	"github.com/rollcallhq/rollcall/internal/config"
)

// An org whose log is polled once an hour, and which pushes: a change is in the roster in seconds all the same. The org's first
// delivery is its verification.
func TestOktaPushesChanges(t *testing.T) {
	const secret = "a-secret-of-the-hook-that-is-long"
	org := okta.New(sandbox.NewCompany(suiteSeed, suiteAgents), suiteSeed)
	t.Cleanup(func() { _ = org.Close() })
	server := httptest.NewServer(sandbox.Serve(org))
	t.Cleanup(server.Close)

	cfg := config.Default()
	cfg.Data, cfg.Hooks = t.TempDir(), config.Hooks{Listen: "127.0.0.1:0"}
	of := config.Connection{
		Name: "okta", Vendor: "okta", Endpoint: server.URL, Hook: connectors.Hook{Secret: secret, Header: "Authorization"},
		Auth: map[string]connectors.Secret{"method": "bearer", "token": connectors.Secret(org.Token())}, Share: 1,
		Pace: map[string]time.Duration{"default": time.Hour}, Breaker: config.Breaker{Max: 1e9, Share: 1},
	}
	cfg.Tenants = []config.Tenant{{Name: "demo", Connections: []config.Connection{of}}}
	h := run(t, cfg)
	h.caughtUp()
	if _, err := org.RegisterHook(h.h.HookURL("demo", of), secret); err != nil {
		t.Fatal(err)
	}
	c := &chaos{t: t, vendors: []*restless{{vendor: org}}}
	h.becomes(c)
	for _, op := range []sandbox.Op{sandbox.RenameAgent, sandbox.DisableAgent, sandbox.AddOwner, sandbox.AddCredential, sandbox.DeleteAgent, sandbox.CreateAgent} {
		if _, err := org.Mutate(sandbox.Change{Op: op, Native: "ai_agent"}); err != nil {
			t.Fatal(err)
		}
		h.becomes(c) // within settleTime, of which the poll knows nothing
	}
	for _, s := range h.h.Statuses() {
		if s.Hook == nil || s.Hook.Deliveries == 0 || s.Hook.Refused != 0 {
			t.Errorf("the hook's status is %+v", s.Hook)
		}
	}
	h.stop()
}
