package connectors

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/events"
)

// Runner reads one connection: it holds the lease, claims the connection in the log, pulls every feed at its pace, and appends
// what has changed. When another hub takes the connection over it becomes a standby and waits for its turn.
type Runner struct {
	cfg   Config
	board *board

	mu   sync.Mutex
	live map[string]*feed // of the session that is running
}

// NewRunner checks the configuration. Its errors name the setting.
func NewRunner(cfg Config) (*Runner, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Runner{cfg: cfg, board: newBoard(&cfg)}, nil
}

// Run is [NewRunner] and [Runner.Run].
func Run(ctx context.Context, cfg Config) error {
	r, err := NewRunner(cfg)
	if err != nil {
		return err
	}
	return r.Run(ctx)
}

// Run reads the connection until ctx ends, and then returns nil. The only error that it does not get over by itself is
// [events.ErrEpoch]: the hub must read the log again and start the runner anew. Run is called once.
func (r *Runner) Run(ctx context.Context) error {
	defer r.board.close()
	for failures := 0; ; failures++ {
		began := time.Now()
		err := r.turn(ctx)
		switch {
		case errors.Is(err, events.ErrEpoch):
			r.board.connection(StateFailing, err)
			return err
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, events.ErrFenced), errors.Is(err, errLeaseLost):
			r.board.connection(StateStandby, err)
		default:
			r.board.connection(StateFailing, err)
		}
		if time.Since(began) > r.cfg.Backoff.Cap {
			failures = 0
		}
		if sleep(ctx, max(r.cfg.Backoff.delay(failures+1), minPace)) != nil {
			return nil
		}
	}
}

// errLeaseLost ends a session whose lease another hub has, or whose store of leases could not be reached in time.
var errLeaseLost = errors.New("the lease on the connection was lost: another hub may read it now")

// turn waits for the lease and reads the connection for as long as it is this hub's.
func (r *Runner) turn(ctx context.Context) error {
	if r.cfg.Lease == nil {
		return r.session(ctx)
	}
	waiting := time.AfterFunc(time.Second, func() { r.board.connection(StateStandby, errWaiting) })
	lost, release, err := r.cfg.Lease.Acquire(ctx)
	waiting.Stop()
	if err != nil {
		return fmt.Errorf("waiting for the lease on the connection: %w", err)
	}
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-lost:
			cancel(errLeaseLost)
		case <-ctx.Done():
		}
	}()
	err = r.session(ctx)
	if cause := context.Cause(ctx); errors.Is(cause, errLeaseLost) && !errors.Is(err, events.ErrEpoch) {
		return cause
	}
	return err
}

var errWaiting = errors.New("another hub reads the connection")

// session claims the connection, loads what the log knows of it, and runs the feeds until ctx ends or the claim is lost.
func (r *Runner) session(ctx context.Context) error {
	r.board.connection(StateStarting, nil)
	s, err := newSession(ctx, r)
	if err != nil {
		return err
	}
	if err := s.probeFirst(ctx); err != nil {
		return err
	}
	r.publish(s.feeds)
	defer r.publish(nil)
	r.board.connection(StateRunning, nil)
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range s.feeds {
		g.Go(func() error { return f.run(ctx) })
	}
	g.Go(func() error { s.watchApprovals(ctx); return nil })
	return g.Wait()
}

// publish makes the feeds reachable for Nudge.
func (r *Runner) publish(feeds []*feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live = map[string]*feed{}
	for _, f := range feeds {
		r.live[f.def.Name] = f
	}
}

// Nudge wakes a feed before its time, all feeds with an empty name. It never blocks, and a feed that waits for a rate limit goes
// on waiting. It reports whether there is such a feed.
func (r *Runner) Nudge(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := false
	for _, f := range r.live {
		if name == "" || f.def.Name == name {
			found = true
			f.nudge()
		}
	}
	return found
}

// Status is the connection's state now.
func (r *Runner) Status() Status { return r.board.now() }
