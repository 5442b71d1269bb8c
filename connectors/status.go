package connectors

import (
	"sync"
	"time"
)

// The states of a connection.
const (
	StateStarting     = "starting"     // claims the connection, loads what is known of it
	StateRunning      = "running"      // reads
	StateStandby      = "standby"      // another hub reads the connection
	StateUnauthorized = "unauthorized" // the credentials do not work
	StateHeld         = "held"         // the breaker holds a sweep back; all else goes on
	StateFailing      = "failing"      // a feed has failed three times in a row, or the log does not answer
	StateStopped      = "stopped"
)

// The states of a feed.
const (
	FeedStarting     = "starting"
	FeedCatchingUp   = "catching up"
	FeedCaughtUp     = "caught up"
	FeedRateLimited  = "rate limited"
	FeedForbidden    = "forbidden"
	FeedUnauthorized = "unauthorized"
	FeedFailing      = "failing"
)

// Status is how a connection does, for people. It holds no secret.
type Status struct {
	Tenant     string       `json:"tenant"`
	Connection string       `json:"connection"`
	Vendor     string       `json:"vendor"`
	State      string       `json:"state"`
	Reason     string       `json:"reason,omitzero"` // why, and what to do
	Since      time.Time    `json:"since"`           // of the state
	Hub        string       `json:"hub"`
	Feeds      []FeedStatus `json:"feeds"`
	Entities   int          `json:"entities"` // live ones
	Held       *Held        `json:"held,omitzero"`
	RateShare  string       `json:"rate_share,omitzero"`
	Hook       *HookStatus  `json:"hook,omitzero"` // set by the hub, where a hook is configured
	Time       time.Time    `json:"time"`          // of this status
}

// CaughtUp reports whether every feed that can read is caught up: what is forbidden is not waited for.
func (s *Status) CaughtUp() bool {
	for _, f := range s.Feeds {
		if !f.CaughtUp && f.State != FeedForbidden {
			return false
		}
	}
	return len(s.Feeds) > 0
}

// FeedStatus is how a feed does. Counts are since the runner was started.
type FeedStatus struct {
	Name         string    `json:"name"`
	State        string    `json:"state"`
	CaughtUp     bool      `json:"caught_up"`             // there was a pull with nothing more to ask for, since the feed last began anew
	CaughtUpAt   time.Time `json:"caught_up_at,omitzero"` // when the last such pull began: the picture is as of then
	Lag          float64   `json:"lag_seconds,omitzero"`  // how old the picture is; 0 before it is caught up for the first time
	LastError    string    `json:"last_error,omitzero"`   // empty after a good page
	LastErrorAt  time.Time `json:"last_error_at,omitzero"`
	Failures     int       `json:"failures"` // in a row
	Calls        int64     `json:"calls"`    // HTTP requests
	Pages        int64     `json:"pages"`
	Rounds       int64     `json:"rounds"`        // how often it was caught up
	Events       int64     `json:"events"`        // appended
	Passes       int64     `json:"passes"`        // sealed and believed
	StaleDropped int64     `json:"stale_dropped"` // readings that were older than what is known
	Unknown      int64     `json:"unknown"`       // records that nothing understood
	Doubt        string    `json:"doubt,omitzero"`
	Every        float64   `json:"every_seconds"`
	NextAt       time.Time `json:"next_at,omitzero"`
	Ahead        int       `json:"calls_ahead,omitzero"` // about how many calls the round will still take; 0: not known, or none

	held *Held
}

// sendEvery is the shortest time between two statuses of one state.
const sendEvery = 500 * time.Millisecond

// board gathers a connection's status and sends it: at once when the state changes, else at most every [sendEvery].
type board struct {
	cfg *Config

	mu     sync.Mutex
	s      Status
	base   string // state apart from the feeds: starting, standby, running, ...
	why    error
	log    error // what the log does not take
	sent   time.Time
	timer  *time.Timer
	closed bool

	sending sync.Mutex // one call of the sink at a time, in order
}

func newBoard(c *Config) *board {
	b := &board{cfg: c, base: StateStarting}
	b.s = Status{Tenant: c.Tenant, Connection: c.Connection, Vendor: c.Vendor, State: StateStarting, Hub: c.Hub, Since: time.Now().UTC()}
	for _, f := range c.Connector.Feeds() {
		b.s.Feeds = append(b.s.Feeds, FeedStatus{Name: f.Name, State: FeedStarting, Every: c.every(&f).Seconds()})
	}
	return b
}

// connection says how the connection does as a whole.
func (b *board) connection(state string, why error) {
	b.update(func() {
		b.base, b.why = state, why
		if state == StateStarting {
			b.begin()
		}
	})
}

// begin forgets what a former session knew of the feeds.
func (b *board) begin() {
	b.log = nil
	for i := range b.s.Feeds {
		f := &b.s.Feeds[i]
		f.State, f.CaughtUp, f.held, f.Doubt = FeedStarting, false, nil, ""
	}
}

// logTrouble says that the log does not take what it should, or with nil that it does again.
func (b *board) logTrouble(err error) { b.update(func() { b.log = err }) }

func (b *board) entities(n int) { b.update(func() { b.s.Entities = n }) }

func (b *board) feed(name string, change func(*FeedStatus)) {
	b.update(func() {
		for i := range b.s.Feeds {
			if b.s.Feeds[i].Name == name {
				change(&b.s.Feeds[i])
			}
		}
	})
}

// update makes a change and sends the status, now or soon.
func (b *board) update(change func()) {
	b.mu.Lock()
	change()
	former := b.s.State
	b.derive()
	now := time.Now()
	if b.s.State != former {
		b.s.Since = now.UTC()
	}
	wait := sendEvery - now.Sub(b.sent)
	urgent := b.s.State != former || wait <= 0
	if !urgent && b.timer == nil && !b.closed {
		b.timer = time.AfterFunc(wait, b.send)
	}
	closed := b.closed
	b.mu.Unlock()
	if urgent && !closed {
		b.send()
	}
}

// derive makes the connection's state of its parts.
func (b *board) derive() {
	s := &b.s
	s.State, s.Reason, s.Held = b.base, "", nil
	if b.why != nil {
		s.Reason = b.cfg.scrub(b.why.Error())
	}
	if b.base != StateRunning {
		return
	}
	for i := range s.Feeds {
		f := &s.Feeds[i]
		if f.held != nil && s.Held == nil {
			s.Held = f.held
		}
		switch {
		case f.State == FeedUnauthorized:
			s.State, s.Reason = StateUnauthorized, f.Name+": "+f.LastError
		case f.State == FeedFailing && f.Failures >= 3 && s.State != StateUnauthorized:
			s.State, s.Reason = StateFailing, f.Name+": "+f.LastError
		}
	}
	if b.log != nil && s.State == StateRunning {
		s.State, s.Reason = StateFailing, b.cfg.scrub(b.log.Error())
	}
	if s.Held != nil && s.State == StateRunning {
		s.State, s.Reason = StateHeld, s.Held.Cure
	}
}

// now is a copy of the status, dated.
func (b *board) now() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.copy()
}

func (b *board) copy() Status {
	s, now := b.s, time.Now()
	s.Time = now.UTC()
	s.Feeds = append([]FeedStatus(nil), s.Feeds...)
	for i := range s.Feeds {
		if f := &s.Feeds[i]; !f.CaughtUpAt.IsZero() {
			f.Lag = now.Sub(f.CaughtUpAt).Seconds()
		}
	}
	if b.cfg.Transport != nil {
		s.RateShare = b.cfg.Transport.RateShare()
	}
	return s
}

// send gives the sink what is the status by now.
func (b *board) send() {
	b.sending.Lock()
	defer b.sending.Unlock()
	b.mu.Lock()
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	b.sent = time.Now()
	s := b.copy()
	b.mu.Unlock()
	b.cfg.Sink(s)
}

// close sends the last status.
func (b *board) close() {
	b.connection(StateStopped, b.why)
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.send()
}
