package connectors

import (
	"context"
	"slices"

	"github.com/rollcallhq/rollcall/events"
)

type knownKey struct{}

// Known are the holders of all living identities of a kind that the log knows of the connection, sorted. A Pull asks with its own
// context; outside of a runner nothing is known.
func Known(ctx context.Context, k events.Kind) []string {
	if s, ok := ctx.Value(knownKey{}).(*session); ok {
		return s.known(k)
	}
	return nil
}

// IsKnown reports whether the log knows the entity, and that it lives. A Pull asks with its own context, for example to read at once
// what hangs on an agent that is new; outside of a runner nothing is known.
func IsKnown(ctx context.Context, ref events.Ref) bool {
	s, ok := ctx.Value(knownKey{}).(*session)
	return ok && s.isKnown(ref)
}

func (s *session) known(k events.Kind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for ref, e := range s.st.entities {
		if ref.Kind == k && ref.Key == events.Self && e.life == alive {
			out = append(out, ref.Holder)
		}
	}
	slices.Sort(out)
	return out
}

func (s *session) isKnown(ref events.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.st.entities[ref]
	return e != nil && e.life == alive
}
