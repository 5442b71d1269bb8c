package roster

import (
	"bytes"
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

var limits = events.Thresholds{Settle: time.Hour, Expiring: 14 * 24 * time.Hour, LongLife: 400 * 24 * time.Hour, Unused: 90 * 24 * time.Hour, Forget: 30 * 24 * time.Hour}

func date(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC)
}

// tick lets time pass.
func (l *teller) tick(t interface{ Fatal(...any) }, at time.Time, limits events.Thresholds) {
	l.seq++
	a := events.Tick(at, limits)
	ev := events.New("acme", events.ClockConnection, "rollcall", events.ActivityType(a.Type), at, at, events.Data{Activity: &a})
	ev.ID = fmt.Sprintf("tick-%d", l.seq)
	l.tell(t, ev)
}

func (l *teller) new(t interface{ Fatal(...any) }, connection string, e events.Entity) {
	l.say(t, connection, events.Created, e, nil)
}

func (l *teller) gone(t interface{ Fatal(...any) }, connection string, e events.Entity) {
	l.say(t, connection, events.Deleted, e, &events.Gone{Reason: "removed"})
}

func sees(feed, state string, signIns bool, kinds ...events.Kind) events.Entity {
	return events.Entity{Kind: events.KindCoverage, Holder: events.ConnectionHolder, Key: feed,
		Coverage: &events.Coverage{Feed: feed, Kinds: kinds, State: state, SignIns: signIns}}
}

func owner(holder, person string) events.Entity {
	return events.Entity{Kind: events.KindStewardship, Holder: holder, Key: "owner:" + person, Stewardship: &events.Stewardship{Role: "owner", Person: person}}
}

func person(id string, s events.Status) events.Entity {
	return events.Entity{Kind: events.KindPerson, Holder: id, Key: events.Self, Person: &events.Person{Native: "user", Status: s}}
}

func secret(holder, key string, start, end time.Time) events.Entity {
	return events.Entity{Kind: events.KindCredential, Holder: holder, Key: key,
		Credential: &events.Credential{Type: "secret", Status: events.StatusActive, NotBefore: start, Expires: end}}
}

func iamRole(holder, key, role string) events.Entity {
	return events.Entity{Kind: events.KindGrant, Holder: holder, Key: key, Grant: &events.Grant{Type: "iam_role", Role: role, Resource: "projects/p"}}
}

// Each story is a log; its golden file is what is raised and cleared.
var findingStories = map[string]func(*testing.T, *teller){
	"ownerless": func(t *testing.T, l *teller) {
		old := agent("a", "A", events.StatusActive)
		l.say(t, "okta-1", events.Created, old, nil)
		l.new(t, "okta-1", sees("owners", events.CoveragePartial, false, events.KindStewardship)) // unknown is never none
		l.tick(t, date(12, 1), limits)
		l.say(t, "okta-1", events.Updated, sees("owners", events.CoverageComplete, false, events.KindStewardship), nil)
		l.new(t, "okta-1", owner("a", "pat"))
		l.new(t, "okta-1", agent("new", "N", events.StatusActive)) // its owner may be on the way
		l.tick(t, date(12, 1).Add(30*time.Minute), limits)
		l.gone(t, "okta-1", owner("a", "pat"))
		unread := agent("a", "A", events.StatusActive)
		unread.Unknown = []events.Kind{events.KindStewardship}
		l.say(t, "okta-1", events.Updated, unread, nil)
		l.say(t, "okta-1", events.Updated, old, nil)
		l.gone(t, "okta-1", old) // who is gone needs no owner
	},
	"a_new_agent_is_given_time_to_have_its_owner_told": func(t *testing.T, l *teller) {
		l.new(t, "okta-1", sees("owners", events.CoverageComplete, false, events.KindStewardship))
		l.tick(t, date(11, 1), limits)
		l.new(t, "okta-1", agent("a", "A", events.StatusActive))
		l.new(t, "okta-1", agent("b", "B", events.StatusActive))
		l.new(t, "okta-1", owner("b", "pat"))
		l.tick(t, date(11, 1).Add(59*time.Minute), limits)
		l.tick(t, date(11, 1).Add(61*time.Minute), limits)
	},
	"owner_disabled": func(t *testing.T, l *teller) {
		l.new(t, "okta-1", agent("a", "A", events.StatusActive))
		l.new(t, "okta-1", owner("a", "pat"))
		l.new(t, "okta-1", person("pat", events.StatusActive))
		l.say(t, "okta-1", events.Disabled, person("pat", events.StatusDisabled), nil)
		l.new(t, "okta-1", agent("b", "B", events.StatusActive))
		l.new(t, "okta-1", owner("b", "pat"))
		l.gone(t, "okta-1", owner("b", "pat"))
		l.say(t, "okta-1", events.Enabled, person("pat", events.StatusActive), nil)
		l.gone(t, "okta-1", person("pat", events.StatusActive))
	},
	"status": func(t *testing.T, l *teller) {
		l.new(t, "entra-1", agent("a", "A", events.StatusActive, principal("p")))
		l.new(t, "okta-1", agent("x", "A", events.StatusActive, principal("p")))
		l.say(t, "okta-1", events.Disabled, agent("x", "A", events.StatusDisabled, principal("p")), nil)
		l.gone(t, "okta-1", agent("x", "A", events.StatusDisabled, principal("p")))
		l.say(t, "okta-1", events.Restored, agent("x", "A", events.StatusActive, principal("p")), nil)
		l.say(t, "okta-1", events.Disabled, agent("x", "A", events.StatusDisabled, principal("p")), nil)
		l.say(t, "okta-1", events.Updated, agent("x", "A", events.StatusDisabled, principal("q")), nil) // and part
	},
	"credentials": func(t *testing.T, l *teller) {
		l.new(t, "entra-1", agent("a", "A", events.StatusActive))
		l.new(t, "entra-1", secret("a", "short", date(10, 1), date(12, 1)))
		l.new(t, "entra-1", secret("a", "long", date(1, 1), date(1, 1).AddDate(3, 0, 0)))
		l.new(t, "entra-1", secret("a", "endless", date(1, 1).AddDate(-1, 0, 0), time.Time{}))
		l.new(t, "entra-1", secret("a", "nobody knows", time.Time{}, time.Time{}))
		l.tick(t, date(11, 10), limits)
		l.tick(t, date(11, 17), limits)
		l.tick(t, date(11, 17).Add(time.Hour), limits)
		l.tick(t, date(12, 1), limits)
		l.gone(t, "entra-1", secret("a", "short", date(10, 1), date(12, 1)))
		l.tick(t, date(12, 2), limits)
		other := limits
		other.LongLife = 2000 * 24 * time.Hour
		l.tick(t, date(12, 3), other)
	},
	"privileged_and_dangling": func(t *testing.T, l *teller) {
		l.tick(t, date(11, 1), limits)
		l.new(t, "google-1", agent("a", "A", events.StatusActive))
		l.new(t, "google-1", iamRole("a", "g1", "roles/owner"))
		l.new(t, "google-1", iamRole("a", "g2", "roles/storage.objectViewer"))
		l.gone(t, "google-1", agent("a", "A", events.StatusActive))
		l.gone(t, "google-1", iamRole("a", "g2", "roles/storage.objectViewer"))
		l.tick(t, date(11, 2), limits)
		l.gone(t, "google-1", iamRole("a", "g1", "roles/owner"))
	},
	"orphaned": func(t *testing.T, l *teller) {
		a := agent("a", "A", events.StatusActive)
		a.Agent.Blueprint = "app-1"
		l.new(t, "entra-1", a)
		blueprint := func(holder string) events.Entity {
			return events.Entity{Kind: events.KindBlueprint, Holder: holder, Key: events.Self,
				Blueprint: &events.Blueprint{Native: "b", Status: events.StatusActive, Identifiers: []events.Identifier{id(events.IDApp, "app-1")}}}
		}
		l.new(t, "entra-1", blueprint("object"))
		l.new(t, "entra-1", blueprint("principal"))
		l.gone(t, "entra-1", blueprint("principal"))
		l.say(t, "entra-1", events.Restored, blueprint("principal"), nil)
		user := agent("u", "A's mailbox", events.StatusActive, parent("i"))
		user.Agent.Native = "agent_user"
		own := agent("i", "I", events.StatusActive, parent("i"))
		own.Agent.Native = "agent_identity"
		l.new(t, "entra-1", user)
		l.new(t, "entra-1", own)
		l.gone(t, "entra-1", own)
		l.gone(t, "entra-1", user)
	},
	"unused": func(t *testing.T, l *teller) {
		l.new(t, "okta-1", sees("log", events.CoverageComplete, true, events.KindActivity))
		l.new(t, "okta-1", agent("a", "A", events.StatusActive))
		l.new(t, "google-1", agent("unwatched", "U", events.StatusActive))
		l.tick(t, date(11, 2), limits)
		l.seq++
		at := date(11, 20)
		l.tell(t, events.New("acme", "okta-1", "okta", events.ActivityType("sign_in"), at, at,
			events.Data{Activity: &events.Activity{Holder: "a", Type: "sign_in", ID: "1", Time: at}}))
		l.new(t, "okta-1", agent("never", "N", events.StatusActive)) // since the connection was seen to tell of sign-ins
		l.tick(t, at.Add(89*24*time.Hour), limits)
		l.tick(t, at.Add(91*24*time.Hour), limits)
		l.say(t, "okta-1", events.Updated, sees("log", events.CoverageBlind, true, events.KindActivity), nil)
		l.say(t, "okta-1", events.Updated, sees("log", events.CoverageComplete, true, events.KindActivity), nil)
		at = at.Add(92 * 24 * time.Hour)
		l.seq++
		l.tell(t, events.New("acme", "okta-1", "okta", events.ActivityType("sign_in"), at, at,
			events.Data{Activity: &events.Activity{Holder: "a", Type: "sign_in", ID: "2", Time: at}}))
	},
	"two_agents_become_one": func(t *testing.T, l *teller) {
		l.new(t, "entra-1", sees("owners", events.CoverageComplete, false, events.KindStewardship))
		l.new(t, "okta-1", sees("owners", events.CoverageComplete, false, events.KindStewardship))
		l.new(t, "okta-1", agent("x", "A", events.StatusActive, principal("p")))
		l.new(t, "entra-1", agent("a", "A", events.StatusActive, principal("q")))
		l.tick(t, date(11, 2), limits)
		l.say(t, "entra-1", events.Updated, agent("a", "A", events.StatusActive, principal("p")), nil)
		l.say(t, "entra-1", events.Updated, agent("a", "A", events.StatusActive, principal("q")), nil)
		l.new(t, "entra-1", owner("a", "pat"))
		l.say(t, "entra-1", events.Updated, agent("a", "A", events.StatusActive, principal("p")), nil)
	},
}

func TestFindings(t *testing.T) {
	for name, tell := range findingStories {
		t.Run(name, func(t *testing.T) {
			l := &teller{r: newRoster()}
			tell(t, l)
			var got bytes.Buffer
			for _, told := range l.r.Tell() {
				e := told.Event
				f := e.Data.Finding
				fmt.Fprintf(&got, "%-8s %-15s %-7s %s/%s %s  %s  by %s of %s since %s\n", e.Data.Evidence.Cause, e.Type, f.Severity, f.Connection, f.Holder, f.Key,
					f.Explanation, e.Time.Format(time.DateOnly), strings.Join(f.Causes, ","), f.Raised.Format(time.DateTime))
			}
			file := filepath.Join("testdata", "findings_"+name+".golden")
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

// Whatever happens, in whatever order, and wherever the fold stops and is loaded again: what was told, taken together, is what the
// documents show; and another fold of the same log tells the very same.
func TestToldIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &teller{r: newRoster()}
		view := map[string]projections.Document{}
		var told []projections.Told
		commit := func() {
			told = append(told, l.r.Tell()...)
			store(view, drain(t, l.r))
		}
		now := date(11, 1)
		connections, holders := []string{"entra-1", "okta-1"}, []string{"a", "b", "c"}
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			c, h := rapid.SampledFrom(connections).Draw(t, "connection"), rapid.SampledFrom(holders).Draw(t, "holder")
			status := rapid.SampledFrom([]events.Status{events.StatusActive, events.StatusDisabled, events.StatusDeleted}).Draw(t, "status")
			verb, gone := events.Updated, (*events.Gone)(nil)
			if rapid.Bool().Draw(t, "gone") {
				verb, gone = events.Deleted, &events.Gone{Reason: "removed"}
			}
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 9:
				l.seq++
				l.tell(t, events.New("acme", c, vendorOf(c), events.ActivityType("sign_in"), now, now,
					events.Data{Activity: &events.Activity{Holder: h, Type: "sign_in", ID: fmt.Sprint(l.seq), Time: now}}))
			case 0, 1:
				ids := []events.Identifier{principal(rapid.SampledFrom([]string{"p", "q", ""}).Draw(t, "principal"))}
				e := agent(h, h, status, ids...)
				e.Agent.Blueprint = "blueprint"
				l.say(t, c, verb, e, gone)
			case 2:
				l.say(t, c, verb, owner(h, "pat"), gone)
			case 3:
				l.say(t, c, verb, person("pat", status), gone)
			case 4:
				l.say(t, c, verb, secret(h, "k", date(10, 1), now.Add(time.Duration(rapid.IntRange(-20, 40).Draw(t, "days"))*24*time.Hour)), gone)
			case 5:
				e := iamRole(h, "g", "")
				e.Grant.Type, e.Grant.Role = "admin_role", "SUPER_ADMIN"
				l.say(t, c, verb, e, gone)
			case 6:
				l.say(t, c, events.Updated, events.Entity{Kind: events.KindBlueprint, Holder: "blueprint", Key: events.Self,
					Blueprint: &events.Blueprint{Native: "b", Status: status}}, nil)
			case 7:
				l.say(t, c, verb, sees(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "feed"),
					rapid.SampledFrom([]string{events.CoverageComplete, events.CoveragePartial}).Draw(t, "state"), true, events.KindStewardship), gone)
			case 8:
				now = now.Add(time.Duration(rapid.IntRange(1, 3000).Draw(t, "hours")) * time.Hour)
				l.tick(t, now, limits)
			}
			if rapid.IntRange(0, 4).Draw(t, "commit now") == 0 {
				commit()
			}
			if rapid.IntRange(0, 9).Draw(t, "crash now") == 0 {
				commit()
				l.r = newRoster()
				for _, d := range view {
					if err := l.r.Load(d); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		commit()
		if d := gocmp.Diff(shownIn(t, view), holding(t, told)); d != "" {
			t.Fatalf("(-shown +told)\n%s", d)
		}
		again := &teller{r: newRoster()}
		again.replay(t, l.told)
		if d := gocmp.Diff(told, again.r.Tell()); d != "" {
			t.Fatalf("(-told +told by another fold)\n%s", d)
		}
		fold := map[string]projections.Document{}
		store(fold, drain(t, again.r))
		for key, d := range fold {
			if string(view[key].Body) != string(d.Body) {
				t.Fatalf("document %s is\n%s, a fold without stops makes\n%s", key, view[key].Body, d.Body)
			}
		}
	})
}

func shownIn(t *rapid.T, view map[string]projections.Document) []string {
	var out []string
	for key, d := range view {
		if strings.HasPrefix(key, "_") {
			continue
		}
		var a Agent
		if err := events.Unmarshal(d.Body, &a); err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Findings {
			out = append(out, fmt.Sprint(f.Code, " ", f.Connection, "/", f.Holder, " ", f.Key, " since ", f.Raised, " ", f.Sequence))
		}
	}
	slices.Sort(out)
	return out
}

// holding are the findings that were raised and not cleared.
func holding(t *rapid.T, told []projections.Told) []string {
	held := map[string]string{}
	for _, x := range told {
		e := x.Event
		f := e.Data.Finding
		if raised := e.Verb() == events.Raised; raised == (held[e.NATSSubject()] != "") {
			t.Fatalf("%s of %s, which was so before", e.Type, e.NATSSubject())
		} else if !raised {
			delete(held, e.NATSSubject())
			continue
		}
		held[e.NATSSubject()] = fmt.Sprint(f.Code, " ", f.Connection, "/", f.Holder, " ", f.Key, " since ", f.Raised, " ", f.Sequence)
	}
	var out []string
	for _, s := range held {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}
