package connectors

import (
	"context"
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

// Knower is what a Pull may ask of the log, through its context.
type Knower interface {
	// Known are the holders of all living identities of a kind that the log knows of the connection, sorted.
	Known(events.Kind) []string

	// IsKnown reports whether the log knows the entity, and that it lives.
	IsKnown(events.Ref) bool

	// Holds reports whether the log knows anything living of a kind that hangs on a holder.
	Holds(holder string, k events.Kind) bool
}

type knowerKey struct{}

// Knowing is a context for a Pull that may ask k. The runner makes it; so does a connector's test.
func Knowing(ctx context.Context, k Knower) context.Context {
	return context.WithValue(ctx, knowerKey{}, k)
}

// Known asks the [Knower] of a Pull's context. Without one nothing is known.
func Known(ctx context.Context, k events.Kind) []string {
	if s, ok := ctx.Value(knowerKey{}).(Knower); ok {
		return s.Known(k)
	}
	return nil
}

// IsKnown asks the [Knower] of a Pull's context, for example to read at once what hangs on an agent that is new. Without one nothing
// is known.
func IsKnown(ctx context.Context, ref events.Ref) bool {
	s, ok := ctx.Value(knowerKey{}).(Knower)
	return ok && s.IsKnown(ref)
}

// Holds asks the [Knower] of a Pull's context, for example whether an empty answer would take something away. Without one nothing is
// known.
func Holds(ctx context.Context, holder string, k events.Kind) bool {
	s, ok := ctx.Value(knowerKey{}).(Knower)
	return ok && s.Holds(holder, k)
}

// Known is part of [Knower].
func (s *session) Known(k events.Kind) []string {
	s.known.RLock()
	defer s.known.RUnlock()
	var out []string
	for ref, e := range s.st.entities {
		if ref.Kind == k && ref.Key == events.Self && e.life == alive {
			out = append(out, ref.Holder)
		}
	}
	slices.Sort(out)
	return out
}

// IsKnown is part of [Knower].
func (s *session) IsKnown(ref events.Ref) bool {
	s.known.RLock()
	defer s.known.RUnlock()
	e := s.st.entities[ref]
	return e != nil && e.life == alive
}

// Holds is part of [Knower]. Who asks it is about to say that there is nothing: it waits for what is just being stored.
func (s *session) Holds(holder string, k events.Kind) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.st.holders[holder], func(e *entity) bool { return e.ref.Kind == k && e.life == alive })
}
