package hub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/projections/roster"
	"github.com/rollcallhq/rollcall/replay"
)

// surveyed is what the vendors have, as a roster of their own.
type surveyed struct {
	docs   roster.Documents
	read   [][2]string // connections
	unread []replay.Unread
}

// quiet is how long nothing new must come before a reading is held to be whole: what one feed shows may make another one look again.
const quiet = 2 * time.Second

// survey reads every connection once.
func survey(ctx context.Context, o DriftOptions) (*surveyed, error) {
	log := eventlog.NewMemory()
	defer log.Close()
	p := &progress{statuses: map[[2]string]connectors.Status{}}
	runners, err := runnersOf(o, log, p)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	g, running := errgroup.WithContext(reading)
	running, stop := context.WithCancel(running)
	defer stop()
	for _, r := range runners {
		g.Go(func() error { return r.Run(running) })
	}
	for p.wait(reading, o.Show) && underWay(reading, log) {
		p.look()
	}
	s := &surveyed{}
	for _, at := range p.all { // before the runners are stopped, which is a state of its own
		if why := p.unread(at); why != "" {
			s.unread = append(s.unread, replay.Unread{Tenant: at[0], Connection: at[1], Why: why})
		} else {
			s.read = append(s.read, at)
		}
	}
	stop()
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.docs, err = foldAll(ctx, log)
	return s, err
}

// runnersOf makes a runner of every connection that writes into the log.
func runnersOf(o DriftOptions, log *eventlog.Log, p *progress) ([]*connectors.Runner, error) {
	var out []*connectors.Runner
	for _, t := range o.Config.Tenants {
		if o.Tenant != "" && t.Name != o.Tenant {
			continue
		}
		for _, c := range t.Connections {
			runs, err := runnerOf(o.Vendors, t.Name, c)
			if err != nil {
				return nil, fmt.Errorf("connection %s of tenant %s: %w", c.Name, t.Name, err)
			}
			runs.Hub, runs.Log, runs.Sink, runs.Logger, runs.Connector = "drift", log, p.take, o.Logger, readOnly(runs.Connector)
			if o.Tune != nil {
				o.Tune(&runs)
			}
			r, err := connectors.NewRunner(runs)
			if err != nil {
				return nil, err
			}
			out, p.all = append(out, r), append(p.all, [2]string{t.Name, c.Name})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the configuration has no connection of tenant %q to read", o.Tenant)
	}
	return out, nil
}

// foldAll is the roster that follows from a log.
func foldAll(ctx context.Context, log *eventlog.Log) (roster.Documents, error) {
	fold, docs := roster.New(), roster.Documents{}
	for m, err := range log.Read(ctx, events.Query{}) {
		if err != nil {
			return nil, err
		}
		if err := fold.Apply(m); err != nil {
			return nil, err
		}
	}
	drained, err := fold.Drain()
	for _, d := range drained {
		if d.Body != nil {
			docs[d.Key] = d.Body
		}
	}
	return docs, err
}

// readOnly leaves out of a connector what is no list of things: feeds that tell of activities alone, one of which may take messages off a
// queue, and feeds that tell nothing and hold something at the vendor. They stay as feeds that find nothing, because others follow them.
func readOnly(c connectors.Connector) connectors.Connector {
	all := slices.Clone(c.Feeds())
	for n := range all {
		if !slices.ContainsFunc(all[n].Kinds, func(k events.Kind) bool { return k != events.KindActivity }) {
			all[n].Pull = func(context.Context, connectors.Cursor) (connectors.Page, error) { return connectors.Page{}, nil }
		}
	}
	lists := listing{c, all}
	if p, ok := c.(connectors.Prober); ok {
		return struct {
			listing
			connectors.Prober
		}{lists, p}
	}
	return lists
}

// listing is a connector with other feeds.
type listing struct {
	made  connectors.Connector
	feeds []connectors.Feed
}

func (l listing) Feeds() []connectors.Feed { return l.feeds }

func (l listing) Normalize(r connectors.Record) (connectors.Reading, error) {
	return l.made.Normalize(r)
}

// progress gathers how a reading goes.
type progress struct {
	all [][2]string // the connections, by tenant and name

	mu       sync.Mutex
	statuses map[[2]string]connectors.Status
	events   int64     // appended so far
	moved    time.Time // when that last grew
}

func (p *progress) take(s connectors.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.statuses[[2]string{s.Tenant, s.Connection}] = s
	var n int64
	for _, s := range p.statuses {
		for _, f := range s.Feeds {
			n += f.Events
		}
	}
	if n != p.events || p.moved.IsZero() {
		p.events, p.moved = n, time.Now()
	}
}

// underWay reports whether a feed says that it has not reached everything yet.
func underWay(ctx context.Context, log *eventlog.Log) bool {
	for m, err := range log.Read(ctx, events.Query{Filter: events.Filter{Kind: events.KindCoverage}, LastOnly: true}) {
		if err != nil {
			return false
		}
		if e := m.Event.Data.Entity; e != nil && e.Coverage != nil && strings.Contains(e.Coverage.Reason, connectors.UnderWay) {
			return true
		}
	}
	return false
}

// look has what comes from now on waited for again.
func (p *progress) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved = time.Now()
}

// wait reports true when every connection is read, or cannot be, and nothing new has come for a while, and false when ctx ends.
func (p *progress) wait(ctx context.Context, show func([]connectors.Status)) bool {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		p.mu.Lock()
		var list []connectors.Status
		done := time.Since(p.moved) > quiet
		for _, at := range p.all {
			s, ok := p.statuses[at]
			done = done && ok && (s.CaughtUp() || s.State == connectors.StateUnauthorized || s.State == connectors.StateFailing)
			list = append(list, s)
		}
		p.mu.Unlock()
		if show != nil {
			show(list)
		}
		if done {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-look.C:
		}
	}
}

// unread says why a connection was not read; empty where it was.
func (p *progress) unread(at [2]string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.statuses[at]
	if s.CaughtUp() {
		return ""
	}
	var late []string
	for _, f := range s.Feeds {
		if !f.CaughtUp && f.State != connectors.FeedForbidden {
			late = append(late, strings.TrimSuffix(f.Name+" is "+f.State+": "+f.LastError, ": "))
		}
	}
	why := strings.Join(late, "; ")
	if s.Reason != "" {
		why = s.State + ": " + s.Reason
	}
	return why
}
