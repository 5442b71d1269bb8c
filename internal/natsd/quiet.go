package natsd

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// quiet is the server's logger: warnings and errors go to slog, the rest nowhere. The server reports through Fatalf what keeps
// it from starting; the first such report is kept, and ends nothing.
type quiet struct {
	log   *slog.Logger
	fatal atomic.Pointer[string]
	told  chan struct{} // closed at the first Fatalf
	full  atomic.Int64  // when the server last said that it has no room, in Unix nanoseconds
}

func newQuiet() *quiet {
	return &quiet{log: slog.Default().With("part", "nats"), told: make(chan struct{})}
}

func (q *quiet) Noticef(string, ...any) {}
func (q *quiet) Debugf(string, ...any)  {}
func (q *quiet) Tracef(string, ...any)  {}

// Warnf passes a warning on, unless it tells how the server mends by itself what it left when it was killed.
func (q *quiet) Warnf(format string, v ...any) {
	if s := q.heard(format, v); !strings.Contains(s, "attempting to recover") {
		q.log.Warn(s)
	}
}

func (q *quiet) Errorf(format string, v ...any) { q.log.Error(q.heard(format, v)) }

// heard is what the server says. It tells of a full disk here and nowhere else: clients only learn that nothing was stored.
func (q *quiet) heard(format string, v []any) string {
	s := fmt.Sprintf(format, v...)
	if strings.Contains(s, "no space left") || strings.Contains(s, "resource limits exceeded") {
		q.full.Store(time.Now().UnixNano())
	}
	return s
}

func (q *quiet) Fatalf(format string, v ...any) {
	s := fmt.Sprintf(format, v...)
	if q.fatal.CompareAndSwap(nil, &s) {
		close(q.told)
	}
}

// why turns the server's last words into an error with a cure.
func (q *quiet) why(o Options) error {
	s := *q.fatal.Load()
	switch {
	case strings.Contains(s, "address already in use"):
		return fmt.Errorf("nats: port %d of %s is in use: stop what listens there, or set another port (0 takes a free one)", o.Port, o.Host)
	case strings.Contains(s, "cannot assign requested address"):
		return fmt.Errorf("nats: %s is no address of this machine: set the host to 127.0.0.1 or to one of its own", o.Host)
	case strings.Contains(s, "no space left"):
		return fmt.Errorf("nats: the disk of %s is full: free some space and start again (%s)", o.Dir, s)
	case strings.Contains(s, "permission denied"):
		return fmt.Errorf("nats: no permission: give a folder that this user may write, and a port above 1023 (%s)", s)
	}
	return fmt.Errorf("nats: the server did not start: %s", s)
}
