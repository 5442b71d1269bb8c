package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections"
)

func id(t events.IdentifierType, v string) events.Identifier {
	return events.Identifier{Type: t, Value: v}
}

func account1(holder, email string, status events.Status) events.Entity {
	e := agent(holder, holder, status, id(events.IDObject, holder), id(events.IDEmail, email))
	e.Agent.Native = nativeServiceAccount
	return e
}

func aiAgent(holder, app string) events.Entity {
	e := agent(holder, holder, events.StatusActive, id(events.IDApp, app))
	e.Agent.Native = nativeOktaAgent
	return e
}

func trusts(holder, key, issuer, subject string) events.Entity {
	return events.Entity{Kind: events.KindCredential, Holder: holder, Key: key,
		Credential: &events.Credential{Type: "federated", Status: events.StatusActive, Issuer: issuer, Subject: subject}}
}

func asserted(says events.Says, what events.Identifier, identities ...string) events.Entity {
	a := &events.Assertion{Says: says, Identities: identities, Identifier: what, By: "ann", Why: "she knows"}
	return events.Entity{Kind: events.KindAssertion, Holder: events.ConnectionHolder, Key: a.Key(), Assertion: a}
}

// said is a fact of a connection.
type said struct {
	connection string
	entity     events.Entity
}

// What joins two identities, and what does not, across the vendors and within one.
func TestWhatJoins(t *testing.T) {
	active := events.StatusActive
	for name, tt := range map[string]struct {
		facts []said
		links []string // of the agent that has them all; none: nothing is joined
	}{
		"one directory that two connections read": {
			[]said{{"entra-1", agent("a", "A", active, id(events.IDObject, "a"))}, {"entra-2", agent("a", "A", active, id(events.IDObject, "a"))}},
			[]string{"object_id entra|a"},
		},
		"the same object id at two vendors is chance": {
			[]said{{"entra-1", agent("a", "A", active, id(events.IDObject, "a"))}, {"okta-1", agent("b", "A", active, id(events.IDObject, "a"))}}, nil,
		},
		"an agent imported from Entra": {
			[]said{{"entra-1", agent("a", "A", active, id(events.IDObject, "a"))}, {"okta-1", agent("wlp", "A", active, id(events.IDExternal, "MICROSOFT_COPILOT|a"))}},
			[]string{"object_id entra|a"},
		},
		"an agent imported from Google": {
			[]said{{"google-1", agent("e", "E", active, id(events.IDResource, "projects/1/e"))}, {"okta-1", agent("wlp", "A", active, id(events.IDExternal, "GOOGLE_VERTEX_AI|projects/1/e"))}},
			[]string{"resource_name projects/1/e"},
		},
		"an agent that two orgs import": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDExternal, "AWS_BEDROCK|7"))}, {"okta-2", agent("y", "A", active, id(events.IDExternal, "AWS_BEDROCK|7"))}},
			[]string{"external_id AWS_BEDROCK|7"},
		},
		"the same id on two platforms is chance": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDExternal, "AWS_BEDROCK|7"))}, {"okta-2", agent("y", "A", active, id(events.IDExternal, "SALESFORCE|7"))}}, nil,
		},
		"a client metadata document": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDURL, "https://a.example/id"))}, {"google-1", agent("y", "A", active, id(events.IDURL, "https://a.example/id"))}},
			[]string{"url https://a.example/id"},
		},
		"a SPIFFE id": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDSPIFFE, "spiffe://a/b"))}, {"google-1", agent("y", "A", active, id(events.IDSPIFFE, "spiffe://a/b"))}},
			[]string{"spiffe_id spiffe://a/b"},
		},
		"an app and the agent that logs in through it": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDClient, "0oa1"))}, {"okta-1", aiAgent("y", "0oa1")}},
			[]string{"client_id 0oa1"},
		},
		"an app that several agents log in through is nobody's": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDClient, "0oa1"))}, {"okta-1", aiAgent("y", "0oa1")}, {"okta-1", aiAgent("z", "0oa1")}}, nil,
		},
		"one application in two directories": {
			[]said{{"entra-1", agent("a", "A", active, id(events.IDApp, "app"))}, {"entra-2", agent("b", "A", active, id(events.IDApp, "app"))}},
			[]string{"client_id app"},
		},
		"an account and the one engine that runs as it": {
			[]said{{"google-1", account1("1001", "bot@p", active)}, {"google-1", agent("e", "E", active, id(events.IDEmail, "bot@p"))}},
			[]string{"runs_as bot@p"},
		},
		"an account that two engines run as is nobody's": {
			[]said{{"google-1", account1("1001", "bot@p", active)}, {"google-1", agent("e", "E", active, id(events.IDEmail, "bot@p"))},
				{"google-1", agent("f", "F", active, id(events.IDEmail, "bot@p"))}}, nil,
		},
		"an address outlives its account": {
			[]said{{"google-1", account1("1001", "bot@p", events.StatusDeleted)}, {"google-1", agent("e", "E", active, id(events.IDEmail, "bot@p"))}}, nil,
		},
		"Entra trusts a Google account": {
			[]said{{"entra-1", agent("a", "A", active)}, {"entra-1", trusts("a", "fic", "https://accounts.google.com", "1001")}, {"google-1", account1("1001", "bot@p", active)}},
			[]string{"object_id google|1001"},
		},
		"Google trusts an Entra principal, in whichever spelling of the issuer": {
			[]said{{"google-1", account1("1001", "bot@p", active)}, {"google-1", trusts("1001", "pool", "https://sts.windows.net/t1/", "a")}, {"entra-1", agent("a", "A", active, id(events.IDObject, "a"))}},
			[]string{"object_id entra|a"},
		},
		"two vendors trust the same workload": {
			[]said{{"google-1", account1("1001", "bot@p", active)}, {"google-1", trusts("1001", "pool", "https://token.actions.example/", "repo:acme/bot")},
				{"entra-1", agent("a", "A", active)}, {"entra-1", trusts("a", "fic", "https://token.actions.example", "repo:acme/bot")}},
			[]string{"federated_subject https://token.actions.example|repo:acme/bot"},
		},
		"a pattern of subjects names nobody": {
			[]said{{"google-1", account1("1001", "bot@p", active)}, {"google-1", trusts("1001", "pool", "https://x", "repo:acme/*")},
				{"entra-1", agent("a", "A", active)}, {"entra-1", trusts("a", "fic", "https://x", "repo:acme/*")}}, nil,
		},
		"an operator says so": {
			[]said{{"entra-1", agent("a", "A", active)}, {events.OperatorsConnection, asserted(events.SaysSame, events.Identifier{}, "entra-1/a", "okta-1/x")}, {"okta-1", agent("x", "A", active)}},
			[]string{"assertion " + asserted(events.SaysSame, events.Identifier{}, "entra-1/a", "okta-1/x").Key},
		},
		"an operator does not believe it": {
			[]said{{"okta-1", agent("x", "A", active, id(events.IDURL, "https://a"))}, {"google-1", agent("y", "A", active, id(events.IDURL, "https://a"))},
				{events.OperatorsConnection, asserted(events.SaysNoProof, id(events.IDURL, "https://a"))}}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := &teller{r: newRoster()}
			identities := map[string]bool{}
			for _, f := range tt.facts {
				l.say(t, f.connection, events.Created, f.entity, nil)
				if f.entity.Kind == events.KindAgent {
					identities[f.connection+"/"+f.entity.Holder] = true
				}
			}
			for _, n := range l.r.nodes {
				var links []string
				for _, l := range n.group.document().Links {
					links = append(links, string(l.Type)+" "+l.Value)
				}
				if tt.links != nil && len(n.group.members) != len(identities) || tt.links == nil && len(n.group.members) != 1 {
					t.Errorf("%s is one of %d", n.at().spelled(), len(n.group.members))
				}
				if d := gocmp.Diff(tt.links, links); d != "" {
					t.Errorf("(-want +got)\n%s", d)
				}
			}
		})
	}
}

// Evidence of all sorts, that comes and goes in any order, with what operators say: the groups in the end are what brute force makes of
// the last states, the documents are what the fold holds, and a fold that was loaded from them goes on as the first.
func TestEvidenceInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var log []said
		last := map[string]said{}
		holders := []string{"a", "b", "c", "d", "e"}
		for range rapid.IntRange(1, 25).Draw(t, "facts") {
			h := rapid.SampledFrom(holders).Draw(t, "holder")
			f := said{connection: rapid.SampledFrom([]string{"google-1", "okta-1"}).Draw(t, "connection")}
			switch rapid.SampledFrom([]string{"agent", "account", "trust", "same", "no proof"}).Draw(t, "what") {
			case "agent":
				var ids []events.Identifier
				for _, v := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"p1", "p2", "bot@p", "web@p"}), 0, 2, rapid.ID).Draw(t, "identifiers") {
					ids = append(ids, principal(v))
					if strings.Contains(v, "@") {
						ids[len(ids)-1] = id(events.IDEmail, v)
					}
				}
				f.entity = agent(h, h, events.StatusActive, ids...)
			case "account":
				f.entity = account1(h, rapid.SampledFrom([]string{"bot@p", "web@p"}).Draw(t, "address"),
					rapid.SampledFrom([]events.Status{events.StatusActive, events.StatusDeleted}).Draw(t, "status"))
			case "trust":
				f.entity = trusts(h, "k", "https://accounts.google.com", rapid.SampledFrom(holders).Draw(t, "whom"))
			case "same":
				two := rapid.SliceOfNDistinct(rapid.SampledFrom(holders), 2, 2, rapid.ID).Draw(t, "who")
				both := []string{"google-1/" + two[0], rapid.SampledFrom([]string{"okta-1/", "google-1/"}).Draw(t, "where") + two[1]}
				slices.Sort(both)
				f = said{events.OperatorsConnection, asserted(events.SaysSame, events.Identifier{}, both...)}
			case "no proof":
				f = said{events.OperatorsConnection, asserted(events.SaysNoProof, rapid.SampledFrom([]events.Identifier{principal("p1"), {Type: linkRunsAs, Value: "bot@p"}}).Draw(t, "which"))}
			}
			log = append(log, f)
		}
		l := &teller{r: newRoster()}
		view := map[string]projections.Document{}
		for _, f := range log {
			verb, key := events.Updated, f.connection+"/"+f.entity.Ref().String()
			var gone *events.Gone
			if _, is := last[key]; is && f.entity.Kind != events.KindAgent && rapid.Bool().Draw(t, "take it back") {
				verb, gone = events.Deleted, &events.Gone{Reason: "taken back"}
				delete(last, key)
			} else {
				last[key] = f
			}
			l.say(t, f.connection, verb, f.entity, gone)
			if rapid.IntRange(0, 3).Draw(t, "commit now") == 0 {
				store(view, drain(t, l.r))
			}
			if rapid.IntRange(0, 7).Draw(t, "crash now") == 0 {
				store(view, drain(t, l.r))
				l.r = newRoster()
				for _, d := range view {
					if err := l.r.Load(d); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		store(view, drain(t, l.r))
		if got, want := groupsBy(l.r), byForce(last); !slices.Equal(got, want) {
			t.Fatalf("joined\n%v, want\n%v", got, want)
		}
		straight := newRoster()
		fold := map[string]projections.Document{}
		again := &teller{r: straight}
		again.replay(t, l.told)
		store(fold, drain(t, straight))
		for key, d := range fold {
			if string(view[key].Body) != string(d.Body) {
				t.Fatalf("document %s is\n%s, a fold without stops makes\n%s", key, view[key].Body, d.Body)
			}
		}
		if len(fold) != len(view) {
			t.Fatalf("%d documents, a fold without stops makes %d", len(view), len(fold))
		}
	})
}

func groupsBy(r *Roster) []string {
	r.wake()
	var out []string
	seen := map[*group]bool{}
	for _, n := range r.nodes {
		if n.group == nil || seen[n.group] {
			continue
		}
		seen[n.group] = true
		var members []string
		for _, m := range n.group.members {
			members = append(members, m.at().spelled())
		}
		slices.Sort(members)
		out = append(out, fmt.Sprint(members))
	}
	slices.Sort(out)
	return out
}

// byForce says in the simplest way which identities are one agent.
func byForce(last map[string]said) []string {
	evidence := map[string]map[string]bool{} // identity to evidence
	runsAs := map[string]int{}
	noProof := map[string]bool{}
	for _, f := range last {
		if e := f.entity; e.Kind == events.KindAgent {
			evidence[f.connection+"/"+e.Holder] = map[string]bool{}
		}
	}
	give := func(who, what string) {
		if evidence[who] != nil {
			evidence[who][what] = true
		}
	}
	for _, f := range last {
		e, who := f.entity, f.connection+"/"+f.entity.Holder
		switch {
		case e.Assertion != nil && e.Assertion.Says == events.SaysNoProof:
			noProof[string(e.Assertion.Identifier.Type)+" "+e.Assertion.Identifier.Value] = true
		case e.Assertion != nil:
			for _, i := range e.Assertion.Identities {
				give(i, "said "+e.Key)
			}
		case e.Credential != nil:
			give(who, "google|"+e.Credential.Subject)
		case e.Agent != nil:
			for _, i := range e.Agent.Identifiers {
				switch {
				case i.Type == events.IDPrincipal:
					give(who, "principal "+i.Value)
				case i.Type == events.IDObject && strings.HasPrefix(f.connection, "google"):
					give(who, "google|"+i.Value)
				case i.Type == events.IDEmail && e.Agent.Native != nativeServiceAccount:
					give(who, "runs_as "+i.Value)
					runsAs["runs_as "+i.Value]++
				case i.Type == events.IDEmail && e.Agent.Status == events.StatusActive:
					give(who, "runs_as "+i.Value)
				}
			}
		}
	}
	proofs := map[string][]string{}
	for who, list := range evidence {
		proofs[who] = nil
		for what := range list {
			if runsAs[what] < 2 && !noProof[what] {
				proofs[who] = append(proofs[who], what)
			}
		}
	}
	return groupsOf(proofs)
}

// Ten thousand identities that one identifier joins, joined and taken apart again in the worst orders: the work is counted, not timed.
func TestLargeGroupsCostWhatMoves(t *testing.T) {
	const n = 10_000
	r := newRoster()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	seq := uint64(0)
	tell := func(holder string, ids ...events.Identifier) {
		seq++
		e := agent(holder, holder, events.StatusActive, ids...)
		ev := events.New("acme", "google-1", "google", "agent.updated", now, now, events.Data{Entity: &e})
		if err := r.Apply(events.Message{Event: ev, Position: events.Position{Epoch: "e", Sequence: seq}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n { // each with evidence of its own as well
		tell(fmt.Sprintf("a%05d", i), principal("shared"), principal(fmt.Sprint("own", i)))
	}
	if got := len(r.nodes[at{"acme", "google-1", "a00000"}].group.members); got != n {
		t.Fatalf("%d are joined, want %d", got, n)
	}
	seen := 0
	steps = func() { seen++ }
	defer func() { steps = nil }()
	for i := range n {
		tell(fmt.Sprintf("a%05d", i), principal(fmt.Sprint("own", i)))
	}
	for _, node := range r.nodes {
		if len(node.group.members) != 1 {
			t.Fatalf("%d are still joined", len(node.group.members))
		}
	}
	if seen > 5*n {
		t.Errorf("taking %d identities apart took %d steps through the graph, more than 5 each", n, seen)
	}
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
}
