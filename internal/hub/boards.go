package hub

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

// Boards are what hubs and the command line leave for each other beside the log.
type Boards struct {
	Leases    *eventlog.Leases
	Approvals *eventlog.Board // [connectors.Approval] by connection
	Statuses  *eventlog.Board // [connectors.Status] by connection
	Views     *eventlog.Board // [Views] by view
	Archives  *eventlog.Board // [Archived] of the log
}

func openBoards(ctx context.Context, nc *nats.Conn) (b Boards, err error) {
	if b.Leases, err = eventlog.NewLeases(ctx, nc, 0); err != nil {
		return b, fmt.Errorf("opening the leases: %w", err)
	}
	if b.Approvals, err = eventlog.Approvals(ctx, nc); err != nil {
		return b, fmt.Errorf("opening the approvals: %w", err)
	}
	if b.Statuses, err = eventlog.Statuses(ctx, nc); err != nil {
		return b, fmt.Errorf("opening the statuses: %w", err)
	}
	if b.Views, err = eventlog.Views(ctx, nc, 1); err != nil {
		return b, fmt.Errorf("opening the note of where views live: %w", err)
	}
	if b.Archives, err = eventlog.Archives(ctx, nc); err != nil {
		return b, fmt.Errorf("opening the note of where the archive lies: %w", err)
	}
	return b, nil
}

// approvals are the approvals of one connection. It implements [connectors.Approvals].
type approvals struct {
	board *eventlog.Board
	key   string
}

func (a approvals) Approved(ctx context.Context) (connectors.Approval, bool, error) {
	b, ok, err := a.board.Get(ctx, a.key)
	if err != nil || !ok {
		return connectors.Approval{}, false, err
	}
	var approval connectors.Approval
	err = events.Unmarshal(b, &approval)
	return approval, err == nil, err
}

func (a approvals) Used(ctx context.Context, used connectors.Approval) error {
	now, ok, err := a.Approved(ctx)
	if err != nil || !ok || now.ID != used.ID {
		return err
	}
	return a.board.Delete(ctx, a.key)
}

func (a approvals) Watch(ctx context.Context) <-chan struct{} {
	news := make(chan struct{}, 1)
	go func() {
		defer close(news)
		for note, err := range a.board.Watch(ctx) {
			if err != nil {
				return
			}
			if note.Key == a.key && note.Value != nil {
				select {
				case news <- struct{}{}:
				default:
				}
			}
		}
	}()
	return news
}

// statusEvery is how often a status is published when nothing changes, so that a reader can tell a hub that is gone.
const statusEvery = 5 * time.Second

// report takes a runner's status; it is published soon.
func (h *Hub) report(s connectors.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.statuses[s.Tenant+"/"+s.Connection] = s
	h.wake()
}

// reached takes the roster's checkpoint.
func (h *Hub) reached(c checkpoint) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checkpoint = c
	h.wake()
}

// judge takes note that a tick has followed what was read.
func (h *Hub) judge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.judged {
		h.judged = true
		h.wake()
	}
}

func (h *Hub) isJudged() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.judged
}

// wake tells those who wait that something moved; the caller holds the lock.
func (h *Hub) wake() {
	close(h.moved)
	h.moved = make(chan struct{})
}

// publishStatuses keeps the board of statuses up to date: what changed at most twice a second, everything now and then. A
// status that cannot be published costs nobody anything but the sight of it.
func (h *Hub) publishStatuses(ctx context.Context) error {
	shown := map[string]time.Time{}
	for {
		h.mu.Lock()
		moved := h.moved
		var due []connectors.Status
		for key, s := range h.statuses {
			if s.State != connectors.StateStandby && (s.Time.After(shown[key]) || time.Since(shown[key]) > statusEvery) {
				due = append(due, h.withHook(s))
				shown[key] = time.Now()
			}
		}
		h.mu.Unlock()
		for _, s := range due {
			if err := h.publish(ctx, s); err != nil {
				h.opts.Logger.Debug("a status was not published", "connection", s.Connection, "why", err)
			}
		}
		if !pause(ctx, 500*time.Millisecond) {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-moved:
		case <-time.After(statusEvery):
		}
	}
}

func (h *Hub) publish(ctx context.Context, s connectors.Status) error {
	b, err := events.Marshal(s)
	if err != nil {
		return err
	}
	return h.Board.Statuses.Put(ctx, eventlog.Key(s.Tenant, s.Connection), b)
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
