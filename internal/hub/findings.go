package hub

import (
	"cmp"
	"context"
	"iter"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// findingsOf names the stream of findings beside a log's.
func findingsOf(stream string) string { return cmp.Or(stream, eventlog.DefaultStream) + "_FINDINGS" }

// openFindings opens the stream in which it is told what the roster concludes.
func openFindings(ctx context.Context, js jetstream.JetStream, stream string, replicas int, readOnly bool) (*projections.Hearing, error) {
	return projections.OpenHearing(ctx, js, projections.HearingOptions{
		Stream: findingsOf(stream), Prefix: events.FindingsPrefix, Teller: roster.Name, Replicas: replicas, ReadOnly: readOnly,
	})
}

// Findings yields the events that findings were raised and cleared, of a tenant or of all, in the order in which it was told; if it follows,
// then what will be, until ctx ends.
func (r *Reader) Findings(ctx context.Context, tenant string, follow bool) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		told, err := openFindings(ctx, r.js, r.stream, 0, true)
		if err != nil {
			yield(events.Event{}, err)
			return
		}
		subject := events.FindingsPrefix + ".>"
		if tenant != "" {
			subject = events.FindingsPrefix + "." + events.Token(tenant) + ".>"
		}
		told.Read(ctx, subject, follow)(yield)
	}
}
