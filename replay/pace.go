package replay

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// Speed is how much faster a replay goes than what it replays went: 1 is the same pace, 0 as fast as it can be read.
type Speed float64

// MaxSpeed does not wait.
const MaxSpeed Speed = 0

// ParseSpeed reads a speed as a person types it: 1x, 10x, 0.5x, or max.
func ParseSpeed(s string) (Speed, error) {
	if s == "max" {
		return MaxSpeed, nil
	}
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil || !(n >= 1e-3 && n <= 1e9) {
		return 0, fmt.Errorf("%q is no speed: 1x is the pace in which the events were stored, 10x ten times as fast, max as fast as they can be read", s)
	}
	return Speed(n), nil
}

// Pace yields messages as far apart as they were stored, divided by the speed. When ctx is done while it waits, its cause is the
// last thing yielded.
func Pace(ctx context.Context, messages iter.Seq2[events.Stored, error], speed Speed) iter.Seq2[events.Stored, error] {
	if speed == MaxSpeed {
		return messages
	}
	return func(yield func(events.Stored, error) bool) {
		var began, first time.Time
		for m, err := range messages {
			if err == nil {
				if began.IsZero() {
					began, first = time.Now(), m.Time
				}
				due := began.Add(time.Duration(float64(m.Time.Sub(first)) / float64(speed)))
				if !sleepUntil(ctx, due) {
					yield(events.Stored{}, context.Cause(ctx))
					return
				}
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func sleepUntil(ctx context.Context, due time.Time) bool {
	d := time.Until(due)
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
