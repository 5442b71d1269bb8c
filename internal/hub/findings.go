package hub

import (
	"cmp"
	"context"

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
