package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/replay"
)

// Chapter writes one event of an agent's history: when it happened, where, what, from what to what; then by whom, how it is known, and
// when it was learned, if that was not at once.
func (p *Paper) Chapter(m *events.Message, names *Names) {
	e := &m.Event
	names.Learn(e)
	line := fmt.Sprintf("%s  %s  %s", e.Time.Local().Format("2006-01-02 15:04:05"), pad(cut(e.Connection, 12), 12),
		p.paint(verbColour(e), pad(cut(string(e.Type), 20), 20)))
	if d := detail(e, names); d != "" {
		line += "  " + clean(d)
	}
	p.Printf("%s\n", strings.TrimRight(line, " "))
	p.Printf("%s\n", p.Dim(strings.Repeat(" ", 21)+p.wrap(known(m, names), 21)))
}

// known says how a fact is known, by whom it was brought about, and when it was learned.
func known(m *events.Message, names *Names) string {
	e := &m.Event
	ev := e.Data.Evidence
	var parts []string
	actor := ev.Actor
	if a := e.Data.Activity; a != nil {
		actor = a.Actor
	}
	if actor != nil {
		parts = append(parts, "by "+chain(actor, func(id string) string { return names.Of(e.Tenant, e.Connection, id) }))
	}
	how := ev.How + " in " + ev.Feed
	if ev.LogID != "" {
		how += ", entry " + ev.LogID
	}
	parts = append(parts, how)
	if ev.Note != "" {
		parts = append(parts, ev.Note)
	}
	switch late := e.RecordedTime.Sub(e.Time); {
	case e.Data.FirstSeen != "" || late >= 24*time.Hour:
		parts = append(parts, "learned "+e.RecordedTime.Local().Format("2006-01-02 15:04:05"))
	case late >= time.Second:
		parts = append(parts, "learned "+late.Round(time.Second).String()+" later")
	}
	return clean(strings.Join(append(parts, "sequence "+fmt.Sprint(m.Position.Sequence)), " · "))
}

// chain names who acted, and for whom.
func chain(a *events.Actor, name func(string) string) string {
	var parts []string
	for ; a != nil; a = a.OnBehalf {
		who := name(a.ID)
		if a.Type != "" {
			who += " (" + words(a.Type) + ")"
		}
		parts = append(parts, who)
	}
	return strings.Join(parts, " on behalf of ")
}

// Differences writes what differs between two moments, agent by agent.
func (p *Paper) Differences(list []replay.AgentDiff, names *Names) {
	if len(list) == 0 {
		p.Printf("Nothing differs.\n")
		return
	}
	colours := map[string]string{
		replay.Created: green, replay.Restored: green, replay.FirstSeen: green, replay.Gone: red, replay.Joined: yellow, replay.Changed: yellow,
	}
	for n, d := range list {
		if n > 0 {
			p.Printf("\n")
		}
		how := words(d.How)
		if d.Into != "" {
			how += " into " + d.Into
		}
		p.Printf("%s  %s  %s\n", p.Bold(clean(d.Name)), p.paint(colours[d.How], how), p.Dim(d.ID))
		for _, f := range d.Fields {
			p.Printf("  ~ %s\n", clean(p.changed(d.Tenant, f, names)))
		}
		for _, t := range d.Gained {
			p.Printf("  %s\n", p.Green("+ "+clean(thing(d.Tenant, t, names))))
		}
		for _, t := range d.Lost {
			p.Printf("  %s\n", p.Red("- "+clean(thing(d.Tenant, t, names))))
		}
		for _, c := range d.Other {
			p.Printf("  ~ %s\n", clean(thing(d.Tenant, c.Thing, names)))
			for _, f := range c.Fields {
				p.Printf("      %s: %s → %s\n", words(f.Name), clean(value(f.From)), clean(value(f.To)))
			}
		}
	}
}

// changed names a field of an agent with what it was and is.
func (p *Paper) changed(tenant string, f replay.FieldDiff, names *Names) string {
	where := ""
	if connection, id, ok := strings.Cut(f.Identity, "/"); ok {
		where = connection + " " + names.Of(tenant, connection, id) + " "
	}
	return fmt.Sprintf("%s%s: %s → %s", where, words(f.Name), value(f.From), value(f.To))
}

// thing names what hangs on an identity.
func thing(tenant string, t replay.Thing, names *Names) string {
	connection, _, _ := strings.Cut(t.Identity, "/")
	e := events.Event{Tenant: tenant, Connection: connection, Data: events.Data{Entity: &events.Entity{Kind: t.Kind, Key: t.Key}}}
	n := e.Data.Entity
	var err error
	switch t.Kind {
	case events.KindStewardship:
		n.Stewardship = new(events.Stewardship)
		err = events.Unmarshal(t.Value, n.Stewardship)
	case events.KindCredential:
		n.Credential = new(events.Credential)
		err = events.Unmarshal(t.Value, n.Credential)
	case events.KindGrant:
		n.Grant = new(events.Grant)
		err = events.Unmarshal(t.Value, n.Grant)
	case events.KindDelegation:
		n.Delegation = new(events.Delegation)
		err = events.Unmarshal(t.Value, n.Delegation)
	case events.KindRisk:
		n.Risk = new(events.Risk)
		err = events.Unmarshal(t.Value, n.Risk)
	}
	if err != nil {
		return string(t.Kind) + " " + t.Key
	}
	return connection + " " + string(t.Kind) + ": " + what(&e, names)
}
