package connectors

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// state is what the reconcile remembers of one connection. Bodies are not kept: the log has them. With its indexes an entity
// costs some 350 bytes plus its holder and key (measured by TestStateMemory), so that 100,000 entities take about 40 MB.
type state struct {
	base     time.Time // the zero of all moments
	entities map[events.Ref]*entity
	holders  map[string][]*entity
	scopes   map[string]*scope
	live     int                         // live entities, coverage not counted
	agents   int                         // live agents
	passes   map[string]map[string]*pass // open ones, by feed and scope
	lastPass uint32                      // the id given last
	refused  map[events.Ref]digest       // contents that the log cannot take
	ghosts   ghosts
	recent   recent
}

// entity is one entity's last known state.
type entity struct {
	ref      events.Ref
	scope    *scope
	at       int32  // in scope.members
	mark     uint32 // the pass that showed it last
	hash     digest
	version  int64  // the vendor's stamp in nanoseconds since 1970; 0: none
	asked    moment // of the reading applied last; unasked when it was not in this process
	shown    moment // when it was last shown or, of one that is gone, when it was known to be
	missedAt moment // when a sealed pass first missed it
	missed   uint16 // how many sealed passes in a row
	life     life
	erased   bool // a person who was erased: name and addresses that the vendor still tells are passed over
}

// digest is the first half of a SHA-256.
type digest [16]byte

// moment is a time in nanoseconds since state.base, by the monotonic clock where there is one: within the process that the
// base is of, moments compare whatever happens to the wall clock.
type moment int64

// unasked is the moment of what was loaded from the log. Another process's clock does not compare, so every reading of this
// process is later.
const unasked = moment(math.MinInt64)

// life is whether an entity is there.
type life uint8

const (
	alive      life = iota
	restorable      // softly deleted
	gone
)

// scope is a listing and the live entities that it would still show.
type scope struct {
	name    string
	members []*entity
}

func (s *scope) add(e *entity) {
	e.scope, e.at = s, int32(len(s.members))
	s.members = append(s.members, e)
}

func (s *scope) remove(e *entity) {
	last := s.members[len(s.members)-1]
	s.members[e.at], last.at = last, e.at
	s.members[len(s.members)-1] = nil
	s.members = s.members[:len(s.members)-1]
	e.scope = nil
}

func (s *scope) String() string {
	if s == nil {
		return ""
	}
	return s.name
}

func newState(base time.Time) *state {
	return &state{
		base: base, entities: map[events.Ref]*entity{}, holders: map[string][]*entity{}, scopes: map[string]*scope{},
		passes: map[string]map[string]*pass{}, refused: map[events.Ref]digest{},
	}
}

// load reads a connection's last states.
func load(base time.Time, states iter.Seq2[events.Message, error], damaged func(error)) (*state, error) {
	st := newState(base)
	for m, err := range states {
		if events.Damaged(err) {
			damaged(err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("loading the connection's last states: %w", err)
		}
		if m.Event.Data.Entity == nil {
			continue
		}
		if err := st.add(&m.Event); err != nil {
			return nil, fmt.Errorf("loading the connection's last states: position %s: %w", m.Position, err)
		}
	}
	return st, nil
}

// add takes the last event of an entity for its state.
func (st *state) add(ev *events.Event) error {
	h, err := contentHash(ev.Data.Entity)
	if err != nil {
		return err
	}
	at := ev.Data.Evidence.Asked
	if at.IsZero() {
		at = ev.RecordedTime
	}
	e := entity{ref: ev.Ref(), hash: h, version: stamp(ev.Data.Entity.Version), asked: unasked, shown: st.moment(at)}
	if person := ev.Data.Entity.Person; person != nil {
		e.erased = person.Withheld == events.WithheldErased
	}
	if g := ev.Data.Gone; g != nil {
		e.life = gone
		if g.Restorable {
			e.life = restorable
		}
	}
	st.put(&e, ev.Data.Entity.Scope)
	return nil
}

// put makes e the state of its entity, in the named scope if it is live.
func (st *state) put(e *entity, scopeName string) {
	old := st.entities[e.ref]
	if old == nil {
		old = &entity{ref: e.ref, life: gone}
		st.entities[e.ref] = old
		st.holders[e.ref.Holder] = append(st.holders[e.ref.Holder], old)
	}
	st.live += counts(e) - counts(old)
	st.agents += countsAgent(e) - countsAgent(old)
	if old.scope != nil {
		st.leave(old)
	}
	*old = *e
	old.scope = nil
	if e.life == alive && scopeName != "" {
		st.scope(scopeName).add(old)
	}
}

func (st *state) scope(name string) *scope {
	s := st.scopes[name]
	if s == nil {
		s = &scope{name: name}
		st.scopes[name] = s
	}
	return s
}

func (st *state) leave(e *entity) {
	s := e.scope
	s.remove(e)
	if len(s.members) == 0 {
		delete(st.scopes, s.name)
	}
}

// counts is 1 for what the breaker counts among the live.
func counts(e *entity) int {
	if e.life == alive && e.ref.Kind != events.KindCoverage {
		return 1
	}
	return 0
}

// countsAgent is 1 for a live agent.
func countsAgent(e *entity) int {
	if e.ref.Kind == events.KindAgent {
		return counts(e)
	}
	return 0
}

func (st *state) moment(t time.Time) moment { return moment(t.Sub(st.base)) }

func (st *state) time(m moment) time.Time { return st.base.Add(time.Duration(m)).UTC().Round(0) }

// contentHash is the digest of what an entity says, its version left out.
func contentHash(e *events.Entity) (digest, error) {
	c := *e
	c.Version = time.Time{}
	b, err := events.Marshal(&c)
	if err != nil {
		return digest{}, fmt.Errorf("entity %s cannot be written as JSON: %w", e.Ref(), err)
	}
	sum := sha256.Sum256(b)
	return digest(sum[:16]), nil
}

// stamp is a vendor's time as a number; 0 for none.
func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
