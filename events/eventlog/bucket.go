package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
)

// Key makes a KV key of any strings, so that no two lists of them share one. A NATS token's %, which keys do not allow, is
// written =.
func Key(parts ...string) string {
	tokens := make([]string, len(parts))
	for i, p := range parts {
		tokens[i] = strings.ReplaceAll(events.Token(p), "%", "=")
	}
	return strings.Join(tokens, ".")
}

// ParseKey reverses Key.
func ParseKey(key string) ([]string, error) {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		if strings.Contains(p, "%") {
			return nil, fmt.Errorf("key %q has a %% in it", key)
		}
		s, err := events.Untoken(strings.ReplaceAll(p, "=", "%"))
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		parts[i] = s
	}
	return parts, nil
}

// bucket is a KV bucket that is made again when it is gone, as one in memory is after its server was restarted.
type bucket struct {
	js  jetstream.JetStream
	cfg jetstream.KeyValueConfig

	mu sync.Mutex
	kv jetstream.KeyValue
}

func openBucket(ctx context.Context, nc *nats.Conn, cfg jetstream.KeyValueConfig) (*bucket, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	b := &bucket{js: js, cfg: cfg}
	return b, b.make(ctx)
}

// make opens the bucket, and makes it if it is missing.
func (b *bucket) make(ctx context.Context) error {
	kv, err := b.js.KeyValue(ctx, b.cfg.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = b.js.CreateKeyValue(ctx, b.cfg)
		if errors.Is(err, jetstream.ErrBucketExists) { // another was quicker
			kv, err = b.js.KeyValue(ctx, b.cfg.Bucket)
		}
	}
	if err != nil {
		return fmt.Errorf("KV bucket %s: %w", b.cfg.Bucket, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kv = kv
	return nil
}

func (b *bucket) open() jetstream.KeyValue {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kv
}

// do works on the bucket, and once more if it had to be made again.
func (b *bucket) do(ctx context.Context, work func(jetstream.KeyValue) error) error {
	err := work(b.open())
	if !gone(err) {
		return err
	}
	if err := b.make(ctx); err != nil {
		return err
	}
	return work(b.open())
}

// gone reports whether the bucket's stream is not there: it says so, or nobody answers in its place.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrBucketNotFound) ||
		errors.Is(err, nats.ErrStreamNotFound) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrNoResponders)
}
