package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Agents writes the roster as a table.
func (p *Paper) Agents(agents []roster.Agent, names *Names) error {
	rows := make([][]string, 0, len(agents))
	for _, a := range agents {
		rows = append(rows, []string{
			a.ID, cut(cmp.Or(a.Name, "-"), 36), string(a.Status), string(a.Class), strings.Join(vendors(&a), "+"),
			cut(stewards(&a, names), 40), counts(&a),
		})
	}
	return p.table([]string{"AGENT", "NAME", "STATUS", "CLASS", "VENDORS", "ANSWERED FOR BY", "HOLDS"}, rows)
}

func vendors(a *roster.Agent) []string {
	var out []string
	for _, i := range a.Identities {
		if !slices.Contains(out, i.Vendor) {
			out = append(out, i.Vendor)
		}
	}
	slices.Sort(out)
	return out
}

func stewards(a *roster.Agent, names *Names) string {
	var out []string
	for _, i := range a.Identities {
		for _, s := range i.Stewards {
			if n := names.Of(i.Tenant, i.Connection, s.Value.Person); !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	if len(out) > 0 {
		return strings.Join(out, ", ")
	}
	if slices.ContainsFunc(a.Identities, func(i roster.Identity) bool { return slices.Contains(i.Unknown, events.KindStewardship) }) {
		return "unknown"
	}
	return "nobody known"
}

func counts(a *roster.Agent) string {
	var c, g, d int
	for _, i := range a.Identities {
		c, g, d = c+len(i.Credentials), g+len(i.Grants), d+len(i.Delegations)
	}
	var out []string
	for _, n := range []struct {
		n    int
		what string
	}{{c, "credential"}, {g, "grant"}, {d, "delegation"}} {
		if n.n > 0 {
			out = append(out, count(n.n, n.what))
		}
	}
	return cmp.Or(strings.Join(out, ", "), "-")
}

// Agent writes one agent whole. blind are the coverages of its connections' feeds that do not see all.
func (p *Paper) Agent(a *roster.Agent, names *Names, blind []roster.Coverage) {
	p.Printf("%s  %s\n", p.Bold(clean(cmp.Or(a.Name, a.ID))), p.Dim(a.ID))
	if a.Description != "" {
		p.Printf("%s\n", clean(a.Description))
	}
	p.Printf("\n  %s of tenant %s, class %s", p.status(a.Status), a.Tenant, a.Class)
	if len(a.Models) > 0 {
		p.Printf(", acts as %s", join(a.Models))
	}
	p.Printf("\n  first seen %s, last change %s, reflects sequence %d\n", when(a.FirstSeen), when(a.LastChange), a.Sequence)
	for _, l := range a.Links {
		p.Printf("  one agent by %s %s: %s\n", l.Type, clean(l.Value), strings.Join(l.Identities, ", "))
	}
	for n := range a.Identities {
		p.identity(&a.Identities[n], names, blind)
	}
}

func (p *Paper) status(s events.Status) string {
	switch s {
	case events.StatusActive:
		return p.Green(string(s))
	case events.StatusDisabled, events.StatusDeleted:
		return p.Red(string(s))
	}
	return p.Yellow(string(s))
}

func (p *Paper) identity(i *roster.Identity, names *Names, blind []roster.Coverage) {
	p.Printf("\n%s %s\n", p.Bold(i.Connection), p.Dim(clean(i.Vendor+" "+i.Agent.Native+" "+i.Holder)))
	row := func(label, text string) {
		if text != "" {
			p.Printf("  %s %s\n", pad(label, 12), clean(text))
		}
	}
	native := ""
	if i.Agent.NativeStatus != "" && !strings.EqualFold(i.Agent.NativeStatus, string(i.Agent.Status)) {
		native = " (" + i.Agent.NativeStatus + ")"
	}
	p.Printf("  %s %s%s\n", pad("status", 12), p.status(i.Agent.Status), clean(native))
	row("name", i.Agent.Name)
	row("class", string(i.Agent.Class)+": "+i.Agent.ClassReason)
	row("platform", i.Agent.Platform)
	row("blueprint", names.Of(i.Tenant, i.Connection, i.Agent.Blueprint))
	row("disabled by", i.Agent.DisabledBy)
	if i.Gone != nil {
		row("gone", i.Gone.Reason)
	}
	if !i.Agent.Created.IsZero() {
		row("created", when(i.Agent.Created))
	}
	for _, id := range i.Agent.Identifiers {
		row("known as", string(id.Type)+" "+id.Value)
	}
	p.held(i, names, blind, row)
	if i.LastActivity != nil {
		row("last seen", i.LastActivity.Type+" "+when(i.LastActivity.Time))
	}
}

// held lists what hangs on the identity, and says of what it has none whether that is known.
func (p *Paper) held(i *roster.Identity, names *Names, blind []roster.Coverage, row func(label, text string)) {
	none := func(k events.Kind, label string) {
		if why := unknown(i, blind, k); why != "" {
			row(label, "unknown: "+why)
		}
	}
	for _, s := range i.Stewards {
		row(s.Value.Role, names.Of(i.Tenant, i.Connection, s.Value.Person))
	}
	if len(i.Stewards) == 0 {
		none(events.KindStewardship, "stewards")
	}
	for _, c := range i.Credentials {
		row("credential", describeCredential(c.Key, &c.Value))
	}
	if len(i.Credentials) == 0 {
		none(events.KindCredential, "credentials")
	}
	for _, g := range i.Grants {
		row("may", describeGrant(&g.Value))
	}
	if len(i.Grants) == 0 {
		none(events.KindGrant, "grants")
	}
	for _, d := range i.Delegations {
		row("acts", describeDelegation(&d.Value, func(id string) string { return names.Of(i.Tenant, i.Connection, id) }))
	}
	for _, r := range i.Risks {
		row("risk", r.Value.Level)
	}
}

// unknown says why things of a kind are unknown of an identity, or nothing when they are known.
func unknown(i *roster.Identity, blind []roster.Coverage, k events.Kind) string {
	if slices.Contains(i.Unknown, k) {
		return "it could not be read"
	}
	for _, c := range blind {
		if c.Tenant == i.Tenant && c.Connection == i.Connection && c.State != events.CoverageComplete && slices.Contains(c.Kinds, k) {
			return fmt.Sprintf("feed %s is %s: %s", c.Feed, c.State, c.Reason)
		}
	}
	return ""
}

func join[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, " and ")
}
