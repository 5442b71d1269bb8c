package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// The codes of JetStream's refusals that are told apart.
const (
	codeWrongSequence       = 10071 // a condition does not hold
	codeWrongSequenceInFlux = 10164 // a condition cannot be judged: the subject is just being written
	codeNoResources         = 10023
	codeStorageExceeded     = 10047
	codeMemoryExceeded      = 10028
	codeAccountExceeded     = 10002
	codeStoreFailed         = 10077 // discard new, and max_bytes is reached
	codeIncompleteBatch     = 10176
	codeTooManyBatches      = 10210
	codeTooLargeBatch       = 10199
)

// commit sends the batch as one atomic publish, a single record as a plain one, and waits for its acknowledgement. The client library's own publisher is not used,
// since it waits for the first message to be acknowledged, which costs a round trip.
func (s *stream) commit(ctx context.Context, batch []record) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.AckWait)
	defer cancel()
	_, lost := s.outages()
	inbox, answers := s.nc.NewInbox(), make(chan *nats.Msg, 4)
	sub, err := s.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return 0, fmt.Errorf("publishing: %w", err)
	}
	defer sub.Unsubscribe() //nolint:errcheck // it fails only when the connection is closed, and with it all subscriptions
	if err := s.send(batch, inbox); err != nil {
		return 0, err
	}
	hit("eventlog.append.sent", batch)
	seq, err := s.await(ctx, lost, answers, len(batch))
	if err == nil {
		hit("eventlog.append.acked", batch)
	}
	return seq, err
}

// send publishes the batch. Until its last message is out, nothing can be stored. The first message asks for an answer, since
// the server tells there why it does not take the batch.
func (s *stream) send(batch []record, inbox string) error {
	id := newID()
	for i := range batch {
		r := &batch[i]
		h := header(r)
		if len(batch) > 1 {
			h[batchIDHeader], h[batchSeqHeader] = []string{id}, []string{strconv.Itoa(i + 1)}
		}
		msg := &nats.Msg{Subject: r.subject, Header: h, Data: r.body}
		if i == 0 {
			msg.Reply = inbox
		}
		if i == len(batch)-1 {
			hit("eventlog.append.partial", batch)
			msg.Reply = inbox
			if len(batch) > 1 {
				h[batchCommitHeader] = []string{"1"}
			}
		}
		err := s.nc.PublishMsg(msg)
		switch {
		case errors.Is(err, nats.ErrReconnectBufExceeded):
			return fmt.Errorf("%w: not connected", errAgain)
		case err != nil:
			return fmt.Errorf("publishing: %w", err)
		}
	}
	return nil
}

// hit is a point in an append, at which a test ends the process; claims and epochs are single records and have none.
func hit(point string, batch []record) {
	if len(batch) > 1 {
		failpoint.Hit(point)
	}
}

// ack is what the server answers to a message of a batch.
type ack struct {
	Error *jetstream.APIError `json:"error"`
	Seq   uint64              `json:"seq"`
	Count int                 `json:"count"`
}

// await reads the answers: an empty one for the first message, then the acknowledgement. A refusal of the first tells more than
// what follows from it.
func (s *stream) await(ctx context.Context, lost <-chan struct{}, answers <-chan *nats.Msg, n int) (uint64, error) {
	for {
		select {
		case msg := <-answers:
			if len(msg.Data) == 0 && msg.Header.Get("Status") == "" {
				continue
			}
			return s.judge(msg, n)
		case <-lost:
			return 0, fmt.Errorf("%w: the connection was lost", errUnanswered)
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", errUnanswered, context.Cause(ctx))
		}
	}
}

// judge tells what an answer means.
func (s *stream) judge(msg *nats.Msg, n int) (uint64, error) {
	if msg.Header.Get("Status") == "503" {
		return 0, fmt.Errorf("%w: nobody listens for stream %s", errAgain, s.name)
	}
	var a ack
	if err := json.Unmarshal(msg.Data, &a); err != nil {
		return 0, fmt.Errorf("%w: its acknowledgement is no JSON: %w", errUnanswered, err)
	}
	switch {
	case a.Error != nil:
		return 0, s.refusal(a.Error)
	case n > 1 && a.Count != n:
		return 0, fmt.Errorf("%w: it acknowledged %d messages of %d", errUnanswered, a.Count, n)
	case a.Seq == 0:
		return 0, fmt.Errorf("%w: its acknowledgement has no sequence", errUnanswered)
	}
	return a.Seq, nil
}

// refusal tells what the server's error means. Each means that nothing was stored.
func (s *stream) refusal(e *jetstream.APIError) error {
	switch e.ErrorCode {
	case codeWrongSequence, codeWrongSequenceInFlux:
		return fmt.Errorf("%w: %w", errRefused, e)
	case codeNoResources, codeStorageExceeded, codeMemoryExceeded, codeAccountExceeded, codeStoreFailed:
		return fmt.Errorf("%w (stream %s: %w)", ErrFull, s.name, e)
	case codeTooLargeBatch:
		return fmt.Errorf("stream %s: %w: raise the server's jetstream limit max_batch_size to 1000", s.name, e)
	}
	if e.Code >= 500 || e.ErrorCode == codeIncompleteBatch || e.ErrorCode == codeTooManyBatches {
		return fmt.Errorf("%w: %w", errAgain, e)
	}
	return fmt.Errorf("stream %s: %w", s.name, e)
}
