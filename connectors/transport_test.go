package connectors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// roundTrip makes a transport of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func get(t *testing.T, rt http.RoundTripper, ctx context.Context, url string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

const vendorURL = "https://acme.example/api/v1/agents?token=s3cret"

func TestTransportCountsPerFeed(t *testing.T) {
	tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "ok"), nil }), Limits{})
	var calls atomic.Int64
	ctx := countingCalls(t.Context(), &calls, false)
	for range 3 {
		if body, err := get(t, tr, ctx, vendorURL); body != "ok" || err != nil {
			t.Fatal(body, err)
		}
	}
	if _, err := get(t, tr, t.Context(), vendorURL); err != nil || calls.Load() != 3 {
		t.Errorf("%d calls counted, %v", calls.Load(), err)
	}
}

func TestTransportBoundsBody(t *testing.T) {
	for _, c := range []struct {
		size int
		ok   bool
	}{{99, true}, {100, true}, {101, false}, {100000, false}} {
		tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, strings.Repeat("x", c.size)), nil }), Limits{MaxBody: 100})
		body, err := get(t, tr, t.Context(), vendorURL)
		switch {
		case c.ok && (err != nil || len(body) != c.size):
			t.Errorf("%d bytes: read %d, %v", c.size, len(body), err)
		case !c.ok && (err == nil || !strings.Contains(err.Error(), "more than 100 bytes") || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("%d bytes: %v", c.size, err)
		}
	}
}

// slowBody ends when its request's context does.
type slowBody struct{ ctx context.Context }

func (b slowBody) Read([]byte) (int, error) { <-b.ctx.Done(); return 0, b.ctx.Err() }
func (b slowBody) Close() error             { return nil }

func TestTransportBoundsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, base := range map[string]roundTrip{
			"no answer": func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
			"half an answer": func(r *http.Request) (*http.Response, error) {
				resp := answer(200, "")
				resp.Body = slowBody{r.Context()}
				return resp, nil
			},
		} {
			began := time.Now()
			_, err := get(t, NewTransport(base, Limits{}), t.Context(), vendorURL)
			if err == nil || !strings.Contains(err.Error(), "no whole answer within 1m0s") || strings.Contains(err.Error(), "s3cret") || time.Since(began) != time.Minute {
				t.Errorf("%s: after %v: %v", name, time.Since(began), err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := get(t, NewTransport(base, Limits{}), ctx, vendorURL); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, cancelled by the caller: %v", name, err)
			}
			cancel()
		}
	})
}

// The vendors' SDKs add the credentials to every request, the redirected ones included.
func TestTransportRefusesRedirectElsewhere(t *testing.T) {
	var leaked atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked.Store(r.Header.Get("Authorization") != "")
	}))
	defer thief.Close()
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, thief.URL+"/x?code=1", http.StatusTemporaryRedirect)
		case "/moved":
			http.Redirect(w, r, "/here", http.StatusMovedPermanently)
		default:
			fmt.Fprint(w, "here")
		}
	}))
	defer vendor.Close()
	tr := NewTransport(nil, Limits{})
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer s3cret")
		return tr.RoundTrip(r)
	})}
	if resp, err := client.Get(vendor.URL + "/moved"); err != nil || resp.StatusCode != 200 {
		t.Errorf("a redirect on the same host: %v", err)
	} else {
		resp.Body.Close()
	}
	_, err := client.Get(vendor.URL + "/away")
	if err == nil || !strings.Contains(err.Error(), "correct the connection's endpoint") || leaked.Load() {
		t.Errorf("a redirect to another host: leaked %v, error %v", leaked.Load(), err)
	}
}

// okta answers with a limit of 10 a minute, of which others have used some.
func okta(began time.Time, others int) (roundTrip, *[]time.Duration) {
	var at []time.Duration
	return func(*http.Request) (*http.Response, error) {
		now := time.Now()
		at = append(at, now.Sub(began))
		minute := now.Truncate(time.Minute)
		used := others
		for _, d := range at {
			if !began.Add(d).Before(minute) {
				used++
			}
		}
		return answer(200, "ok", "X-Rate-Limit-Limit", "10", "X-Rate-Limit-Remaining", fmt.Sprint(10-used),
			"X-Rate-Limit-Reset", fmt.Sprint(minute.Add(time.Minute).Unix())), nil
	}, &at
}

func TestTransportKeepsToItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, at := okta(time.Now(), 0)
		tr := NewTransport(base, Limits{})
		for range 10 {
			if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(*at); got != "[0s 0s 0s 0s 1m0s 1m0s 1m0s 1m0s 2m0s 2m0s]" {
			t.Errorf("called at %s: four of ten a minute are the connection's share", got)
		}
		if s := tr.RateShare(); !strings.Contains(s, "40%") || !strings.Contains(s, "acme.example/api/v1/agents 2 of 4") {
			t.Errorf("share: %s", s)
		}
	})
}

// An audit leaves a quarter of the share to the calls of other feeds.
func TestTransportAuditYields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, at := okta(time.Now(), 0)
		tr := NewTransport(base, Limits{Share: 0.8})
		audit := countingCalls(t.Context(), new(atomic.Int64), true)
		done := make(chan error)
		go func() {
			for range 7 {
				if _, err := get(t, tr, audit, vendorURL); err != nil {
					done <- err
				}
			}
			close(done)
		}()
		synctest.Wait()
		began := time.Now()
		for range 2 {
			if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
				t.Fatal(err)
			}
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("a change waited %v for an audit", waited)
		}
		err := <-done
		if got := fmt.Sprint(*at); err != nil || got != "[0s 0s 0s 0s 0s 0s 0s 0s 1m0s]" {
			t.Errorf("called at %s (%v): six of the eight are the audit's, and two were left for a change", got, err)
		}
	})
}

// When a window is over, only the next answer tells how long the new one lasts: the share holds meanwhile.
func TestTransportKeepsToItsShareAcrossWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var quiet atomic.Bool
		var n atomic.Int64
		tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) {
			n.Add(1)
			if quiet.Load() {
				return answer(200, "ok"), nil // as of a proxy that drops the headers
			}
			return answer(200, "ok", "X-Rate-Limit-Limit", "10", "X-Rate-Limit-Remaining", "9", "X-Rate-Limit-Reset",
				fmt.Sprint(time.Now().Add(30*time.Second).Unix())), nil
		}), Limits{})
		if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
			t.Fatal(err)
		}
		time.Sleep(45 * time.Second)
		quiet.Store(true)
		n.Store(0)
		go func() {
			for range 6 {
				_, _ = get(t, tr, t.Context(), vendorURL)
			}
		}()
		after(59 * time.Second)
		if n.Load() != 4 {
			t.Errorf("%d calls in the minute after the window, want the share of four", n.Load())
		}
		if after(2 * time.Second); n.Load() != 6 {
			t.Errorf("%d calls: a vendor that states no limit any more is asked again", n.Load())
		}
	})
}

// Whether a clock is ahead or behind, the window ends when the vendor says.
func TestRateResetIsByTheVendorsClock(t *testing.T) {
	now := time.Date(2026, 8, 20, 7, 0, 0, 0, time.UTC)
	for _, skew := range []time.Duration{0, 20 * time.Minute, -20 * time.Minute} {
		vendor := now.Add(skew)
		h := answer(200, "", "X-Rate-Limit-Limit", "10", "X-Rate-Limit-Remaining", "9", "Date", vendor.Format(http.TimeFormat),
			"X-Rate-Limit-Reset", fmt.Sprint(vendor.Add(40*time.Second).Unix())).Header
		if _, _, reset, ok := rateHeaders(h, now); !ok || reset.Sub(now) != 40*time.Second {
			t.Errorf("skew %v: the window ends in %v", skew, reset.Sub(now))
		}
	}
}

// A hub that was just started does not know how many of the calls so far were its own: it takes all for its own.
func TestTransportAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base, at := okta(time.Now(), 6)
		tr := NewTransport(base, Limits{})
		for range 2 {
			if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(*at); got != "[0s 1m0s]" {
			t.Errorf("called at %s", got)
		}
	})
}

func TestTransportWaitsForRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, n := time.Now(), 0
		tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return answer(429, "", "Retry-After", "17"), nil
			}
			return answer(200, "ok"), nil
		}), Limits{})
		for range 2 {
			if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != 17*time.Second {
			t.Errorf("the second call came after %v", d)
		}
		if _, err := get(t, tr, t.Context(), "https://acme.example/api/v1/apps"); err != nil || time.Since(began) != 17*time.Second {
			t.Errorf("another class waited: %v", err)
		}
	})
}

// A pause that is too long to sit out in a request is the runner's to wait.
func TestTransportLongPauseIsAFault(t *testing.T) {
	tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(503, "", "Retry-After", "3600"), nil }), Limits{})
	if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
		t.Fatal(err)
	}
	_, err := get(t, tr, t.Context(), vendorURL)
	if f := AsFault(err); f == nil || f.Kind != RateLimited || f.After < 59*time.Minute {
		t.Errorf("fault: %v", err)
	}
}

func TestTransportPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "ok"), nil }), Limits{PerSecond: 2})
		for range 6 {
			if _, err := get(t, tr, t.Context(), vendorURL); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("six calls at two a second took %v", d)
		}
	})
}

func FuzzRateHeaders(f *testing.F) {
	f.Add("100, 100;w=10", "50", "30", "5")
	f.Add("10", "-1", "1700000000", "Wed, 21 Oct 2015 07:28:00 GMT")
	f.Add("NaN", "Inf", "1e300", "1e300")
	f.Fuzz(func(t *testing.T, limit, remaining, reset, retry string) {
		now := time.Now()
		resp := answer(429, "", "Ratelimit-Limit", limit, "Ratelimit-Remaining", remaining, "Ratelimit-Reset", reset, "Retry-After", retry)
		if _, _, at, ok := rateHeaders(resp.Header, now); ok && (at.Before(now) || at.Sub(now) > time.Hour) {
			t.Errorf("reset in %v", at.Sub(now))
		}
		if d := retryAfter(resp, now); d > 24*time.Hour {
			t.Errorf("retry after %v", d)
		}
	})
}

// TestTransportKeepsToDocumentedLimits from the first call on: to its share, of which calls that yield leave a part to others.
func TestTransportKeepsToDocumentedLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := Limits{Share: 0.5, Class: func(r *http.Request) string { return r.URL.Host }, PerMinute: func(class string) float64 {
			return map[string]float64{"slow.example": 120}[class]
		}}
		tr := NewTransport(roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, "ok"), nil }), limits)
		took := func(ctx context.Context, url string) time.Duration {
			began := time.Now()
			for range 66 { // 6 at once, and a minute's calls
				if _, err := get(t, tr, ctx, url); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(began).Round(time.Second)
		}
		if d := took(t.Context(), "https://slow.example/x"); d != time.Minute {
			t.Errorf("66 calls took %v, want a minute", d)
		}
		var n atomic.Int64
		if d := took(countingCalls(t.Context(), &n, true), "https://slow.example/x"); d < 80*time.Second {
			t.Errorf("66 calls that yield took %v, want a third longer", d)
		}
		if d := took(t.Context(), "https://fast.example/x"); d != 0 {
			t.Errorf("without a documented limit 66 calls took %v", d)
		}
		if got := tr.RateShare(); !strings.Contains(got, "slow.example 60 a minute") {
			t.Errorf("the share reads %q", got)
		}
	})
}
