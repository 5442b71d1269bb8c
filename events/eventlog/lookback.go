package eventlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// lookAtOnce is how many subjects one request asks for; the server answers at most 1,024.
const lookAtOnce = 500

// readLastUpTo reads the last record of each subject as of an earlier sequence: it lists the subjects and asks for each.
func (s *stream) readLastUpTo(ctx context.Context, want stretch) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		found, err := s.lastUpTo(ctx, want)
		if err != nil {
			yield(record{}, err)
			return
		}
		for i, r := range found {
			r.pending = uint64(len(found) - i - 1)
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *stream) lastUpTo(ctx context.Context, want stretch) ([]record, error) {
	_, end, err := s.state(ctx)
	if err != nil {
		return nil, err
	}
	want.to = min(want.to, end) // beyond its end the server finds nothing
	var found []record
	for _, filter := range want.filters {
		info, err := s.handle.Info(ctx, jetstream.WithSubjectFilter(filter))
		if err != nil {
			return nil, s.explain(err)
		}
		subjects := make([]string, 0, len(info.State.Subjects))
		for subject := range info.State.Subjects {
			subjects = append(subjects, subject)
		}
		for chunk := range slices.Chunk(subjects, lookAtOnce) {
			if found, err = s.lookUp(ctx, chunk, want, found); err != nil {
				return nil, err
			}
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].seq < found[j].seq })
	return found, nil
}

func (s *stream) lookUp(ctx context.Context, subjects []string, want stretch, found []record) ([]record, error) {
	msgs, err := jetstreamext.GetLastMsgsFor(ctx, s.js, s.name, subjects, jetstreamext.GetLastMsgsUpToSeq(want.to))
	if err != nil {
		return nil, fmt.Errorf("looking up the last messages to %d: %w", want.to, err)
	}
	for msg, err := range msgs {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("looking up the last messages to %d: %w", want.to, err)
		}
		if msg.Sequence >= want.from {
			r := record{subject: msg.Subject, body: msg.Data, seq: msg.Sequence, time: msg.Time}
			r.read(msg.Header)
			found = append(found, r)
		}
	}
	return found, nil
}

// count asks a consumer that is made for it how many messages it would have to deliver.
func (s *stream) count(ctx context.Context, filter string) (uint64, error) {
	c, err := s.handle.CreateConsumer(ctx, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute, FilterSubject: filter,
	})
	if err != nil {
		return 0, s.explain(err)
	}
	return c.CachedInfo().NumPending, s.handle.DeleteConsumer(ctx, c.CachedInfo().Name)
}

// since asks for the first message stored at or after t.
func (s *stream) since(ctx context.Context, t time.Time) (uint64, error) {
	_, last, err := s.state(ctx)
	if err != nil {
		return 0, err
	}
	msgs, err := jetstreamext.GetBatch(ctx, s.js, s.name, 1, jetstreamext.GetBatchStartTime(t))
	if err != nil {
		return 0, fmt.Errorf("looking for the first message since %s: %w", t, err)
	}
	for msg, err := range msgs {
		if errors.Is(err, jetstreamext.ErrNoMessages) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("looking for the first message since %s: %w", t, err)
		}
		return msg.Sequence, nil
	}
	return last + 1, nil
}
