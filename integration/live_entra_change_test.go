package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

func (l *entraLive) touches() string {
	return fmt.Sprintf("renames the agent identity %s to %q, disables and enables it, and gives it back its name; creates and deletes nothing", l.agent(), l.name)
}

// agent is the object id of the agent identity that may be changed.
func (l *entraLive) agent() string { return l.own["AGENT"] }

// looks is how often the delta is asked for a change: Graph promises no time.
const looks = 30

// borrow reads the agent that may be changed, and makes it as it was when the test ends, however that comes.
func (l *entraLive) borrow(t *testing.T) liveIdentity {
	t.Helper()
	before := l.describe(t)
	if !before.Enabled || before.Name == "" || strings.HasPrefix(before.Name, liveNames) {
		t.Fatalf("%sAGENT must be an agent identity that is enabled and has a name of its own: an earlier run may have left it as it is", liveEntra.prefix())
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := l.patch(ctx, map[string]any{"displayName": before.Name, "accountEnabled": true}); err != nil {
			t.Errorf("the agent %s is left as %q: %v; give it back its name and enable it yourself", l.agent(), l.name, err)
		}
	})
	return before
}

// change renames one agent identity, disables and enables it, and wants the connector to see each step through the delta.
func (l *entraLive) change(t *testing.T) {
	before := l.borrow(t)
	r := l.reader(t, 0)
	r.read(t, "service-principals") // what follows is new
	sees := func(name string, status events.Status) func(connectors.Reading) bool {
		return func(reading connectors.Reading) bool {
			for _, e := range reading.Entities {
				if e.Agent != nil && e.Holder == l.agent() && e.Agent.Name == name && e.Agent.Status == status {
					return true
				}
			}
			return false
		}
	}
	for _, step := range []struct {
		name string
		set  map[string]any
		want func(connectors.Reading) bool
	}{
		{"renamed", map[string]any{"displayName": l.name}, sees(l.name, events.StatusActive)},
		{"disabled", map[string]any{"accountEnabled": false}, sees(l.name, events.StatusDisabled)},
		{"enabled", map[string]any{"accountEnabled": true}, sees(l.name, events.StatusActive)},
		{"named as before", map[string]any{"displayName": before.Name}, sees(before.Name, events.StatusActive)},
	} {
		if err := l.patch(t.Context(), step.set); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		l.follows(t, r, "service-principals", step.name, looks, step.want)
	}
}

type liveIdentity struct {
	Name    string `json:"displayName"`
	Enabled bool   `json:"accountEnabled"`
}

func (l *entraLive) at() string { return "/v1.0/servicePrincipals/" + url.PathEscape(l.agent()) }

func (l *entraLive) describe(t *testing.T) (a liveIdentity) {
	t.Helper()
	got, err := l.call(t.Context(), http.MethodGet, l.at()+"/microsoft.graph.agentIdentity", l.own["WRITE_TOKEN"], nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.status != http.StatusOK || json.Unmarshal(got.body, &a) != nil {
		t.Fatalf("%sAGENT: it answers %d %s", liveEntra.prefix(), got.status, graphCode(got))
	}
	return a
}

func (l *entraLive) patch(ctx context.Context, set map[string]any) error {
	got, err := l.call(ctx, http.MethodPatch, l.at(), l.own["WRITE_TOKEN"], set)
	if err == nil && got.status/100 != 2 {
		err = fmt.Errorf("PATCH answered %d %s", got.status, graphCode(got))
	}
	return err
}
