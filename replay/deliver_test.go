package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
)

// told are stored events of these types, at sequences 1, 2, ...; "!" is a damaged one.
func told(types ...events.Type) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for n, typ := range types {
			s := events.Stored{Position: events.Position{Epoch: "e", Sequence: uint64(n + 1)}, Subject: "rollcall.events.acme.okta.a.agent.self",
				Body: fmt.Appendf(nil, `{"id":"%d","type":%q,"time":"2026-11-01T12:00:00Z"}`, n+1, typ)}
			var err error
			if typ == "!" {
				err = s.Damage(errors.New("a bit flipped"))
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// receiver takes deliveries until it has had as many as it can take.
type receiver struct {
	bodies []string
	at     []time.Duration
	began  time.Time
	full   int
}

var errFull = errors.New("no more")

func (r *receiver) Deliver(_ context.Context, d Delivery) error {
	if r.full > 0 && len(r.bodies) == r.full {
		return errFull
	}
	r.bodies, r.at = append(r.bodies, string(d.Body)), append(r.at, time.Since(r.began))
	return nil
}

func TestPlan(t *testing.T) {
	p, err := NewPlan(told("agent.created", "!", "agent.created", "grant.deleted"), 2)
	want := Plan{Events: 3, Types: map[events.Type]uint64{"agent.created": 2, "grant.deleted": 1}, Tenants: map[string]uint64{"acme": 3},
		From: 1, Until: 4, Damaged: 1, Seconds: 1.5}
	if diff := cmp.Diff(want, p); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// What is delivered is the event as it was, marked, at the rate and in order; what is damaged is left out and told of.
func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &receiver{began: time.Now()}
		d, err := Deliver(t.Context(), told("agent.created", "!", "agent.deleted", "agent.created"), to, "r1", 2, nil)
		if err != nil || d.Events != 3 || len(d.Damaged) != 1 || d.Last.Sequence != 4 {
			t.Errorf("%+v, %v", d, err)
		}
		want := `{"replay":"r1","epoch":"e","sequence":"3","id":"3","type":"agent.deleted","time":"2026-11-01T12:00:00Z"}`
		if len(to.bodies) != 3 || to.bodies[1] != want {
			t.Errorf("%q", to.bodies)
		}
		if diff := cmp.Diff([]time.Duration{0, time.Second / 2, time.Second}, to.at); diff != "" {
			t.Error(diff)
		}
	})
}

// Ended by its target or its context, a delivery says what the target has, and going on from there leaves nothing out.
func TestDeliverSaysWhereItStopped(t *testing.T) {
	types := []events.Type{"a.created", "b.created", "c.created"}
	d, err := Deliver(t.Context(), told(types...), &receiver{full: 2}, "r1", 1e6, nil)
	if !errors.Is(err, errFull) || d.Events != 2 || d.Last.Sequence != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if d, err = Deliver(ctx, told(types...), &receiver{}, "r1", 1, nil); err == nil || d.Events != 2 || d.Last.Sequence != 2 {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

// answers answers one request after the other: a status, a Retry-After after a slash, or 0 for none at all.
type answers struct {
	list []string
	got  []*http.Request
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.got = append(a.got, r)
	next := a.list[0]
	if len(a.list) > 1 {
		a.list = a.list[1:]
	}
	var status, after int
	_, _ = fmt.Sscanf(next, "%d/%d", &status, &after)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	h := http.Header{}
	if after > 0 {
		h.Set("Retry-After", fmt.Sprint(after))
	}
	if status == http.StatusFound {
		h.Set("Location", "http://elsewhere.example/")
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Header: h, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
}

func TestPoster(t *testing.T) {
	for name, c := range map[string]struct {
		answers  []string
		requests int
		took     time.Duration
		fails    string
	}{
		"taken":                 {[]string{"202"}, 1, 0, ""},
		"taken later":           {[]string{"503", "0", "200"}, 3, 750 * time.Millisecond, ""},
		"asked to wait":         {[]string{"429/7", "204"}, 2, 7 * time.Second, ""},
		"asked to wait a year":  {[]string{"429/31536000", "204"}, 2, lastRetry, ""},
		"refused":               {[]string{"400"}, 1, 0, "answered 400"},
		"sent elsewhere":        {[]string{"302"}, 1, 0, "answered 302"},
		"never there":           {[]string{"0"}, postTries, 31750 * time.Millisecond, "connection refused"},
		"failing all the while": {[]string{"500"}, postTries, 31750 * time.Millisecond, "answered 500"},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, err := NewPoster("https://ann:hunter22@siem.example/in/hunter22?key=hunter22")
			if err != nil {
				t.Fatal(err)
			}
			a := &answers{list: c.answers}
			p.client.Transport = a
			began := time.Now()
			err = p.Deliver(t.Context(), Delivery{Stored: &events.Stored{}, Replay: "r1", Body: []byte("{}")})
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v", name, err)
			}
			if len(a.got) != c.requests || time.Since(began) != c.took {
				t.Errorf("%s: %d requests in %v", name, len(a.got), time.Since(began))
			}
			if strings.Contains(fmt.Sprint(err, p), "hunter22") {
				t.Errorf("%s shows a secret: %v", name, err)
			}
			r := a.got[0]
			if user, _, _ := r.BasicAuth(); r.Method != "POST" || r.Header.Get(ReplayHeader) != "r1" || user != "ann" {
				t.Errorf("%s: %s %v", name, r.Method, r.Header)
			}
		})
	}
	for _, bad := range []string{"", "siem.example", "ftp://x/", "http://", "http://%zz", "https://h:hunter22@ /"} {
		if p, err := NewPoster(bad); err == nil || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%q is %v, %v", bad, p, err)
		}
	}
}
