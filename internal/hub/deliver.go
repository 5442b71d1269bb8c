package hub

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/replay"
)

// SubjectTarget delivers replayed events to one NATS subject: with an acknowledgement where a stream keeps it, else to whoever
// subscribes now.
type SubjectTarget struct {
	subject string
	nc      *nats.Conn
	js      jetstream.JetStream // nil: no stream keeps the subject
}

// deliverTime is how long the server may take for one event.
const deliverTime = 10 * time.Second

// Subject makes a target of a subject. It refuses those of Rollcall and of the server: a replay must not come back into the log.
func (r *Reader) Subject(ctx context.Context, subject string) (*SubjectTarget, error) {
	for part := range strings.SplitSeq(subject, ".") {
		if part == "" || strings.ContainsAny(part, "*> \t\r\n") {
			return nil, fmt.Errorf("--to-subject: %q is no subject to publish to: it has parts joined by dots, without wildcards", subject)
		}
	}
	if first, _, _ := strings.Cut(subject, "."); first == "rollcall" || strings.HasPrefix(first, "$") {
		return nil, fmt.Errorf("--to-subject: %s belongs to the log or the server: a replay goes to a subject of its reader's own", subject)
	}
	js, err := jetstream.New(r.nc)
	if err != nil {
		return nil, err
	}
	t := &SubjectTarget{subject: subject, nc: r.nc, js: js}
	_, err = js.StreamNameBySubject(ctx, subject)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		t.js, err = nil, nil
	}
	return t, err
}

// String names the subject.
func (t *SubjectTarget) String() string { return "subject " + t.subject }

// Kept reports whether a stream keeps the subject, so that an event that was delivered is not lost.
func (t *SubjectTarget) Kept() bool { return t.js != nil }

// Deliver implements [replay.Target].
func (t *SubjectTarget) Deliver(ctx context.Context, d replay.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	m := nats.NewMsg(t.subject)
	m.Data = d.Body
	m.Header = nats.Header{
		eventlog.ContentTypeHeader: {eventlog.ContentType}, eventlog.FeedHeader: {events.Token(d.Feed)}, eventlog.HashHeader: {d.Hash},
		replay.ReplayHeader: {d.Replay}, "Rollcall-Subject": {d.Subject}, "Rollcall-Sequence": {strconv.FormatUint(d.Position.Sequence, 10)},
		"Rollcall-Epoch": {d.Position.Epoch}, jetstream.MsgIDHeader: {d.Replay + ":" + d.Position.String()},
	}
	if t.js == nil {
		if err := t.nc.PublishMsg(m); err != nil {
			return err
		}
		return t.nc.FlushWithContext(ctx)
	}
	_, err := t.js.PublishMsg(ctx, m)
	return err
}
