package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// LeaseBucket is the KV bucket of leases. It is kept in memory: a lease means nothing after its time.
const LeaseBucket = "rollcall_leases"

// DefaultTTL is how long a lease outlives its holder, unless told otherwise.
const DefaultTTL = 5 * time.Second

// Leases let one hub at a time work on something, so that a standby wastes no calls at vendors. They are a courtesy: what keeps
// the log right is the claim.
type Leases struct {
	bucket *bucket
	ttl    time.Duration
}

// NewLeases opens the leases of a NATS server. Hubs that share leases must give the same ttl; 0 is DefaultTTL.
func NewLeases(ctx context.Context, nc *nats.Conn, ttl time.Duration) (*Leases, error) {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	b, err := openBucket(ctx, nc, jetstream.KeyValueConfig{
		Bucket: LeaseBucket, Description: "which of Rollcall's hubs works on what", Storage: jetstream.MemoryStorage, TTL: ttl,
	})
	if err != nil {
		return nil, err
	}
	return &Leases{bucket: b, ttl: ttl}, nil
}

// Lease is held until it is lost or released.
type Lease struct {
	leases  *Leases
	key     string
	value   []byte             // the holder, and an id of this holding
	end     context.CancelFunc // ends the renewal
	lost    chan struct{}
	release sync.Once
}

// Acquire blocks until key is free and holder has taken it, or until ctx ends. A lease that is released is taken over at once,
// one whose holder died within the ttl. The server's absence is waited out.
func (l *Leases) Acquire(ctx context.Context, key, holder string) (*Lease, error) {
	watching, end := context.WithCancel(context.WithoutCancel(ctx)) // not ctx's time: a cluster without a leader would take it all
	defer end()
	defer context.AfterFunc(ctx, end)()
	free, value := l.watch(watching, Key(key)), []byte(holder+" "+newID())
	for {
		began := time.Now()
		once, cancel := context.WithTimeout(ctx, attempt)
		err := l.bucket.do(once, func(kv jetstream.KeyValue) error {
			_, err := kv.Create(once, Key(key), value)
			return err
		})
		cancel()
		if err == nil {
			return l.hold(key, value, began), nil
		}
		t := time.NewTimer(l.ttl / 4)
		select {
		case <-free:
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, fmt.Errorf("waiting for the lease %s: %w", key, context.Cause(ctx))
		}
		t.Stop()
	}
}

// watch tells when the key is released. It may miss it, since Acquire tries again by itself.
func (l *Leases) watch(ctx context.Context, key string) <-chan struct{} {
	free := make(chan struct{}, 1)
	var w jetstream.KeyWatcher
	err := l.bucket.do(ctx, func(kv jetstream.KeyValue) (err error) {
		w, err = kv.Watch(ctx, key, jetstream.UpdatesOnly(), jetstream.MetaOnly())
		return err
	})
	if err != nil {
		return free
	}
	go func() {
		for e := range w.Updates() {
			if e == nil || e.Operation() == jetstream.KeyValuePut {
				continue
			}
			select {
			case free <- struct{}{}:
			default:
			}
		}
	}()
	context.AfterFunc(ctx, func() { _ = w.Stop() })
	return free
}

func (l *Leases) hold(key string, value []byte, since time.Time) *Lease {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Lease{leases: l, key: key, value: value, end: cancel, lost: make(chan struct{})}
	go h.renew(ctx, since)
	return h
}

// Lost is closed when the lease is no longer held: it could not be renewed in time, another took it, or it was released.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// renew keeps the lease until it is lost or ctx ends. It counts from before each renewal was sent, so that the lease is given up
// here before it ends at the server.
func (l *Lease) renew(ctx context.Context, since time.Time) {
	defer close(l.lost)
	ttl := l.leases.ttl
	for pause := ttl / 3; wait(ctx, pause); {
		began := time.Now()
		if began.After(since.Add(ttl)) {
			return
		}
		attempt, cancel := context.WithDeadline(ctx, earliest(since.Add(ttl), began.Add(ttl/3)))
		err := l.update(attempt)
		cancel()
		switch {
		case err == nil:
			since, pause = began, ttl/3
		case over(err) || !time.Now().Before(since.Add(ttl)):
			return
		default:
			pause = ttl / 30 // no longer, or a single answer that comes late costs the lease
		}
	}
}

// errNotOurs: another holds the lease.
var errNotOurs = errors.New("another holds the lease")

// update renews the lease.
func (l *Lease) update(ctx context.Context) error {
	kv := l.leases.bucket.open()
	revision, err := l.ours(ctx, kv)
	if err != nil {
		return err
	}
	_, err = kv.Update(ctx, Key(l.key), l.value, revision)
	return err
}

// ours is the lease's revision, as long as it is ours. It is asked for anew each time: a renewal may have come through unanswered, and a
// bucket that was made again counts its revisions anew.
func (l *Lease) ours(ctx context.Context, kv jetstream.KeyValue) (uint64, error) {
	now, err := kv.Get(ctx, Key(l.key))
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(now.Value(), l.value) {
		return 0, errNotOurs
	}
	return now.Revision(), nil
}

func (l *Lease) delete(ctx context.Context) error {
	kv := l.leases.bucket.open()
	revision, err := l.ours(ctx, kv)
	if err != nil {
		return err
	}
	return kv.Delete(ctx, Key(l.key), jetstream.LastRevision(revision))
}

// over reports whether an error says that the lease has ended.
func over(err error) bool {
	return errors.Is(err, errNotOurs) || errors.Is(err, jetstream.ErrKeyNotFound) || isWrongRevision(err)
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func isWrongRevision(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// Release gives the lease up, so that the next holder need not wait for it to end. Lost is closed when it returns. It may be
// called more than once.
func (l *Lease) Release(ctx context.Context) error {
	var err error
	l.release.Do(func() {
		select {
		case <-l.lost:
			return // another may hold it by now
		default:
		}
		l.end()
		<-l.lost
		if err = l.delete(ctx); over(err) {
			err = nil
		}
	})
	if err != nil {
		return fmt.Errorf("releasing the lease %s: it ends by itself within %s: %w", l.key, l.leases.ttl, err)
	}
	return nil
}
