package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// company is one agent with an owner, a key, a grant and a delegation, whose vendor may call everything by the given name.
func company(name string) (roster.Agent, *Names, []roster.Coverage) {
	i := roster.Identity{Tenant: "acme", Connection: "okta", Vendor: "okta", Holder: "wlp1", FirstSeen: noon,
		Agent: &events.Agent{Native: "ai_agent", Name: name, Status: events.StatusActive, NativeStatus: name, Class: events.ClassAgent, ClassReason: name,
			Platform: name, Blueprint: "app1", DisabledBy: name, Identifiers: []events.Identifier{{Type: events.IDApp, Value: name}}},
		Stewards:    []roster.Item[events.Stewardship]{{Key: "owner:p1", Value: events.Stewardship{Role: "owner", Person: "p1"}}},
		Credentials: []roster.Item[events.Credential]{{Key: name, Value: events.Credential{Type: "key", Name: name}}},
		Grants:      []roster.Item[events.Grant]{{Key: "g", Value: events.Grant{Type: "connection", Role: name, ResourceName: name, Condition: name}}},
		Delegations: []roster.Item[events.Delegation]{{Key: "d", Value: events.Delegation{Person: "p1", Scopes: []string{name}}}},
		Risks:       []roster.Item[events.Risk]{{Key: "r", Value: events.Risk{Level: name, Detail: name}}},
	}
	names := NewNames()
	names.LearnIdentity(&i)
	person := roster.Identity{Tenant: "acme", Connection: "okta", Holder: "p1", Person: &events.Person{Name: name, Status: events.StatusDisabled}}
	names.LearnIdentity(&person)
	template := roster.Identity{Tenant: "acme", Connection: "okta", Holder: "b1",
		Blueprint: &events.Blueprint{Name: "Finance", Identifiers: []events.Identifier{{Type: events.IDApp, Value: "app1"}}}}
	names.LearnIdentity(&template)
	a := roster.Agent{ID: "agt_00112233445566778899", Tenant: "acme", Name: name, Description: name, Status: events.StatusActive,
		Class: events.ClassAgent, Identities: []roster.Identity{i}, FirstSeen: noon, LastChange: noon}
	coverage := []roster.Coverage{{Tenant: "acme", Connection: "okta", Since: noon,
		Coverage: events.Coverage{Feed: "owners", Kinds: []events.Kind{events.KindStewardship}, State: events.CoverageBlind, Reason: name}}}
	return a, names, coverage
}

// Whatever a vendor calls things, no command lets it steer the reader's terminal, and none breaks a line of its own.
func TestVendorsDoNotSteerTheTerminal(t *testing.T) {
	a, names, coverage := company(hostile)
	message := func(d events.Data) *events.Message {
		return &events.Message{Event: events.New("acme", "okta", "okta", "agent.updated", noon, noon, d)}
	}
	entity := events.Entity{Kind: events.KindAgent, Holder: "wlp1", Key: events.Self, Agent: a.Identities[0].Agent}
	changed := map[string]jsontext.Value{"name": jsontext.Value(`"former\u001b[2J"`)}
	for name, show := range map[string]func(*Paper){
		"agents": func(p *Paper) { p.Agents([]roster.Agent{a}, names, coverage) },
		"agent":  func(p *Paper) { p.Agent(&a, names, coverage) },
		"event":  func(p *Paper) { _ = p.Event(message(events.Data{Entity: &entity, Changed: changed}), names) },
		"activity": func(p *Paper) {
			_ = p.Event(message(events.Data{Activity: &events.Activity{Holder: hostile, Message: hostile}}), names)
		},
		"access":      func(p *Paper) { p.Access(answer(hostile), 1, names) },
		"drift":       func(p *Paper) { p.Drift(driftOf(hostile), names) },
		"unmapped":    func(p *Paper) { p.Unmapped([]roster.Unlevelled{{Vendor: "okta", What: hostile, Count: 1}}) },
		"deed":        func(p *Paper) { p.Deed(noon, "acme", hostile, "wlp1 "+hostile, names) },
		"connections": func(p *Paper) { p.Connections([]connectors.Status{status(hostile)}, coverage) },
		"progress":    func(p *Paper) { (&Progress{Paper: p}).Show([]connectors.Status{status(hostile)}) },
		"summary":     func(p *Paper) { p.Summary(Summary{Agents: 1, Stuck: []string{hostile}, Blind: coverage}) },
	} {
		for _, width := range []int{0, 80} {
			var b bytes.Buffer
			p := &Paper{Writer: &b, Width: width}
			show(p)
			text := strings.NewReplacer("\x1b[K", "", "\r", "").Replace(b.String()) // how progress is redrawn
			if !strings.Contains(text, "evil") {
				t.Errorf("%s at %d shows nothing: %q", name, width, text)
			}
			harmless(t, text)
		}
	}
}

func status(name string) connectors.Status {
	return connectors.Status{Tenant: "acme", Connection: "okta", Vendor: "okta", State: connectors.StateFailing, Reason: name, Hub: name, RateShare: name,
		Held:  &connectors.Held{Feed: name, Count: 3, Live: 4, Examples: []string{name}},
		Feeds: []connectors.FeedStatus{{Name: name, State: connectors.FeedFailing, LastError: name}}}
}

func TestTheTableTellsUnknownFromNone(t *testing.T) {
	a, names, coverage := company("Invoice matcher")
	known := func(state string) []roster.Coverage {
		c := coverage[0]
		c.State, c.Kinds = state, []events.Kind{events.KindStewardship, events.KindCredential, events.KindGrant, events.KindDelegation}
		return []roster.Coverage{c}
	}
	bare := a
	bare.Identities = []roster.Identity{{Tenant: "acme", Connection: "okta", Vendor: "okta", Holder: "wlp1", Agent: a.Identities[0].Agent}}
	for name, c := range map[string]struct {
		agent    roster.Agent
		coverage []roster.Coverage
		want     string
	}{
		"all is known":          {a, known(events.CoverageComplete), "okta Invoice matcher (disabled) 1 1 1"},
		"there may be more":     {a, known(events.CoveragePartial), "okta Invoice matcher (disabled) 1+ 1+ 1+"},
		"none, and it is known": {bare, known(events.CoverageComplete), "okta nobody - - -"},
		"none, unknown":         {bare, known(events.CoverageBlind), "okta unknown ? ? ?"},
		"nothing tells":         {bare, nil, "okta unknown ? ? ?"},
	} {
		var b bytes.Buffer
		(&Paper{Writer: &b}).Agents([]roster.Agent{c.agent}, names, c.coverage)
		if got := strings.Join(strings.Fields(b.String()), " "); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q in it", name, got, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	_, names, _ := company("Invoice matcher")
	for id, want := range map[string]string{
		"wlp1":                        "Invoice matcher",
		"app1":                        "Finance", // a blueprint's other id
		"orn:okta:directory:0:a:wlp1": "Invoice matcher",
		"orn:okta:idp:00o1:apps:oidc_client:0oa9":          "oidc_client 0oa9",
		"//cloudresourcemanager.googleapis.com/projects/p": "projects/p",
		"nobody": "nobody",
	} {
		if got := names.Of("acme", "okta", id); got != want {
			t.Errorf("%s is called %q, want %q", id, got, want)
		}
	}
	if got := names.Of("acme", "entra", "wlp1"); got != "wlp1" {
		t.Errorf("another connection's id has the name %q", got)
	}
	if got := names.Person("acme", "okta", "p1"); got != "Invoice matcher (disabled)" {
		t.Errorf("the person is %q", got)
	}
	text := names.Text("acme", "okta", "orn:okta:x:wlp1 may call key 8868a45d605a4c0b8868a45d605a4c0b now")
	if want := `"Invoice matcher" may call key 8868a45d605a… now`; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}

// A line is said when a connection's state becomes another, not each time that it is looked at.
func TestProgressWithoutATerminalSaysEachThingOnce(t *testing.T) {
	var b bytes.Buffer
	g := Progress{Paper: &Paper{Writer: &b}}
	s := connectors.Status{Connection: "okta", State: connectors.StateRunning, Feeds: []connectors.FeedStatus{{Name: "agents", State: connectors.FeedCatchingUp}}}
	failing := status("refused")
	caught := s
	caught.Feeds = []connectors.FeedStatus{{Name: "agents", State: connectors.FeedCaughtUp, CaughtUp: true, Events: 3, Calls: 1}}
	for _, s := range []connectors.Status{s, s, failing, failing, caught, caught} {
		g.Show([]connectors.Status{s})
	}
	want := "  ✗ okta           0 of 1 feeds   failing: refused\n" +
		"  ✓ okta           1 of 1 feeds   0 entities, 3 new events, 1 call\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// What a long reading will still take is said before and while it goes on.
func TestCallsAheadAreSaid(t *testing.T) {
	s := connectors.Status{Tenant: "acme", Connection: "okta", Vendor: "okta", State: connectors.StateRunning, Time: noon,
		Feeds: []connectors.FeedStatus{{Name: "agent-keys", State: connectors.FeedCatchingUp, Calls: 20, Ahead: 9980},
			{Name: "people", State: connectors.FeedCaughtUp, CaughtUp: true, Lag: 60, Ahead: 7}}}
	var b bytes.Buffer
	p := &Paper{Writer: &b}
	p.Connections([]connectors.Status{s}, nil)
	(&Progress{Paper: &Paper{Writer: &b, Width: 100}}).Show([]connectors.Status{s})
	for _, want := range []string{"~9980 calls ahead", "1m old", "about 9980 more to make"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}

// A person whose name is withheld is shown by the id, with the reason, also where the name was learned before.
func TestWithheldNames(t *testing.T) {
	_, names, _ := company("Pat Doe")
	entity := events.Entity{Kind: events.KindPerson, Holder: "p1", Key: events.Self, Person: &events.Person{Native: "user", Status: events.StatusActive, Withheld: events.WithheldErased}}
	var b bytes.Buffer
	m := events.Message{Event: events.New("acme", "okta", "okta", "person.erased", noon, noon, events.Data{Entity: &entity})}
	if err := (&Paper{Writer: &b}).Event(&m, names); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "Pat") || !strings.Contains(got, "p1") || !strings.Contains(got, "user · name and addresses erased") {
		t.Errorf("the event reads %s", got)
	}
	if got := names.Person("acme", "okta", "p1"); got != "p1 (erased)" {
		t.Errorf("the person is called %s", got)
	}
}
