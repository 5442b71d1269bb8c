package replay_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/replay"
)

// apart are messages stored so many seconds after the first, with a damaged one, which has no time, where the number is negative.
func apart(seconds ...int) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for _, s := range seconds {
			m := events.Stored{Time: time.Unix(1000+int64(s), 0)}
			var err error
			if s < 0 {
				m, err = events.Stored{}, m.Damage(errors.New("a bit flipped"))
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func TestPace(t *testing.T) {
	for speed, want := range map[replay.Speed][]float64{
		1: {0, 10, 10, 10, 30}, 10: {0, 1, 1, 1, 3}, 0.5: {0, 20, 20, 20, 60}, replay.MaxSpeed: {0, 0, 0, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var got []float64
			for range replay.Pace(t.Context(), apart(0, 10, -1, 10, 30), speed) {
				got = append(got, time.Since(began).Seconds())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("at %v: %s", speed, diff)
			}
		})
	}
}

// Who reads slowly is not made to wait twice.
func TestPaceKeepsToTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		for range replay.Pace(t.Context(), apart(0, 10, 20), 1) {
			time.Sleep(7 * time.Second)
		}
		if took := time.Since(began); took != 27*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var errs []error
		for _, err := range replay.Pace(ctx, apart(0, 1, 3600), 1) {
			errs = append(errs, err)
		}
		if len(errs) != 3 || !errors.Is(errs[2], context.DeadlineExceeded) {
			t.Errorf("%v", errs)
		}
	})
}

func TestParseSpeed(t *testing.T) {
	for in, want := range map[string]replay.Speed{"1x": 1, "10x": 10, "10": 10, "0.5x": 0.5, "max": replay.MaxSpeed} {
		if got, err := replay.ParseSpeed(in); err != nil || got != want {
			t.Errorf("%q is %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "0x", "-1x", "NaNx", "Infx", "fast", "1e-9x", "10xx"} {
		if got, err := replay.ParseSpeed(in); err == nil {
			t.Errorf("%q is %v", in, got)
		} else if want := fmt.Sprintf("%q is no speed", in); err.Error()[:len(want)] != want {
			t.Errorf("%q: %v", in, err)
		}
	}
}
