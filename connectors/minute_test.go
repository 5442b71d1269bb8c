package connectors

import (
	"testing"
	"time"
)

func TestMinute(t *testing.T) {
	at := time.Date(2026, 8, 20, 7, 0, 10, 0, time.UTC)
	var m Minute
	if _, over := m.Move(at); over {
		t.Error("something was left out before anything was counted")
	}
	for n, want := range []bool{true, true, false, false} {
		if got := m.Count(2); got != want {
			t.Errorf("activity %d goes through: %v", n, got)
		}
	}
	if _, over := m.Move(at.Add(49 * time.Second)); over || m.Left != 2 {
		t.Errorf("within the minute it goes on to another: %+v", m)
	}
	for _, c := range []struct {
		now   time.Time
		quiet bool
	}{{at.Add(time.Second), true}, {at.Add(time.Hour), false}} {
		if _, over := m.Close(c.now, c.quiet); over {
			t.Errorf("closed at %v, quiet %v", c.now, c.quiet)
		}
	}
	closed := m
	if former, over := closed.Close(at.Add(time.Minute), true); !over || former.Left != 2 || former.Kept != 2 || closed != (Minute{}) {
		t.Errorf("closed is %+v, left %+v", former, closed)
	}
	if former, over := m.Move(at.Add(time.Minute)); !over || former.Left != 2 || m.Kept != 0 || !m.Count(2) {
		t.Errorf("the next minute follows %+v and is %+v", former, m)
	}
}
