package show

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
)

// A hook is shown with its connection, and one that is not there is not.
func TestHookIsShown(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		hook *connectors.HookStatus
		want string
	}{
		{nil, ""},
		{&connectors.HookStatus{}, "hook: no delivery yet"},
		{&connectors.HookStatus{Refused: 2}, "hook: no delivery yet; 2 refused"},
		{&connectors.HookStatus{Deliveries: 1, LastAt: at}, "hook: 1 delivery, at 2026-11-01 12:00:00"},
		{&connectors.HookStatus{Deliveries: 12, Refused: 1, LastAt: at}, "hook: 12 deliveries, the last at 2026-11-01 12:00:00; 1 refused"},
	} {
		var b bytes.Buffer
		(&Paper{Writer: &b}).Connections([]connectors.Status{{Connection: "okta", Hook: c.hook}}, nil)
		got := ""
		for line := range strings.Lines(b.String()) {
			if strings.Contains(line, "hook") {
				got = strings.TrimSpace(line)
			}
		}
		if got != c.want {
			t.Errorf("%+v is shown as %q, want %q", c.hook, got, c.want)
		}
	}
}

// The opening lines say where a vendor is to push, in line with the others.
func TestOpeningShowsHooks(t *testing.T) {
	var b bytes.Buffer
	(&Paper{Writer: &b}).Opening(Opening{Title: "T", NATS: "n", Durability: "d", Endpoints: [][2]string{{"okta", "https://acme.okta.com"}},
		Hooks: [][2]string{{"okta", "https://hub:8443/hooks/acme/okta"}}})
	const want = "T\n\n  nats       n\n  log        d\n  okta       https://acme.okta.com\n  okta hook  https://hub:8443/hooks/acme/okta\n\n"
	if b.String() != want {
		t.Errorf("the opening is\n%q, want\n%q", b.String(), want)
	}
}
