package hub

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Lift ends an erasure: what the vendor tells of the person from now on is taken in again, under a new key. What was erased stays so. It is safe
// to repeat.
func (r *Reader) Lift(ctx context.Context, e Erase) error {
	plan, err := r.PlanErasure(ctx, e.PersonID)
	if err != nil {
		return err
	}
	marked, err := r.keys.Lift(ctx, e.PersonID) // before the log: a hub that starts in between erases again, and nothing is told in part
	if err != nil {
		return err
	}
	if !plan.Marked && !marked {
		return errors.New("the person is not erased: there is nothing to lift")
	}
	log, err := eventlog.Open(ctx, r.nc, eventlog.Options{Stream: r.stream})
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = tellOfPerson(ctx, log, e, func(last *events.Event) (events.Type, events.Data, bool) {
		entity := *last.Data.Entity
		entity.Person = entity.Person.Without("")
		return events.EntityType(events.KindPerson, events.Updated), events.Data{
			Entity: &entity, Gone: last.Data.Gone, Changed: map[string]jsontext.Value{"withheld": jsontext.Value(`"erased"`)},
		}, last.Data.Entity.Person.Withheld == events.WithheldErased
	})
	if err != nil {
		return fmt.Errorf("telling the log that the erasure is lifted: %w", err)
	}
	return nil
}
