package connectors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Transport carries every request of one connection. It counts calls per feed, keeps to the connection's share of the vendor's
// rate limit, bounds the time of an answer and the size of those being read, and refuses redirects that would carry credentials elsewhere. It does
// not retry: the runner does.
//
// The pause for a rate limit happens before the request is sent and does not count against the request's time.
type Transport struct {
	base   http.RoundTripper
	limits Limits
	quota  *quota
	budget *budget
}

// NewTransport puts the limits of one connection in front of base; nil means [http.DefaultTransport].
func NewTransport(base http.RoundTripper, limits Limits) *Transport {
	if base == nil {
		base = http.DefaultTransport
	}
	limits = limits.withDefaults()
	return &Transport{
		base: base, limits: limits, quota: newQuota(limits),
		budget: &budget{limit: limits.MaxBody, held: map[*boundedBody]int64{}},
	}
}

// RoundTrip sends one request. Its errors name method, host and path, never a query, a header or a body.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	class := t.limits.Class(r)
	if err := t.quota.wait(r.Context(), class, yields(r.Context())); err != nil {
		closeBody(r)
		return nil, fmt.Errorf("%s: %w", place(r), err)
	}
	countCall(r.Context())
	resp, err := t.send(r)
	if err != nil {
		return nil, err
	}
	t.quota.learn(class, resp)
	if err := checkRedirect(r, resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// send bounds the request, reading the answer's body included, by the timeout.
func (t *Transport) send(r *http.Request) (*http.Response, error) {
	late := fmt.Errorf("%s: no whole answer within %v", place(r), t.limits.Timeout)
	timed, stop := context.WithTimeoutCause(r.Context(), t.limits.Timeout, late)
	ctx, end := context.WithCancelCause(timed)
	cancel := func(cause error) { end(cause); stop() }
	resp, err := t.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		err = explain(ctx, err)
		cancel(nil)
		return nil, err
	}
	b := &boundedBody{
		body: resp.Body, left: t.limits.MaxBody, limit: t.limits.MaxBody, place: place(r), budget: t.budget, ctx: ctx, cancel: cancel,
	}
	t.budget.open(b)
	resp.Body = b
	return resp, nil
}

// RateShare says for a person how much of the vendor's rate limit the connection may use and uses.
func (t *Transport) RateShare() string { return t.quota.String() }

// explain prefers the reason why ctx ended to what the network made of it.
func explain(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return context.Cause(ctx)
}

// checkRedirect refuses a redirect to another scheme or host. A client on top of the transport would send the credentials
// again, because the vendors' SDKs add them to every request.
func checkRedirect(r *http.Request, resp *http.Response) error {
	if resp.StatusCode < 300 || resp.StatusCode > 399 || resp.Header.Get("Location") == "" {
		return nil
	}
	to, err := r.URL.Parse(resp.Header.Get("Location"))
	if err != nil {
		return fmt.Errorf("%s: status %d with a Location that is no URL", place(r), resp.StatusCode)
	}
	if to.Scheme == r.URL.Scheme && to.Host == r.URL.Host {
		return nil
	}
	return fmt.Errorf("%s: status %d redirects to %s://%s: not followed, because the credentials would go there; "+
		"correct the connection's endpoint", place(r), resp.StatusCode, to.Scheme, to.Host)
}

// place names a request without what could be secret in it.
func place(r *http.Request) string { return r.Method + " " + r.URL.Host + r.URL.Path }

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

type callerKey struct{}

// caller is the feed that makes a call.
type caller struct {
	calls  *atomic.Int64
	yields bool
}

// countingCalls makes the transport add the calls made under the returned context to calls. Those that yield leave a part of the
// connection's share of a limit to the others.
func countingCalls(ctx context.Context, calls *atomic.Int64, yields bool) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{calls, yields})
}

func countCall(ctx context.Context) {
	if c, ok := ctx.Value(callerKey{}).(caller); ok {
		c.calls.Add(1)
	}
}

func yields(ctx context.Context) bool {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.yields
}

// Limits bound what a connection does to a vendor, and a vendor to the hub. Zero fields have defaults.
type Limits struct {
	// Share is the part of the vendor's rate limit that the connection may use, above 0 and up to 1; default 0.4.
	Share float64

	// PerSecond bounds the requests of each class per second, beside what the vendor's headers say; 0: unbounded.
	PerSecond float64

	// PerMinute is how many calls of a class per minute the vendor lets everybody make together, as it documents; 0: it does not
	// say. Nil: it says of none. The connection keeps to its share from the first call on, whatever answers say.
	PerMinute func(class string) float64

	// Timeout bounds one request up to the last byte of its answer; default 60 seconds.
	Timeout time.Duration

	// MaxWait is the longest pause for a rate limit that a request sits out; for a longer one it fails with a RateLimited
	// [*Fault] at once. Default 2 minutes.
	MaxWait time.Duration

	// MaxBody bounds an answer's body in bytes, decompressed, and the bodies that the connection reads at the same time
	// together: beyond it the largest of them fails. Default 32 MiB; a page of a thousand agents has 1 or 2.
	MaxBody int64

	// Class puts a request into one of the vendor's classes of limits. The default is the host and the first three parts
	// of the path: "acme.okta.com/api/v1/apps".
	Class func(*http.Request) string
}

const (
	defaultShare   = 0.4
	defaultTimeout = time.Minute
	defaultMaxWait = 2 * time.Minute
	defaultMaxBody = 32 << 20
)

func (l Limits) withDefaults() Limits {
	if l.Share <= 0 || l.Share > 1 {
		l.Share = defaultShare
	}
	if l.Timeout <= 0 {
		l.Timeout = defaultTimeout
	}
	if l.MaxWait <= 0 {
		l.MaxWait = defaultMaxWait
	}
	if l.MaxBody <= 0 {
		l.MaxBody = defaultMaxBody
	}
	if l.Class == nil {
		l.Class = pathClass
	}
	return l
}
