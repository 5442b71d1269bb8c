package entra

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

var denied = canned{status: 403, body: errorBody("Authorization_RequestDenied")}

// barredTenant lets an application read the lists of agents and of principals, and no delta.
func barredTenant() map[string]canned {
	return map[string]canned{
		"/servicePrincipals/delta":          denied,
		castAgentIdentity:                   {body: `{"@odata.nextLink":"{{self}}` + castAgentIdentity + `?$skiptoken=2","value":[` + itemAgent1 + `]}`},
		castAgentIdentity + "?$skiptoken=2": list(itemAgent2),
		castPrincipal:                       list(itemBP),
	}
}

// TestListsStandInForADelta: where the delta may not be read the lists are, as passes; what no list shows is said, and the delta is tried
// again before each round.
func TestListsStandInForADelta(t *testing.T) {
	g := newGraph(t, barredTenant())
	c := g.connector()
	f, now := feedOf(t, c, "service-principals"), time.Now()
	c.client.now = func() time.Time { return now }
	book := knows(agentRef(agent1), agentRef(agent2), blueprintRef(principal1))
	var opens, seals []string
	var from connectors.Cursor
	read := func() (ids []string, blind string) {
		for {
			p, err := f.Pull(connectors.Knowing(t.Context(), book), from)
			if err != nil {
				t.Fatal(err)
			}
			opens, seals = append(opens, p.Opens...), append(seals, p.Seals...)
			ids, from = append(ids, told(t, p)...), p.Next
			if blind = fmt.Sprint(p.Blind); !p.More {
				return ids, blind
			}
		}
	}
	want := []string{agent1 + ".agent.self", agent2 + ".agent.self", principal1 + ".blueprint.self"}
	ids, blind := read()
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if both := []string{scopeAgents, scopePrincipals}; cmp.Diff(both, opens) != "" || cmp.Diff(both, seals) != "" {
		t.Errorf("opens %v, seals %v", opens, seals)
	}
	for _, word := range []string{needDirectory, scopeTagged, "every 5m"} {
		if !strings.Contains(blind, word) {
			t.Errorf("the coverage %s does not say %q", blind, word)
		}
	}
	asked := g.count("")
	if ids, again := read(); len(ids) > 0 || again != blind || g.count("") != asked+1 || g.count("/servicePrincipals/delta") != 2 {
		t.Errorf("read again at once: %v, %s", ids, again)
	}
	now = now.Add(barredEvery)
	if ids, _ := read(); len(ids) != 3 || g.count("/servicePrincipals/delta") != 3 {
		t.Errorf("after a while: %v", ids)
	}
	now = now.Add(barredEvery)
	g.set("/servicePrincipals/delta", canned{body: `{"@odata.deltaLink":"{{self}}/servicePrincipals/delta?$deltatoken=A","value":[` + itemAgent1 + `,` + itemBP + `]}`})
	if ids, blind := read(); len(ids) != 2 || blind != "[]" {
		t.Errorf("with the permission: %v, blind %s", ids, blind)
	}
	if cur, err := c.client.readCursor(from); err != nil || !cur.Listed.IsZero() || !strings.Contains(cur.Link, "deltatoken=A") {
		t.Errorf("the place is %+v, %v", cur, err)
	}
	// A delta that may not be read any more goes on from its place when it may be again.
	g.set("/servicePrincipals/delta?$deltatoken=A", denied)
	read()
	if cur, err := c.client.readCursor(from); err != nil || cur.Listed.IsZero() || !strings.Contains(cur.Link, "deltatoken=A") {
		t.Errorf("the place is %+v, %v", cur, err)
	}
	now = now.Add(barredEvery)
	g.set("/servicePrincipals/delta?$deltatoken=A", canned{body: `{"@odata.deltaLink":"{{self}}/servicePrincipals/delta?$deltatoken=B","value":[]}`})
	read()
	if cur, err := c.client.readCursor(from); err != nil || !cur.Listed.IsZero() || !strings.Contains(cur.Link, "deltatoken=B") {
		t.Errorf("the place is %+v, %v", cur, err)
	}
}

// TestNothingStandsIn: without the first list the feed is forbidden, for want of what the delta needs; a second list that may not be read
// blinds the feed to what it would show, and a first round that is barred half-way is not given up for the lists.
func TestNothingStandsIn(t *testing.T) {
	answers := barredTenant()
	answers[castAgentIdentity] = denied
	wantFault(t, pullError(t, newGraph(t, answers).feed("service-principals"), nil), connectors.Forbidden, "servicePrincipals/delta")

	answers = barredTenant()
	answers[castPrincipal] = denied
	pages, _ := round(t, newGraph(t, answers).feed("service-principals"), nil)
	last := pages[len(pages)-1]
	if got := fmt.Sprint(last.Blind); !strings.Contains(got, needPrincipals) || cmp.Diff([]string{scopePrincipals}, last.Breaks) != "" {
		t.Errorf("blind %s, breaks %v", got, last.Breaks)
	}

	answers["/servicePrincipals/delta?$skiptoken=2"] = denied
	answers["/servicePrincipals/delta"] = canned{body: `{"@odata.nextLink":"{{self}}/servicePrincipals/delta?$skiptoken=2","value":[]}`}
	f := newGraph(t, answers).feed("service-principals")
	p, err := f.Pull(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, pullError(t, f, p.Next), connectors.Forbidden)
}
