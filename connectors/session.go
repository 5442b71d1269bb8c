package connectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

// session is the time during which this hub reads the connection. The feeds reconcile and append one at a time, because they
// may speak of the same entity; they pull at the same time.
type session struct {
	cfg   *Config
	board *board
	feeds []*feed

	mu    sync.Mutex
	claim events.Claim
	st    *state
	src   source

	// known guards what a Pull may ask of st. Who changes that holds mu as well, but mu is also held while the log stores a page: whoever
	// asks must not wait for that.
	known sync.RWMutex
}

// newSession claims the connection and reads what the log knows of it.
func newSession(ctx context.Context, r *Runner) (*session, error) {
	c := &r.cfg
	s := &session{cfg: c, board: r.board}
	s.src = source{tenant: c.Tenant, connection: c.Connection, vendor: c.Vendor, log: c.Log, breaker: c.Breaker, scrub: c.scrub}
	var err error
	if s.claim, err = c.Log.Claim(ctx, c.Tenant, c.Connection, c.Hub); err != nil {
		return nil, fmt.Errorf("claiming the connection in the log: %w", err)
	}
	if s.st, err = load(time.Now(), c.Log.States(ctx, c.Tenant, c.Connection), s.damaged); err != nil {
		return nil, err
	}
	for _, def := range c.Connector.Feeds() {
		saved, err := c.Log.Cursor(ctx, c.Tenant, c.Connection, def.Name)
		if err != nil {
			return nil, fmt.Errorf("reading the cursor of %s: %w", def.Name, err)
		}
		for _, id := range saved.Done {
			s.st.recent.add(id)
		}
		s.feeds = append(s.feeds, newFeed(s, def, saved))
	}
	s.lead()
	s.board.entities(s.st.live)
	return s, nil
}

// damaged tells of a last state that cannot be read. Its entity is unknown until the vendor shows it again.
func (s *session) damaged(err error) {
	s.cfg.Logger.Error("the log is damaged: what it cannot tell is read again from the vendor",
		"tenant", s.cfg.Tenant, "connection", s.cfg.Connection, "why", err)
}

// probeTries is how often a probe may fail for no reason that the runner knows before the feeds are read all the same.
const probeTries = 3

// probeFirst waits until the connection may see at all, or it cannot be found out.
func (s *session) probeFirst(ctx context.Context) error {
	for failures := 1; ; failures++ {
		err := s.probe(ctx)
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		delay, state := s.cfg.Backoff.delay(failures), StateFailing
		if f := AsFault(err); f != nil {
			switch f.Kind {
			case Unauthorized:
				state = StateUnauthorized
				if failures > 1 {
					delay = s.cfg.Backoff.slow()
				}
			case Forbidden, Gone:
				return nil // what may be read is read, and each feed says for itself what may not
			case RateLimited:
				delay = max(delay, f.After)
			}
		} else if failures == probeTries {
			return nil // what the probe asks may be the one thing that is broken
		}
		s.board.connection(state, fmt.Errorf("the connection cannot be read yet: %w", err))
		if sleep(ctx, max(delay, minPace)) != nil {
			return context.Cause(ctx)
		}
	}
}

// probe asks the connector whether the connection may see. Without a prober it is believed to.
func (s *session) probe(ctx context.Context) (err error) {
	p, ok := s.cfg.Connector.(Prober)
	if !ok {
		return nil
	}
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked("Probe", v)
		}
	}()
	return p.Probe(ctx)
}

// take reconciles a page and appends what has changed. A listing that has shown nothing of what the log knows is believed only
// when a probe after it says that the connection may see, and the next listing has shown nothing either: by the time of the
// probe, what kept the vendor from showing anything may have passed. The plan is nil when the error is not nil.
func (s *session) take(ctx context.Context, in pulled) (*plan, error) {
	_, probes := s.cfg.Connector.(Prober)
	in.proven = !probes
	p, err := s.tryTake(ctx, in)
	if p == nil || !p.doubts {
		return p, err
	}
	// The probe is a call to the vendor: other feeds go on meanwhile.
	in.proven = s.probe(ctx) == nil
	in.believed, in.empty = true, in.owner.empty
	return s.tryTake(ctx, in)
}

// tryTake plans and, unless the plan needs a probe first, appends and commits.
func (s *session) tryTake(ctx context.Context, in pulled) (*plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := graceful(ctx, s.cfg.Grace)
	defer cancel()
	p, err := makePlan(ctx, &s.src, s.st, in)
	if err != nil {
		return nil, err
	}
	if p.doubts && !in.believed {
		return p, nil
	}
	if p.held != nil {
		if p, err = s.approve(ctx, p, in); err != nil {
			return nil, err
		}
	}
	return p, s.append(ctx, p, in.owner)
}

// append stores a plan and commits it. It holds on to the plan while the log cannot store it; the errors that it returns
// end the session.
func (s *session) append(ctx context.Context, p *plan, f *feed) error {
	f.settle(p)
	failpoint.Hit("connectors.page.planned")
	for failures := 1; ; failures++ {
		err := s.store(ctx, p, f)
		if err == nil {
			break
		}
		if ctx.Err() != nil || endsSession(err) {
			return fmt.Errorf("appending a page of %s: %w", f.def.Name, errors.Join(err, errSession))
		}
		s.board.logTrouble(fmt.Errorf("the log does not take the events of %s: %w", f.def.Name, err))
		if sleep(ctx, max(s.cfg.Backoff.delay(failures), minPace)) != nil {
			return errors.Join(err, errSession)
		}
	}
	s.board.logTrouble(nil)
	failpoint.Hit("connectors.page.appended")
	s.known.Lock()
	p.commit()
	s.known.Unlock()
	s.board.entities(s.st.live)
	if p.approved != nil {
		f.granted(p)
		if err := s.cfg.Approvals.Used(ctx, *p.approved); err != nil {
			s.cfg.Logger.Warn("withdrawing a used approval", "connection", s.cfg.Connection, "error", s.cfg.scrub(err.Error()))
		}
	}
	return nil
}

// errSession marks errors after which the session must begin anew.
var errSession = errors.New("the connection is read again from the log")

func endsSession(err error) bool {
	return errors.Is(err, events.ErrFenced) || errors.Is(err, events.ErrUncertain) || errors.Is(err, events.ErrEpoch)
}

// store makes one attempt to append, and replaces what is too large.
func (s *session) store(ctx context.Context, p *plan, f *feed) error {
	cursor := f.persistent()
	if err := s.ask(ctx, &p.page, f); err != nil {
		return err
	}
	for {
		if len(p.events) == 0 && !f.due(cursor) {
			return nil
		}
		receipt, err := s.cfg.Log.Append(ctx, events.Append{
			Claim: s.claim, Feed: f.def.Name, Expect: f.saved, Events: slices.Clone(p.events), Cursor: cursor, Whole: f.wholeAt(), Again: f.follows(cursor),
		})
		var large *events.TooLargeError
		if errors.As(err, &large) {
			if err = p.refuse(large); err == nil {
				continue
			}
		}
		if err == nil {
			s.claim, f.saved, f.savedAt = receipt.Claim, receipt.Saved, time.Now()
		}
		return err
	}
}

// approve looks for an approval of what the plan holds back, and plans again with it.
func (s *session) approve(ctx context.Context, p *plan, in pulled) (*plan, error) {
	if s.cfg.Approvals == nil {
		return p, nil
	}
	in.allowed = in.owner.grant
	if !in.allowed.covers(p.held) {
		a, err := s.approval(ctx)
		if err != nil || !a.covers(p.held) {
			return p, err
		}
		in.allowed = a
	}
	return makePlan(ctx, &s.src, s.st, in)
}

// approval is the standing approval, unless the log shows that it was used.
func (s *session) approval(ctx context.Context) (*Approval, error) {
	a, ok, err := s.cfg.Approvals.Approved(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for an approval: %w", err)
	}
	if !ok {
		return nil, nil
	}
	if a.ID == "" {
		a.ID = events.Digest("approval", a.By, a.Digest, a.Time.UTC().Format(time.RFC3339Nano), fmt.Sprint(a.Count))
	}
	ref := events.Ref{Kind: events.KindActivity, Holder: events.ConnectionHolder, Key: ActivitySweepApproved}
	m, found, err := s.cfg.Log.Last(ctx, s.cfg.Tenant, s.cfg.Connection, ref)
	if err != nil {
		return nil, fmt.Errorf("looking whether an approval was used: %w", err)
	}
	if found && m.Event.Data.Activity != nil && m.Event.Data.Activity.ID == a.ID {
		return nil, s.cfg.Approvals.Used(ctx, a)
	}
	return &a, nil
}

// watchApprovals makes feeds read again what was held back when there may be an approval.
func (s *session) watchApprovals(ctx context.Context) {
	if s.cfg.Approvals == nil {
		return
	}
	news := s.cfg.Approvals.Watch(ctx)
	for news != nil {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-news:
			if !ok {
				return
			}
			for _, f := range s.feeds {
				f.recheck()
			}
		}
	}
}

// graceful is a context that outlives ctx by the grace, so that a page that is there can be stored.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(grace, cancel)
		context.AfterFunc(out, func() { t.Stop() })
	})
	return out, func() { stop(); cancel() }
}
