package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Feeds are the three of them.
func (c *Chaos) Feeds() []connectors.Feed {
	return []connectors.Feed{
		{Name: "agents", Kinds: []events.Kind{events.KindAgent}, Every: time.Second, Passes: 2, Pull: c.pullAgents},
		{Name: "changes", Kinds: []events.Kind{events.KindAgent}, Every: time.Second, Pull: c.pullChanges},
		{Name: "owners", Kinds: []events.Kind{events.KindStewardship}, Every: time.Second, Pull: c.pullOwners},
	}
}

// cursor is "<era>/<place>".
func (c *Chaos) cursor(place string) connectors.Cursor {
	return connectors.Cursor(fmt.Sprintf("%d/%s", c.era, place))
}

// place is what a cursor says, or a fault when it has expired.
func (c *Chaos) place(from connectors.Cursor) (string, error) {
	if from == nil {
		return "", nil
	}
	era, place, _ := strings.Cut(string(from), "/")
	if era != fmt.Sprint(c.era) {
		return "", &connectors.Fault{Kind: connectors.CursorExpired, Err: errors.New("the cursor is of an earlier era")}
	}
	return place, nil
}

// pullAgents lists by id. Where items drift, it is by script, so that it never happens in two passes in a row.
func (c *Chaos) pullAgents(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	asked := time.Now()
	empty, err := c.hit(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.clean = false
		return connectors.Page{}, err
	}
	after, err := c.place(from)
	if err != nil {
		return connectors.Page{}, err
	}
	p := connectors.Page{}
	if after == "" {
		p.Opens = []string{"agents"}
		c.clean = c.lied
	}
	if empty && after == "" {
		c.lie()
		p.Seals = []string{"agents"}
		return p, nil
	}
	c.agentsPage(&p, after, asked)
	return p, nil
}

// agentsPage fills a page with the agents behind one.
func (c *Chaos) agentsPage(p *connectors.Page, after string, asked time.Time) {
	ids := c.ids()
	start := behind(ids, after)
	if after != "" && !c.lied && c.play(Drift) {
		c.lie()
		start++
	}
	if after != "" && !c.lied && c.play(DropPage) {
		c.lie()
		start += chaosPage
	}
	end := min(start+chaosPage, len(ids))
	for _, id := range ids[min(start, end):end] {
		p.Records = append(p.Records, c.record(c.agents[id], asked))
	}
	c.spoil(p, asked)
	switch {
	case end == len(ids):
		p.Seals = []string{"agents"}
		c.lied = c.lied && !c.clean
	case after != "" && c.play(Cycle):
		c.clean = false
		p.Next, p.More = c.cursor(after), true
	default:
		p.Next, p.More = c.cursor(ids[end-1]), true
	}
}

// behind is the place of the first id after one; the empty one comes before all.
func behind(ids []string, after string) int {
	n, found := slices.BinarySearch(ids, after)
	if found {
		n++
	}
	return n
}

// lie notes that items vanish in this pass. None vanish again until a whole pass has been answered well.
func (c *Chaos) lie() { c.lied, c.clean = true, false }

// spoil adds what a listing shows that it should not.
func (c *Chaos) spoil(p *connectors.Page, asked time.Time) {
	if len(p.Records) > 0 && c.play(Duplicate) {
		p.Records = append(p.Records, p.Records[0])
	}
	if len(c.late) > 0 && c.play(LatePage) {
		p.Records = append(p.Records, c.late...)
		c.late = nil
	}
	if len(c.late) == 0 && len(p.Records) > 0 {
		c.late = slices.Clone(p.Records)
	}
	if c.play(Poison) {
		p.Records = append(p.Records, connectors.Record{Type: "agent", Body: []byte(`{"Poison":"` + fmt.Sprint(c.serial) + `"}`), Asked: asked})
	}
}

// chaosRecord is the shape of a record.
type chaosRecord struct {
	Entity events.Entity `json:"entity,omitzero"`
	Gone   string        `json:"gone,omitzero"`
	Owners []string      `json:"owners,omitzero"`
	Of     string        `json:"of,omitzero"`
}

func (c *Chaos) record(a *chaosAgent, asked time.Time) connectors.Record {
	body, err := events.Marshal(chaosRecord{Entity: a.entity()})
	if err != nil {
		panic(err)
	}
	return connectors.Record{Type: "agent", Body: body, Asked: asked}
}

// pullChanges reads the log of changes: each names an agent, whose state is then read.
func (c *Chaos) pullChanges(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	asked := time.Now()
	empty, err := c.hit(ctx)
	if err != nil {
		return connectors.Page{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	place, err := c.place(from)
	if err != nil {
		return connectors.Page{}, err
	}
	at := len(c.log)
	if place != "" {
		if _, err := fmt.Sscan(place, &at); err != nil {
			return connectors.Page{}, err
		}
	}
	if empty {
		return connectors.Page{Next: c.cursor(fmt.Sprint(at))}, nil
	}
	end := min(at+chaosPage, len(c.log))
	p := connectors.Page{Next: c.cursor(fmt.Sprint(end)), More: end < len(c.log)}
	for _, ch := range c.log[at:end] {
		if a := c.agents[ch.agent]; a.gone {
			body, _ := events.Marshal(chaosRecord{Gone: a.id})
			p.Records = append(p.Records, connectors.Record{Type: "change", Body: body, Asked: asked})
		} else {
			p.Records = append(p.Records, c.record(a, asked))
		}
	}
	return p, nil
}

// pullOwners reads the owners of three agents at a time.
func (c *Chaos) pullOwners(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	asked := time.Now()
	empty, err := c.hit(ctx)
	if err != nil {
		return connectors.Page{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	after, err := c.place(from)
	if err != nil || empty {
		return connectors.Page{}, err
	}
	ids := c.ids()
	start := behind(ids, after)
	end := min(start+chaosPage, len(ids))
	var p connectors.Page
	for _, id := range ids[start:end] {
		body, _ := events.Marshal(chaosRecord{Of: id, Owners: c.agents[id].owners})
		p.Records = append(p.Records, connectors.Record{Type: "owners", Body: body, Asked: asked})
	}
	if end < len(ids) {
		p.Next, p.More = c.cursor(ids[end-1]), true
	}
	return p, nil
}

// Normalize reads a record.
func (c *Chaos) Normalize(rec connectors.Record) (connectors.Reading, error) {
	var r chaosRecord
	if err := events.Unmarshal(rec.Body, &r); err != nil {
		return connectors.Reading{}, err
	}
	switch {
	case r.Of != "":
		out := connectors.Reading{Replaces: []string{"owners/" + r.Of}}
		for _, p := range r.Owners {
			out.Entities = append(out.Entities, events.Entity{Kind: events.KindStewardship, Holder: r.Of, Key: ownerKey(p), Scope: "owners/" + r.Of,
				Stewardship: &events.Stewardship{Role: "owner", Person: p}})
		}
		return out, nil
	case r.Gone != "":
		return connectors.Reading{Tombstones: []connectors.Tombstone{{Ref: events.Identity(events.KindAgent, r.Gone), Reason: "deleted", Restorable: true}}}, nil
	case r.Entity.Agent != nil:
		return connectors.Reading{Entities: []events.Entity{r.Entity}}, nil
	}
	return connectors.Reading{}, errors.New("the record is of none of the known shapes")
}
