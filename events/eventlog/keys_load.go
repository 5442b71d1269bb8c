package eventlog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// load reads all keys and begins to follow the bucket, unless that was done since the server was last away. It reports whether there
// are keys that may be read. It takes the time that so many keys take: what ends it is a server that stays silent.
func (k *Keys) load(ctx context.Context) (bool, error) {
	k.loading.Lock()
	defer k.loading.Unlock()
	k.mu.Lock()
	loaded, barred := k.known != nil, k.barred
	k.mu.Unlock()
	if loaded || barred {
		return loaded, nil
	}
	status := k.nc.StatusChanged(nats.CONNECTED, nats.CLOSED)
	var known map[string]*keptKey
	var w jetstream.KeyWatcher
	failing, cancel := context.WithTimeout(ctx, k.opts.Wait)
	defer cancel()
	var err error
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if known, w, err = k.readAll(ctx); err != nil && k.isBarred() {
			err = nil
		}
		if err == nil || !wait(failing, pause) {
			break
		}
	}
	if err != nil || w == nil {
		k.nc.RemoveStatusListener(status)
		return false, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known, k.watch = known, w
	k.work.Go(func() { k.follow(w, status) })
	return true, nil
}

// isBarred reports whether the server forbids this user the keys. A reader then goes on without; a hub is told.
func (k *Keys) isBarred() bool {
	denied := k.nc.LastError()
	if k.opts.Create || !errors.Is(denied, nats.ErrPermissionViolation) || !strings.Contains(denied.Error(), keysStream) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.barred = true
	return true
}

// readAll reads the bucket once; without an error and a watcher there is none yet.
func (k *Keys) readAll(ctx context.Context) (map[string]*keptKey, jetstream.KeyWatcher, error) {
	once, cancel := context.WithTimeout(ctx, attempt)
	kv, err := k.js.KeyValue(once, KeysBucket)
	cancel()
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("KV bucket %s: %w", KeysBucket, err)
	}
	w, err := kv.WatchAll(context.WithoutCancel(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("reading KV bucket %s: %w", KeysBucket, err)
	}
	known := map[string]*keptKey{}
	silence := time.NewTimer(attempt)
	defer silence.Stop()
	for {
		select {
		case e, ok := <-w.Updates():
			silence.Reset(attempt)
			switch {
			case !ok:
				err = nats.ErrConnectionClosed
			case e == nil:
				return known, w, nil
			default:
				known[e.Key()], err = decodeKey(e.Value(), e.Operation() != jetstream.KeyValuePut, e.Revision())
			}
		case <-silence.C:
			err = nats.ErrTimeout
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			_ = w.Stop() // what it would still tell is not wanted
			return nil, nil, fmt.Errorf("reading KV bucket %s after %d keys: %w", KeysBucket, len(known), err)
		}
	}
}

// follow takes in what changes. After the server's absence what is known is given up and read again; until then it serves.
func (k *Keys) follow(w jetstream.KeyWatcher, status chan nats.Status) {
	defer k.nc.RemoveStatusListener(status)
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok {
				k.forget(w)
				return
			}
			if e == nil {
				continue
			}
			k.take(e)
		case <-status:
			k.forget(w)
			return
		}
	}
}

// take takes one change in.
func (k *Keys) take(e jetstream.KeyValueEntry) {
	kept, err := decodeKey(e.Value(), e.Operation() != jetstream.KeyValuePut, e.Revision())
	if err == nil {
		k.learn(map[string]*keptKey{e.Key(): kept})
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, e.Key()) // whoever asks for it is told what is wrong
}

// forget lets the next who asks read the bucket again.
func (k *Keys) forget(w jetstream.KeyWatcher) {
	_ = w.Stop() // one that cannot be ended has ended with its connection
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watch == w {
		k.known, k.watch = nil, nil
	}
}

// Close ends what follows the bucket. It leaves the connection to NATS open.
func (k *Keys) Close() {
	k.mu.Lock()
	w := k.watch
	k.mu.Unlock()
	if w != nil {
		_ = w.Stop()
	}
	k.work.Wait()
}

// ErrMayNotRead says that the server forbids this user the keys.
var ErrMayNotRead = errors.New("this user may not read the keys of persons (KV bucket " + KeysBucket + "): use one who may")

// MayRead fails with [ErrMayNotRead] where everything sealed would stay so for this reader.
func (k *Keys) MayRead(ctx context.Context) error {
	if _, err := k.load(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.barred {
		return ErrMayNotRead
	}
	return nil
}
