package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/rollcallhq/rollcall/events"
)

// Hearing keeps what a projection tells in a JetStream stream of its own, one subject for each thing that it tells of, for good. Apps follow
// its subjects. Each event is there once: the place of the last one moves in the same atomic batch, under compare-and-set.
type Hearing struct {
	js   jetstream.JetStream
	s    jetstream.Stream
	name string
	own  string // subject of the place of the last event
}

// HearingOptions say how the stream is made where it is not there yet.
type HearingOptions struct {
	Stream   string
	Prefix   string // of the subjects of what is told: "rollcall.findings"
	Teller   string // whose place is kept, under "rollcall.told.<teller>"
	Replicas int    // 0: one
	ReadOnly bool   // do not make it; it must be there
}

// toldPrefix begins the subjects of places.
const toldPrefix = "rollcall.told"

// OpenHearing opens the stream, or makes it.
func OpenHearing(ctx context.Context, js jetstream.JetStream, o HearingOptions) (*Hearing, error) {
	h := &Hearing{js: js, name: o.Stream, own: toldPrefix + "." + events.Token(o.Teller)}
	var err error
	h.s, err = js.Stream(ctx, o.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) && !o.ReadOnly {
		h.s, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: o.Stream, Description: "what Rollcall concludes from its log", Subjects: []string{o.Prefix + ".>", toldPrefix + ".>"},
			Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, Replicas: max(o.Replicas, 1),
			MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
			AllowDirect: true, AllowAtomicPublish: true, AllowRollup: true, DenyDelete: true,
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			h.s, err = js.Stream(ctx, o.Stream)
		}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("there is no stream %s yet: start a hub with `rollcall up` first", o.Stream)
	}
	if err != nil {
		return nil, fmt.Errorf("opening stream %s: %w", o.Stream, err)
	}
	if !h.s.CachedInfo().Config.AllowAtomicPublish {
		return nil, fmt.Errorf("stream %s does not allow atomic batches: run `nats stream edit %s --allow-batch`", o.Stream, o.Stream)
	}
	return h, nil
}

// Heard implements [Hearer].
func (h *Hearing) Heard(ctx context.Context) (Heard, error) {
	m, err := h.s.GetLastMsgForSubject(ctx, h.own)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Heard{}, nil
	}
	if err != nil {
		return Heard{}, err
	}
	var at Heard
	if err := events.Unmarshal(m.Data, &at); err != nil {
		return Heard{}, fmt.Errorf("message %d of stream %s: %w", m.Sequence, h.name, err)
	}
	at.Revision = m.Sequence
	return at, nil
}

// Held implements [Hearer].
func (h *Hearing) Held(ctx context.Context) ([]events.Event, error) {
	var out []events.Event
	for e, err := range h.read(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy}, false) {
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// Read yields all that was told on the subjects, in order; if it follows, then what will be told, until ctx ends.
func (h *Hearing) Read(ctx context.Context, subjects string, follow bool) iter.Seq2[events.Event, error] {
	return h.read(ctx, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subjects}}, follow)
}

func (h *Hearing) read(ctx context.Context, cfg jetstream.OrderedConsumerConfig, follow bool) iter.Seq2[events.Event, error] {
	return func(yield func(events.Event, error) bool) {
		c, err := h.s.OrderedConsumer(ctx, cfg)
		if err != nil {
			yield(events.Event{}, fmt.Errorf("reading stream %s: %w", h.name, err))
			return
		}
		for left := c.CachedInfo().NumPending; left > 0 || follow; left-- {
			m, err := next(ctx, c)
			if err != nil {
				yield(events.Event{}, fmt.Errorf("reading stream %s: %w", h.name, err))
				return
			}
			if strings.HasPrefix(m.Subject(), toldPrefix+".") {
				continue
			}
			e, err := events.Decode(m.Data())
			if err != nil {
				err = fmt.Errorf("what lies on %s: %w", m.Subject(), err)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// next waits for the next message.
func next(ctx context.Context, c jetstream.Consumer) (jetstream.Msg, error) {
	for {
		m, err := c.Next(jetstream.FetchMaxWait(time.Second))
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrNoMessages):
			continue
		}
		return m, err
	}
}

// Hear implements [Hearer]: the events, then the place of the last under compare-and-set, as one atomic batch.
func (h *Hearing) Hear(ctx context.Context, expect, next Heard, told []Told) (Heard, error) {
	msgs := make([]*nats.Msg, 0, len(told)+1)
	for i := range told {
		body, err := events.Encode(&told[i].Event)
		if err != nil {
			return Heard{}, err
		}
		m := nats.NewMsg(told[i].Event.NATSSubject())
		m.Data = body
		m.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
		msgs = append(msgs, m)
	}
	body, err := events.Marshal(next)
	if err != nil {
		return Heard{}, err
	}
	last := nats.NewMsg(h.own)
	last.Data = body
	last.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	last.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expect.Revision, 10))
	ack, err := jetstreamext.PublishMsgBatch(ctx, h.js, append(msgs, last))
	switch {
	case isWrongSequence(err):
		return Heard{}, ErrSuperseded
	case err != nil:
		return Heard{}, err
	}
	next.Revision = ack.Sequence
	return next, nil
}
