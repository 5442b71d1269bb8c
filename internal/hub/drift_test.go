package hub

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// imitation is a connector of feeds that a test makes; a record's type is the id of an agent.
type imitation struct{ feeds []connectors.Feed }

func (i imitation) Feeds() []connectors.Feed { return i.feeds }

func (i imitation) Normalize(r connectors.Record) (connectors.Reading, error) {
	return connectors.Reading{Entities: []events.Entity{{Kind: events.KindAgent, Holder: r.Type, Key: events.Self, Scope: "agents",
		Agent: &events.Agent{Native: "test", Name: r.Type, Status: events.StatusActive, Class: events.ClassAgent}}}}, nil
}

type probed struct {
	imitation
	err error
}

func (p probed) Probe(context.Context) error { return p.err }

func lists(ids ...string) func(context.Context, connectors.Cursor) (connectors.Page, error) {
	return func(context.Context, connectors.Cursor) (connectors.Page, error) {
		p := connectors.Page{Opens: []string{"agents"}, Seals: []string{"agents"}}
		for _, id := range ids {
			p.Records = append(p.Records, connectors.Record{Type: id, Asked: time.Now()})
		}
		return p, nil
	}
}

// A feed that tells of activities alone may take them off a queue, and one that is the source of nothing may hold something at the vendor:
// neither is pulled, and both are there for the feeds that they lead.
func TestDriftPullsNothingButLists(t *testing.T) {
	pulled := map[string]bool{}
	feed := func(name string, kinds ...events.Kind) connectors.Feed {
		return connectors.Feed{Name: name, Kinds: kinds, Pull: func(context.Context, connectors.Cursor) (connectors.Page, error) {
			pulled[name] = true
			return connectors.Page{}, nil
		}}
	}
	c := imitation{[]connectors.Feed{feed("agents", events.KindAgent), feed("log", events.KindActivity), feed("subscription"), feed("mixed", events.KindActivity, events.KindGrant)}}
	only := readOnly(c)
	for _, f := range only.Feeds() {
		if _, err := f.Pull(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(only.Feeds()) != 4 || !pulled["agents"] || !pulled["mixed"] || pulled["log"] || pulled["subscription"] {
		t.Errorf("%d feeds, pulled: %v", len(only.Feeds()), pulled)
	}
	if _, ok := only.(connectors.Prober); ok {
		t.Error("a connector that cannot be probed is one that can")
	}
	refused := errors.New("refused")
	if p, ok := readOnly(probed{c, refused}).(connectors.Prober); !ok || !errors.Is(p.Probe(t.Context()), refused) {
		t.Error("a connector that can be probed no longer can")
	}
}

// What can be read is read; of what cannot, it is said why.
func TestSurvey(t *testing.T) {
	made := map[string]connectors.Connector{
		"well":    imitation{[]connectors.Feed{{Name: "agents", Kinds: []events.Kind{events.KindAgent}, Pull: lists("a1", "a2")}}},
		"refused": probed{imitation{[]connectors.Feed{{Name: "agents", Kinds: []events.Kind{events.KindAgent}, Pull: lists()}}}, &connectors.Fault{Kind: connectors.Unauthorized, Cure: "renew the token"}},
		"broken": imitation{[]connectors.Feed{{Name: "agents", Kinds: []events.Kind{events.KindAgent}, Pull: func(context.Context, connectors.Cursor) (connectors.Page, error) {
			return connectors.Page{}, errors.New("500")
		}}}},
	}
	cfg := config.Default()
	tenant := config.Tenant{Name: "acme"}
	for _, name := range []string{"broken", "refused", "well"} {
		tenant.Connections = append(tenant.Connections, config.Connection{Name: name, Vendor: "test", Share: 1})
	}
	cfg.Tenants = []config.Tenant{tenant, {Name: "other", Connections: []config.Connection{{Name: "well", Vendor: "test", Share: 1}}}}
	vendor := connectors.Vendor{Name: "test", New: func(s connectors.Settings) (connectors.Connector, error) { return made[s.Connection], nil }}
	o := DriftOptions{Config: cfg, Vendors: []connectors.Vendor{vendor}, Timeout: 5 * time.Second, Tenant: "acme"}
	s, err := survey(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.read) != 1 || s.read[0] != [2]string{"acme", "well"} || len(s.unread) != 2 {
		t.Errorf("read %v, unread %+v", s.read, s.unread)
	}
	for n, want := range []string{"500", "renew the token"} {
		if n < len(s.unread) && !strings.Contains(s.unread[n].Why, want) {
			t.Errorf("%s is unread because of %q, want %q in it", s.unread[n].Connection, s.unread[n].Why, want)
		}
	}
	agents, err := roster.Reader{Store: s.docs}.Agents(t.Context(), "")
	if err != nil || len(agents) != 2 || agents[0].Name != "a1" {
		t.Errorf("%v, %+v", err, agents)
	}
	o.Tenant = "nobody"
	if _, err := survey(t.Context(), o); err == nil || !strings.Contains(err.Error(), `no connection of tenant "nobody"`) {
		t.Errorf("%v", err)
	}
}
