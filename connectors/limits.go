package connectors

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// quota keeps a connection to its share of the vendor's limits. The vendor counts all of a customer's clients together, so
// the quota counts its own calls within the vendor's window and stops at its share of the window's limit.
type quota struct {
	limits  Limits
	mu      sync.Mutex
	windows map[string]*window // by class
}

// yielding is the part of the share that calls may use which leave the rest to others: an audit of thousands of things must not
// keep a change from being read at once.
const yielding = 0.75

// silence is how long a vendor that has stated a limit may state none before its counter is held to have started again.
const silence = time.Minute

// window is one class's stretch of time between two resets of the vendor's counter.
type window struct {
	limiter *rate.Limiter // nil: unbounded per second
	yielded *rate.Limiter // what calls that leave a part to others must pass first; nil: nothing
	told    float64       // calls a minute for everybody, as the vendor documents; 0: unknown
	limit   float64       // calls per window for everybody; 0: the vendor has not said
	used    float64       // own calls in this window
	reset   time.Time     // when the vendor's counter starts again
	until   time.Time     // no call before
}

// next begins a new window when the last one is over. When it ends only the vendor's next answer tells.
func (w *window) next(now time.Time) {
	if w.reset.IsZero() || now.Before(w.reset) {
		return
	}
	w.used, w.reset = 0, now.Add(silence)
}

// keep makes the class keep to its share of a limit that the vendor documents, a little at a time: a tenth of a minute's calls at once.
func (w *window) keep(perMinute float64, l Limits) {
	if perMinute <= 0 {
		return
	}
	w.told = perMinute
	bucket := func(n float64) *rate.Limiter { return rate.NewLimiter(rate.Limit(n/60), max(1, int(n/10))) }
	most := perMinute * l.Share
	if l.PerSecond > 0 {
		most = min(most, l.PerSecond*60)
	}
	w.limiter, w.yielded = bucket(most), bucket(most*yielding)
}

func newQuota(l Limits) *quota { return &quota{limits: l, windows: map[string]*window{}} }

// of returns the window of a class; the caller holds the lock.
func (q *quota) of(class string) *window {
	w := q.windows[class]
	if w == nil {
		w = &window{}
		if q.limits.PerSecond > 0 {
			w.limiter = rate.NewLimiter(rate.Limit(q.limits.PerSecond), max(1, int(q.limits.PerSecond)))
		}
		if q.limits.PerMinute != nil {
			w.keep(q.limits.PerMinute(class), q.limits)
		}
		q.windows[class] = w
	}
	return w
}

// wait blocks until the class may make a call, and counts the call.
func (q *quota) wait(ctx context.Context, class string, yields bool) error {
	for {
		delay, limiter, first := q.take(class, time.Now(), yields)
		switch {
		case delay > q.limits.MaxWait:
			return &Fault{Kind: RateLimited, After: delay,
				Err: fmt.Errorf("the connection's share of the rate limit of %s is used up for %v", class, delay.Round(time.Second))}
		case delay > 0:
			if err := sleep(ctx, delay); err != nil {
				return err
			}
		case first != nil:
			if err := first.Wait(ctx); err != nil {
				return err
			}
			return limiter.Wait(ctx)
		case limiter != nil:
			return limiter.Wait(ctx)
		default:
			return nil
		}
	}
}

// take counts a call, or says how long to wait before asking again. The call waits for its turn at the limiters, at first before the other.
func (q *quota) take(class string, now time.Time, yields bool) (delay time.Duration, limiter, first *rate.Limiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.of(class)
	if d := w.until.Sub(now); d > 0 {
		return d, nil, nil
	}
	w.next(now)
	most := q.share(w.limit)
	if yields {
		most = max(1, math.Floor(most*yielding))
	}
	if w.limit > 0 && w.used >= most {
		return w.reset.Sub(now), nil, nil
	}
	w.used++
	if yields {
		first = w.yielded
	}
	return 0, w.limiter, first
}

// share is how many calls of a window are the connection's: at least one.
func (q *quota) share(limit float64) float64 { return max(1, math.Floor(limit*q.limits.Share)) }

// learn takes in what an answer says about its class's limit.
func (q *quota) learn(class string, resp *http.Response) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.of(class)
	if d := retryAfter(resp, now); d > 0 {
		w.until = latest(w.until, now.Add(d))
	}
	limit, remaining, reset, ok := rateHeaders(resp.Header, now)
	if !ok {
		return
	}
	// In the first window that it sees, a hub that was just started takes all calls made so far for its own.
	if w.limit == 0 {
		w.used = max(w.used, 1)
		if w.reset.IsZero() {
			w.used = max(w.used, limit-remaining)
		}
	}
	w.limit, w.reset = limit, reset
	if remaining <= 0 {
		w.until = latest(w.until, reset)
	}
}

// String lists the classes whose limit is known.
func (q *quota) String() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var parts []string
	for class, w := range q.windows {
		if w.limit > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f of %.0f", class, w.used, q.share(w.limit)))
		} else if w.told > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f a minute", class, q.share(w.told)))
		}
	}
	slices.Sort(parts)
	return strings.Join(append([]string{fmt.Sprintf("up to %.0f%% of the vendor's rate limit", q.limits.Share*100)}, parts...), "; ")
}

// rateHeaders reads the limit per window, what is left of it, and when it resets: X-Rate-Limit-* (Okta, reset in seconds
// since 1970) and RateLimit-* (reset in seconds from now).
//
// A moment is the vendor's, so it is taken against the vendor's own clock where the answer tells it.
func rateHeaders(h http.Header, now time.Time) (limit, remaining float64, reset time.Time, ok bool) {
	vendorNow := now
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		vendorNow = date
	}
	for _, prefix := range []string{"X-Rate-Limit-", "X-Ratelimit-", "Ratelimit-"} {
		l, ok1 := number(h.Get(prefix + "Limit"))
		rem, ok2 := number(h.Get(prefix + "Remaining"))
		at, ok3 := number(h.Get(prefix + "Reset"))
		if !ok1 || !ok2 || !ok3 || l <= 0 {
			continue
		}
		return l, rem, now.Add(untilReset(at, vendorNow)), true
	}
	return 0, 0, time.Time{}, false
}

// untilReset takes a small number for seconds from now and a large one for seconds since 1970. A reset is held to be at most an
// hour away, whatever a vendor's clock says.
func untilReset(at float64, now time.Time) time.Duration {
	const year = 366 * 24 * 3600
	d := time.Duration(at * float64(time.Second))
	if at > year {
		d = time.Unix(int64(at), 0).Sub(now)
	}
	return min(max(d, time.Second), time.Hour)
}

// number reads the first of a list of numbers: "100, 100;w=10" is 100.
func number(s string) (float64, bool) {
	s, _, _ = strings.Cut(s, ",")
	s, _, _ = strings.Cut(s, ";")
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return n, err == nil && n >= 0 && n < 1e12
}

// retryAfter reads Retry-After, in seconds or as a date, of an answer that refuses.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	s := resp.Header.Get("Retry-After")
	if s == "" || resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	if n, ok := number(s); ok {
		return time.Duration(min(n, 24*3600) * float64(time.Second))
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(at.Sub(now), 24*time.Hour)
}

// pathClass is the host and the first three parts of the path.
func pathClass(r *http.Request) string {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 4)
	return r.URL.Host + "/" + strings.Join(parts[:min(3, len(parts))], "/")
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
