package integration

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/integration/contract"
)

// liveVariables begins the names of the variables that lead to a real org; docs/live.md explains each.
const liveVariables = "ROLLCALL_LIVE_OKTA_"

// liveNames begins the names of all that the live suite creates, so that nothing else is ever changed or removed.
const liveNames = "rollcall-live-"

// liveSettings are what the live suite is told.
type liveSettings struct {
	endpoint  string
	auth      map[string]connectors.Secret
	scopes    string // of the suite's own token; empty: what it needs
	mutate    bool
	owner     string // id of the user who is to own what is created
	perMinute int    // calls of everybody in this suite
	pages     int    // of each feed
}

// callsPerFeed bounds the calls for one feed, whatever the size of the org.
const callsPerFeed = 40

// liveFrom reads the variables. Without an endpoint ok is false.
func liveFrom(getenv func(string) string) (s liveSettings, ok bool, err error) {
	get := func(name string) string { return strings.TrimSpace(getenv(liveVariables + name)) }
	if s.endpoint = strings.TrimRight(get("ENDPOINT"), "/"); s.endpoint == "" {
		return s, false, nil
	}
	s.scopes, s.owner = strings.Join(strings.FieldsFunc(get("SCOPES"), func(r rune) bool { return r == ',' || r == ' ' }), " "), get("OWNER")
	if s.auth, err = liveAuth(get); err != nil {
		return s, true, err
	}
	if s.perMinute, err = number(get, "CALLS_PER_MINUTE", 10); err != nil {
		return s, true, err
	}
	if s.pages, err = number(get, "PAGES", 2); err != nil {
		return s, true, err
	}
	switch word := get("MUTATE"); {
	case word != "" && word != "yes":
		return s, true, fmt.Errorf("%sMUTATE is %q: it takes the word yes", liveVariables, word)
	case word == "yes" && s.owner == "":
		return s, true, fmt.Errorf("%sMUTATE needs %sOWNER, a user's id: Okta activates no agent without an owner, and deletes none "+
			"that was never active", liveVariables, liveVariables)
	default:
		s.mutate = word == "yes"
	}
	return s, true, nil
}

func liveAuth(get func(string) string) (map[string]connectors.Secret, error) {
	if token := get("TOKEN"); token != "" {
		return map[string]connectors.Secret{"method": "ssws", "token": connectors.Secret(token)}, nil
	}
	key := get("PRIVATE_KEY")
	if file := get("PRIVATE_KEY_FILE"); key == "" && file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%sPRIVATE_KEY_FILE: %w", liveVariables, err)
		}
		key = string(b)
	}
	if key == "" || get("CLIENT_ID") == "" || get("KEY_ID") == "" {
		return nil, fmt.Errorf("set %[1]sTOKEN, or %[1]sCLIENT_ID, %[1]sKEY_ID and %[1]sPRIVATE_KEY or %[1]sPRIVATE_KEY_FILE", liveVariables)
	}
	return map[string]connectors.Secret{"method": "private_key_jwt", "client_id": connectors.Secret(get("CLIENT_ID")),
		"key_id": connectors.Secret(get("KEY_ID")), "private_key": connectors.Secret(key)}, nil
}

func number(get func(string) string, name string, otherwise int) (int, error) {
	if get(name) == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(get(name))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s%s is %q: give a number from 1", liveVariables, name, get(name))
	}
	return n, nil
}

// live is the suite against one org, a real one or a sandbox.
type live struct {
	liveSettings
	name   string // of the agent that this run creates
	report *liveReport
	caps   *caps
	caller *caller
	pause  time.Duration // before each poll of the log

	// own makes a user the only owner of an agent.
	own func(ctx context.Context, orn string) error
}

// newLive makes the suite. It makes no call.
func newLive(t *testing.T, s liveSettings) *live {
	t.Helper()
	var c *contract.Contract
	if os.Getenv(contract.Variable) != "skip" {
		c = contract.Okta(t)
	}
	l := &live{liveSettings: s, name: liveNames + strings.ToLower(rand.Text()[:10]), report: newLiveReport(c), pause: 10 * time.Second}
	l.caps = &caps{limiter: rate.NewLimiter(rate.Limit(s.perMinute)/60, s.perMinute),
		next: &contract.Watch{Next: http.DefaultTransport, See: l.report.see}}
	l.caps.left.Store(1 << 20)
	l.caller = &caller{endpoint: s.endpoint, client: &http.Client{Transport: l.caps}, auth: s.auth, scopes: l.callerScopes()}
	l.own = l.ownByAPI
	return l
}

// callerScopes are what the suite's own calls need.
func (s *liveSettings) callerScopes() string {
	switch {
	case s.scopes != "":
		return s.scopes
	case s.mutate:
		return "okta.aiAgents.manage okta.governance.resourceOwner.manage okta.logs.read"
	}
	return "okta.aiAgents.read okta.governance.resourceOwner.read okta.logs.read"
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
		l.endpoint, l.auth["method"].Reveal(), l.pages, strings.Join(feeds, ", "), l.perMinute, callsPerFeed)
	if l.mutate {
		t.Logf("creates the AI agent %q there, gives it to %s, activates, deactivates and deletes it; removes agents named %s... that are older than an hour",
			l.name, l.owner, liveNames)
		return
	}
	t.Log("changes nothing")
}

// reader makes a connector of its own, which has seen nothing yet. Its log begins so long ago.
func (l *live) reader(t *testing.T, since time.Duration) *reader {
	t.Helper()
	auth := map[string]connectors.Secret{}
	for name, value := range l.auth {
		auth[name] = value
	}
	if l.scopes != "" && l.auth["method"] == "private_key_jwt" {
		auth["scopes"] = connectors.Secret(l.scopes)
	}
	return newReader(t, connectors.Settings{Tenant: "live", Connection: "okta", Endpoint: l.endpoint, Auth: auth,
		Options:   map[string]string{"page_size": "10", "activities": "all", "log_since": since.String()},
		Transport: connectors.NewTransport(l.caps, connectors.Limits{Share: 0.5})})
}

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

// TestLiveOkta reads a real org, and with a word of its own changes it: docs/live.md.
func TestLiveOkta(t *testing.T) {
	s, ok, err := liveFrom(os.Getenv)
	if !ok {
		t.Skipf("no org to read: set %[1]sENDPOINT and %[1]sTOKEN (or a private key) as docs/live.md says", liveVariables)
	}
	if err != nil {
		t.Fatal(err)
	}
	l := newLive(t, s)
	l.announce(t)
	l.run(t)
}

// run is the whole suite.
func (l *live) run(t *testing.T) {
	t.Run("read", l.read)
	t.Run("ask", l.ask)
	if l.mutate {
		t.Run("mutate", l.change)
	}
	for _, line := range l.report.lines() {
		t.Log(line)
	}
}
