package eventlog_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/eventlog"
)

func signIn(id string) events.Event {
	a := events.Activity{Holder: "someone", Type: "sign_in", ID: id}
	return events.New("acme", "okta", "okta", events.ActivityType("sign_in"), time.Now(), time.Now(), events.Data{Activity: &a})
}

func signIns(from, n int) []events.Event {
	page := make([]events.Event, n)
	for i := range page {
		page[i] = signIn(fmt.Sprint("s", from+i))
	}
	return page
}

// checkSignIns checks that the log holds the activities from s0 on, once each and in one chain.
func checkSignIns(t *testing.T, l *eventlog.Log, n int) {
	t.Helper()
	i, prev := 0, ""
	for m, err := range l.Read(context.Background(), events.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got, want := m.Event.Data.Activity.ID, fmt.Sprint("s", i); got != want || m.Prev != prev {
			t.Fatalf("event %d is %s behind %q, want %s behind %q", i, got, m.Prev, want, prev)
		}
		i, prev = i+1, m.Hash
	}
	if i != n {
		t.Fatalf("the log has %d events, want %d", i, n)
	}
}

// TestTorn lets the server store a part of a batch and fall silent. The writer stores the rest, and nothing twice.
func TestTorn(t *testing.T) {
	for _, what := range []string{"half", "all but the cursor"} {
		t.Run(what, func(t *testing.T) {
			s := eventlog.NewShaky()
			l := openShaky(t, s)
			c, err := l.Claim(t.Context(), "acme", "okta", "hub1")
			if err != nil {
				t.Fatal(err)
			}
			s.LoseNext(what)
			r, err := l.Append(t.Context(), events.Append{Claim: c, Feed: "log", Events: signIns(0, 10), Cursor: []byte("c1")})
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.Append(t.Context(), events.Append{
				Claim: r.Claim, Feed: "log", Expect: r.Saved, Events: signIns(10, 3), Cursor: []byte("c2"),
			})
			if err != nil {
				t.Fatal(err)
			}
			checkSignIns(t, l, 13)
		})
	}
}

// TestTornAndCrashed lets the writer end beside a torn batch. Its successor finds what is stored, as after a crash between
// batches; another feed is not misled.
func TestTornAndCrashed(t *testing.T) {
	s := eventlog.NewShaky()
	l := openShaky(t, s)
	c, err := l.Claim(t.Context(), "acme", "okta", "hub1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.LoseNext("half")
	s.AfterLoss(cancel)
	if _, err := l.Append(ctx, events.Append{Claim: c, Feed: "log", Events: signIns(0, 10), Cursor: []byte("c1")}); err == nil {
		t.Fatal("the append did not notice")
	}
	l = openShaky(t, s)
	if c, err = l.Claim(t.Context(), "acme", "okta", "hub2"); err != nil {
		t.Fatal(err)
	}
	other, err := l.Cursor(t.Context(), "acme", "okta", "other")
	if err != nil || other.Events != 0 || other.Head != "" {
		t.Errorf("another feed's place is %+v, %v", other, err)
	}
	saved, err := l.Cursor(t.Context(), "acme", "okta", "log")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"s0", "s1", "s2", "s3", "s4"}, saved.Done); diff != "" || saved.Cursor != nil || saved.Events != 5 {
		t.Fatalf("the feed's place is %+v:\n%s", saved, diff)
	}
	_, err = l.Append(t.Context(), events.Append{Claim: c, Feed: "log", Expect: saved, Events: signIns(5, 5), Cursor: []byte("c1")})
	if err != nil {
		t.Fatal(err)
	}
	checkSignIns(t, l, 10)
}

func openShaky(t *testing.T, s *eventlog.Shaky) *eventlog.Log {
	t.Helper()
	l, err := eventlog.OpenShaky(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}
