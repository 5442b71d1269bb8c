package events

import (
	"testing"
	"time"
)

func TestTicks(t *testing.T) {
	want := Thresholds{Settle: time.Minute, Expiring: time.Hour, LongLife: 2 * time.Hour, Unused: 3 * time.Hour, Forget: 4 * time.Hour}
	a := Tick(noon, want)
	if got, err := a.Thresholds(); err != nil || got != want {
		t.Errorf("read %+v (%v), want %+v", got, err, want)
	}
	delete(a.Details, "forget") // as a tick from before that threshold
	want.Forget = DefaultThresholds.Forget
	if got, err := a.Thresholds(); err != nil || got != want {
		t.Errorf("read %+v (%v) out of an older tick, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "soon", "-1", "99999999999999999999"} {
		a.Details["unused"] = bad
		if _, err := a.Thresholds(); err == nil {
			t.Errorf("unused %q is read", bad)
		}
	}
}
