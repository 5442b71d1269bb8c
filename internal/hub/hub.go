// Package hub puts the parts together: NATS, the log, a runner for each connection, and the roster. It is the main job.
package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/config"
	"github.com/rollcallhq/rollcall/internal/natsd"
	"github.com/rollcallhq/rollcall/projections"
)

// Options are what a hub is made of.
type Options struct {
	Config  config.Config
	Vendors []connectors.Vendor
	Logger  *slog.Logger // nil: silent

	// Tune changes what a runner is made of, if it is set: a test shortens the waits after failures with it.
	Tune func(*connectors.Config)
}

// Hub is an opened hub. Run does its work; Close gives everything back.
type Hub struct {
	ID  string // new at each start: host, process and a random part
	URL string // of NATS

	View  *LiveView
	Board Boards

	opts   Options
	server *natsd.Server // nil: an existing one is used
	nc     *nats.Conn
	js     jetstream.JetStream
	told   *projections.Hearing
	keys   *eventlog.Keys
	door   *door           // nil: pushes are not taken
	folder *archive.Folder // nil: nothing is archived

	mu         sync.Mutex
	log        *eventlog.Log
	statuses   map[string]connectors.Status // by "<tenant>/<connection>"
	checkpoint projections.Checkpoint
	judged     bool          // a tick has followed what was read
	moved      chan struct{} // closed and made anew at each change of the three above
}

// Open starts or dials NATS and opens log and view. Nothing is read from vendors yet.
func Open(ctx context.Context, o Options) (_ *Hub, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{ID: newID(), opts: o, View: &LiveView{}, statuses: map[string]connectors.Status{}, moved: make(chan struct{})}
	defer func() {
		if err != nil {
			h.Close()
		}
	}()
	if err := h.connect(ctx); err != nil {
		return nil, err
	}
	if dir := o.Config.Archive.Folder; dir != "" {
		if h.folder, err = archive.MakeFolder(dir); err != nil {
			return nil, fmt.Errorf("archive.folder: %w", err)
		}
	}
	if h.Board.Views, err = eventlog.Views(ctx, h.nc, o.Config.NATS.Replicas); err != nil {
		return nil, err
	}
	if err := h.openLive(ctx); err != nil {
		return nil, err
	}
	if h.told, err = openFindings(ctx, h.js, o.Config.NATS.Stream, o.Config.NATS.Replicas, false); err != nil {
		return nil, err
	}
	if h.keys, err = eventlog.OpenKeys(ctx, h.nc, eventlog.KeysOptions{Replicas: o.Config.NATS.Replicas, Create: !o.Config.Privacy.PlainPersons}); err != nil {
		return nil, err
	}
	if err := h.open(ctx); err != nil {
		return nil, err
	}
	if h.Board, err = openBoards(ctx, h.nc); err != nil || o.Config.Hooks.Listen == "" {
		return h, err
	}
	h.door, err = openDoor(ctx, o.Config, o.Logger)
	return h, err
}

// Log is the log as it is open now: another one after it was restored.
func (h *Hub) Log() *eventlog.Log {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log
}

func newID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "hub"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), rand.Text()[:8])
}

// open opens the log, or opens it again. The roster's checkpoint tells it how far it once was.
func (h *Hub) open(ctx context.Context) error {
	n := h.opts.Config.NATS
	seen, err := h.View.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("reading the roster's checkpoint: %w", err)
	}
	log, err := eventlog.Open(ctx, h.nc, eventlog.Options{
		Stream: n.Stream, Replicas: n.Replicas, Create: true, Seen: h.seen(seen.Position), Sync: h.sync(),
		Keys: h.keys, Seal: !h.opts.Config.Privacy.PlainPersons,
	})
	if err != nil {
		return err
	}
	if err := h.keepErased(ctx, log); err != nil {
		log.Close()
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = log
	h.wake()
	return nil
}

// seen are the furthest positions that this hub knows of.
func (h *Hub) seen(checkpoint events.Position) []events.Position {
	out := []events.Position{checkpoint}
	if log := h.Log(); log != nil {
		out = append(out, log.Seen())
	}
	return out
}

// sync is how the server flushes, as far as this hub can know: of its own server.
func (h *Hub) sync() eventlog.Sync {
	if h.server != nil {
		return eventlog.SyncAlways
	}
	return eventlog.SyncUnknown
}

// Close gives everything back. A running hub must have returned from Run.
func (h *Hub) Close() {
	if h.door != nil {
		h.door.close()
	}
	if log := h.Log(); log != nil {
		log.Close()
	}
	if h.keys != nil {
		h.keys.Close()
	}
	if h.nc != nil {
		h.nc.Close()
	}
	if h.server != nil {
		if err := h.server.Shutdown(); err != nil {
			h.opts.Logger.Warn("the embedded NATS server did not end cleanly", "why", err)
		}
	}
}

// Run reads the vendors, keeps the roster and takes pushes until ctx is done.
func (h *Hub) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.readOn(ctx) })
	if h.door != nil {
		g.Go(func() error { return h.door.run(ctx) })
	}
	return g.Wait()
}

// readOn reads the vendors and keeps the roster. When the log turns out to have been restored, it is opened again in its new epoch
// and everything starts from there.
func (h *Hub) readOn(ctx context.Context) error {
	for {
		err := h.run(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, events.ErrEpoch):
			return err
		}
		h.opts.Logger.Warn("the log was restored while the hub ran: it is opened again")
		h.Log().Close()
		if err := h.open(ctx); err != nil {
			return err
		}
	}
}

func (h *Hub) run(ctx context.Context) error {
	if r, ok := h.Log().Restored(); ok {
		h.opts.Logger.Warn("the log came back shorter than it was: a new epoch begins, the vendors are read again, views are rebuilt",
			"was", r.Old.String(), "survived", r.Resumed)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.keepRoster(ctx) })
	g.Go(func() error { return h.publishStatuses(ctx) })
	g.Go(func() error { return h.keepTime(ctx) })
	if h.folder != nil {
		g.Go(func() error { return h.keepArchive(ctx) })
	}
	for _, t := range h.opts.Config.Tenants {
		for _, c := range t.Connections {
			run, err := h.connection(t.Name, c)
			if err != nil {
				return fmt.Errorf("connection %s of tenant %s: %w", c.Name, t.Name, err)
			}
			g.Go(func() error { return run(ctx) })
		}
	}
	return g.Wait()
}

// lease makes what blocks until this hub holds the lease of that name.
func (h *Hub) lease(key string) func(context.Context) (<-chan struct{}, func(), error) {
	return func(ctx context.Context) (<-chan struct{}, func(), error) {
		l, err := h.Board.Leases.Acquire(ctx, key, h.ID)
		if err != nil {
			return nil, nil, err
		}
		return l.Lost(), func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
			defer cancel()
			if err := l.Release(ctx); err != nil {
				h.opts.Logger.Debug("a lease was not released: it ends by itself", "lease", key, "why", err)
			}
		}, nil
	}
}
