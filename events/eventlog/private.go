package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcallhq/rollcall/events"
)

// makeKeys sees to it that the persons whose fields the events tell have keys, before the first of the events is written.
func (l *Log) makeKeys(ctx context.Context, page []events.Event) error {
	if l.opts.Keys == nil || !l.opts.Seal {
		return nil
	}
	var persons []events.PersonID
	seen := map[events.PersonID]bool{}
	for i := range page {
		if id, ok := page[i].PersonID(); ok && page[i].IsPersonal() && !seen[id] {
			seen[id] = true
			persons = append(persons, id)
		}
	}
	if len(persons) == 0 {
		return nil
	}
	return l.opts.Keys.Make(ctx, persons)
}

// private is the event as it is stored: a person's fields are sealed, and of one who was erased left out, whatever the vendor still
// tells.
func (l *Log) private(e *events.Event) (events.Event, error) {
	if l.opts.Keys == nil || !e.IsPersonal() {
		return *e, nil
	}
	id, _ := e.PersonID()
	key, err := l.opts.Keys.Key(id, "")
	switch {
	case errors.Is(err, events.ErrErased):
		return e.Bare(events.WithheldErased), nil
	case !l.opts.Seal:
		if err != nil && !errors.Is(err, events.ErrNoKey) {
			return *e, fmt.Errorf("finding out whether person %s was erased: %w", id, err)
		}
		return *e, nil
	case err != nil:
		return *e, fmt.Errorf("sealing the fields of person %s: %w", id, err)
	}
	return events.SealPerson(e, key)
}

// Keys are what opens the log's events, for who has their bytes from elsewhere; nil: nothing does.
func (l *Log) Keys() events.Keys { return l.keys() }

// keys are what opens the log's events; nil: nothing does.
func (l *Log) keys() events.Keys {
	if l.opts.Keys == nil {
		return nil
	}
	return l.opts.Keys
}
