package show

import (
	"cmp"
	"fmt"
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
func (p *Paper) Connections(statuses []connectors.Status, coverage []roster.Coverage) error {
	if len(statuses) == 0 {
		p.Printf("No hub runs, so no connection has a state. Start one with `rollcall up`.\n")
		return nil
	}
	for n, c := range ConnectionsJSON(statuses, coverage) {
		if n > 0 {
			p.Printf("\n")
		}
		if err := p.connection(c); err != nil {
			return err
		}
	}
	return nil
}

func (p *Paper) connection(c Connection) error {
	p.Printf("%s  %s\n", p.Bold(c.Connection), p.Dim(fmt.Sprintf("%s of tenant %s, %s, read by %s", c.Vendor, c.Tenant, count(c.Entities, "live thing"), c.Hub)))
	p.Printf("  %s since %s", p.state(c.State), when(c.Since))
	if age := time.Since(c.Time); age > 15*time.Second {
		p.Printf(" %s", p.Yellow("(said "+ago(age)+" ago: its hub may be gone)"))
	}
	p.Printf("\n")
	if c.Reason != "" {
		p.Printf("  %s\n", p.Yellow(clean(c.Reason)))
	}
	if h := c.Held; h != nil {
		p.Printf("  held back since %s: %d of %d in %s would go, such as\n", when(h.Since), h.Count, h.Live, h.Feed)
		for _, e := range h.Examples {
			p.Printf("    %s\n", clean(e))
		}
	}
	if c.RateShare != "" {
		p.Printf("  %s\n", p.Dim(c.RateShare))
	}
	rows := make([][]string, len(c.Feeds))
	for i, f := range c.Feeds {
		rows[i] = []string{"  " + f.Name, f.State, lag(f), fmt.Sprint(f.Calls), fmt.Sprint(f.Events), ago(time.Duration(f.Every * float64(time.Second))),
			cut(cmp.Or(f.LastError, f.Doubt, "-"), 100)}
	}
	if err := p.table([]string{"  FEED", "STATE", "PICTURE", "CALLS", "EVENTS", "EVERY", "LAST ERROR"}, rows); err != nil {
		return err
	}
	for _, c := range c.Coverage {
		if c.State != events.CoverageComplete {
			p.Printf("  %s\n", p.Yellow(fmt.Sprintf("%s is %s since %s, so %s are unknown: %s", c.Feed, c.State, when(c.Since), kinds(c.Kinds), clean(c.Reason))))
		}
	}
	return nil
}

func kinds(ks []events.Kind) string {
	if len(ks) == 0 {
		return "its entities"
	}
	s := ""
	for i, k := range ks {
		if i > 0 {
			s += ", "
		}
		s += string(k) + "s"
	}
	return s
}

func lag(f connectors.FeedStatus) string {
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
