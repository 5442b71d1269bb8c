package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
)

// HubBucket is the KV bucket of what hubs remember beside the log.
const HubBucket = "rollcall_hub"

const hubDescription = "what Rollcall's hubs remember beside the log"

const markKey = "seen"

// openMarks opens the bucket of the mark. A reader does without one.
func (s *stream) openMarks(ctx context.Context) error {
	kv, err := s.js.KeyValue(ctx, HubBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		if s.opts.ReadOnly {
			return nil
		}
		kv, err = s.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: HubBucket, Description: hubDescription, Storage: jetstream.FileStorage, Replicas: s.replicas,
		})
		if errors.Is(err, jetstream.ErrBucketExists) { // another hub was quicker
			kv, err = s.js.KeyValue(ctx, HubBucket)
		}
	}
	if err != nil {
		return fmt.Errorf("KV bucket %s: %w", HubBucket, err)
	}
	s.marks = kv
	return nil
}

func (s *stream) mark(ctx context.Context) (events.Position, error) {
	if s.marks == nil {
		return events.Position{}, nil
	}
	p, _, err := s.readMark(ctx)
	return p, err
}

func (s *stream) readMark(ctx context.Context) (p events.Position, revision uint64, err error) {
	ctx, cancel := s.asking(ctx)
	defer cancel()
	e, err := s.marks.Get(ctx, markKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return p, 0, nil
	}
	if err != nil {
		return p, 0, err
	}
	return p, e.Revision(), json.Unmarshal(e.Value(), &p)
}

// setMark saves the mark, unless another hub has saved one further on.
func (s *stream) setMark(ctx context.Context, p events.Position) error {
	if s.marks == nil {
		return nil
	}
	old, revision, err := s.readMark(ctx)
	if err != nil || old.Epoch == p.Epoch && old.Sequence >= p.Sequence {
		return err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = s.marks.Update(ctx, markKey, body, revision)
	return err
}
