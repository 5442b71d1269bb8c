package okta

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// roundTripper lets a function stand for the network.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func over(rt http.RoundTripper) func(*connectors.Settings) {
	return func(s *connectors.Settings) { s.Transport = rt }
}

// SDK fault: GETs are cached for five minutes by URL.
func TestMendNothingIsCached(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, bodyPaged(2, anAgent("wlp1", "one", "")))
	c := o.connect(t)
	for range 3 {
		readAll(t, c, "ai-agents")
	}
	if n := len(o.calls(agentsPath)); n != 3 {
		t.Errorf("three passes made %d calls", n)
	}
}

// SDK fault: a 429 comes back without its headers.
func TestMend429KeepsItsHeaders(t *testing.T) {
	reset := time.Date(2026, 8, 20, 7, 1, 12, 0, time.UTC)
	for name, c := range map[string]struct {
		header map[string]string
		after  time.Duration
	}{
		"reset against the vendor's clock": {map[string]string{"X-Rate-Limit-Limit": "120", "X-Rate-Limit-Remaining": "0",
			"X-Rate-Limit-Reset": fmt.Sprint(reset.Unix() + 8), "Date": reset.Format(http.TimeFormat)}, 9 * time.Second},
		"retry-after":          {map[string]string{"Retry-After": "17"}, 17 * time.Second},
		"too many at one time": {map[string]string{"X-Rate-Limit-Limit": "0", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": fmt.Sprint(reset.Unix() + 8), "Date": reset.Format(http.TimeFormat)}, 0},
		"nothing":              {nil, 0},
		"absurd":               {map[string]string{"Retry-After": "99999999"}, maxWait},
	} {
		o := newOrg(t)
		o.on(agentsPath, func(w http.ResponseWriter, _ *http.Request) {
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			answerJSON(w, 429, `{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests."}`)
		})
		_, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
		if f := mustFault(t, err, connectors.RateLimited); f.After != c.after {
			t.Errorf("%s: wait %v, want %v", name, f.After, c.after)
		}
		if n := len(o.calls("GET")); n != 1 {
			t.Errorf("%s: %d calls, want 1: the runner retries, nobody else", name, n)
		}
	}
}

// SDK fault: a connection closed without an answer is asked again without a pause and without an end.
func TestMendEOFIsNotRepeated(t *testing.T) {
	for name, end := range map[string]error{"EOF": io.EOF, "a wrapped EOF": fmt.Errorf("http: %w", io.EOF)} {
		var calls atomic.Int32
		o := newOrg(t)
		c := o.connect(t, over(roundTripper(func(*http.Request) (*http.Response, error) {
			calls.Add(1)
			return nil, end
		})))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := c.feed(t, "ai-agents")(ctx, nil)
		cancel()
		if err == nil || errors.Is(err, io.EOF) || connectors.AsFault(err) != nil || calls.Load() != 1 {
			t.Errorf("%s: %d calls, error %v", name, calls.Load(), err)
		}
	}
}

// SDK fault: the body of a 401 or 403 with WWW-Authenticate is neither read nor closed, and the code is lost.
func TestMendBodiesAreClosed(t *testing.T) {
	var open atomic.Int32
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		open.Add(1)
		h := http.Header{"Content-Type": {"application/json"}, "Www-Authenticate": {`Bearer scope="okta.aiAgents.read", ` +
			`error="insufficient_scope", error_description="The access token provided does not contain the required scopes."`}}
		body := &closeCounter{Reader: strings.NewReader(`{"errorCode":"E0000006","errorSummary":"no"}`), open: &open}
		return &http.Response{StatusCode: 403, Header: h, Body: body, Request: r}, nil
	})
	c := newOrg(t).connect(t, over(rt))
	before := runtime.NumGoroutine()
	for range 50 {
		_, err := c.feed(t, "ai-agents")(t.Context(), nil)
		f := mustFault(t, err, connectors.Forbidden)
		if !strings.Contains(f.Cure, "okta.aiAgents.read") || refusalOf(err).code != "E0000006" {
			t.Fatalf("the fault is %v", f)
		}
	}
	if open.Load() != 0 {
		t.Errorf("%d bodies stay open", open.Load())
	}
	if more := runtime.NumGoroutine() - before; more > 10 {
		t.Errorf("50 calls left %d goroutines", more)
	}
}

type closeCounter struct {
	io.Reader
	open *atomic.Int32
}

func (c *closeCounter) Close() error { c.open.Add(-1); return nil }

// SDK faults: a folded Link line makes page 1 its own next page, the request's query is merged in, a bad URL panics.
func TestMendLinks(t *testing.T) {
	for name, link := range map[string]string{
		"folded":     `<%[1]s/api/v1/apps?limit=200>; rel="self", <%[1]s/api/v1/apps?after=x>; rel="next"`,
		"unquoted":   `<%[1]s/api/v1/apps?after=x>; rel=next`,
		"bad before": `<http://[::1>; rel="self", <%[1]s/api/v1/apps?after=x>;rel="next"`,
		"relative":   `</api/v1/apps?after=x>; title="a, b"; rel="next"`,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrg(t)
			o.on(agentsPath, bodyPaged(1))
			o.on(appsPath, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("after") == "" {
					w.Header().Add("Link", strings.ReplaceAll(link, "%[1]s", o.URL))
					answerJSON(w, 200, `[`+anApp("0oa1", "service", "")+`]`)
					return
				}
				answerJSON(w, 200, `[`+anApp("0oa2", "service", "")+`]`)
			})
			p := readAll(t, o.connect(t), "service-apps")
			if refs := p.refs(events.KindAgent); len(refs) != 2 {
				t.Errorf("got %v", refs)
			}
			if got := o.calls("after="); len(got) != 1 || got[0] != "GET /api/v1/apps?after=x" {
				t.Errorf("next page was asked as %v", got)
			}
		})
	}
}

func TestLinksAreNotFollowedElsewhere(t *testing.T) {
	for _, link := range []string{"https://evil.test/x?after=1", "//evil.test/x", "http://user@%s/x", "http://[::1"} {
		o := newOrg(t)
		host := strings.TrimPrefix(o.URL, "http://")
		o.on(agentsPath, fixed(200, `{"data":[],"_links":{"next":{"href":"`+strings.ReplaceAll(link, "%s", host)+`"}}}`))
		page, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
		if err == nil || connectors.AsFault(err) != nil || len(page.Seals) != 0 {
			t.Errorf("link %s: page %v, error %v", link, page, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", o.URL+"/elsewhere")
		w.WriteHeader(302)
	})
	_, err := o.connect(t).feed(t, "ai-agents")(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "302") || len(o.calls("elsewhere")) != 0 {
		t.Errorf("error %v, calls %v", err, o.calls(""))
	}
}

func TestBodiesAreBounded(t *testing.T) {
	resp := &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(make([]byte, 101)))}
	if _, err := readBody(resp, 100); err == nil || !strings.Contains(err.Error(), "page_size") {
		t.Errorf("error is %v", err)
	}
}

// The SDK also reads the environment and a file in the home directory: nothing of either may count.
func TestMendStrayConfiguration(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(home+"/.okta", 0o700); err != nil {
		t.Fatal(err)
	}
	file := "okta:\n  client:\n    orgUrl: https://stray.test\n    token: stray\n    requestTimeout: 1\n    cache:\n      enabled: true\n"
	if err := os.WriteFile(home+"/.okta/okta.yaml", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"HOME": home, "OKTA_CLIENT_ORGURL": "https://stray.test", "OKTA_CLIENT_TOKEN": "stray",
		"OKTA_CLIENT_AUTHORIZATIONMODE": "SSWS", "OKTA_CLIENT_CACHE_ENABLED": "true", "OKTA_CLIENT_RATE_LIMIT_MAX_RETRIES": "9",
		"OKTA_CLIENT_SCOPES": "a,b", "OKTA_CLIENT_PRIVATEKEY": "stray", "OKTA_CLIENT_PROXY_HOST": "stray.test"} {
		t.Setenv(k, v)
	}
	o := newOrg(t)
	o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+testToken {
			t.Errorf("Authorization is %q", got)
		}
		bodyPaged(1, anAgent("wlp1", "one", ""))(w, r)
	})
	c := o.connect(t)
	readAll(t, c, "ai-agents")
	readAll(t, c, "ai-agents")
	if n := len(o.calls("GET")); n != 2 {
		t.Errorf("two passes made %d calls", n)
	}
}

// The hub's transport speaks through the SDK: its faults arrive.
func TestFaultsOfTheTransportArrive(t *testing.T) {
	o := newOrg(t)
	o.on(agentsPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Rate-Limit-Limit", "100")
		w.Header().Set("X-Rate-Limit-Remaining", "0")
		w.Header().Set("X-Rate-Limit-Reset", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
		bodyPaged(1, anAgent("wlp1", "one", ""))(w, r)
	})
	c := o.connect(t, over(connectors.NewTransport(nil, connectors.Limits{MaxWait: time.Second})))
	readAll(t, c, "ai-agents")
	_, err := c.feed(t, "ai-agents")(t.Context(), nil)
	mustFault(t, err, connectors.RateLimited)
	if n := len(o.calls("GET")); n != 1 {
		t.Errorf("%d calls were made, want 1", n)
	}
}
