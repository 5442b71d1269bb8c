package connectors

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcallhq/rollcall/events"
)

// model is the reconcile of one list of agents in the plainest words: what is known of each agent, and the pass under way.
type model struct {
	agents map[string]*modelAgent
	ghosts map[string]int // tombstones of agents that nobody knew
	pass   *modelPass
	events int
}

type modelAgent struct {
	life    life
	name    string
	asked   int
	version int
	logged  int // the version of its last event
}

type modelPass struct {
	opened int
	shown  map[string]bool
}

// modelReading is one thing that a record says of one agent.
type modelReading struct {
	id      string
	asked   int
	name    string // of a live one
	version int
	gone    bool
	soft    bool
}

func (m *model) page(now int, opens, seals, breaks bool, rs []modelReading) {
	opened := now
	for _, r := range rs {
		opened = min(opened, r.asked)
	}
	if opens {
		m.pass = &modelPass{opened: opened, shown: map[string]bool{}}
	}
	for _, r := range rs {
		if r.gone {
			m.tombstone(r)
		} else {
			m.reading(r)
		}
	}
	if breaks {
		m.pass = nil
	}
	if seals && m.pass != nil {
		for id, a := range m.agents {
			if a.life == alive && !m.pass.shown[id] && a.asked < m.pass.opened {
				a.life, a.asked = gone, m.pass.opened
				m.events++
			}
		}
		m.pass = nil
	}
}

func (m *model) reading(r modelReading) {
	a := m.agents[r.id]
	if a == nil {
		if g, ok := m.ghosts[r.id]; ok && r.asked < g {
			return
		}
		a = &modelAgent{life: gone, asked: math.MinInt}
		m.agents[r.id] = a
	}
	if m.pass != nil {
		m.pass.shown[r.id] = true
	}
	if r.asked < a.asked || r.version != 0 && r.version < a.version {
		return
	}
	if a.life != alive || a.name != r.name {
		m.events++
		a.logged = r.version
	}
	a.life, a.name, a.asked, a.version = alive, r.name, r.asked, max(a.version, r.version)
}

func (m *model) tombstone(r modelReading) {
	a := m.agents[r.id]
	if a == nil {
		m.ghosts[r.id] = max(m.ghosts[r.id], r.asked)
		return
	}
	if r.asked < a.asked {
		return
	}
	a.asked = r.asked
	switch {
	case a.life == alive && r.soft:
		a.life = restorable
		m.events++
	case a.life != gone && !r.soft:
		a.life = gone
		m.events++
	}
}

func (m *model) restart() {
	m.pass, m.ghosts = nil, map[string]int{}
	for _, a := range m.agents {
		a.asked, a.version = math.MinInt, a.logged
	}
}

// TestModel reconciles random pages, with readings that come late, twice and out of order, with passes that are sealed, broken
// and cut by restarts, and holds the log to the model after each.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		b.src.breaker = Breaker{Max: 1000, Share: 1, Min: 1000}
		m := &model{agents: map[string]*modelAgent{}, ghosts: map[string]int{}}
		began := b.seen
		for now := 10; now < 10+rapid.IntRange(1, 25).Draw(rt, "pages"); now++ {
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				b.restart()
				m.restart()
			}
			page, rs := drawPage(rt, now)
			var results []result
			for _, r := range rs {
				results = append(results, b.rec(float64(r.asked), r.reading(b)))
			}
			m.page(now, len(page.Opens) > 0, len(page.Seals) > 0, len(page.Breaks) > 0, rs)
			b.page(float64(now), page, results...)
			compare(rt, b, m, b.seen-began)
		}
	})
}

func drawPage(rt *rapid.T, now int) (Page, []modelReading) {
	var p Page
	scope := []string{"agents"}
	switch rapid.SampledFrom([]string{"", "", "opens", "seals", "seals", "breaks", "whole"}).Draw(rt, "pass") {
	case "opens":
		p.Opens = scope
	case "seals":
		p.Seals = scope
	case "breaks":
		p.Breaks = scope
	case "whole":
		p.Opens, p.Seals = scope, scope
	}
	rs := make([]modelReading, rapid.IntRange(0, 4).Draw(rt, "readings"))
	for i := range rs {
		rs[i] = modelReading{
			id:      rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "id"),
			asked:   now - max(0, rapid.IntRange(-4, 6).Draw(rt, "age")),
			name:    rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "name"),
			version: rapid.IntRange(0, 3).Draw(rt, "version"),
			gone:    rapid.IntRange(0, 3).Draw(rt, "gone") == 0,
			soft:    rapid.Bool().Draw(rt, "soft"),
		}
	}
	slices.SortStableFunc(rs, func(a, b modelReading) int { return a.asked - b.asked })
	return p, rs
}

func (r modelReading) reading(b *bench) Reading {
	switch {
	case r.gone && r.soft:
		return softGone(r.id)
	case r.gone:
		return goneAgent(r.id)
	case r.version == 0:
		return says(agent(r.id, r.name))
	}
	return says(agent(r.id, r.name, version(b.base.AddDate(0, 0, r.version))))
}

func compare(rt *rapid.T, b *bench, m *model, got int) {
	if got != m.events {
		rt.Fatalf("%d events, the model has %d: %v", got, m.events, b.log.types())
	}
	for id, a := range m.agents {
		e := b.st.entities[events.Identity(events.KindAgent, id)]
		if e == nil || e.life != a.life {
			rt.Fatalf("agent %s: %+v, the model has %+v", id, e, a)
		}
		last, _, _ := b.log.Last(context.Background(), "", "", e.ref)
		if name := last.Event.Data.Entity.Agent.Name; name != a.name {
			rt.Fatalf("agent %s is called %s in the log, the model has %s", id, name, a.name)
		}
		if e.asked != unasked && fmt.Sprint(b.st.time(e.asked).Sub(b.base).Seconds()) != fmt.Sprint(a.asked) {
			rt.Fatalf("agent %s was asked for at %v, the model has %d", id, b.st.time(e.asked).Sub(b.base), a.asked)
		}
	}
	if n := len(b.st.entities) - 1; n != len(m.agents) { // the feed's coverage is one
		rt.Fatalf("%d agents, the model has %d", n, len(m.agents))
	}
}
