package projections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// Bucket is a view in a NATS KV bucket. Readers use it as any KV bucket; the projection writes it by atomic batches, which
// the bucket's stream must allow.
type Bucket struct {
	js   jetstream.JetStream
	kv   jetstream.KeyValue
	name string
	own  string // key of the checkpoint
}

// BucketOptions say how a bucket is made where it is not there yet.
type BucketOptions struct {
	Name       string // of the bucket and the checkpoint: "roster"
	Replicas   int    // 0: one
	ReadOnly   bool   // neither make nor check the bucket; it must be there
	Compressed bool
}

const checkpointPrefix = "_checkpoint"

// OpenBucket opens a view's bucket, or makes it. A bucket that does not allow atomic batches is refused with what to do.
func OpenBucket(ctx context.Context, js jetstream.JetStream, o BucketOptions) (*Bucket, error) {
	b := &Bucket{js: js, name: o.Name, own: Key(checkpointPrefix, o.Name)}
	var err error
	if b.kv, err = js.KeyValue(ctx, o.Name); errors.Is(err, jetstream.ErrBucketNotFound) && !o.ReadOnly {
		err = b.create(ctx, o)
	}
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, fmt.Errorf("there is no view %q yet: start a hub with `rollcall up` first", o.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", o.Name, err)
	}
	if o.ReadOnly {
		return b, nil
	}
	return b, b.check(ctx)
}

func (b *Bucket) stream() string { return "KV_" + b.name }

func (b *Bucket) subject(key string) string { return "$KV." + b.name + "." + key }

func (b *Bucket) create(ctx context.Context, o BucketOptions) error {
	compression := jetstream.NoCompression
	if o.Compressed {
		compression = jetstream.S2Compression
	}
	_, err := b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: b.stream(), Description: "Rollcall view", Subjects: []string{b.subject(">")},
		MaxMsgsPerSubject: 1, MaxBytes: -1, MaxMsgs: -1, MaxMsgSize: -1, MaxConsumers: -1, Discard: jetstream.DiscardNew,
		Storage: jetstream.FileStorage, Replicas: max(o.Replicas, 1), Compression: compression,
		AllowRollup: true, DenyDelete: true, AllowDirect: true, AllowAtomicPublish: true,
	})
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return err
	}
	b.kv, err = b.js.KeyValue(ctx, b.name)
	return err
}

func (b *Bucket) check(ctx context.Context) error {
	s, err := b.js.Stream(ctx, b.stream())
	if err != nil {
		return fmt.Errorf("opening stream %s: %w", b.stream(), err)
	}
	if !s.CachedInfo().Config.AllowAtomicPublish {
		return fmt.Errorf("bucket %s does not allow atomic batches: run `nats stream edit %s --allow-batch`, or remove the bucket "+
			"with `nats kv del %s` and let the hub make and fill it again", b.name, b.stream(), b.name)
	}
	return nil
}

// Checkpoint implements [View].
func (b *Bucket) Checkpoint(ctx context.Context) (Checkpoint, error) {
	e, err := b.kv.Get(ctx, b.own)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	var c Checkpoint
	if err := events.Unmarshal(e.Value(), &c); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint %s: %w", b.own, err)
	}
	c.Revision = e.Revision()
	return c, nil
}

// Documents implements [View].
func (b *Bucket) Documents(ctx context.Context) iter.Seq2[Document, error] { return b.List(ctx, ">") }

// List yields the documents whose keys match a NATS pattern, such as "acme.*".
func (b *Bucket) List(ctx context.Context, pattern string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		w, err := b.kv.Watch(ctx, pattern, jetstream.IgnoreDeletes())
		if err != nil {
			yield(Document{}, err)
			return
		}
		defer w.Stop() //nolint:errcheck // a watch that cannot be ended has ended with its connection
		for {
			select {
			case <-ctx.Done():
				yield(Document{}, ctx.Err())
				return
			case e, ok := <-w.Updates():
				if !ok {
					yield(Document{}, errors.New("the connection to NATS was lost while the view was read"))
					return
				}
				if e == nil {
					return
				}
				if strings.HasPrefix(e.Key(), checkpointPrefix+".") {
					continue
				}
				if !yield(Document{Key: e.Key(), Body: e.Value()}, nil) {
					return
				}
			}
		}
	}
}

// ErrNotFound says that the view has no such document.
var ErrNotFound = errors.New("no such document")

// Get reads one document.
func (b *Bucket) Get(ctx context.Context, key string) (Document, error) {
	e, err := b.kv.Get(ctx, key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrInvalidKey):
		return Document{}, ErrNotFound
	case err != nil:
		return Document{}, err
	}
	return Document{Key: key, Body: e.Value()}, nil
}

// Commit implements [View]: the documents, then the checkpoint under compare-and-set, as one atomic batch.
func (b *Bucket) Commit(ctx context.Context, expect, next Checkpoint, docs []Document) (Checkpoint, error) {
	msgs := make([]*nats.Msg, 0, len(docs)+1)
	for _, d := range docs {
		if err := checkKey(d.Key); err != nil {
			return Checkpoint{}, err
		}
		m := nats.NewMsg(b.subject(d.Key))
		if m.Data = d.Body; d.Body == nil {
			m.Header.Set("KV-Operation", "DEL")
		}
		msgs = append(msgs, m)
	}
	body, err := events.Marshal(next)
	if err != nil {
		return Checkpoint{}, err
	}
	last := nats.NewMsg(b.subject(b.own))
	last.Data = body
	last.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(expect.Revision, 10))
	ack, err := jetstreamext.PublishMsgBatch(ctx, b.js, append(msgs, last))
	failpoint.Hit("projections.commit.sent")
	switch {
	case isWrongSequence(err):
		return Checkpoint{}, ErrSuperseded
	case err != nil:
		return Checkpoint{}, err
	}
	next.Revision = ack.Sequence
	return next, nil
}

// isWrongSequence knows both codes: clusters answer with one of their own.
func isWrongSequence(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
