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

// Agents writes the roster as a table. coverage is that of the agents' connections: it tells none from unknown.
func (p *Paper) Agents(agents []roster.Agent, names *Names, coverage []roster.Coverage) {
	if len(agents) == 0 {
		p.Printf("No agent. `rollcall connections` shows what is read.\n")
		return
	}
	tenants := map[string]bool{}
	rows := make([][]string, len(agents))
	for n := range agents {
		a := &agents[n]
		tenants[a.Tenant] = true
		rows[n] = []string{
			cmp.Or(a.Name, "-"), string(a.Status), date(since(a)), string(a.Class), strings.Join(vendors(a), "+"),
			stewards(a, names, coverage), number(a, coverage, events.KindCredential, credentials), number(a, coverage, events.KindGrant, grants),
			number(a, coverage, events.KindDelegation, delegations), a.Tenant, p.id(a.ID),
		}
	}
	columns := []column{
		{head: "NAME", least: 20, paint: p.Bold}, {head: "STATUS", paint: p.painted}, {head: "SINCE", drop: 1},
		{head: "CLASS", drop: 3}, {head: "VENDORS"}, {head: "ANSWERED FOR BY", least: 15}, {head: "CREDENTIALS", drop: 5},
		{head: "GRANTS", drop: 4}, {head: "DELEGATIONS", drop: 6}, {head: "TENANT", least: 6, drop: 2}, {head: "ID", paint: p.Dim},
	}
	if tenant := 9; len(tenants) == 1 {
		columns, rows = without(columns, tenant), withoutAll(rows, tenant)
	}
	p.table(0, columns, rows)
}

// id is an agent's id; on a terminal the part of it that is enough to name it.
func (p *Paper) id(id string) string {
	if p.Width > 0 && p.Width < 160 {
		return id[:min(len(id), 12)]
	}
	return id
}

// since is when the agent was created at a vendor, or else first seen here.
func since(a *roster.Agent) time.Time {
	first := a.FirstSeen
	for _, i := range a.Identities {
		if i.Agent != nil && !i.Agent.Created.IsZero() && i.Agent.Created.Before(first) {
			first = i.Agent.Created
		}
	}
	return first
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

// stewards names who answers for an agent, most accountable roles first.
func stewards(a *roster.Agent, names *Names, coverage []roster.Coverage) string {
	switch roster.WhoAnswers(coverage, a) {
	case roster.AnsweredByNobody:
		return "nobody"
	case roster.AnsweredUnknown:
		return "unknown"
	}
	var out []string
	for _, i := range a.Identities {
		for _, s := range i.Stewards {
			if n := names.Person(i.Tenant, i.Connection, s.Value.Person); !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return strings.Join(out, ", ")
}

// number says how many things of a kind an agent has: "?" where that is unknown, "3+" where there may be more.
func number(a *roster.Agent, coverage []roster.Coverage, k events.Kind, of func(*roster.Identity) int) string {
	n, doubt := 0, false
	for m := range a.Identities {
		i := &a.Identities[m]
		n += of(i)
		doubt = doubt || roster.Unknown(coverage, i, k) != ""
	}
	switch {
	case doubt && n == 0:
		return "?"
	case doubt:
		return fmt.Sprintf("%d+", n)
	case n == 0:
		return "-"
	}
	return fmt.Sprint(n)
}

func credentials(i *roster.Identity) int { return len(i.Credentials) }
func grants(i *roster.Identity) int      { return len(i.Grants) }
func delegations(i *roster.Identity) int { return len(i.Delegations) }

// painted colours a cell that begins with a status.
func (p *Paper) painted(cell string) string {
	switch events.Status(strings.TrimRight(cell, " ")) {
	case events.StatusActive:
		return p.Green(cell)
	case events.StatusDisabled, events.StatusDeleted:
		return p.Red(cell)
	}
	return p.Yellow(cell)
}
