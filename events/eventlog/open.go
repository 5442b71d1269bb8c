package eventlog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rollcallhq/rollcall/events"
)

// Options say which log to open, and how. The zero value opens the existing stream ROLLCALL.
type Options struct {
	Stream     string // empty: ROLLCALL
	Replicas   int    // how many servers keep the stream; 0: one when it is made, any when it is there
	MaxPayload int    // largest message in bytes; 0: what the server takes
	Batch      int    // events in one atomic batch; 0: 990, of the 1,000 messages that servers take by default
	Create     bool   // make the stream if it is missing

	// ReadOnly opens a log to read: nothing is checked but that it is there, and nothing is written.
	ReadOnly bool

	// ActivityTTL is how long activities are kept; 0: for ever. Entities are always kept for ever.
	ActivityTTL time.Duration

	// Sync says how the server flushes to its disk, which a client cannot ask for.
	Sync Sync

	// Keys open what is sealed of persons in the log; nil: it stays sealed.
	Keys Keyring

	// Seal lets an append seal what it tells of persons, each with a key of their own. It needs Keys.
	Seal bool

	// Seen are positions in the log that others have kept: a view's checkpoint, Log.Seen of a log opened before. If the log is
	// shorter, it was restored.
	Seen []events.Position

	// Wait bounds how long an append, a claim or a bounded reading waits for a server that does not answer; 0: 30 seconds.
	Wait time.Duration

	// AckWait is how long a batch waits for its acknowledgement before it is looked up; 0: 5 seconds.
	AckWait time.Duration
}

// DefaultStream is the stream's name unless Options say otherwise.
const DefaultStream = "ROLLCALL"

func (o *Options) batch() int {
	if o.Batch > 0 {
		return o.Batch
	}
	return maxBatch
}

func (o *Options) defaults() {
	if o.Stream == "" {
		o.Stream = DefaultStream
	}
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	if o.AckWait == 0 {
		o.AckWait = 5 * time.Second
	}
}

// Open opens the log on nc, which stays the caller's. It makes the stream (with Options.Create) or checks its settings and
// returns a *[SettingsError] where they would not keep the log's promises; it alters none. If the log is shorter than it was
// seen before, Open begins a new epoch: see [Log.Restored].
func Open(ctx context.Context, nc *nats.Conn, o Options) (*Log, error) {
	o.defaults()
	s, err := openStream(ctx, nc, o)
	if err != nil {
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	l := newLog(s, o)
	l.promise = durability(s.replicas, s.async, o.Sync)
	if err := s.patiently(ctx, o.Wait, l.start); err != nil {
		s.close()
		return nil, fmt.Errorf("opening the log: %w", err)
	}
	return l, nil
}

func newLog(s store, o Options) *Log {
	return &Log{store: s, opts: o, broken: make(chan struct{}), stop: func() {}}
}

// start enters the epoch and begins the background work: keeping the mark of what was seen, and checking after an absence.
func (l *Log) start(ctx context.Context) error {
	n, _ := l.store.outages()
	l.checked.Store(n)
	if err := l.enter(ctx, l.opts.Seen...); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	work.Go(func() { l.watch(ctx) })
	if !l.opts.ReadOnly {
		work.Go(func() { l.keepMark(ctx) })
	}
	l.stop = sync.OnceFunc(func() {
		cancel()
		work.Wait()
		l.store.close()
	})
	return nil
}

// watch checks the epoch after each absence of the server, so that readings that only follow learn of a restore.
func (l *Log) watch(ctx context.Context) {
	for {
		_, lost := l.store.outages() // before the check, so that no absence falls between the two
		for pause := firstPause; l.sound(ctx) != nil; pause = min(2*pause, lastPause) {
			select {
			case <-l.broken:
				return
			default:
			}
			if !wait(ctx, pause) {
				return
			}
		}
		select {
		case <-lost:
		case <-ctx.Done():
			return
		}
	}
}

// markEvery is how often what was seen is saved, at most.
const markEvery = 2 * time.Second

// keepMark saves what was seen, outside of the stream. A mark that lags only finds a restore of the last seconds later.
func (l *Log) keepMark(ctx context.Context) {
	var saved uint64
	save := func(ctx context.Context) {
		select {
		case <-l.broken: // what was seen is of the former epoch
			return
		default:
		}
		if seen := l.Seen(); seen.Sequence > saved && l.store.setMark(ctx, seen) == nil {
			saved = seen.Sequence
		}
	}
	for wait(ctx, markEvery) {
		save(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markEvery)
	defer cancel()
	save(ctx)
}
