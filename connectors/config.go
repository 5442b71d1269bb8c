package connectors

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"
)

// Config is what a runner needs. Only Tenant, Connection, Vendor, Hub, Connector and Log must be set.
type Config struct {
	Tenant, Connection, Vendor string

	Hub       string // the hub's id, new at each start of the hub
	Connector Connector
	Log       Log
	Lease     Lease        // nil: this hub is the only one that ever reads the connection
	Approvals Approvals    // nil: sweeps that the breaker has stopped stay stopped
	Sink      func(Status) // takes each status, one call at a time; it should not block
	Logger    *slog.Logger // for what is no status: panics, with their stack; nil: none
	Transport *Transport   // the one that the connector uses, so that the status can say its share of the rate limit

	// Secrets are the connection's: should one ever stand in an error, it is taken out before anybody sees it.
	Secrets []Secret

	Pace    map[string]time.Duration // by feed, instead of Feed.Every; at least 100 ms
	Breaker Breaker
	Backoff Backoff

	ForbiddenEvery time.Duration // how often a forbidden feed is tried again; default 5 minutes
	SaveEvery      time.Duration // how often the moved cursor of a quiet feed is saved; default 1 minute
	RecheckEvery   time.Duration // how soon a listing is read again of which a sweep was held back or doubted; default 30 minutes
	Grace          time.Duration // how long the append of a page may take that was there when the runner was stopped; default 5 seconds
}

// minPace is the shortest time between two pulls of a feed that is caught up.
const minPace = 100 * time.Millisecond

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Tenant == "" || c.Connection == "" || c.Vendor == "" || c.Hub == "":
		return c, errors.New("a runner needs a tenant, a connection, a vendor and a hub id")
	case c.Connector == nil || c.Log == nil:
		return c, fmt.Errorf("the runner of %s/%s needs a connector and a log", c.Tenant, c.Connection)
	}
	names := map[string]bool{}
	for _, f := range c.Connector.Feeds() {
		if f.Name == "" || f.Pull == nil || names[f.Name] {
			return c, fmt.Errorf("the connector of %s has a feed %q without a name of its own or without Pull", c.Connection, f.Name)
		}
		names[f.Name] = true
	}
	if err := checkLeaders(c.Connector.Feeds()); err != nil {
		return c, fmt.Errorf("the connector of %s: %w", c.Connection, err)
	}
	for name, pace := range c.Pace {
		if !names[name] {
			return c, fmt.Errorf("connection %s: pace names the feed %q, which it does not have: it has %s", c.Connection, name, feedNames(c.Connector))
		}
		if pace < minPace {
			return c, fmt.Errorf("connection %s: the pace of %s is %v: at least %v", c.Connection, name, pace, minPace)
		}
	}
	c.Breaker, c.Backoff = c.Breaker.withDefaults(), c.Backoff.withDefaults()
	orElse(&c.ForbiddenEvery, 5*time.Minute)
	orElse(&c.SaveEvery, time.Minute)
	orElse(&c.RecheckEvery, 30*time.Minute)
	orElse(&c.Grace, 5*time.Second)
	if c.Sink == nil {
		c.Sink = func(Status) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func orElse(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}

func feedNames(c Connector) string {
	var names []string
	for _, f := range c.Feeds() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// every is a feed's pace.
func (c *Config) every(f *Feed) time.Duration {
	d := f.Every
	if pace, ok := c.Pace[f.Name]; ok {
		d = pace
	}
	orElse(&d, time.Minute)
	return max(d, minPace)
}

// scrub takes the connection's secrets out of a text.
func (c *Config) scrub(s string) string {
	for _, secret := range c.Secrets {
		if v := secret.Reveal(); len(v) >= 4 {
			s = strings.ReplaceAll(s, v, "[redacted]")
		}
	}
	return s
}

// Backoff says how long to wait after failures in a row: a random time up to Base, doubled with each, up to Cap.
type Backoff struct {
	Base time.Duration  // default 500 ms
	Cap  time.Duration  // default 5 minutes
	Rand func() float64 // in [0, 1); default math/rand
}

func (b Backoff) withDefaults() Backoff {
	orElse(&b.Base, 500*time.Millisecond)
	orElse(&b.Cap, 5*time.Minute)
	if b.Rand == nil {
		b.Rand = rand.Float64
	}
	return b
}

// delay is the wait after the nth failure in a row, n from 1.
func (b Backoff) delay(n int) time.Duration {
	ceiling := b.Cap
	if n < 40 && b.Base<<(n-1) > 0 {
		ceiling = min(b.Cap, b.Base<<(n-1))
	}
	return time.Duration(b.Rand() * float64(ceiling))
}

// slow is the wait after a failure that only a person can mend: between half the cap and the cap.
func (b Backoff) slow() time.Duration { return b.Cap/2 + time.Duration(b.Rand()*float64(b.Cap/2)) }
