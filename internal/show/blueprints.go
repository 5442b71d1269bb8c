package show

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Families writes blueprints, and whom each of their credentials reaches.
func (p *Paper) Families(list []roster.Family, names *Names, coverage []roster.Coverage) {
	if len(list) == 0 {
		p.Printf("No blueprint. Agents of Microsoft Entra have one; `rollcall connections` shows what is read.\n")
		return
	}
	for n := range list {
		f := &list[n]
		i := &f.Blueprint
		if n > 0 {
			p.Printf("\n")
		}
		p.Printf("%s  %s  %s\n", p.Bold(clean(cmp.Or(i.Blueprint.Name, i.Holder))), clean(words(i.Blueprint.Native)), p.Dim(clean(i.Connection+" "+i.Holder)))
		p.Printf("  %s %s\n", p.Dim(pad("status", labelWidth)), p.painted(string(i.Blueprint.Status)))
		for _, s := range i.Stewards {
			p.row(s.Value.Role, names.Person(i.Tenant, i.Connection, s.Value.Person))
		}
		for _, c := range i.Credentials {
			p.row("credential", describeCredential(c.Key, &c.Value)+": reaches "+reach(f))
		}
		p.none(i, coverage, events.KindCredential, "credentials", len(i.Credentials))
		for _, g := range i.Grants {
			p.row("may", describeGrant(&g.Value, func(id string) string { return names.Of(i.Tenant, i.Connection, id) }))
		}
		var members []string
		for _, m := range f.Reaches {
			s := cmp.Or(m.Name, m.Holder)
			if m.Status != events.StatusActive {
				s += " (" + string(m.Status) + ")"
			}
			members = append(members, s)
		}
		p.row("agents", strings.Join(members, ", "))
	}
}

// reach says in a few words how many agents a blueprint's credential reaches.
func reach(f *roster.Family) string {
	active := 0
	for _, m := range f.Reaches {
		if m.Status == events.StatusActive {
			active++
		}
	}
	if n := len(f.Reaches); n != active {
		return fmt.Sprintf("%s, %d of them active", count(n, "agent"), active)
	}
	return count(active, "agent")
}
