package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Poster delivers events to an HTTP endpoint: each is one POST of a CloudEvent in structured mode, with the replay's id in the
// header Rollcall-Replay. What the endpoint cannot take now (429, 5xx, no answer) is tried again; any other answer than 2xx ends
// the re-delivery, and so does a redirect.
type Poster struct {
	url    *url.URL
	client *http.Client
	tries  int
}

// ReplayHeader carries the replay's id, over HTTP and over NATS.
const ReplayHeader = "Rollcall-Replay"

const (
	postTimeout = 30 * time.Second
	firstRetry  = 250 * time.Millisecond
	lastRetry   = 30 * time.Second
	postTries   = 8 // about half a minute beside the timeouts
)

// NewPoster makes one. A user and password in the URL are sent as basic authentication, and shown nowhere.
func NewPoster(to string) (*Poster, error) {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("--to-url must be a URL with http or https") // it may hold a secret
	}
	return &Poster{url: u, tries: postTries, client: &http.Client{
		Timeout: postTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// String names the endpoint's host alone: any other part of a URL may be a secret, as those of webhooks are.
func (p *Poster) String() string { return p.url.Scheme + "://" + p.url.Host }

// Deliver implements [Target].
func (p *Poster) Deliver(ctx context.Context, d Delivery) error {
	pause := firstRetry
	for try := 1; ; try++ {
		after, again, err := p.post(ctx, d)
		if err == nil || !again || try == p.tries {
			return err
		}
		if after == 0 {
			after, pause = pause, min(2*pause, lastRetry)
		}
		if !sleepUntil(ctx, time.Now().Add(after)) {
			return context.Cause(ctx)
		}
	}
}

// post tries once. It says whether to try again, and after how long if the endpoint does.
func (p *Poster) post(ctx context.Context, d Delivery) (after time.Duration, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url.String(), bytes.NewReader(d.Body))
	if err != nil {
		return 0, false, fmt.Errorf("%s: this is no address", p)
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set(ReplayHeader, d.Replay)
	res, err := p.client.Do(req)
	if err != nil {
		var inner *url.Error // names the whole URL
		if errors.As(err, &inner) {
			err = inner.Err
		}
		if ctx.Err() != nil {
			return 0, false, context.Cause(ctx)
		}
		return 0, true, fmt.Errorf("%s: %w", p, err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16)) // so that the connection is used again
	if res.StatusCode/100 == 2 {
		return 0, false, nil
	}
	again = res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		after = min(time.Duration(s)*time.Second, lastRetry)
	}
	return after, again, fmt.Errorf("%s answered %s", p, res.Status)
}
