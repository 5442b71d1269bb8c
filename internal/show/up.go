package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
)

// Opening is what a hub says of itself when it starts.
type Opening struct {
	Title      string // "Calling the roll of Northwind (a demo company)"
	Data       string // folder; empty: none of its own
	NATS       string // URL
	Durability string
	Endpoints  [][2]string // connection and where it reads
}

// Opening says where everything is.
func (p *Paper) Opening(o Opening) {
	p.Printf("%s\n\n", p.Bold(o.Title))
	row := func(label, text string) { p.Printf("  %s %s\n", p.Dim(pad(label, 8)), text) }
	if o.Data != "" {
		row("data", o.Data)
	}
	row("nats", o.NATS)
	row("log", o.Durability)
	for _, e := range o.Endpoints {
		row(e[0], e[1])
	}
	p.Printf("\n")
}

// Progress shows how connections catch up: redrawn in place on a terminal, a line for each that is done elsewhere.
type Progress struct {
	Paper *Paper

	drawn int             // lines on the terminal
	said  map[string]bool // connections whose line is written
}

// Show brings the picture up to date.
func (g *Progress) Show(statuses []connectors.Status) {
	if g.Paper.Width == 0 {
		g.lines(statuses)
		return
	}
	var b strings.Builder
	if g.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", g.drawn)
	}
	for _, s := range statuses {
		fmt.Fprintf(&b, "\r\x1b[K%s\n", g.line(&s))
	}
	g.drawn = len(statuses)
	g.Paper.Printf("%s", b.String())
}

func (g *Progress) lines(statuses []connectors.Status) {
	if g.said == nil {
		g.said = map[string]bool{}
	}
	for _, s := range statuses {
		key := s.Tenant + "/" + s.Connection
		if done := s.CaughtUp() || s.State == connectors.StateUnauthorized; done && !g.said[key] {
			g.said[key] = true
			g.Paper.Printf("%s\n", g.line(&s))
		}
	}
}

func (g *Progress) line(s *connectors.Status) string {
	p := g.Paper
	var feeds int
	var calls, found int64
	for _, f := range s.Feeds {
		calls, found = calls+f.Calls, found+f.Events
		if f.CaughtUp {
			feeds++
		}
	}
	mark := p.Dim("·")
	switch {
	case s.State == connectors.StateUnauthorized || s.State == connectors.StateFailing:
		mark = p.Red("✗")
	case s.State == connectors.StateStandby || s.State == connectors.StateHeld:
		mark = p.Yellow("–")
	case s.CaughtUp():
		mark = p.Green("✓")
	}
	line := fmt.Sprintf("  %s %s %s", mark, pad(cut(s.Connection, 14), 14),
		pad(fmt.Sprintf("%d of %d feeds", feeds, len(s.Feeds)), 14))
	if s.Reason != "" && s.State != connectors.StateRunning {
		return line + p.Yellow(cut(s.State+": "+s.Reason, max(p.Width-36, 160)))
	}
	return line + p.Dim(fmt.Sprintf("%s, %s, %s", count(s.Entities, "thing"), count(int(found), "event"), count(int(calls), "call")))
}

// Summary is what a roll call found, in numbers.
type Summary struct {
	Agents, Identities, Unowned int
	ByVendor, ByStatus          map[string]int
	Events, LastSequence        uint64
	Stuck                       []string
}

// Summary writes it for a person.
func (p *Paper) Summary(s Summary) {
	p.Printf("\n%s\n  identities  %s\n  status      %s\n", p.Bold(count(s.Agents, "agent")), counted(s.ByVendor), counted(s.ByStatus))
	if s.Unowned > 0 {
		p.Printf("  %s\n", p.Yellow(fmt.Sprintf("nobody is known to answer for %d of them", s.Unowned)))
	}
	p.Printf("  %s\n", p.Dim(fmt.Sprintf("%d events in the log, last sequence %d", s.Events, s.LastSequence)))
	for _, stuck := range s.Stuck {
		p.Printf("  %s\n", p.Red(clean(stuck)))
	}
}

func counted(m map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}
