package roster

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

var update = flag.Bool("update", false, "write the golden files anew")

// teller tells events of one tenant to a roster, in the order of a log.
type teller struct {
	r    *Roster
	seq  uint64
	told []events.Message
}

func (l *teller) say(t interface{ Fatal(...any) }, connection string, verb events.Verb, e events.Entity, gone *events.Gone) {
	l.seq++
	at := time.Date(2026, 11, 1, 0, 0, int(l.seq), 0, time.UTC)
	ev := events.New("acme", connection, vendorOf(connection), events.EntityType(e.Kind, verb), at, at.Add(time.Second),
		events.Data{Entity: &e, Gone: gone, Evidence: events.Evidence{Feed: "f", How: events.HowRead}})
	ev.ID = fmt.Sprintf("event-%d", l.seq)
	l.tell(t, ev)
}

func (l *teller) tell(t interface{ Fatal(...any) }, ev events.Event) {
	body, err := events.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	m := events.Message{Position: events.Position{Epoch: "e", Sequence: l.seq}}
	if err := events.Unmarshal(body, &m.Event); err != nil { // what one fold does to it is not to be seen by another
		t.Fatal(err)
	}
	l.told = append(l.told, m)
	l.apply(t, m)
}

func (l *teller) apply(t interface{ Fatal(...any) }, m events.Message) {
	body, err := events.Marshal(m.Event)
	if err != nil {
		t.Fatal(err)
	}
	m.Event = events.Event{}
	if err := events.Unmarshal(body, &m.Event); err != nil {
		t.Fatal(err)
	}
	if err := l.r.Apply(m); err != nil {
		t.Fatal(err)
	}
	if err := l.r.Check(); err != nil {
		t.Fatal(err)
	}
}

// replay tells what another was told.
func (l *teller) replay(t interface{ Fatal(...any) }, log []events.Message) {
	for _, m := range log {
		l.apply(t, m)
	}
}

func vendorOf(connection string) string {
	vendor, _, _ := strings.Cut(connection, "-")
	return vendor
}

func agent(id, name string, status events.Status, ids ...events.Identifier) events.Entity {
	return events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Agent: &events.Agent{
		Native: "test", Name: name, Status: status, Class: events.ClassAgent, Models: []events.Model{events.ModelService}, Identifiers: ids,
	}}
}

func principal(v string) events.Identifier {
	return events.Identifier{Type: events.IDPrincipal, Value: v}
}

func parent(v string) events.Identifier {
	return events.Identifier{Type: events.IDAgentIdentity, Value: v}
}

// Each story is a log; its golden file is what the roster makes of it.
var stories = map[string]func(*testing.T, *teller){
	"agent_user_joins_its_identity": func(t *testing.T, l *teller) {
		user := agent("user-1", "Mailbox of Finch", events.StatusActive, parent("id-1"))
		user.Agent.Models = []events.Model{events.ModelUser}
		l.say(t, "entra-1", events.Created, user, nil) // its feed was quicker
		l.say(t, "entra-1", events.Created, agent("id-1", "Finch", events.StatusDisabled, parent("id-1")), nil)
	},
	"what_hangs_on_an_agent_may_come_first": func(t *testing.T, l *teller) {
		l.say(t, "okta-1", events.Created, events.Entity{Kind: events.KindStewardship, Holder: "wlp1", Key: "owner:u1",
			Stewardship: &events.Stewardship{Role: "owner", Person: "u1"}}, nil)
		l.say(t, "okta-1", events.Created, events.Entity{Kind: events.KindPerson, Holder: "u1", Key: events.Self,
			Person: &events.Person{Native: "user", Name: "Pat", Status: events.StatusActive}}, nil)
		l.say(t, "okta-1", events.Created, agent("wlp1", "Invoice matcher", events.StatusActive), nil)
		for _, key := range []string{"k2", "k1", "k3"} {
			l.say(t, "okta-1", events.Created, events.Entity{Kind: events.KindCredential, Holder: "wlp1", Key: key,
				Credential: &events.Credential{Type: "key", Status: events.StatusActive}}, nil)
		}
		l.say(t, "okta-1", events.Deleted, events.Entity{Kind: events.KindCredential, Holder: "wlp1", Key: "k2",
			Credential: &events.Credential{Type: "key"}}, &events.Gone{Inferred: true, Reason: "absent"})
	},
	"deleted_stays_and_comes_back": func(t *testing.T, l *teller) {
		l.say(t, "entra-1", events.Created, agent("id-1", "Finch", events.StatusActive), nil)
		l.say(t, "entra-1", events.Deleted, agent("id-1", "Finch", events.StatusActive), &events.Gone{Reason: "soft-deleted", Restorable: true})
		l.say(t, "entra-1", events.Created, agent("id-2", "Wren", events.StatusActive), nil)
		l.say(t, "entra-1", events.Deleted, agent("id-2", "Wren", events.StatusActive), &events.Gone{Reason: "soft-deleted", Restorable: true})
		l.say(t, "entra-1", events.Restored, agent("id-2", "Wren", events.StatusActive), nil)
	},
	"evidence_taken_away_splits": func(t *testing.T, l *teller) {
		l.say(t, "google-1", events.Created, agent("engine", "Engine", events.StatusActive, principal("p1")), nil)
		l.say(t, "google-1", events.Created, agent("urn", "Registered", events.StatusActive, principal("p1")), nil)
		l.say(t, "google-1", events.Updated, agent("urn", "Registered", events.StatusActive, principal("p2")), nil)
	},
	"activity_and_coverage": func(t *testing.T, l *teller) {
		l.say(t, "okta-1", events.Created, agent("wlp1", "Invoice matcher", events.StatusActive), nil)
		at := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
		for _, holder := range []string{"wlp1", "stranger", events.ConnectionHolder} {
			l.seq++
			l.tell(t, events.New("acme", "okta-1", "okta", events.ActivityType("sign_in"), at, at,
				events.Data{Activity: &events.Activity{Holder: holder, Type: "sign_in", ID: holder, Outcome: "success", Time: at}}))
		}
		l.seq++
		l.tell(t, events.New("acme", "okta-1", "okta", events.ActivityType("admin_action"), at, at, events.Data{Activity: &events.Activity{
			Holder: "wlp1", Type: "admin_action", ID: "later", Actor: &events.Actor{ID: "admin"}, Time: at.Add(time.Hour)}}))
		l.say(t, "okta-1", events.Created, events.Entity{Kind: events.KindCoverage, Holder: events.ConnectionHolder, Key: "owners",
			Coverage: &events.Coverage{Feed: "owners", Kinds: []events.Kind{events.KindStewardship}, State: events.CoverageBlind, Reason: "403"}}, nil)
	},
}

func TestStories(t *testing.T) {
	for name, tell := range stories {
		t.Run(name, func(t *testing.T) {
			l := &teller{r: newRoster()}
			tell(t, l)
			var got bytes.Buffer
			for _, d := range drain(t, l.r) {
				if d.Body == nil {
					fmt.Fprintf(&got, "%s is gone\n\n", d.Key)
					continue
				}
				fmt.Fprintf(&got, "%s\n", d.Key)
				if err := json.Indent(&got, d.Body, "", "  "); err != nil {
					t.Fatal(err)
				}
				got.WriteString("\n\n")
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := gocmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("(-want +got); if it is meant, run go test ./projections/roster -update\n%s", d)
			}
		})
	}
}

func drain(t interface{ Fatal(...any) }, r *Roster) []projections.Document {
	docs, err := r.Drain()
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

// Whatever the order in which identities and their evidence become known, the same ones are joined; and the documents, applied
// one after the other, are what the fold holds in the end.
func TestGroupsDependOnEvidenceAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"p1", "p2", "p3", "p4"}
		final := map[string][]string{}
		var log []events.Entity
		for i := range rapid.IntRange(1, 7).Draw(t, "identities") {
			id := fmt.Sprintf("a%d", i)
			for range rapid.IntRange(0, 3).Draw(t, "earlier versions") {
				log = append(log, agent(id, id, events.StatusActive, principals(rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "was"))...))
			}
			final[id] = rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "is")
		}
		log = rapid.Permutation(log).Draw(t, "order of the past")
		ids := rapid.Permutation(slices.Collect(mapKeys(final))).Draw(t, "order of the present")
		for _, id := range ids {
			log = append(log, agent(id, id, events.StatusActive, principals(final[id])...))
		}
		l := &teller{r: newRoster()}
		view := map[string]projections.Document{}
		for _, e := range log {
			l.say(t, "google-1", events.Updated, e, nil)
			if rapid.Bool().Draw(t, "commit now") {
				store(view, drain(t, l.r))
			}
		}
		store(view, drain(t, l.r))
		if got, want := groupsIn(t, view), groupsOf(final); !slices.Equal(got, want) {
			t.Fatalf("joined %v, want %v by %v", got, want, final)
		}
		reloaded := newRoster()
		for _, d := range view {
			if err := reloaded.Load(d); err != nil {
				t.Fatal(err)
			}
		}
		if err := reloaded.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func mapKeys(m map[string][]string) func(func(string) bool) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return slices.Values(keys)
}

func principals(names []string) []events.Identifier {
	out := make([]events.Identifier, len(names))
	for i, n := range names {
		out[i] = principal(n)
	}
	return out
}

func store(view map[string]projections.Document, docs []projections.Document) {
	for _, d := range docs {
		if d.Body == nil {
			delete(view, d.Key)
		} else {
			view[d.Key] = d
		}
	}
}

// groupsIn reads the groups off the documents, and checks that every identity's own id leads to its group.
func groupsIn(t *rapid.T, view map[string]projections.Document) []string {
	var out []string
	for key, d := range view {
		var a Agent
		if err := events.Unmarshal(d.Body, &a); err != nil {
			t.Fatal(err)
		}
		if key != AgentKey(a.Tenant, a.ID) {
			t.Fatalf("agent %s lies at %s", a.ID, key)
		}
		var members []string
		for _, i := range a.Identities {
			members = append(members, i.Holder)
			own := view[AgentKey(i.Tenant, ownID(i.at()))]
			var pointer Agent
			if err := events.Unmarshal(own.Body, &pointer); err != nil || cmp.Or(pointer.Successor, pointer.ID) != a.ID {
				t.Fatalf("the own id of %s leads to %+v, want %s (%v)", i.Holder, pointer, a.ID, err)
			}
		}
		if slices.Sort(members); len(members) > 0 {
			out = append(out, fmt.Sprint(members))
		}
	}
	slices.Sort(out)
	return out
}

// groupsOf joins by brute force: as long as two groups share a name, they are one.
func groupsOf(evidence map[string][]string) []string {
	var groups [][]string
	for id := range mapKeys(evidence) {
		groups = append(groups, []string{id})
	}
	shares := func(a, b []string) bool {
		return slices.ContainsFunc(a, func(x string) bool {
			return slices.ContainsFunc(b, func(y string) bool {
				return slices.ContainsFunc(evidence[x], func(n string) bool { return slices.Contains(evidence[y], n) })
			})
		})
	}
	for joined := true; joined; {
		joined = false
		for i := range groups {
			for j := i + 1; j < len(groups) && !joined; j++ {
				if shares(groups[i], groups[j]) {
					groups[i] = append(groups[i], groups[j]...)
					groups = slices.Delete(groups, j, j+1)
					joined = true
				}
			}
			if joined {
				break
			}
		}
	}
	var out []string
	for _, g := range groups {
		slices.Sort(g)
		out = append(out, fmt.Sprint(g))
	}
	slices.Sort(out)
	return out
}

func TestTenantsAreNotJoined(t *testing.T) {
	r := newRoster()
	for n, tenant := range []string{"acme", "globex"} {
		e := agent("id", "Finch", events.StatusActive, principal("p1"))
		at := time.Unix(int64(n), 0)
		ev := events.New(tenant, "google-1", "google", "agent.created", at, at, events.Data{Entity: &e})
		if err := r.Apply(events.Message{Event: ev, Position: events.Position{Sequence: uint64(n + 1)}}); err != nil {
			t.Fatal(err)
		}
	}
	if docs := drain(t, r); len(docs) != 2 {
		t.Errorf("%d documents, want one for each tenant", len(docs))
	}
	if err := r.Check(); err != nil {
		t.Error(err)
	}
}
