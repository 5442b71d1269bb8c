package show

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// labelWidth is that of the labels before what is said of an agent.
const labelWidth = 12

// Agent writes one agent whole. coverage is that of its connections: it tells none from unknown.
func (p *Paper) Agent(a *roster.Agent, names *Names, coverage []roster.Coverage) {
	p.Printf("%s  %s\n", p.Bold(clean(cmp.Or(a.Name, a.ID))), p.Dim(a.ID))
	if a.Description != "" {
		p.Printf("%s\n", p.wrap(a.Description, 0))
	}
	p.Printf("\n")
	about := string(a.Class)
	if len(a.Models) > 0 {
		about += ", acts as " + join(a.Models)
	}
	p.Printf("  %s, %s, tenant %s\n", p.painted(string(a.Status)), clean(about), clean(a.Tenant))
	if len(a.Identities) != 1 { // of one alone, it stands below
		p.row("answers", stewards(a, names, coverage))
	}
	p.row("since", date(since(a)))
	p.row("changed", when(a.LastChange)+fmt.Sprintf(" (sequence %d)", a.Sequence))
	for _, l := range a.Links {
		p.row("one agent", "by "+words(string(l.Type))+" "+l.Value+linked(a, l))
	}
	for _, f := range a.Findings {
		p.Printf("  %s %s\n", p.severe(f.Severity), p.wrap(pad("", labelWidth-len(events.SeverityMedium))+words(string(f.Code))+": "+f.Explanation, labelWidth+3))
	}
	for n := range a.Identities {
		p.identity(&a.Identities[n], a, names, coverage)
	}
}

// linked names what a link joins, where that is not everything that is shown below anyway.
func linked(a *roster.Agent, l roster.Link) string {
	if len(l.Identities) == len(a.Identities) {
		return ""
	}
	return ": " + strings.Join(l.Identities, ", ")
}

// row writes a labelled line; an empty text writes none.
func (p *Paper) row(label, text string) {
	if text != "" {
		p.Printf("  %s %s\n", p.Dim(pad(label, labelWidth)), p.wrap(text, labelWidth+3))
	}
}

func (p *Paper) identity(i *roster.Identity, a *roster.Agent, names *Names, coverage []roster.Coverage) {
	where := i.Connection
	if i.Vendor != i.Connection {
		where += " (" + i.Vendor + ")"
	}
	p.Printf("\n%s %s  %s\n", p.Bold(clean(where)), clean(words(i.Agent.Native)), p.Dim(clean(i.Holder)))
	status := p.painted(string(i.Agent.Status))
	if n := i.Agent.NativeStatus; n != "" && !strings.EqualFold(n, string(i.Agent.Status)) {
		status += clean(" (" + n + ")")
	}
	p.Printf("  %s %s\n", p.Dim(pad("status", labelWidth)), status)
	if i.Agent.Name != a.Name {
		p.row("name", i.Agent.Name)
	}
	p.row("class", strings.Join(nonEmpty(string(i.Agent.Class), i.Agent.ClassReason), ": "))
	p.row("platform", i.Agent.Platform)
	if i.Agent.Blueprint != "" {
		p.row("blueprint", names.Of(i.Tenant, i.Connection, i.Agent.Blueprint))
	}
	p.row("disabled by", i.Agent.DisabledBy)
	if i.Gone != nil {
		p.row("gone", i.Gone.Reason)
	}
	if !i.Agent.Created.IsZero() && !i.Agent.Created.Equal(since(a)) {
		p.row("created", when(i.Agent.Created))
	}
	p.identifiers(i, a.Links)
	p.holds(i, names, coverage)
	if i.LastActivity != nil {
		p.row("last seen", words(i.LastActivity.Type)+" "+when(i.LastActivity.Time))
	}
}

// identifiers lists the names by which the identity is known, each value once: its own id and the names that link it to others
// stand above.
func (p *Paper) identifiers(i *roster.Identity, links []roster.Link) {
	types := map[string][]string{}
	var values []string
	for _, id := range i.Agent.Identifiers {
		if types[id.Value] == nil {
			values = append(values, id.Value)
		}
		types[id.Value] = append(types[id.Value], words(string(id.Type)))
	}
	for _, v := range values {
		linking := slices.ContainsFunc(links, func(l roster.Link) bool { return l.Value == v })
		if v != i.Holder && !linking {
			p.row("known as", strings.Join(types[v], ", ")+" "+v)
		}
	}
}

// holds lists what hangs on the identity, and says of what it has none whether that is known.
func (p *Paper) holds(i *roster.Identity, names *Names, coverage []roster.Coverage) {
	name := func(id string) string { return names.Of(i.Tenant, i.Connection, id) }
	since := func(t time.Time) string { return held(i, t) }
	for _, s := range i.Stewards {
		p.row(s.Value.Role, names.Person(i.Tenant, i.Connection, s.Value.Person)+since(s.Since))
	}
	p.none(i, coverage, events.KindStewardship, "stewards", len(i.Stewards))
	for _, c := range i.Credentials {
		p.row("credential", describeCredential(c.Key, &c.Value)+since(c.Since))
	}
	p.none(i, coverage, events.KindCredential, "credentials", len(i.Credentials))
	for _, g := range i.Grants {
		p.row("may", describeGrant(&g.Value, name)+since(g.Since))
	}
	p.none(i, coverage, events.KindGrant, "grants", len(i.Grants))
	for _, d := range i.Delegations {
		p.row("acts", describeDelegation(&d.Value, name)+since(d.Since))
	}
	p.none(i, coverage, events.KindDelegation, "delegations", len(i.Delegations))
	for _, r := range i.Risks {
		p.row("risk", strings.Join(nonEmpty(r.Value.Level, r.Value.State, r.Value.Detail), ", ")+since(r.Since))
	}
}

// none says of a kind of which n are shown whether that is all.
func (p *Paper) none(i *roster.Identity, coverage []roster.Coverage, k events.Kind, label string, n int) {
	switch why := roster.Unknown(coverage, i, k); {
	case why != "" && n > 0:
		p.row(label, "there may be more: "+why)
	case why != "":
		p.row(label, "unknown: "+why)
	case n == 0:
		p.row(label, "none")
	}
}

// held says since when an identity has something. What came with the first listing of the identity may be older than that, so
// its time says nothing.
func held(i *roster.Identity, since time.Time) string {
	first := i.FirstSeenAs == events.FirstSeenSnapshot && since.Sub(i.FirstSeen).Abs() < 10*time.Minute
	if since.IsZero() || first {
		return ""
	}
	return ", since " + date(since)
}

func join[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	slices.Sort(out)
	return strings.Join(out, " and ")
}
