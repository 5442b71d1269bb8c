package roster

import (
	"fmt"
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// Check implements [projections.Projection]: every identity lies where it belongs, each agent identity in exactly one group, which is what
// its evidence connects and of one tenant, and what was concluded still follows.
func (r *Roster) Check() error {
	r.wake()
	checked := map[*group]bool{}
	for a, n := range r.nodes {
		switch {
		case n.at() != a:
			return fmt.Errorf("identity %v lies at %v", n.at(), a)
		case (n.Agent == nil) != (n.group == nil):
			return fmt.Errorf("identity %v is an agent without a group, or none with one", a)
		case n.Agent == nil || checked[n.group]:
			continue
		}
		checked[n.group] = true
		if err := r.checkGroup(n.group); err != nil {
			return fmt.Errorf("agent %s: %w", n.group.id(), err)
		}
	}
	return nil
}

func (r *Roster) checkGroup(g *group) error {
	connected := newWalk(g.members[0])
	for none := newWalk(g.members[0]); len(connected.front) > 0; {
		none.seen = nil
		connected.step(none)
	}
	if got := len(connected.nodes()); got != len(g.members) {
		return fmt.Errorf("its evidence connects %d identities, it has %d", got, len(g.members))
	}
	count := map[facts]int{}
	for i, n := range g.members {
		switch {
		case n.group != g || n.pos != i:
			return fmt.Errorf("identity %v is a member and does not know it", n.at())
		case r.nodes[n.at()] != n:
			return fmt.Errorf("identity %v is another than that of its name", n.at())
		case n.Tenant != g.first.Tenant:
			return fmt.Errorf("identities %v and %v of two tenants are joined", n.at(), g.first.at())
		case n.facts != r.facts(n):
			return fmt.Errorf("the facts of identity %v are %+v and kept as %+v", n.at(), r.facts(n), n.facts)
		}
		count[n.facts]++
		found, _ := r.ofOne(n)
		if err := sameFindings(n.findings, found); err != nil {
			return fmt.Errorf("identity %v: %w", n.at(), err)
		}
	}
	if first := slices.MinFunc(g.members, compareNodes); first != g.first {
		return fmt.Errorf("its first identity is %v, not %v", first.at(), g.first.at())
	}
	for _, t := range g.tally {
		if count[t.facts] != t.n {
			return fmt.Errorf("%d identities have the facts %+v, it counts %d", count[t.facts], t.facts, t.n)
		}
		delete(count, t.facts)
	}
	if len(count) > 0 {
		return fmt.Errorf("it does not count %v", count)
	}
	if g.buried != r.isOver(g) {
		return fmt.Errorf("it is buried: %v, and should be: %v", g.buried, !g.buried)
	}
	found, _ := r.ofAll(g)
	return sameFindings(g.findings, found)
}

// sameFindings compares what is kept with what follows now.
func sameFindings(kept, found []events.Finding) error {
	spell := func(fs []events.Finding) []string {
		var out []string
		for _, f := range fs {
			out = append(out, fmt.Sprint(f.Code, " ", f.Key, " ", f.Severity, " ", f.Explanation, " ", f.Causes))
		}
		slices.Sort(out)
		return out
	}
	if a, b := spell(kept), spell(found); !slices.Equal(a, b) {
		return fmt.Errorf("its findings are kept as %q and follow as %q", a, b)
	}
	return nil
}
