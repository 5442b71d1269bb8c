package connectors

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// fakeVendor is a directory of agents whose feeds are written by the test. Records carry readings by number.
type fakeVendor struct {
	mu       sync.Mutex
	feeds    []Feed
	readings []Reading
	probe    func() error
}

func (v *fakeVendor) Feeds() []Feed { return v.feeds }

func (v *fakeVendor) Probe(context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.probe == nil {
		return nil
	}
	return v.probe()
}

func (v *fakeVendor) Normalize(r Record) (Reading, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var n int
	if err := events.Unmarshal(r.Body, &n); err != nil {
		return Reading{}, err
	}
	if n < 0 {
		panic("negative record")
	}
	return v.readings[n], nil
}

// locked runs do while no feed pulls: what the test and its feeds share is touched only so.
func (v *fakeVendor) locked(do func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	do()
}

// pull adds a feed whose Pull runs locked.
func (v *fakeVendor) pull(name string, every time.Duration, pull func(Cursor) (Page, error)) {
	v.feeds = append(v.feeds, Feed{Name: name, Every: every, Kinds: []events.Kind{events.KindAgent}, Pull: func(_ context.Context, from Cursor) (Page, error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		return pull(from)
	}})
}

// record makes a record of a reading. The caller holds the lock.
func (v *fakeVendor) record(r Reading) Record {
	v.readings = append(v.readings, r)
	body, _ := events.Marshal(len(v.readings) - 1)
	return Record{Type: "thing", Body: body, Asked: time.Now()}
}

// list is a feed that shows all that ask returns, each time in one sealed pass.
func (v *fakeVendor) list(name string, every time.Duration, ask func() ([]events.Entity, error)) {
	v.pull(name, every, func(Cursor) (Page, error) {
		es, err := ask()
		if err != nil {
			return Page{}, err
		}
		p := Page{Opens: []string{"agents"}, Seals: []string{"agents"}}
		for _, e := range es {
			p.Records = append(p.Records, v.record(says(e)))
		}
		return p, nil
	})
}

// running is a runner inside a synctest bubble.
type running struct {
	t      *testing.T
	log    *memLog
	r      *Runner
	mu     sync.Mutex
	states []string
	last   Status
	stop   context.CancelFunc
	done   chan error
}

func start(t *testing.T, v Connector, log *memLog, mod ...func(*Config)) *running {
	t.Helper()
	x := &running{t: t, log: log, done: make(chan error, 1)}
	cfg := Config{Tenant: "acme", Connection: "okta", Vendor: "okta", Hub: "hub1", Connector: v, Log: log, Sink: x.sink,
		Secrets: []Secret{"s3cr3t-token"}, Backoff: Backoff{Rand: func() float64 { return 0.999 }}}
	for _, m := range mod {
		m(&cfg)
	}
	r, err := NewRunner(cfg)
	if err != nil {
		t.Fatal(err)
	}
	x.r = r
	ctx, cancel := context.WithCancel(context.Background())
	x.stop = cancel
	go func() { x.done <- r.Run(ctx) }()
	return x
}

func (x *running) sink(s Status) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.states); n == 0 || x.states[n-1] != s.State {
		x.states = append(x.states, s.State)
	}
	x.last = s
}

// end stops the runner and waits for it.
func (x *running) end() {
	x.t.Helper()
	x.stop()
	if err := <-x.done; err != nil {
		x.t.Errorf("Run returned %v", err)
	}
}

// after lets time pass in the bubble.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (x *running) feed(name string) FeedStatus {
	for _, f := range x.r.Status().Feeds {
		if f.Name == name {
			return f
		}
	}
	x.t.Fatalf("no feed %s", name)
	return FeedStatus{}
}

// fakeLease is one lease that several runners share.
type fakeLease struct {
	sem    chan struct{}
	lost   chan struct{}
	stolen atomic.Bool // another hub has it: releasing it frees nothing
}

func newFakeLease() *fakeLease { return &fakeLease{sem: make(chan struct{}, 1)} }

func (l *fakeLease) Acquire(ctx context.Context) (<-chan struct{}, func(), error) {
	select {
	case l.sem <- struct{}{}:
		l.lost = make(chan struct{})
		return l.lost, func() {
			if !l.stolen.Load() {
				<-l.sem
			}
		}, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// fakeApprovals hold one approval.
type fakeApprovals struct {
	mu   sync.Mutex
	a    *Approval
	used []string
	news chan struct{}
}

func (f *fakeApprovals) Approved(context.Context) (Approval, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.a == nil {
		return Approval{}, false, nil
	}
	return *f.a, true, nil
}

func (f *fakeApprovals) Used(_ context.Context, a Approval) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used, f.a = append(f.used, a.ID), nil
	return nil
}

func (f *fakeApprovals) Watch(context.Context) <-chan struct{} { return f.news }

func (f *fakeApprovals) approve(a Approval) {
	f.mu.Lock()
	f.a = &a
	f.mu.Unlock()
	f.news <- struct{}{}
}

var errVendor = errors.New("the vendor says 500 about s3cr3t-token")

// count reads a counter that a feed writes.
func count(v *fakeVendor, n *int) (out int) {
	v.locked(func() { out = *n })
	return out
}

func newFlag(on bool) *atomic.Bool {
	b := &atomic.Bool{}
	b.Store(on)
	return b
}
