package okta

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

const (
	hookTimeout  = 3 * time.Second       // Okta's patience with a receiver
	hookWindow   = 50 * time.Millisecond // see Options.HookWindow
	hookAttempts = 2
	maxHookReply = 1 << 16 // bytes of a receiver's answer that are looked at
)

// courier brings entries to event hooks. The sandbox's lock guards closed and waiting; no call is made while it is held.
type courier struct {
	client  *http.Client
	window  time.Duration
	ctx     context.Context // ends with the sandbox
	stop    context.CancelFunc
	going   sync.WaitGroup
	closed  bool
	waiting map[string][]logEvent // by the hook's id: what will go with the next delivery
}

func newCourier(opt Options) *courier {
	c := &courier{window: cmp.Or(opt.HookWindow, hookWindow), waiting: map[string][]logEvent{}}
	c.client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	if opt.HookClient != nil {
		c.client = new(*opt.HookClient)
	}
	c.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close ends the deliveries to event hooks: what is under way is broken off, what waits is dropped. The org goes on to answer.
// It returns when nothing of the sandbox runs any more, and never fails.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	s.courier.closed = true
	clear(s.courier.waiting)
	s.mu.Unlock()
	s.courier.stop()
	s.courier.going.Wait()
	if s.opt.HookClient == nil {
		s.courier.client.CloseIdleConnections()
	}
	return nil
}

// announce puts an entry on its way to the hooks that want it. The first one sets out, and takes along what happens meanwhile.
// The caller holds the lock.
func (s *Sandbox) announce(e logEvent) {
	for _, h := range s.st.Hooks {
		if s.courier.closed || !h.wants(e.EventType) {
			continue
		}
		id := h.ID
		s.courier.waiting[id] = append(s.courier.waiting[id], e)
		if len(s.courier.waiting[id]) == 1 {
			s.courier.going.Go(func() { s.deliver(id) })
		}
	}
}

// deliver waits for company, sends, and logs when that failed for good.
func (s *Sandbox) deliver(id string) {
	select {
	case <-s.courier.ctx.Done():
		return
	case <-time.After(s.courier.window):
	}
	p, some := s.parcel(id)
	if !some {
		return
	}
	reason := s.courier.send(p)
	if reason == "" || s.courier.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	s.record(entry("event_hook.delivery", s.st.system(), p.target).asJob().failed(reason))
}

// parcel is one delivery.
type parcel struct {
	uri    string
	header http.Header
	body   []byte
	target logTarget // the hook, for the log
}

// envelope is the body of a delivery.
type envelope struct {
	EventType    string    `json:"eventType"`
	TypeVersion  string    `json:"eventTypeVersion"`
	CloudVersion string    `json:"cloudEventsVersion"`
	Source       string    `json:"source"`
	EventID      string    `json:"eventId"`
	EventTime    string    `json:"eventTime"`
	ContentType  string    `json:"contentType"`
	Data         eventData `json:"data"`
}

type eventData struct {
	Events []hookedEvent `json:"events"`
}

// hookedEvent is a log entry as hooks carry it.
type hookedEvent struct {
	logEvent
	Inserted *string `json:"insertionTimestamp"`
}

// parcel packs what waits for a hook; there is nothing to send to one that is gone or was switched off meanwhile.
func (s *Sandbox) parcel(id string) (p parcel, some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events, h := s.courier.waiting[id], s.st.hook(id)
	delete(s.courier.waiting, id)
	if h == nil || h.Status != "ACTIVE" || !h.Verified || len(events) == 0 {
		return parcel{}, false
	}
	body, _ := json.Marshal(envelope{ // of plain structs: it cannot fail
		EventType: "com.okta.event_hook", TypeVersion: "1.0", CloudVersion: "0.1", Source: s.address() + eventHooks + "/" + id,
		EventID: s.st.Noise.UUID(), EventTime: stamp(s.tick()), ContentType: "application/json",
		Data: eventData{each(events, func(e logEvent) hookedEvent { return hookedEvent{logEvent: e} })},
	})
	return parcel{uri: h.URI, header: h.header(), body: body, target: h.target()}, true
}

// address is the org's address as the last client saw it.
func (s *Sandbox) address() string { return cmp.Or(s.seen, "https://okta."+s.st.Domain) }

func (h *hook) header() http.Header {
	out := http.Header{}
	out.Set("Content-Type", "application/json")
	for _, x := range h.Headers {
		out.Set(x.Key, x.Value)
	}
	if h.AuthKey != "" {
		out.Set(h.AuthKey, h.Secret)
	}
	return out
}

// send posts a parcel, a second time if the receiver was broken or late, and says why it failed, or nothing.
func (c *courier) send(p parcel) (reason string) {
	again := true
	for n := 0; again && n < hookAttempts && c.ctx.Err() == nil; n++ {
		reason, again = c.post(p)
	}
	return reason
}

// post makes one attempt. The reason names no address and no header: either may hold a secret.
func (c *courier) post(p parcel) (reason string, again bool) {
	ctx, cancel := context.WithTimeout(c.ctx, hookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.uri, bytes.NewReader(p.body))
	if err != nil {
		return "the address can't be used", false
	}
	maps.Copy(r.Header, p.header)
	status, _, err := c.do(r)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "the receiver did not answer within 3 seconds", true
	case err != nil:
		return "the receiver can't be reached", true
	case status >= 200 && status < 300:
		return "", false
	}
	return fmt.Sprintf("the receiver answered %d", status), status >= 500
}

// do sends a request and reads the beginning of the answer.
func (c *courier) do(r *http.Request) (status int, body []byte, err error) {
	res, err := c.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(res.Body, maxHookReply))
	return res.StatusCode, body, err
}
