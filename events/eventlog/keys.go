package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
)

// KeysBucket is the KV bucket of the keys that persons' fields are sealed with, under <tenant>.<connection>.<vendor's id>.
const KeysBucket = "rollcall_keys"

const keysStream = "KV_" + KeysBucket

// Keyring is where the keys of persons live. Its methods may be called at the same time.
type Keyring interface {
	events.Keys

	// Make sees to it that each of the persons has a key, but for those who were erased. When it returns, the keys are as durable
	// as what is appended.
	Make(ctx context.Context, persons []events.PersonID) error
}

// Keys are the keys in their bucket. They are read whole when the first is asked for, kept in memory, and followed from then on.
type Keys struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	opts KeysOptions

	loading sync.Mutex
	mu      sync.Mutex
	known   map[string]*keptKey  // by KV key; nil: not read yet, or to be read again
	lost    map[string]bool      // ids of keys that the bucket does not have, though something is sealed with them
	watch   jetstream.KeyWatcher // of the bucket, while known is set
	barred  bool                 // a reader that may not read keys
	work    sync.WaitGroup
}

// KeysOptions say how the keys are opened.
type KeysOptions struct {
	Replicas int           // of the bucket where it is made; 0: one
	Create   bool          // make the bucket if it is missing, and refuse one that keeps what is destroyed
	Wait     time.Duration // how long the server may not answer a reading or writing; 0: 10 seconds
}

// keptKey is a key as the bucket keeps it, or the mark in the place of one that was destroyed.
type keptKey struct {
	ID     string    `json:"id,omitzero"`
	Secret []byte    `json:"secret,omitzero"`
	Erased time.Time `json:"erased,omitzero"` // when it was destroyed
	Former []string  `json:"former,omitzero"` // ids of keys that were destroyed: what they have sealed is erased

	sequence uint64 // of its message; 0: there is none
}

// is reports whether k answers for the key with an id, or for any where the id is empty: it is that key, or knows that it was destroyed.
func (k *keptKey) is(id string) bool {
	return k != nil && (!k.Erased.IsZero() || slices.Contains(k.Former, id) || k.ID != "" && (id == "" || id == k.ID))
}

func (k *keptKey) key(id string) (events.Key, error) {
	switch {
	case !k.Erased.IsZero() || slices.Contains(k.Former, id):
		return events.Key{}, events.ErrErased
	case len(k.Secret) != len(events.Key{}.Secret):
		return events.Key{}, events.ErrNoKey
	}
	return events.Key{ID: k.ID, Secret: [32]byte(k.Secret)}, nil
}

// OpenKeys opens the keys. Without Create nothing is asked of the server yet: a reader may do without.
func OpenKeys(ctx context.Context, nc *nats.Conn, o KeysOptions) (*Keys, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	if o.Wait == 0 {
		o.Wait = 10 * time.Second
	}
	k := &Keys{nc: nc, js: js, opts: o, lost: map[string]bool{}}
	if !o.Create {
		return k, nil
	}
	ctx, cancel := context.WithTimeout(ctx, o.Wait)
	defer cancel()
	var wrong *SettingsError
	err = again(ctx, func(ctx context.Context) error { // a cluster may have no leader yet
		err := k.makeBucket(ctx)
		if errors.As(err, &wrong) {
			return nil
		}
		return err
	})
	if wrong != nil {
		err = wrong
	}
	if err != nil {
		return nil, fmt.Errorf("opening the keys of persons: %w", err)
	}
	return k, nil
}

// makeBucket makes the bucket, or checks one that is there. Other than KV buckets are made, it lets single messages be deleted: so the
// server overwrites a key that is destroyed. It is read from its leader alone, so that a key is there before what it seals.
func (k *Keys) makeBucket(ctx context.Context) error {
	s, err := k.js.Stream(ctx, keysStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = k.createBucket(ctx)
	}
	if err != nil {
		return fmt.Errorf("KV bucket %s: %w: may this user make and read it? Or set privacy.seal_persons to false, which writes names in plain", KeysBucket, err)
	}
	is, c := s.CachedInfo().Config, &checker{stream: keysStream}
	c.must(is.Storage == jetstream.FileStorage, "storage", is.Storage, "file", "a key that is lost erases its person", "")
	c.must(is.MaxMsgsPerSubject == 1, "max_msgs_per_subject", is.MaxMsgsPerSubject, "1", "a key that is destroyed must not be kept as history", "--max-msgs-per-subject=1")
	c.must(!is.DenyDelete, "deny_delete", is.DenyDelete, "false", "a key is destroyed by deleting its message", "")
	c.must(is.MaxAge == 0, "max_age", is.MaxAge, "0", "a key that is lost erases its person", "--max-age=0")
	c.must(is.AllowAtomicPublish, "allow_atomic", is.AllowAtomicPublish, "true", "the keys of a page are made at once", "--allow-batch")
	c.must(!is.AllowDirect, "allow_direct", is.AllowDirect, "false", "a key must be there before what it seals", "--no-allow-direct")
	if len(c.wrong) > 0 {
		return &SettingsError{Stream: keysStream, Settings: c.wrong}
	}
	return nil
}

func (k *Keys) createBucket(ctx context.Context) (jetstream.Stream, error) {
	s, err := k.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: keysStream, Description: "Rollcall's keys of persons: whoever reads it can open what is sealed", Subjects: []string{keysSubject(">")},
		MaxMsgsPerSubject: 1, MaxBytes: -1, MaxMsgs: -1, MaxMsgSize: -1, MaxConsumers: -1, Discard: jetstream.DiscardNew,
		Storage: jetstream.FileStorage, Replicas: max(k.opts.Replicas, 1), AllowRollup: true, AllowAtomicPublish: true,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		s, err = k.js.Stream(ctx, keysStream)
	}
	return s, err
}

func keysSubject(key string) string { return "$KV." + KeysBucket + "." + key }

func keyOf(p events.PersonID) string { return Key(p.Tenant, p.Connection, p.ID) }

// Key implements [events.Keys]. A key that it does not know it asks the server for, since it may have been made a moment ago. It is there
// before what it seals: one that is not, never will be.
func (k *Keys) Key(p events.PersonID, id string) (events.Key, error) {
	ctx := context.Background()
	if there, err := k.load(ctx); err != nil || !there {
		return events.Key{}, orNoKey(err)
	}
	ctx, cancel := context.WithTimeout(ctx, k.opts.Wait)
	defer cancel()
	key := keyOf(p)
	k.mu.Lock()
	kept, lost := k.known[key], k.lost[id]
	k.mu.Unlock()
	if !lost && !kept.is(id) {
		var err error
		if kept, err = k.ask(ctx, key); err != nil {
			return events.Key{}, err
		}
		k.learn(map[string]*keptKey{key: kept})
		if !kept.is(id) && id != "" {
			k.mu.Lock()
			k.lost[id] = true
			k.mu.Unlock()
		}
	}
	if !kept.is(id) {
		return events.Key{}, events.ErrNoKey
	}
	return kept.key(id)
}

// attempt bounds one request: its answer may be lost with a server of a cluster.
const attempt = 2 * time.Second

// again repeats what fails until ctx ends.
func again(ctx context.Context, try func(context.Context) error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		once, cancel := context.WithTimeout(ctx, attempt)
		err := try(once)
		cancel()
		if err == nil || !wait(ctx, pause) {
			return err
		}
	}
}

// ask asks the server what it keeps under a key.
func (k *Keys) ask(ctx context.Context, key string) (kept *keptKey, err error) {
	err = again(ctx, func(ctx context.Context) error {
		kept, err = k.askOnce(ctx, key)
		return err
	})
	return kept, err
}

func (k *Keys) askOnce(ctx context.Context, key string) (*keptKey, error) {
	s, err := k.js.Stream(ctx, keysStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return &keptKey{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("KV bucket %s: %w", KeysBucket, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, keysSubject(key))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return &keptKey{}, nil
	case err != nil:
		return nil, fmt.Errorf("reading from KV bucket %s: %w", KeysBucket, err)
	}
	return decodeKey(m.Data, m.Header.Get(jetstream.MarkerReasonHeader)+m.Header.Get("KV-Operation") != "", m.Sequence)
}

func decodeKey(value []byte, gone bool, sequence uint64) (*keptKey, error) {
	kept := &keptKey{sequence: sequence}
	if gone {
		return kept, nil
	}
	if err := events.Unmarshal(value, kept); err != nil {
		return nil, fmt.Errorf("message %d of KV bucket %s is no key", sequence, KeysBucket) // not what it is instead: it may hold a key
	}
	return kept, nil
}

func orNoKey(err error) error {
	if err != nil {
		return err
	}
	return events.ErrNoKey
}
