package show

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// Names knows what the holders of events are called: an event about a credential names its agent only by id.
type Names struct {
	mu    sync.Mutex
	names map[[3]string]string
}

// NewNames makes an empty Names.
func NewNames() *Names { return &Names{names: map[[3]string]string{}} }

// NamesIn are the names of everybody that the roster knows in a tenant; an empty tenant means all.
func NamesIn(ctx context.Context, r roster.Reader, tenant string) (*Names, error) {
	n := NewNames()
	holders, err := r.Holders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	agents, err := r.Agents(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for i := range holders {
		n.LearnIdentity(&holders[i])
	}
	for i := range agents {
		for j := range agents[i].Identities {
			n.LearnIdentity(&agents[i].Identities[j])
		}
	}
	return n, nil
}

// Learn takes the name from an event about an agent, a blueprint or a person.
func (n *Names) Learn(e *events.Event) {
	if e.Data.Entity == nil {
		return
	}
	n.learn(e.Tenant, e.Connection, e.Data.Entity.Holder, e.Data.Entity.Agent, e.Data.Entity.Blueprint, e.Data.Entity.Person)
}

// LearnIdentity takes the name from the roster.
func (n *Names) LearnIdentity(i *roster.Identity) {
	n.learn(i.Tenant, i.Connection, i.Holder, i.Agent, i.Blueprint, i.Person)
}

func (n *Names) learn(tenant, connection, holder string, a *events.Agent, b *events.Blueprint, p *events.Person) {
	name := ""
	switch {
	case a != nil:
		name = a.Name
	case b != nil:
		name = b.Name
	case p != nil:
		name = cmp.Or(p.Name, p.UserName)
	}
	if name != "" {
		n.mu.Lock()
		n.names[[3]string{tenant, connection, holder}] = name
		n.mu.Unlock()
	}
}

// Of is the name of a holder, or its id.
func (n *Names) Of(tenant, connection, holder string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return cmp.Or(n.names[[3]string{tenant, connection, holder}], holder)
}

// Event writes one event as one line: when, where, what, of whom, and what of it.
func (p *Paper) Event(m *events.Message, names *Names) error {
	e := &m.Event
	names.Learn(e)
	ref := e.Ref()
	who := names.Of(e.Tenant, e.Connection, ref.Holder)
	if ref.Holder == events.ConnectionHolder {
		who = "(" + e.Connection + ")"
	}
	line := fmt.Sprintf("%s  %s  %s  %s", e.RecordedTime.Local().Format("15:04:05"), pad(cut(e.Connection, 12), 12),
		p.paint(verbColour(e), pad(string(e.Type), 20)), p.Bold(pad(cut(who, 34), 34)))
	if d := detail(e, names); d != "" {
		room := 200
		if p.Width > 0 {
			room = max(p.Width-84, 24)
		}
		line += "  " + p.Dim(cut(d, room))
	}
	_, err := fmt.Fprintln(p, strings.TrimRight(line, " "))
	return err
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
	parts := []string{what(e, names)}
	if e.Verb() == events.Updated || e.Verb() == events.Disabled || e.Verb() == events.Enabled {
		parts = append(parts, changes(e))
	}
	if g := e.Data.Gone; g != nil {
		parts = append(parts, g.Reason)
	} else if e.Data.FirstSeen != "" {
		parts = append(parts, "first seen in a listing")
	}
	return strings.Join(nonEmpty(parts...), " · ")
}

// what names the thing that the event is about.
func what(e *events.Event, names *Names) string {
	n := e.Data.Entity
	switch {
	case n.Agent != nil:
		return strings.ReplaceAll(n.Agent.Native, "_", " ")
	case n.Blueprint != nil:
		return strings.ReplaceAll(n.Blueprint.Native, "_", " ")
	case n.Person != nil:
		return n.Person.Native
	case n.Stewardship != nil:
		return n.Stewardship.Role + " " + names.Of(e.Tenant, e.Connection, n.Stewardship.Person)
	case n.Credential != nil:
		return describeCredential(n.Key, n.Credential)
	case n.Grant != nil:
		return describeGrant(n.Grant)
	case n.Delegation != nil:
		return describeDelegation(n.Delegation, func(id string) string { return names.Of(e.Tenant, e.Connection, id) })
	case n.Risk != nil:
		return n.Risk.Level
	case n.Coverage != nil:
		return strings.Join(nonEmpty(n.Coverage.Feed+": "+n.Coverage.State, n.Coverage.Reason), " · ")
	}
	return ""
}

func describeCredential(key string, c *events.Credential) string {
	s := c.Type + " " + cmp.Or(c.Name, key)
	if !c.Expires.IsZero() {
		s += " until " + c.Expires.Format("2006-01-02")
	}
	return s
}

func describeGrant(g *events.Grant) string {
	role := cmp.Or(g.RoleName, g.Role, strings.Join(g.Scopes, " "), g.Type)
	if on := cmp.Or(g.ResourceName, g.Resource); on != "" {
		role += " on " + on
	}
	return role
}

func describeDelegation(d *events.Delegation, name func(string) string) string {
	whom := "everyone"
	if d.Person != events.Everyone {
		whom = name(d.Person)
	}
	s := "for " + whom
	if len(d.Scopes) > 0 {
		s += ": " + strings.Join(d.Scopes, " ")
	}
	return s
}

// changes lists what changed, from what to what.
func changes(e *events.Event) string {
	now := map[string]jsontext.Value{}
	if body, err := events.Marshal(e.Data.Entity.Body()); err == nil {
		_ = events.Unmarshal(body, &now) // what was just written can be read
	}
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(e.Data.Changed)) {
		parts = append(parts, fmt.Sprintf("%s: %s → %s", field, short(e.Data.Changed[field]), short(now[field])))
	}
	return strings.Join(parts, ", ")
}

func short(v jsontext.Value) string {
	s := strings.Trim(string(v), `"`)
	if s == "" || s == "null" {
		return "none"
	}
	return cut(s, 40)
}

func nonEmpty(parts ...string) []string {
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// Deed writes what somebody did at a vendor, as a line among the events that follow from it.
func (p *Paper) Deed(at time.Time, vendor, text string) {
	p.Printf("%s\n", p.Dim(fmt.Sprintf("%s  %s  → %s", at.Local().Format("15:04:05"), pad(cut(vendor, 12), 12), clean(text))))
}
