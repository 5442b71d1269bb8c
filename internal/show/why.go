package show

import (
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// Reasons writes why an agent's fields are as they are: rules and events.
func (p *Paper) Reasons(a *roster.Agent, list []replay.Reason, names *Names) {
	p.Printf("%s  %s\n", p.Bold(clean(a.Name)), p.Dim(a.ID))
	where := ""
	for _, r := range list {
		if r.Identity != where {
			where = r.Identity
			p.Printf("\n%s\n", p.Bold(clean(where)))
		}
		of := value(r.Value)
		if r.Event != nil && r.Key != "" {
			of = what(r.Event, names)
		}
		p.Printf("  %s %s\n", p.Dim(pad(words(r.Field), labelWidth)), p.wrap(clean(of), labelWidth+3))
		switch {
		case r.Rule != "":
			p.Printf("  %s %s\n", pad("", labelWidth), p.wrap("rule: "+r.Rule, labelWidth+3))
		case r.Event != nil:
			m := events.Message{Event: *r.Event, Position: r.Position}
			at := r.Event.Time.Local().Format("2006-01-02 15:04:05")
			p.Printf("  %s %s\n", pad("", labelWidth), p.wrap(at+" "+string(r.Event.Type)+because(r.Event)+" · "+known(&m, names), labelWidth+3))
		default:
			p.Printf("  %s the event is no longer in the log\n", pad("", labelWidth))
		}
	}
}

// because names the vendor's record that an event was made of.
func because(e *events.Event) string {
	if e.Data.Evidence.Record == "" {
		return ""
	}
	return " from " + words(e.Data.Evidence.Record)
}
