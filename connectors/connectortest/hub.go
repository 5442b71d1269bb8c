package connectortest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The connection under test.
const tenant, connection = "acme", "under-test"

// hub is a runner at work on the suite's log.
type hub struct {
	s      *suite
	r      *connectors.Runner
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	states map[string]bool // of the connection and of its feeds
}

// start runs the connector against log until the hub is stopped.
func (s *suite) start(log connectors.Log) *hub {
	s.restarted()
	h := &hub{s: s, done: make(chan struct{}), states: map[string]bool{}}
	cfg := connectors.Config{
		Tenant: tenant, Connection: connection, Vendor: "vendor", Hub: "hub", Connector: s.conn, Log: log, Sink: h.sink,
		Pace: map[string]time.Duration{}, Backoff: connectors.Backoff{Base: 20 * time.Millisecond, Cap: 200 * time.Millisecond},
		ForbiddenEvery: 200 * time.Millisecond, SaveEvery: time.Nanosecond, RecheckEvery: 300 * time.Millisecond,
	}
	for _, f := range s.conn.Feeds() {
		cfg.Pace[f.Name] = 100 * time.Millisecond
	}
	r, err := connectors.NewRunner(cfg)
	if err != nil {
		s.t.Fatalf("making the runner: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.r, h.cancel = r, cancel
	go func() {
		defer close(h.done)
		if err := r.Run(ctx); err != nil {
			s.fail("the runner ended: %v", err)
		}
	}()
	return h
}

// restarted tells the watch that a new process begins.
func (s *suite) restarted() {
	switch c := s.conn.(type) {
	case *watched:
		c.forget()
	case *prober:
		c.forget()
	}
}

func (h *hub) stop() {
	h.cancel()
	<-h.done
}

// The faults of a connector that a runner finds by itself.
var connectorFaults = []string{"leads in a circle", "that it never began", "the connector panicked"}

func (h *hub) sink(st connectors.Status) {
	b, err := json.Marshal(st)
	if err != nil {
		h.s.fail("a status cannot be written: %v", err)
	}
	h.s.search("a status", b)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states[st.State] = true
	for _, f := range st.Feeds {
		h.states[f.State] = true
		for _, text := range connectorFaults {
			if strings.Contains(f.LastError, text) {
				h.s.fail("%s: %s", f.Name, f.LastError)
			}
		}
	}
}

func (h *hub) saw(state string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[state]
}

// rounds waits until every feed that can read was caught up n times more.
func (h *hub) rounds(n int64) bool {
	from := map[string]int64{}
	for _, f := range h.r.Status().Feeds {
		from[f.Name] = f.Rounds
	}
	return h.s.eventually("the feeds are caught up again", func() string {
		for _, f := range h.r.Status().Feeds {
			if f.State != connectors.FeedForbidden && f.Rounds < from[f.Name]+n {
				return f.Name + " is " + f.State + " " + f.LastError
			}
		}
		return ""
	})
}

// all reads everything that the log holds.
func (s *suite) all() []events.Message {
	var out []events.Message
	for m, err := range s.log.Read(context.Background(), events.Query{}) {
		if err != nil {
			s.t.Fatalf("reading the log: %v", err)
		}
		out = append(out, m)
	}
	return out
}

// searchLog looks for secrets in every event and cursor of the log.
func (s *suite) searchLog() {
	for _, m := range s.all() {
		b, err := events.Encode(&m.Event)
		if err != nil {
			s.fail("an event cannot be written: %v", err)
		}
		s.search("the event "+string(m.Event.Type), b)
	}
	for _, f := range s.conn.Feeds() {
		saved, err := s.log.Cursor(context.Background(), tenant, connection, f.Name)
		if err != nil {
			s.t.Fatalf("reading the cursor of %s: %v", f.Name, err)
		}
		s.search("the cursor of "+f.Name, saved.Cursor)
	}
}
