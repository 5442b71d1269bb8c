package events

import (
	"fmt"
	"strconv"
	"time"
)

// Time passes in the log itself: the hub appends a tick now and then, and what depends on time changes at a tick only. So the fold needs
// no clock. A tick is an activity of this type, whose holder is [ConnectionHolder] of the connection [ClockConnection].
const (
	ClockConnection = "_clock"
	ActivityTick    = "tick"
)

// Thresholds say when the passing of time makes a finding, or has the roster forget. They come into the fold with the ticks, in whole seconds.
type Thresholds struct {
	Settle   time.Duration // how long what belongs together may arrive apart: nobody is missed before
	Expiring time.Duration // how long before its end a credential is said to expire
	LongLife time.Duration // the longest life of a secret, key or certificate
	Unused   time.Duration // how long an agent may do nothing
	Forget   time.Duration // how long an agent that is deleted everywhere stays in the roster
}

// DefaultThresholds are what holds without a configuration.
var DefaultThresholds = Thresholds{Settle: time.Hour, Expiring: 14 * 24 * time.Hour, LongLife: 400 * 24 * time.Hour, Unused: 90 * 24 * time.Hour, Forget: 90 * 24 * time.Hour}

// Tick is a moment of a tenant's clock.
func Tick(at time.Time, t Thresholds) Activity {
	seconds := func(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
	return Activity{
		Holder: ConnectionHolder, Type: ActivityTick, ID: at.UTC().Format(time.RFC3339Nano), Time: at.UTC(),
		Details: map[string]string{
			"settle": seconds(t.Settle), "expiring": seconds(t.Expiring), "long_life": seconds(t.LongLife), "unused": seconds(t.Unused),
			"forget": seconds(t.Forget),
		},
	}
}

// Thresholds reads the thresholds, whole seconds each, out of a tick. One that a tick does not have, because it is older than the threshold, is
// as by default.
func (a *Activity) Thresholds() (t Thresholds, err error) {
	t = DefaultThresholds
	for name, field := range map[string]*time.Duration{
		"settle": &t.Settle, "expiring": &t.Expiring, "long_life": &t.LongLife, "unused": &t.Unused, "forget": &t.Forget,
	} {
		text, ok := a.Details[name]
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > int64(1<<62/time.Second) {
			return t, fmt.Errorf("tick %s: %s is %q, not a number of seconds", a.ID, name, text)
		}
		*field = time.Duration(n) * time.Second
	}
	return t, nil
}
