package integration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/integration/contract"
)

// liveNames begins the names of all that the live suites create, so that nothing else is ever removed.
const liveNames = "rollcall-live-"

// liveVendor is what the live suite must be told of a vendor. docs/live.md explains the variables.
type liveVendor struct {
	connectors.Vendor

	org       string   // what one is called there
	begins    []string // variables of which one must name what is read; nil: ENDPOINT
	variables []string // the vendor's own, beside those of all vendors and those of auth

	auth    func(get func(name string) string) (map[string]connectors.Secret, error)
	check   func(prefix string, s *liveSettings) error          // the vendor's own variables and MUTATE
	options map[string]string                                   // of the connection
	adjust  func(*live, *connectors.Settings)                   // else of the connection; nil: nothing
	publish func(testing.TB) published                          // what answers are held to
	shipped bool                                                // that lies in a Go module, and is there for everybody
	look    func(*liveReport, contract.Exchange)                // finds answers to open questions in an exchange
	limit   func(r *liveReport, op string, x contract.Exchange) // notes a rate limit, as the headers state it
	absent  []string                                            // facts of which it is to be told that they were never seen

	// begin makes what asks and changes on its own.
	begin func(*live) liveParts
}

// liveParts are the parts of the suite that are the vendor's own.
type liveParts interface {
	ask(*testing.T)    // tries what no document of the vendor's settles; each answer is told, whatever it is
	change(*testing.T) // takes an agent through its life and wants the connector to see each step
	touches() string   // what change does, said before it is done
}

// prefix begins the names of the variables that lead to a real org.
func (v *liveVendor) prefix() string { return "ROLLCALL_LIVE_" + strings.ToUpper(v.Name) + "_" }

// liveSettings are what the live suite is told.
type liveSettings struct {
	endpoint  string
	auth      map[string]connectors.Secret
	own       map[string]string // the vendor's own variables
	mutate    bool
	perMinute int // calls of everybody in this suite
	pages     int // of each feed
}

// callsPerFeed bounds the calls for one feed, whatever the size of the org.
const callsPerFeed = 40

// switches are the variables of which one must be set.
func (v *liveVendor) switches() []string {
	if v.begins == nil {
		return []string{"ENDPOINT"}
	}
	return v.begins
}

// settings reads the variables. Where none of them names what is to be read, ok is false.
func (v *liveVendor) settings(getenv func(string) string) (s liveSettings, ok bool, err error) {
	get := func(name string) string { return strings.TrimSpace(getenv(v.prefix() + name)) }
	s.endpoint = strings.TrimRight(get("ENDPOINT"), "/")
	if !slices.ContainsFunc(v.switches(), func(name string) bool { return get(name) != "" }) {
		return s, false, nil
	}
	s.own = map[string]string{}
	for _, name := range v.variables {
		s.own[name] = get(name)
	}
	if s.auth, err = v.auth(get); err != nil {
		return s, true, err
	}
	if s.perMinute, err = v.number(get, "CALLS_PER_MINUTE", 10); err != nil {
		return s, true, err
	}
	if s.pages, err = v.number(get, "PAGES", 2); err != nil {
		return s, true, err
	}
	word := get("MUTATE")
	if word != "" && word != "yes" {
		return s, true, fmt.Errorf("%sMUTATE is %q: it takes the word yes", v.prefix(), word)
	}
	s.mutate = word == "yes"
	return s, true, v.check(v.prefix(), &s)
}

func (v *liveVendor) number(get func(string) string, name string, otherwise int) (int, error) {
	if get(name) == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(get(name))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s%s is %q: give a number from 1", v.prefix(), name, get(name))
	}
	return n, nil
}

// live is the suite against one org, a real one or a sandbox.
type live struct {
	liveSettings
	vendor *liveVendor
	parts  liveParts
	name   string // of what this run creates or renames
	report *liveReport
	caps   *caps
	pause  time.Duration // before each look at whether a change is seen
}

// newLive makes the suite. It makes no call.
func newLive(t *testing.T, v *liveVendor, s liveSettings) *live {
	t.Helper()
	var c published
	if v.shipped || os.Getenv(contract.Variable) != "skip" {
		c = v.publish(t)
	}
	l := &live{liveSettings: s, vendor: v, name: liveNames + strings.ToLower(rand.Text()[:10]), report: newLiveReport(v, c), pause: 10 * time.Second}
	l.caps = &caps{limiter: rate.NewLimiter(rate.Limit(s.perMinute)/60, s.perMinute), next: http.DefaultTransport}
	l.caps.left.Store(1 << 20)
	l.parts = v.begin(l)
	return l
}

// announce says what the suite is about to touch, before it does.
func (l *live) announce(t *testing.T) {
	t.Helper()
	r := l.reader(t, 0)
	var feeds []string
	for _, f := range r.connector.Feeds() {
		feeds = append(feeds, f.Name)
	}
	t.Logf("reads %s with %s: a probe, %d pages of each of the feeds %s, and a few calls on open questions; at most %d calls a minute and %d for each feed",
		l.where(), l.auth["method"].Reveal(), l.pages, strings.Join(feeds, ", "), l.perMinute, callsPerFeed)
	if l.mutate {
		t.Log(l.parts.touches())
		return
	}
	t.Log("changes nothing")
}

// where says what is read, as the variables name it.
func (l *live) where() string {
	var names []string
	for _, name := range l.vendor.switches() {
		names = append(names, l.own[name])
	}
	names = slices.DeleteFunc(append(names, l.endpoint), func(s string) bool { return s == "" })
	return strings.Join(names, ", ")
}

// reader makes a connector of its own, which has seen nothing yet. Its log begins so long ago, where the vendor lets it.
func (l *live) reader(t *testing.T, since time.Duration) *reader {
	t.Helper()
	s := connectors.Settings{Tenant: "live", Connection: l.vendor.Name, Endpoint: l.endpoint, Auth: map[string]connectors.Secret{},
		Options: map[string]string{}, Transport: connectors.NewTransport(l.watched(), connectors.Limits{Share: 0.5, Class: l.vendor.Class})}
	for name, value := range l.auth {
		s.Auth[name] = value
	}
	for name, value := range l.vendor.options {
		s.Options[name] = strings.ReplaceAll(value, sinceThen, since.String())
	}
	if l.vendor.adjust != nil {
		l.vendor.adjust(l, &s)
	}
	return newReader(t, &l.vendor.Vendor, s)
}

// watched carries requests that must be as the vendor has published them.
func (l *live) watched() http.RoundTripper { return &contract.Watch{Next: l.caps, See: l.report.see} }

// watchedLoosely carries the suite's own, which try what is not published.
func (l *live) watchedLoosely() http.RoundTripper {
	return &contract.Watch{Next: l.caps, See: l.report.seeLoosely}
}

// sinceThen stands in an option for how far back the log is read.
const sinceThen = "<since>"

// caps keeps the suite's calls to a pace, and to a number.
type caps struct {
	next    http.RoundTripper
	limiter *rate.Limiter
	left    atomic.Int64
}

// errSpent ends the reading of a feed that takes more calls than it may have.
var errSpent = errors.New("the calls that the suite allows itself are used up")

func (c *caps) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.left.Add(-1) < 0 {
		return nil, errSpent
	}
	if err := c.limiter.Wait(r.Context()); err != nil {
		return nil, err
	}
	return c.next.RoundTrip(r)
}

// spent reports whether a call was refused since the bound was set.
func (c *caps) spent() bool { return c.left.Load() < 0 }

// wait waits for a while, or for the end of the test.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// liveAgainst runs the suite against a real org, and with a word of its own changes it: docs/live.md.
func liveAgainst(t *testing.T, v *liveVendor) {
	s, ok, err := v.settings(os.Getenv)
	if !ok {
		t.Skipf("no %s to read: set %s%s and how to log in as docs/live.md says", v.org, v.prefix(), strings.Join(v.switches(), " or "+v.prefix()))
	}
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(t, v, s)
	l.announce(t)
	l.run(t)
}

// run is the whole suite.
func (l *live) run(t *testing.T) {
	t.Run("read", l.read)
	t.Run("ask", func(t *testing.T) {
		l.caps.left.Store(callsPerFeed)
		l.parts.ask(t)
	})
	if l.mutate {
		t.Run("mutate", func(t *testing.T) {
			l.caps.left.Store(1 << 20)
			l.parts.change(t)
		})
	}
	for _, line := range l.report.lines() {
		t.Log(line)
	}
}

// follows looks at a feed so often at the most, until the connector tells of a step.
func (l *live) follows(t *testing.T, r *reader, feed, step string, looks int, told func(connectors.Reading) bool) {
	t.Helper()
	for n := range looks {
		if err := wait(t.Context(), l.pause); err != nil {
			t.Fatal(err)
		}
		for _, reading := range r.read(t, feed) {
			if told(reading) {
				t.Logf("%s: seen through %s at look %d", step, feed, n+1)
				return
			}
		}
	}
	t.Errorf("%s: not seen through %s within %d looks, %v apart", step, feed, looks, l.pause)
}
