package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Opening is what a hub says of itself when it starts.
type Opening struct {
	Title      string // "Calling the roll of Northwind (a demo company)"
	Data       string // folder; empty: none of its own
	NATS       string // URL
	Durability string
	Endpoints  [][2]string // connection and where it reads
	Hooks      [][2]string // connection and where its vendor pushes to
}

// Opening says where everything is.
func (p *Paper) Opening(o Opening) {
	p.Printf("%s\n\n", p.Bold(o.Title))
	label := len("data")
	const hook = " hook"
	for _, e := range o.Endpoints {
		label = max(label, len([]rune(e[0])))
	}
	for _, k := range o.Hooks {
		label = max(label, len([]rune(k[0]+hook)))
	}
	row := func(name, text string) { p.Printf("  %s  %s\n", p.Dim(pad(name, label)), p.wrap(text, label+4)) }
	if o.Data != "" {
		row("data", o.Data)
	}
	row("nats", o.NATS)
	row("log", o.Durability)
	for _, e := range o.Endpoints {
		row(e[0], e[1])
	}
	for _, k := range o.Hooks {
		row(k[0]+hook, k[1])
	}
	p.Printf("\n")
}

// Progress shows how connections catch up: redrawn in place on a terminal, a line for each that is done elsewhere.
type Progress struct {
	Paper *Paper

	drawn int               // lines on the terminal
	said  map[string]string // what was last said of each connection
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

// lines writes a line of a connection when it is caught up, and when it fails.
func (g *Progress) lines(statuses []connectors.Status) {
	if g.said == nil {
		g.said = map[string]string{}
	}
	for _, s := range statuses {
		key, now := s.Tenant+"/"+s.Connection, ""
		switch {
		case s.State != connectors.StateRunning && s.State != connectors.StateStarting && s.State != connectors.StateStopped:
			now = s.State
		case s.CaughtUp():
			now = "caught up"
		}
		if now != "" && g.said[key] != now {
			g.said[key] = now
			g.Paper.Printf("%s\n", g.line(&s))
		}
	}
}

func (g *Progress) line(s *connectors.Status) string {
	p := g.Paper
	var done, forbidden, ahead int
	var calls, found int64
	for _, f := range s.Feeds {
		calls, found = calls+f.Calls, found+f.Events
		if !f.CaughtUp {
			ahead += f.Ahead
		}
		if f.CaughtUp {
			done++
		} else if f.State == connectors.FeedForbidden {
			forbidden++
		}
	}
	line := fmt.Sprintf("  %s %s %s ", g.mark(s), pad(cut(s.Connection, 14), 14), pad(fmt.Sprintf("%d of %d feeds", done, len(s.Feeds)), 14))
	room := 500
	if p.Width > 0 {
		room = max(p.Width-36, 20) // a line that breaks would be drawn over
	}
	if s.Reason != "" && s.State != connectors.StateRunning {
		return line + p.Yellow(cut(s.State+": "+s.Reason, room))
	}
	news := "nothing new"
	if found > 0 {
		news = count(int(found), "new event")
	}
	text := fmt.Sprintf("%s, %s, %s", count(s.Entities, "entity"), news, count(int(calls), "call"))
	if ahead > 0 {
		text += fmt.Sprintf(", about %d more to make", ahead)
	}
	if forbidden > 0 {
		text += fmt.Sprintf(", %s forbidden", count(forbidden, "feed"))
	}
	return line + p.Dim(cut(text, room))
}

func (g *Progress) mark(s *connectors.Status) string {
	switch {
	case s.State == connectors.StateUnauthorized || s.State == connectors.StateFailing:
		return g.Paper.Red("✗")
	case s.State == connectors.StateStandby || s.State == connectors.StateHeld:
		return g.Paper.Yellow("–")
	case s.CaughtUp():
		return g.Paper.Green("✓")
	}
	return g.Paper.Dim("·")
}

// Summary is what a roll call found, in numbers.
type Summary struct {
	Agents, Identities       int
	Unowned, StewardsUnknown int
	ByVendor, ByStatus       map[string]int
	Findings                 map[string]int // by severity
	Events, LastSequence     uint64
	Stuck                    []string
	Blind                    []roster.Coverage
}

// Summary writes it for a person.
func (p *Paper) Summary(s Summary) {
	p.Printf("\n%s\n", p.Bold(count(s.Agents, "agent")))
	p.row("status", counted(s.ByStatus))
	p.row("identities", counted(s.ByVendor))
	p.row("log", fmt.Sprintf("%s, last sequence %d", count(int(s.Events), "event"), s.LastSequence))
	if len(s.Findings) > 0 {
		p.row("findings", bySeverity(s.Findings)+": `rollcall findings` lists them")
	}
	if s.Unowned > 0 {
		p.Printf("  %s\n", p.Yellow(fmt.Sprintf("nobody answers for %d of them", s.Unowned)))
	}
	if s.StewardsUnknown > 0 {
		p.Printf("  %s\n", p.Dim(fmt.Sprintf("of %d it is unknown who does: their connections do not tell", s.StewardsUnknown)))
	}
	for _, c := range s.Blind {
		p.Printf("  %s\n", p.Yellow(p.wrap(c.Connection+" "+blindness(c), 4)))
	}
	for _, stuck := range s.Stuck {
		p.Printf("  %s\n", p.Red(p.wrap(stuck, 4)))
	}
}

// bySeverity counts findings, the gravest first.
func bySeverity(m map[string]int) string {
	var parts []string
	for _, severity := range slices.Backward(events.Severities) {
		if n := m[string(severity)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", severity, n))
		}
	}
	return strings.Join(parts, ", ")
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
