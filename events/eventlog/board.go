package eventlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// StatusBucket is the KV bucket of what connections are doing. It is kept in memory: each hub says it anew.
const StatusBucket = "rollcall_status"

// Board is a small set of notes beside the log, each under a key that [Key] made, that hubs and the command line leave for each
// other. The last note under a key counts.
type Board struct {
	bucket *bucket
	prefix string
}

// Approvals are what operators allowed, under <tenant>.<connection>. They are kept on disk.
func Approvals(ctx context.Context, nc *nats.Conn) (*Board, error) {
	return newBoard(ctx, nc, "approve.", jetstream.KeyValueConfig{
		Bucket: HubBucket, Description: hubDescription, Storage: jetstream.FileStorage,
	})
}

// Views say where a view lives, under its name. They are kept on disk. A hub opens them before its log, so that it makes their
// bucket: on so many servers as the log.
func Views(ctx context.Context, nc *nats.Conn, replicas int) (*Board, error) {
	return newBoard(ctx, nc, "view.", jetstream.KeyValueConfig{
		Bucket: HubBucket, Description: hubDescription, Storage: jetstream.FileStorage, Replicas: max(replicas, 1),
	})
}

// Archives say where the log's archive lies and how far it goes, under "log". They are kept on disk.
func Archives(ctx context.Context, nc *nats.Conn) (*Board, error) {
	return newBoard(ctx, nc, "archive.", jetstream.KeyValueConfig{
		Bucket: HubBucket, Description: hubDescription, Storage: jetstream.FileStorage,
	})
}

// Statuses are what the hubs' connections are doing, under <tenant>.<connection>. They are gone when the server is restarted.
func Statuses(ctx context.Context, nc *nats.Conn) (*Board, error) {
	return newBoard(ctx, nc, "", jetstream.KeyValueConfig{
		Bucket: StatusBucket, Description: "what the connections of Rollcall's hubs are doing", Storage: jetstream.MemoryStorage,
	})
}

func newBoard(ctx context.Context, nc *nats.Conn, prefix string, cfg jetstream.KeyValueConfig) (*Board, error) {
	b, err := openBucket(ctx, nc, cfg)
	if err != nil {
		return nil, err
	}
	return &Board{bucket: b, prefix: prefix}, nil
}

// Note is a note as a watcher sees it.
type Note struct {
	Key   string
	Value []byte // nil: it was taken away
}

// Put leaves a note in place of the one before it.
func (b *Board) Put(ctx context.Context, key string, value []byte) error {
	return b.bucket.do(ctx, func(kv jetstream.KeyValue) error {
		_, err := kv.Put(ctx, b.prefix+key, value)
		return b.fail("writing", key, err)
	})
}

// Get returns a note; false when there is none.
func (b *Board) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	err = b.bucket.do(ctx, func(kv jetstream.KeyValue) error {
		e, err := kv.Get(ctx, b.prefix+key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err == nil {
			value, ok = e.Value(), true
		}
		return b.fail("reading", key, err)
	})
	return value, ok, err
}

// Delete takes a note away; none is no error.
func (b *Board) Delete(ctx context.Context, key string) error {
	return b.bucket.do(ctx, func(kv jetstream.KeyValue) error {
		return b.fail("deleting", key, kv.Purge(ctx, b.prefix+key))
	})
}

// List returns all notes by key.
func (b *Board) List(ctx context.Context) (map[string][]byte, error) {
	notes := map[string][]byte{}
	err := b.bucket.do(ctx, func(kv jetstream.KeyValue) error {
		w, err := kv.Watch(ctx, b.prefix+">", jetstream.IgnoreDeletes())
		if err != nil {
			return b.fail("listing", "", err)
		}
		defer w.Stop() //nolint:errcheck // a watch that cannot be ended has ended with its connection
		for {
			select {
			case e, more := <-w.Updates():
				if e == nil || !more { // all that was there has come
					return nil
				}
				notes[strings.TrimPrefix(e.Key(), b.prefix)] = e.Value()
			case <-ctx.Done():
				return b.fail("listing", "", context.Cause(ctx))
			}
		}
	})
	return notes, err
}

// Watch yields every note that is there and then every change, until ctx ends or an error is yielded. After the server's absence
// it begins again: what is there is yielded once more, and what was taken away meanwhile as such.
func (b *Board) Watch(ctx context.Context) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		nc := b.bucket.js.Conn()
		back := nc.StatusChanged(nats.CONNECTED)
		defer nc.RemoveStatusListener(back)
		had := map[string]bool{}
		for again := true; again; {
			var w jetstream.KeyWatcher
			err := b.bucket.do(ctx, func(kv jetstream.KeyValue) (err error) {
				w, err = kv.Watch(ctx, b.prefix+">")
				return b.fail("watching", "", err)
			})
			if err != nil {
				yield(Note{}, err)
				return
			}
			had, again = b.follow(ctx, w, back, had, yield)
			_ = w.Stop() // one that cannot be ended has ended with its connection
		}
	}
}

// follow yields what one watcher tells. It returns the keys that are there, and whether to go on with another watcher.
func (b *Board) follow(ctx context.Context, w jetstream.KeyWatcher, back <-chan nats.Status, had map[string]bool,
	yield func(Note, error) bool) (has map[string]bool, again bool) {
	has = map[string]bool{}
	for {
		select {
		case e, more := <-w.Updates():
			if !more {
				err := nats.ErrConnectionClosed
				if ctx.Err() != nil { // which ends the watcher, too
					err = context.Cause(ctx)
				}
				yield(Note{}, b.fail("watching", "", err))
				return has, false
			}
			var ok bool
			if e == nil { // the end of what was there
				ok, had = tellGone(had, has, yield), nil
			} else {
				ok = b.tell(e, has, yield)
			}
			if !ok {
				return has, false
			}
		case <-back:
			maps.Copy(has, had)
			return has, true
		case <-ctx.Done():
			yield(Note{}, b.fail("watching", "", context.Cause(ctx)))
			return has, false
		}
	}
}

// tell yields one change and keeps has up to date.
func (b *Board) tell(e jetstream.KeyValueEntry, has map[string]bool, yield func(Note, error) bool) bool {
	n := Note{Key: strings.TrimPrefix(e.Key(), b.prefix)}
	if e.Operation() == jetstream.KeyValuePut {
		n.Value, has[n.Key] = append([]byte{}, e.Value()...), true
	} else {
		delete(has, n.Key)
	}
	return yield(n, nil)
}

// tellGone yields what an earlier watcher knew and is no longer there.
func tellGone(had, has map[string]bool, yield func(Note, error) bool) bool {
	for key := range had {
		if !has[key] && !yield(Note{Key: key}, nil) {
			return false
		}
	}
	return true
}

func (b *Board) fail(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s%s of KV bucket %s: %w", doing, b.prefix, key, b.bucket.cfg.Bucket, err)
}
