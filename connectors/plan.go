package connectors

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// lastEvents is the part of the log that the reconcile reads: the body that an entity had, of the entities that changed.
type lastEvents interface {
	Last(ctx context.Context, tenant, connection string, ref events.Ref) (events.Message, bool, error)
}

// source says whose readings are reconciled.
type source struct {
	tenant, connection, vendor string

	log     lastEvents
	breaker Breaker
	scrub   func(string) string // takes known secrets out of a text
}

// pulled is what one pull brought.
type pulled struct {
	owner    *feed // the running feed; nil in tests of the reconcile alone
	feed     *Feed
	page     Page
	results  []result         // the page's records, normalized, the earliest asked first
	began    time.Time        // when the pull began
	now      time.Time        // when the page was there
	resumed  bool             // the feed goes on from a former process's cursor and has not caught up since
	proven   bool             // the connection was probed: it may see, so a pass that shows nothing is believed
	believed bool             // the probe has answered: proven is its last word
	empty    map[string]bool  // scopes whose last listing was empty while the probe was good; nil: one such listing is enough
	swept    int              // entities that the feed has inferred gone since it was last caught up
	allowed  *Approval        // a standing approval
	sight    sight            // what the feed could see so far
	behind   bool             // something new has asked for a round that has not ended with this page
	blind    *events.Coverage // instead of a page: the feed sees nothing
}

// plan is what a page does to the log and to the state. The state changes when the plan is committed, after the log has the
// events.
type plan struct {
	pulled
	ctx context.Context
	src *source
	st  *state

	drafts   map[events.Ref]*draft
	byHolder map[string][]*draft
	byScope  map[string][]*draft // drafts that came into a scope
	passes   map[string]*pass    // the feed's passes as this page leaves them; nil: closed
	ghosts   map[events.Ref]moment
	refused  map[events.Ref]digest
	ids      map[string]bool // activities of this plan
	replaced []replaced      // scopes that readings showed in full
	listing  bool            // the page is part of a listing
	live     int             // live entities
	agents   int             // live agents

	events   []events.Event
	held     *Held     // the sweep that the breaker has stopped
	approved *Approval // the approval that let a sweep through
	owes     []string  // scopes that were sealed without a pass of this process: another pass must show them, at once
	later    []later   // scopes whose sweep did not take place
	settled  []string  // scopes whose sweep did
	doubts   bool      // a pass has shown nothing: it is not believed until a probe has shown that the connection may see
	stale    int       // readings dropped because something newer is known
	unknown  int       // records and entities that nothing understood
	inferred int       // entities inferred gone, cascades not counted
	sealed   int       // passes sealed and believed
	saw      sight     // what the feed could see, this page included
	whole    bool      // the feed is caught up with this page: no more to ask for, no pass under way
}

// draft is an entity's state as the plan leaves it.
type draft struct {
	entity
	to      string         // its scope's name
	was     *entity        // before the plan; nil: unknown
	body    *events.Entity // as of the plan's last event about it; nil: ask the log
	present moment         // the latest reading of this page that showed it, applied or not
}

// makePlan reconciles one page.
func makePlan(ctx context.Context, src *source, st *state, in pulled) (*plan, error) {
	p := &plan{
		pulled: in, ctx: ctx, src: src, st: st, live: st.live, agents: st.agents,
		drafts: map[events.Ref]*draft{}, byHolder: map[string][]*draft{}, byScope: map[string][]*draft{},
		passes: map[string]*pass{}, ghosts: map[events.Ref]moment{}, refused: map[events.Ref]digest{}, ids: map[string]bool{},
	}
	p.open()
	for i := range in.results {
		if err := p.read(&in.results[i]); err != nil {
			return nil, err
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	return p, p.cover()
}

// draft is the state of ref to look at and to change, or nil when ref is unknown.
func (p *plan) draft(ref events.Ref) *draft {
	if d := p.drafts[ref]; d != nil {
		return d
	}
	e := p.st.entities[ref]
	if e == nil {
		return nil
	}
	d := &draft{entity: *e, was: e, to: e.scope.String(), present: unasked}
	p.keep(d)
	return d
}

func (p *plan) keep(d *draft) {
	p.drafts[d.ref] = d
	p.byHolder[d.ref.Holder] = append(p.byHolder[d.ref.Holder], d)
}

// look is the state of ref without drafting it.
func (p *plan) look(ref events.Ref) *entity {
	if d := p.drafts[ref]; d != nil {
		return &d.entity
	}
	return p.st.entities[ref]
}

// former is the body that d's entity had before the change that is about to be made.
func (p *plan) former(d *draft) (*events.Entity, error) {
	if d.body != nil {
		return d.body, nil
	}
	m, ok, err := p.src.log.Last(p.ctx, p.src.tenant, p.src.connection, d.ref)
	if err != nil {
		return nil, fmt.Errorf("reading the last event of %s: %w", d.ref, err)
	}
	if !ok || m.Event.Data.Entity == nil {
		return bare(d.ref), nil
	}
	return m.Event.Data.Entity, nil
}

// become puts d into the given life and scope, and counts.
func (p *plan) become(d *draft, l life, scopeName string) {
	before, agents := counts(&d.entity), countsAgent(&d.entity)
	if l == alive && d.to != scopeName {
		p.byScope[scopeName] = append(p.byScope[scopeName], d)
	}
	d.life, d.to = l, scopeName
	if l != alive {
		d.to, d.missed = "", 0
	}
	p.live += counts(&d.entity) - before
	p.agents += countsAgent(&d.entity) - agents
}

// emit adds an event about an entity.
func (p *plan) emit(v events.Verb, at time.Time, data events.Data) {
	if at.IsZero() {
		at = p.now
	}
	typ := events.EntityType(data.Entity.Kind, v)
	p.events = append(p.events, events.New(p.src.tenant, p.src.connection, p.src.vendor, typ, at, p.now, data))
}

// commit makes the state what the plan has found, now that the log has the events.
func (p *plan) commit() {
	for _, d := range p.drafts {
		if d.was != nil || d.hash != (digest{}) {
			p.st.put(&d.entity, d.to)
		}
	}
	for ref, asked := range p.ghosts {
		p.st.ghosts.add(ref, asked)
	}
	for ref, h := range p.refused {
		p.st.refused[ref] = h
	}
	for i := range p.events {
		if a := p.events[i].Data.Activity; a != nil {
			p.st.recent.add(a.ID)
		}
	}
	p.commitPasses()
}
