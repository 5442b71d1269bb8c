package show

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Connection is a connection's state with what it cannot see, for programs.
type Connection struct {
	connectors.Status
	Coverage []roster.Coverage `json:"coverage"`
}

// ConnectionsJSON joins states with what the roster says the connections can see.
func ConnectionsJSON(statuses []connectors.Status, coverage []roster.Coverage) []Connection {
	out := make([]Connection, len(statuses))
	for i, s := range statuses {
		out[i].Status = s
		for _, c := range coverage {
			if c.Tenant == s.Tenant && c.Connection == s.Connection {
				out[i].Coverage = append(out[i].Coverage, c)
			}
		}
	}
	return out
}

// Connections writes each connection with its feeds.
func (p *Paper) Connections(statuses []connectors.Status, coverage []roster.Coverage) {
	if len(statuses) == 0 {
		p.Printf("No hub runs, or none has told of a connection yet. Start one with `rollcall up`.\n")
	}
	for n, c := range ConnectionsJSON(statuses, coverage) {
		if n > 0 {
			p.Printf("\n")
		}
		p.connection(c)
	}
}

func (p *Paper) connection(c Connection) {
	title := "tenant " + c.Tenant + ", " + count(c.Entities, "entity")
	if c.Vendor != c.Connection {
		title = c.Vendor + ", " + title
	}
	p.Printf("%s  %s\n", p.Bold(clean(c.Connection)), p.Dim(clean(title)))
	p.Printf("  %s since %s, by hub %s", p.state(c.State), when(c.Since), clean(c.Hub))
	if age := time.Since(c.Time); age > 15*time.Second {
		p.Printf(" %s", p.Yellow("(said "+ago(age)+" ago: the hub may be gone)"))
	}
	p.Printf("\n")
	if c.Reason != "" {
		p.Printf("  %s\n", p.Yellow(p.wrap(c.Reason, 2)))
	}
	p.heldBack(c.Held)
	if c.RateShare != "" {
		p.Printf("  %s\n", p.Dim(p.wrap(c.RateShare, 2)))
	}
	if c.Hook != nil {
		p.Printf("  %s\n", p.Dim(p.wrap(pushes(c.Hook), 2)))
	}
	p.feeds(c.Feeds)
	for _, c := range c.Coverage {
		if c.State != events.CoverageComplete {
			p.Printf("  %s\n", p.Yellow(p.wrap(blindness(c)+" (since "+when(c.Since)+")", 4)))
		}
	}
}

// pushes says how a hook does.
func pushes(h *connectors.HookStatus) string {
	text := "hook: no delivery yet"
	if h.Deliveries == 1 {
		text = "hook: 1 delivery, at " + when(h.LastAt)
	} else if h.Deliveries > 1 {
		text = fmt.Sprintf("hook: %d deliveries, the last at %s", h.Deliveries, when(h.LastAt))
	}
	if h.Refused > 0 {
		text += fmt.Sprintf("; %d refused", h.Refused)
	}
	return text
}

func (p *Paper) heldBack(h *connectors.Held) {
	if h == nil {
		return
	}
	p.Printf("  held back since %s: %d of %d in %s would go, such as\n", when(h.Since), h.Count, h.Live, clean(h.Feed))
	for _, e := range h.Examples {
		p.Printf("    %s\n", clean(e))
	}
}

func (p *Paper) feeds(feeds []connectors.FeedStatus) {
	rows := make([][]string, len(feeds))
	for i, f := range feeds {
		rows[i] = []string{f.Name, f.State, lag(f), fmt.Sprint(f.Calls), fmt.Sprint(f.Events), ago(time.Duration(f.Every * float64(time.Second))),
			cmp.Or(f.LastError, f.Doubt, "-")}
	}
	p.table(2, []column{
		{head: "FEED", least: 12}, {head: "STATE"}, {head: "PICTURE"}, {head: "CALLS", drop: 2}, {head: "EVENTS", drop: 1},
		{head: "EVERY", drop: 3}, {head: "LAST ERROR", least: 20},
	}, rows)
}

// blindness says what a feed cannot see, and what is unknown therefore.
func blindness(c roster.Coverage) string {
	return fmt.Sprintf("%s is %s, so %s are unknown: %s", c.Feed, c.State, kinds(c.Kinds), c.Reason)
}

func kinds(ks []events.Kind) string {
	if len(ks) == 0 {
		return "its entities"
	}
	plurals := make([]string, len(ks))
	for i, k := range ks {
		plurals[i] = string(k) + "s"
	}
	return strings.Join(plurals, ", ")
}

func lag(f connectors.FeedStatus) string {
	if !f.CaughtUp && f.Ahead > 0 {
		return "~" + count(f.Ahead, "call") + " ahead"
	}
	if !f.CaughtUp {
		return "not whole yet"
	}
	return ago(time.Duration(f.Lag*float64(time.Second))) + " old"
}

func (p *Paper) state(s string) string {
	switch s {
	case connectors.StateRunning:
		return p.Green(s)
	case connectors.StateUnauthorized, connectors.StateFailing:
		return p.Red(s)
	}
	return p.Yellow(s)
}
