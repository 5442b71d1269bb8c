package replay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcallhq/rollcall/events"
)

// Plan says what a re-delivery would do.
type Plan struct {
	Events  uint64                 `json:"events"`
	Types   map[events.Type]uint64 `json:"types"`
	Tenants map[string]uint64      `json:"tenants"`
	From    uint64                 `json:"from"` // sequence of the first event; 0: there is none
	Until   uint64                 `json:"until"`
	Damaged uint64                 `json:"damaged"` // messages that would be left out
	Seconds float64                `json:"seconds"` // that it takes at least, at its rate
}

// NewPlan counts what would be delivered, at so many events a second.
func NewPlan(messages iter.Seq2[events.Stored, error], perSecond float64) (Plan, error) {
	p := Plan{Types: map[events.Type]uint64{}, Tenants: map[string]uint64{}}
	for s, err := range messages {
		var kind events.Type
		var tenant string
		if err == nil {
			kind, err = s.Type()
		}
		if err == nil {
			tenant, _, _, err = events.ParseSubject(s.Subject)
		}
		switch {
		case events.Damaged(err):
			p.Damaged++
			continue
		case err != nil:
			return p, err
		case p.From == 0:
			p.From = s.Position.Sequence
		}
		p.Until = s.Position.Sequence
		p.Events++
		p.Types[kind]++
		p.Tenants[tenant]++
	}
	p.Seconds = float64(p.Events) / perSecond
	return p, nil
}

// Kinds are the plan's types, ordered.
func (p *Plan) Kinds() []events.Type { return slices.Sorted(maps.Keys(p.Types)) }

// Delivery is one event, told again.
type Delivery struct {
	*events.Stored
	Replay string // the replay's id
	Body   []byte // the event as a CloudEvent: as it was, with the extensions replay, epoch and sequence
}

// Target takes deliveries. Deliver returns when the target has the event, as far as can be known; after an error it has it or not.
type Target interface {
	Deliver(ctx context.Context, d Delivery) error
}

// Delivered says how far a re-delivery came.
type Delivered struct {
	Events  uint64
	Last    events.Position // of the last event that the target has, or that was left out
	Damaged []error         // what was left out
}

// Deliver hands messages over one by one, in the order of the log, at most so many a second. It ends with the first failure; the
// event behind Last is then the one to begin with again. progress, if set, is told after each.
func Deliver(ctx context.Context, messages iter.Seq2[events.Stored, error], to Target, id string, perSecond float64, progress func(done uint64)) (Delivered, error) {
	var d Delivered
	limit := rate.NewLimiter(rate.Limit(perSecond), 1)
	for s, err := range messages {
		var body []byte
		if err == nil {
			err = s.Valid()
		}
		if err == nil {
			body, err = s.With(fmt.Sprintf(`"replay":"%s",%s`, events.Token(id), s.Position.Extensions()))
		}
		switch {
		case events.Damaged(err):
			d.Damaged, d.Last = append(d.Damaged, err), s.Position
			continue
		case err != nil:
			return d, err
		}
		if err := limit.Wait(ctx); err != nil { // ctx is done, or would be before the wait is over
			return d, cmp.Or(context.Cause(ctx), err)
		}
		if err := to.Deliver(ctx, Delivery{&s, id, body}); err != nil {
			return d, fmt.Errorf("event at %d: %w", s.Position.Sequence, err)
		}
		d.Events++
		d.Last = s.Position
		if progress != nil {
			progress(d.Events)
		}
	}
	return d, ctx.Err()
}

// Least is how long it takes at least.
func (p *Plan) Least() time.Duration {
	return time.Duration(p.Seconds * float64(time.Second)).Round(time.Second / 10)
}
