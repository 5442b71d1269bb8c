package entra

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// TestConcurrentReadsAndChanges is for the race detector.
func TestConcurrentReadsAndChanges(t *testing.T) {
	x := start(t)
	x.NotifyClient, x.NotifyWindow = &http.Client{Transport: &inbox{}}, time.Microsecond
	if r := x.subscribe(); r.status != http.StatusCreated {
		t.Fatalf("POST subscriptions = %d %s", r.status, r.raw)
	}
	var wg sync.WaitGroup
	read := func(addresses ...string) {
		for range 8 {
			for _, a := range addresses {
				x.ok(a)
			}
		}
	}
	wg.Go(func() {
		for i := range 60 {
			ops := everyOp()
			if _, err := x.Mutate(changeOf(ops[i%len(ops)])); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		read("/v1.0/servicePrincipals", "/v1.0/auditLogs/directoryAudits", "/v1.0/users/delta?$select=manager")
	})
	wg.Go(func() {
		read("/beta/identityProtection/riskyAgents?$select=id", "/v1.0/roleManagement/directory/roleAssignments", "/v1.0/subscriptions")
	})
	wg.Go(x.subscribeAndWrite)
	wg.Go(func() { read("/v1.0/applications", spSelect, "/v1.0/oauth2PermissionGrants/delta") })
	wg.Go(func() {
		for range 8 {
			x.Truth()
			if b, err := x.Snapshot(); err != nil || x.Restore(b) != nil {
				t.Error("snapshot or restore failed")
			}
			_ = x.InjectItem(sandbox.Fault{Kind: sandbox.Forbidden, Times: 1})
			x.batch(batchOf(step{ID: "1", Method: "GET", URL: "/users"}))
			x.token()
			x.ClearItems()
		}
	})
	wg.Wait()
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

func (x *tenant) subscribe() reply {
	return x.call(http.MethodPost, "/v1.0/subscriptions", wish("expirationDateTime", stamp(seedTime.Add(24*time.Hour))))
}

func (x *tenant) subscribeAndWrite() {
	for range 8 {
		x.subscribe()
		x.AskReauthorization()
		x.call(http.MethodPatch, "/v1.0/users/"+x.some("agent_user").ID, `{"displayName":"Once more"}`, "Authorization", "Bearer "+x.AdminToken())
	}
}
