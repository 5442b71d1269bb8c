package entra

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// TestDeterministic checks that equal seeds give equal tenants, also after equal changes, and other seeds others.
func TestDeterministic(t *testing.T) {
	build := func(seed uint64) []byte {
		s := NewWith(sandbox.NewCompany(seed, 60), seed, Layout{At: seedTime})
		s.Now = func() time.Time { return seedTime }
		for _, op := range everyOp() {
			if _, err := s.Mutate(changeOf(op)); err != nil && !errors.Is(err, sandbox.ErrNoTarget) {
				t.Fatal(err)
			}
		}
		b, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one := build(3)
	if !bytes.Equal(one, build(3)) {
		t.Error("the same seed gave two tenants")
	}
	if bytes.Equal(one, build(4)) {
		t.Error("two seeds gave the same tenant")
	}
}

// TestSnapshotRestore carries a tenant into another sandbox, with the tokens that were handed out before.
func TestSnapshotRestore(t *testing.T) {
	x := start(t)
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Native: "agent_identity"})
	page := x.ok("/v1.0/users?$orderby=displayName").link("nextLink")
	inside := x.ok(spSelect).link("nextLink")
	_, link := x.round(spSelect)
	token := x.token()
	a := x.do(sandbox.Change{Op: sandbox.RenameAgent, Native: "agent_identity", Name: "Renamed"}).Agent
	b, err := x.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	expected, _ := x.round(link)
	want := x.ok("/v1.0/servicePrincipals?$top=50").raw
	next := x.do(sandbox.Change{Op: sandbox.CreateAgent}).Agent

	x.st = NewWith(sandbox.NewCompany(1, 9), 1, Layout{At: seedTime}).st // what a new process begins with
	x.ix.rebuild(x.st)
	if err := x.Restore(b); err != nil {
		t.Fatal(err)
	}
	if again, _ := x.Snapshot(); !bytes.Equal(again, b) {
		t.Error("a restored tenant has another snapshot")
	}
	if got, _ := x.round(link); cmp.Diff(expected, got) != "" || find(got, a) == nil {
		t.Errorf("the delta link gives %s, want %s", compact(got), compact(expected))
	}
	x.ok(page)
	x.ok(inside)
	x.ok("/v1.0/organization", "Authorization", "Bearer "+token)
	if got := x.ok("/v1.0/servicePrincipals?$top=50").raw; !bytes.Equal(got, want) {
		t.Errorf("the list is now\n%s\nwant\n%s", got, want)
	}
	if got := x.do(sandbox.Change{Op: sandbox.CreateAgent}).Agent; got != next {
		t.Errorf("the restored generator gives %s, want %s", got, next)
	}
}

// TestRestoreKeepsWhatIsToCome carries an expiry and a cascade that has not run yet into another sandbox.
func TestRestoreKeepsWhatIsToCome(t *testing.T) {
	x := start(t)
	_, link := x.round(spSelect)
	x.ExpireCursors()
	app := x.ok("/v1.0/applications/graph.agentIdentityBlueprint").items()[0]
	child := x.ok("/v1.0/servicePrincipals/graph.agentIdentity?" + query(sprint("agentIdentityBlueprintId eq '%s'", app["appId"]))).items()[0]
	x.do(sandbox.Change{Op: sandbox.DeleteAgent, Agent: app["id"].(string)})
	b, err := x.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	y := start(t)
	if err := y.Restore(b); err != nil {
		t.Fatal(err)
	}
	y.refused(400, "syncStateNotFound", strings.Replace(link, x.url, y.url, 1))
	if got := y.agent(child["id"].(string)).Status; got == "deleted" {
		t.Fatal("the cascade ran too early")
	}
	y.pass(time.Minute)
	if got := y.agent(child["id"].(string)).Status; got != "deleted" {
		t.Errorf("the restored tenant forgot the cascade: the agent is %s", got)
	}
}

// TestRestoredTenantCanChange makes every change often enough on a restored tenant to meet each object.
func TestRestoredTenantCanChange(t *testing.T) {
	one, two := start(t), start(t)
	b, err := one.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := two.Restore(b); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		op := everyOp()[i%len(everyOp())]
		a, errA := one.Mutate(changeOf(op))
		b, errB := two.Mutate(changeOf(op))
		if diff := cmp.Diff(a, b); diff != "" || (errA == nil) != (errB == nil) {
			t.Fatalf("%s goes another way after a restore: %v, %v\n%s", op, errA, errB, diff)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	x := start(t)
	before, _ := x.Snapshot()
	for _, b := range []string{"", "{}", "[]", `{"version":99,"tenant":"x","rand":{}}`} {
		if err := x.Restore([]byte(b)); err == nil {
			t.Errorf("a snapshot of %q was accepted", b)
		}
	}
	if after, _ := x.Snapshot(); !bytes.Equal(before, after) {
		t.Error("a refused snapshot changed the tenant")
	}
}
