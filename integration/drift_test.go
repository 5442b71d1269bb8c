package integration

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/connectors/all"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/integration/demo"
	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/hub"
	"github.com/rollcallhq/rollcall/replay"
)

// drift compares a world with the roster of its hub, and checks that nothing was written.
func (w *world) drift(t *testing.T, file, name string) replay.DriftReport {
	t.Helper()
	cfg, err := config.Load(file, all.Vendors, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	r, err := hub.OpenReader(t.Context(), hub.Where{Data: filepath.Join(w.dir, name)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	state := func() [2]events.Position {
		end, err := r.Log.End(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		view, err := r.View.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return [2]events.Position{end, view.Checkpoint.Position}
	}
	before := state()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	report, err := r.Drift(ctx, hub.DriftOptions{Config: cfg, Vendors: all.Vendors, Timeout: 30 * time.Second,
		Tune: func(c *connectors.Config) {
			c.Backoff = connectors.Backoff{Base: time.Millisecond, Cap: 10 * time.Millisecond}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if after := state(); after != before {
		t.Errorf("the comparison has written: log and roster were at %v, and are at %v", before, after)
	}
	return report
}

// A roster that a hub has just made has no drift, whatever company it is of. What changes after that is found, each thing as what it is;
// what cannot be read is no drift.
func TestDrift(t *testing.T) {
	w := newWorld(t, demo.Options{Seed: 11, Agents: 30})
	file := w.config(t, "hub", "")
	w.child(t, file, "")
	if r := w.drift(t, file, "hub"); len(r.Drift)+len(r.Unread) > 0 || r.Identities < 30 {
		t.Fatalf("of %d identities, drift %+v, unread %+v", r.Identities, r.Drift, r.Unread)
	}
	var done []sandbox.Outcome
	for _, v := range w.company.Vendors {
		for _, op := range []sandbox.Op{sandbox.CreateAgent, sandbox.DisableAgent, sandbox.DeleteAgent, sandbox.AddGrant, sandbox.AddCredential} {
			o, err := v.State.Mutate(sandbox.Change{Op: op})
			if err != nil {
				t.Fatalf("%s of %s: %v", op, v.Name, err)
			}
			done = append(done, o)
		}
	}
	r := w.drift(t, file, "hub")
	for _, o := range done {
		if o.Agent != "" && !slices.ContainsFunc(r.Drift, func(d replay.Drift) bool { return d.Holder == o.Agent || d.Key == o.Key || d.Name == o.Name }) {
			t.Errorf("%s (%s) is not found among %d drifts", o.Text, o.Agent, len(r.Drift))
		}
	}
	for _, d := range r.Drift {
		if !d.Certain || d.Cause != replay.CauseStopped {
			t.Errorf("%+v: it is certain, and no hub runs", d)
		}
	}
	if r.Certain() == 0 || len(r.Unread) > 0 {
		t.Errorf("%d certain, unread %+v", r.Certain(), r.Unread)
	}

	// A vendor that refuses everything proves nothing, and the others are compared all the same.
	okta := w.company.Vendors[slices.IndexFunc(w.company.Vendors, func(v *demo.Vendor) bool { return v.Name == "okta" })]
	if err := okta.Chaos.Inject(sandbox.Fault{Kind: sandbox.Unauthorized, Path: "."}); err != nil {
		t.Fatal(err)
	}
	r = w.drift(t, file, "hub")
	if len(r.Unread) != 1 || r.Unread[0].Connection != "okta" || r.Certain() == 0 ||
		slices.ContainsFunc(r.Drift, func(d replay.Drift) bool { return d.Connection == "okta" }) {
		t.Errorf("unread %+v, %d certain", r.Unread, r.Certain())
	}
	okta.Chaos.Clear()

	// One that may not be read any more is unknown, not gone.
	if err := okta.Chaos.Inject(sandbox.Fault{Kind: sandbox.Forbidden, Path: "ai-agents"}); err != nil {
		t.Fatal(err)
	}
	r = w.drift(t, file, "hub")
	unseen := 0
	for _, d := range r.Drift {
		if d.Connection == "okta" && d.How == replay.DriftExtra && strings.HasPrefix(d.Holder, "wlp") {
			unseen++
			if d.Certain || d.Cause != replay.CauseUnreadable {
				t.Errorf("%+v: agents may not be listed", d)
			}
		}
	}
	if unseen == 0 {
		t.Error("no agent is unseen, where none may be listed")
	}
	okta.Chaos.Clear()

	// When the hub has read all of it there is none, but for what Google's policies say of an agent that is gone: they rest for a day.
	w.child(t, file, "")
	w.child(t, file, "") // Google's lists are believed that something is gone when two agree
	for _, d := range w.drift(t, file, "hub").Drift {
		if d.Connection != "google" || d.Kind != events.KindGrant {
			t.Errorf("left: %+v", d)
		}
	}
}
