package filter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/filter"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// stored is an event as it lies in the log.
func stored(t testing.TB, sequence uint64, e events.Event) events.Stored {
	t.Helper()
	sealed, err := events.Seal("", &e)
	if err != nil {
		t.Fatal(err)
	}
	return events.Stored{Position: events.Position{Epoch: "e", Sequence: sequence}, Time: noon.Add(time.Minute), Subject: e.NATSSubject(), Body: sealed.Body}
}

// company has, in this order: an agent, a grant, a credential without an end, one with, a tombstone of an agent, and a sign-in.
func company(t testing.TB) []events.Stored {
	entity := func(verb events.Verb, e events.Entity, change func(*events.Event)) events.Event {
		e.Holder = "a1"
		out := events.New("acme", "okta", "okta", events.EntityType(e.Kind, verb), noon.Add(-2*time.Hour), noon, events.Data{Entity: &e,
			Evidence: events.Evidence{Feed: "agents", How: events.HowRead}})
		if change != nil {
			change(&out)
		}
		return out
	}
	agent := func() *events.Agent {
		return &events.Agent{Native: "ai_agent", Name: "Invoice matcher", Status: events.StatusActive, Models: []events.Model{events.ModelService},
			Identifiers: []events.Identifier{{Type: events.IDApp, Value: "app1"}, {Type: events.IDClient, Value: "c1"}}, Labels: []string{"finance"}, Created: noon}
	}
	list := []events.Event{
		entity(events.Disabled, events.Entity{Kind: events.KindAgent, Key: events.Self, Agent: agent()}, func(e *events.Event) {
			e.Data.Changed = map[string]jsontext.Value{"status": jsontext.Value(`"pending"`), "platform": jsontext.Value(`null`), "models": jsontext.Value(`["user"]`)}
			e.Data.Raw = jsontext.Value(`{"profile":{"tags":["x","y"]},"count":3,"ok":true}`)
			e.Data.Evidence.Actor = &events.Actor{ID: "u1", OnBehalf: &events.Actor{ID: "u2"}}
		}),
		entity(events.Created, events.Entity{Kind: events.KindGrant, Key: "g1", Grant: &events.Grant{Type: "iam_role", Role: "owner"}}, nil),
		entity(events.Created, events.Entity{Kind: events.KindCredential, Key: "k1", Credential: &events.Credential{Type: "secret"}}, nil),
		entity(events.Created, events.Entity{Kind: events.KindCredential, Key: "k2", Credential: &events.Credential{Type: "key", Expires: noon}}, nil),
		entity(events.Deleted, events.Entity{Kind: events.KindAgent, Key: events.Self, Agent: agent()}, func(e *events.Event) {
			e.Data.Gone = &events.Gone{Inferred: true, Reason: "not in a sealed pass"}
		}),
		events.New("acme", "okta", "okta", events.ActivityType("sign_in"), noon, noon, events.Data{
			Activity: &events.Activity{Holder: "a1", Type: "sign_in", ID: "s1", Details: map[string]string{"ip": "192.0.2.1"}}}),
	}
	var out []events.Stored
	for i, e := range list {
		out = append(out, stored(t, uint64(i+1), e))
	}
	return out
}

func TestMatch(t *testing.T) {
	const all = "123456"
	list := company(t)
	for text, want := range map[string]string{
		// The envelope.
		`type == "agent.disabled"`:                               "1",
		`type.startsWith("agent.")`:                              "15",
		`tenant == "acme" && connection in ["okta", "entra"]`:    all,
		`recordedtime - time > duration("1h")`:                   "12345",
		`stored == timestamp("2026-11-01T12:01:00Z")`:            all,
		`position.sequence > 4 && position.epoch == "e"`:         "56",
		`time.getHours() == 12`:                                  "6",
		`schemaversion == 1 && source.matches("^rollcall/ac..")`: all,
		`type(type) == string`:                                   all,

		// What an event does not have is neither equal nor unequal to anything.
		`data.entity.grant.role == "owner"`:                                        "2",
		`data.entity.grant.role != "reader"`:                                       "2",
		`!(data.entity.grant.role == "reader")`:                                    "2",
		`data.entity.grant.role == "owner" || type == "agent.disabled"`:            "12",
		`type == "agent.disabled" || data.entity.grant.role == "owner"`:            "12",
		`data.entity.credential.expires < timestamp("2027-01-01T00:00:00Z")`:       "4",
		`data.entity.kind == "credential" && !has(data.entity.credential.expires)`: "3",
		`has(data.entity.grant.role)`:                                              "2",
		`has(data.entity)`:                                                         "12345",
		`data.entity == null`:                                                      "6",
		`data.entity.grant != null`:                                                "2",
		`has(data.activity) && !has(data.entity.grant.role)`:                       "6",
		`has(data.entity.assertion.identifier.type)`:                               "",
		`!data.gone.inferred`:                                                      "",
		`data.gone.inferred`:                                                       "5",
		`data.evidence.actor.on_behalf.id == "u2"`:                                 "1",
		`data.evidence.actor.on_behalf.on_behalf.id != "u"`:                        "",
		`[data.entity.grant].exists(g, g.role == "owner")`:                         "2",

		`!has(data.entity.assertion.identifier.type)`: all,
		`!has(data.raw.profile) && !has(data.raw)`:    "23456",
		`data.raw.profile.tags != ["z"]`:              "1",

		// Empty text and empty lists are values: of what is there.
		`data.entity.agent.platform == ""`:                                                  "15",
		`!("production" in data.entity.agent.labels)`:                                       "15",
		`"service" in data.entity.agent.models`:                                             "15",
		`data.entity.agent.models[0] == "service"`:                                          "15",
		`data.entity.agent.models[1] != "user"`:                                             "",
		`data.entity.agent.identifiers.exists(i, i.type == "client_id" && i.value == "c1")`: "15",
		`data.entity.agent.identifiers.all(i, i.value.startsWith("c"))`:                     "",
		`data.entity.agent.identifiers[0].value == "app1"`:                                  "15",
		`data.entity.agent.identifiers.map(i, i.value) == ["app1", "c1"]`:                   "15",
		`data.entity.agent == data.entity.agent`:                                            all,
		`data.activity.details.ip == "192.0.2.1"`:                                           "6",
		`data.activity.details["port"] != "22"`:                                             "",

		// Any JSON.
		`data.changed.status == "pending"`:                      "1",
		`"status" in data.changed`:                              "1",
		`has(data.changed.status)`:                              "1",
		`data.changed.platform == null`:                         "1",
		`"user" in data.changed.models`:                         "1",
		`data.raw.profile.tags[1] == "y" && data.raw.count > 2`: "1",
		`data.raw.ok`:                            "1",
		`dyn(data.entity).grant.role == "owner"`: "2",
		`has(dyn(data.entity).agent)`:            "15",
		`dyn(data.entity).nothing == 1`:          "",
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got strings.Builder
		for i := range list {
			ok, err := f.Match(&list[i])
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			if ok {
				got.WriteByte('1' + byte(i))
			}
		}
		if got.String() != want {
			t.Errorf("%s selects %q, want %q", text, got.String(), want)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		``: "the expression is empty",
		`data.entity.grnat.role == "x"`: "column 12: undefined field 'grnat': there are agent, assertion, blueprint, coverage, credential, " +
			"delegation, grant, holder, key, kind, person, risk, scope, stewardship, unknown, version\n | data.entity.grnat.role == \"x\"\n | ...........^",
		`tenat == "x"`:                     "column 1: undeclared reference to 'tenat' (did you mean 'tenant'?): an event has connection, data, ",
		"tenant == 'x' &&\n tenat == 'y'":  "\n |  tenat == 'y'\n | .^",
		`type`:                             "it gives a string, but must give true or false",
		`data.entity`:                      "it gives a entity object",
		`type == `:                         "column 9: Syntax error: mismatched input '<EOF>'",
		`tenant = "x"`:                     "\n | tenant = \"x\"\n | .......^",
		`tenant == 3`:                      "column 8: found no matching overload for '_==_' applied to '(string, int)'",
		`time < timestamp("noon")`:         "column 18: invalid timestamp",
		`tenant.matches("(")`:              "column 16: invalid matches argument",
		`time - time > duration("a week")`: "invalid duration",
		strings.Repeat("(", 1000):          "recursion limit",
	} {
		if _, err := filter.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestWhatCannotBeEvaluatedIsTold(t *testing.T) {
	list := company(t)
	for text, want := range map[string]string{
		`data.raw.count + "x" == "3x"`:     "event at 1: no such overload",
		`data.raw.count`:                   "event at 1: it gives a double, not true or false",
		`1 / size(data.changed) > 1`:       "event at 2: division by zero",
		`int(data.entity.grant.role) == 1`: "event at 2: ",
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var failed []*filter.Error
		for s, err := range f.Select(t.Context(), each(list, nil), func(e *filter.Error) { failed = append(failed, e) }) {
			if err != nil {
				t.Errorf("%s: %v at %d", text, err, s.Position.Sequence)
			}
		}
		if len(failed) == 0 || !strings.HasPrefix(failed[0].Error(), want) {
			t.Errorf("%s: %v, want %q", text, failed, want)
		}
	}
}

func each(list []events.Stored, last error) func(func(events.Stored, error) bool) {
	return func(yield func(events.Stored, error) bool) {
		for _, s := range list {
			if !yield(s, nil) {
				return
			}
		}
		if last != nil {
			yield(events.Stored{}, last)
		}
	}
}

func TestSelect(t *testing.T) {
	list := company(t)
	list[2].Body = []byte(`{"type":"grant.created"`)
	end := errors.New("the server is gone")
	f, err := filter.Parse(`type == "grant.created" && tenant == "acme"`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for s, err := range f.Select(t.Context(), each(list, end), func(e *filter.Error) { t.Error(e) }) {
		switch {
		case err == nil:
			got = append(got, s.Subject)
		case events.Damaged(err):
			got = append(got, "damaged")
		default:
			got = append(got, err.Error())
		}
	}
	if want := []string{list[1].Subject, "damaged", end.Error()}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var none *filter.Filter
	n := 0
	for range none.Select(t.Context(), each(list, nil), nil) {
		n++
	}
	if n != len(list) {
		t.Errorf("no filter selects %d of %d", n, len(list))
	}
}

func TestTheTypeNeedsNoDecoding(t *testing.T) {
	s := events.Stored{Body: []byte(`{"specversion":"1.0","type":"agent.disabled","schemaversion":99}`)}
	for text, ok := range map[string]bool{
		`type == "agent.created" && data.entity.agent.status == "active"`:  true,
		`type == "agent.disabled" && data.entity.agent.status == "active"`: false,
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Match(&s); (err == nil) != ok || err != nil && !errors.Is(err, events.ErrTooNew) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSelectEndsWithItsContext(t *testing.T) {
	f, err := filter.Parse("false")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	n := 0
	for s, err := range f.Select(ctx, each(company(t), nil), nil) {
		if n++; !errors.Is(err, stop) || s.Body != nil {
			t.Errorf("%s: %v", s.Body, err)
		}
	}
	if n != 1 {
		t.Errorf("%d messages after the end", n)
	}
}

// endless takes more steps than anybody can wait for.
const endless = `[1,2,3,4,5,6,7,8,9,0].exists(a, [1,2,3,4,5,6,7,8,9,0].exists(b, [1,2,3,4,5,6,7,8,9,0].exists(c, [1,2,3,4,5,6,7,8,9,0].exists(d,
	[1,2,3,4,5,6,7,8,9,0].exists(e, [1,2,3,4,5,6,7,8,9,0].exists(f, [1,2,3,4,5,6,7,8,9,0].exists(g, [1,2,3,4,5,6,7,8,9,0].exists(h,
	a + b + c + d + e + f + g + h > 1000 + size(tenant)))))))))`

func TestNothingHangs(t *testing.T) {
	s := company(t)[0]
	f, err := filter.Parse(endless)
	if err != nil {
		t.Fatal(err)
	}
	var failed *filter.Error
	if _, err := f.Match(&s); !errors.As(err, &failed) || !strings.Contains(err.Error(), "too many steps") {
		t.Errorf("an endless expression: %v", err)
	}
}

// The reader's keys open a person for the filter as they do for printing; without them it stays sealed.
func TestSealedPersons(t *testing.T) {
	e := events.New("acme", "okta", "okta", "person.updated", noon, noon, events.Data{
		Entity:  &events.Entity{Kind: events.KindPerson, Holder: "p1", Key: events.Self, Person: &events.Person{Name: "Ada", Emails: []string{"ada@acme.example"}}},
		Changed: map[string]jsontext.Value{"name": jsontext.Value(`"Ada L"`)},
	})
	k := events.NewKey()
	e, err := events.SealPerson(&e, k)
	if err != nil {
		t.Fatal(err)
	}
	s := stored(t, 1, e)
	for text, want := range map[string][2]bool{ // without the keys, with
		`data.entity.person.name == "Ada"`:                            {false, true},
		`data.changed.name == "Ada L"`:                                {false, true},
		`data.entity.person.emails.exists(e, e.endsWith(".example"))`: {false, true},
		`data.entity.person.withheld == "sealed"`:                     {true, false},
		`size(data.sealed.text) > 12`:                                 {true, false},
	} {
		f, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for i, keys := range []events.Keys{nil, keyring{k}} {
			s.Keys = keys
			if got, err := f.Match(&s); got != want[i] || err != nil {
				t.Errorf("%s with keys %v: %v %v", text, keys, got, err)
			}
		}
	}
	down := errors.New("no answer")
	s.Keys = broken{down}
	f, err := filter.Parse(`tenant == "acme" || true`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Match(&s); !errors.Is(err, down) {
		t.Errorf("where the keys cannot be asked: %v", err)
	}
}

type keyring struct{ key events.Key }

func (k keyring) Key(events.PersonID, string) (events.Key, error) { return k.key, nil }

type broken struct{ err error }

func (b broken) Key(events.PersonID, string) (events.Key, error) { return events.Key{}, b.err }
