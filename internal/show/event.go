package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// Event writes one event as one line: when, where, what, of whom, and what of it.
func (p *Paper) Event(m *events.Message, names *Names) error {
	e := &m.Event
	names.Learn(e)
	ref := e.Ref()
	who := short(names.Of(e.Tenant, e.Connection, ref.Holder))
	if ref.Holder == events.ConnectionHolder {
		who = "the connection"
	}
	where, name := p.eventColumns()
	line := fmt.Sprintf("%s  %s  %s  %s", e.RecordedTime.Local().Format("15:04:05"), pad(cut(e.Connection, where), where),
		p.paint(verbColour(e), pad(cut(string(e.Type), 19), 19)), p.Bold(pad(cut(who, name), name)))
	if d := detail(e, names); d != "" {
		room := 200
		if p.Width > 0 {
			room = max(p.Width-where-name-35, 12)
		}
		line += "  " + p.Dim(cut(d, room))
	}
	_, err := fmt.Fprintln(p, strings.TrimRight(line, " "))
	return err
}

// eventColumns are the widths of the connection's and the holder's name: narrow terminals need room for the rest.
func (p *Paper) eventColumns() (where, name int) {
	if p.Width > 0 && p.Width < 110 {
		return 6, 22
	}
	return 12, 28
}

// Deed writes what somebody did at a vendor, as a line among the events that follow from it.
func (p *Paper) Deed(at time.Time, tenant, vendor, text string, names *Names) {
	where, _ := p.eventColumns()
	text = "» " + names.Text(tenant, vendor, text)
	room := 200
	if p.Width > 0 {
		room = max(p.Width-where-12, 12)
	}
	p.Printf("%s\n", p.paint(cyan, fmt.Sprintf("%s  %s  %s", at.Local().Format("15:04:05"), pad(cut(vendor, where), where), cut(text, room))))
}

// EventJSON writes one event as one line of JSON: the CloudEvents envelope, with its position.
func (p *Paper) EventJSON(m *events.Message) error {
	b, err := events.Marshal(struct {
		Position events.Position `json:"position"`
		events.Event
	}{m.Position, m.Event})
	if err != nil {
		return err
	}
	_, err = p.Write(append(b, '\n'))
	return err
}

func verbColour(e *events.Event) string {
	switch e.Verb() {
	case events.Created, events.Restored, events.Enabled:
		return green
	case events.Deleted, events.Disabled:
		return red
	case events.Updated:
		return yellow
	}
	return cyan
}

// detail says what of it, in a few words.
func detail(e *events.Event, names *Names) string {
	if a := e.Data.Activity; a != nil {
		return strings.Join(nonEmpty(a.Message, a.Native, a.Outcome), " · ")
	}
	if e.Data.Entity == nil {
		return ""
	}
	parts := []string{what(e, names)}
	switch e.Verb() {
	case events.Updated, events.Disabled, events.Enabled:
		parts = append(parts, changes(e, names))
	case events.Created:
		parts = append(parts, age(e))
	}
	return strings.Join(nonEmpty(append(parts, gone(e))...), " · ")
}

// gone says how something is known to be gone, where that is more than that the vendor said so.
func gone(e *events.Event) string {
	switch g := e.Data.Gone; {
	case g == nil:
		return ""
	case g.Restorable:
		return "may be restored"
	case g.Inferred:
		return "no longer listed"
	default:
		return g.Reason
	}
}

// age warns of an agent or a blueprint that is new here, but not at the vendor.
func age(e *events.Event) string {
	var created time.Time
	switch n := e.Data.Entity; {
	case n.Agent != nil:
		created = n.Agent.Created
	case n.Blueprint != nil:
		created = n.Blueprint.Created
	default:
		return ""
	}
	switch {
	case !created.IsZero() && e.RecordedTime.Sub(created) > 24*time.Hour:
		return "there since " + date(created)
	case created.IsZero() && e.Data.FirstSeen != "":
		return "may be older"
	}
	return ""
}

// changes lists what changed, from what to what. The vendor's word for a status is left out beside the status.
func changes(e *events.Event, names *Names) string {
	now := map[string]jsontext.Value{}
	if body, err := events.Marshal(e.Data.Entity.Body()); err == nil {
		_ = events.Unmarshal(body, &now) // what was just written can be read
	}
	_, status := e.Data.Changed["status"]
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(e.Data.Changed)) {
		if status && field == "native_status" {
			continue
		}
		from, to := value(e.Data.Changed[field]), value(now[field])
		if field == "blueprint" {
			from, to = names.Of(e.Tenant, e.Connection, from), names.Of(e.Tenant, e.Connection, to)
		}
		parts = append(parts, fmt.Sprintf("%s: %s → %s", strings.ReplaceAll(field, "_", " "), from, to))
	}
	return strings.Join(parts, ", ")
}

func value(v jsontext.Value) string {
	s := strings.Trim(string(v), `"`)
	if s == "" || s == "null" {
		return "none"
	}
	return cut(s, 40)
}

func nonEmpty(parts ...string) []string {
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}
