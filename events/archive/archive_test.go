package archive_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
	"github.com/rollcallhq/rollcall/events/eventlog"
	"github.com/rollcallhq/rollcall/internal/failpoint"
)

func TestMemory(t *testing.T) {
	archivetest.Store(t, func(*testing.T) archive.Store { return archivetest.NewMemory() })
}

func TestFolder(t *testing.T) {
	archivetest.Store(t, func(t *testing.T) archive.Store { return makeFolder(t, t.TempDir()) })
}

func makeFolder(t *testing.T, dir string) archive.Store {
	t.Helper()
	f, err := archive.MakeFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t *testing.T, s archive.Store) *archive.Archive {
	t.Helper()
	a, err := archive.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func write(t *testing.T, s archive.Store, log archive.Log, o archive.Options) archive.Written {
	t.Helper()
	w, err := open(t, s).Write(t.Context(), log, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sound(t *testing.T, s archive.Store) archive.Report {
	t.Helper()
	r, err := archive.Verify(t.Context(), s, nil)
	if err := errors.Join(err, r.Err()); err != nil {
		t.Errorf("%v: %v", err, r.Faults)
	}
	return r
}

func newLog(t *testing.T, n int) *eventlog.Log {
	t.Helper()
	log := eventlog.NewMemory()
	t.Cleanup(log.Close)
	archivetest.Fill(t, log, n)
	return log
}

// What is stopped at any point leaves an archive whose segments are all sound, and the next call goes on.
func TestKilledAtEveryStep(t *testing.T) {
	log := newLog(t, 28)
	for _, point := range []string{"archive.sealed", "archive.folder.written", "archive.folder.linked", "archive.stored", "archive.entered"} {
		for nth := 1; nth <= 6; nth++ {
			t.Run(fmt.Sprint(point, nth), func(t *testing.T) {
				s := makeFolder(t, t.TempDir())
				if killed := kill(fmt.Sprintf("%s:%d", point, nth), func() { write(t, s, log, archive.Options{Events: 10}) }); !killed && nth <= 3 {
					t.Fatal("the failpoint was not hit")
				}
				before := sound(t, s)
				w := write(t, s, log, archive.Options{Events: 10})
				if before.Events+w.Events != 28 {
					t.Errorf("%d events before and %d after, want 28 in all", before.Events, w.Events)
				}
				sound(t, s)
				archivetest.Same(t, log, open(t, s), events.Query{})
			})
		}
	}
}

// kill runs work until it hits the failpoint, where it ends as its process would, but for what is deferred.
func kill(point string, work func()) (killed bool) {
	exit := failpoint.Exit
	failpoint.Exit = runtime.Goexit
	failpoint.Arm(point)
	defer func() { failpoint.Exit = exit; failpoint.Arm("") }()
	done := make(chan struct{})
	killed = true
	go func() {
		defer close(done)
		work()
		killed = false
	}()
	<-done
	return killed
}

// Two processes that write the same archive make one archive.
func TestTwoWriters(t *testing.T) {
	log, s := newLog(t, 100), archivetest.NewMemory()
	one, two := open(t, s), open(t, s)
	if _, err := one.Write(t.Context(), log, archive.Options{Events: 30}); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Write(t.Context(), log, archive.Options{Events: 40}); !errors.Is(err, archive.ErrOvertaken) {
		t.Errorf("the slower writer: %v, want ErrOvertaken", err)
	}
	if r := sound(t, s); r.Events != 100 || len(r.Unnamed) != 1 {
		t.Errorf("verified %+v, want 100 events, and one object of the slower writer's", r)
	}
	archivetest.Same(t, log, open(t, s), events.Query{})
}

// A segment that is not full waits until its first event is old enough.
func TestAge(t *testing.T) {
	log, s := newLog(t, 50), archivetest.NewMemory()
	for _, step := range []struct {
		age  time.Duration
		want uint64
	}{{time.Hour, 40}, {time.Hour, 0}, {0, 10}, {0, 0}} {
		if w := write(t, s, log, archive.Options{Events: 20, Age: step.age}); w.Events != step.want {
			t.Errorf("with age %s: %d events, want %d", step.age, w.Events, step.want)
		}
	}
}
