package entra

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	notifyWindow     = 50 * time.Millisecond // see Sandbox.NotifyWindow
	notifyPatience   = 3 * time.Second       // with a receiver of notifications
	validatePatience = 10 * time.Second      // with a receiver that has to prove that it wants them
	notifyAttempts   = 3                     // the vendor goes on for four hours
	maxReply         = 1 << 16               // bytes of a receiver's answer that are looked at
)

// courier brings notifications to the clients' addresses. The sandbox's lock guards closed, waiting and told; no call is made
// while it is held.
type courier struct {
	ctx     context.Context // ends with the sandbox
	stop    context.CancelFunc
	going   sync.WaitGroup
	once    sync.Once
	client  *http.Client
	closed  bool
	waiting map[string][]note // by address: what goes with the next delivery
	told    int               // how many changes were to be told
}

// note is one change on its way, or one event in a subscription's own life.
type note struct {
	sub    *subscription
	change string // updated or deleted; empty for an event
	event  string // reauthorizationRequired
	set    string // Users or Groups
	id     string
	number uint64
}

func newCourier() *courier {
	c := &courier{waiting: map[string][]note{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close ends the delivery of change notifications: what is under way is broken off, what waits is dropped. The tenant goes on
// to answer. Close returns when nothing of the sandbox runs any more, and never fails.
func (s *Sandbox) Close() error {
	s.mu.Lock()
	s.courier.closed = true
	clear(s.courier.waiting)
	s.mu.Unlock()
	s.courier.stop()
	s.courier.going.Wait()
	if s.NotifyClient == nil {
		s.caller().CloseIdleConnections()
	}
	return nil
}

// caller is the client that deliveries are made with. Redirects are not followed.
func (s *Sandbox) caller() *http.Client {
	s.courier.once.Do(func() {
		c := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
		if s.NotifyClient != nil {
			c = new(*s.NotifyClient)
		}
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		s.courier.client = c
	})
	return s.courier.client
}

// announce tells the subscribers of a change to a user or a group. The caller holds the lock.
func (s *Sandbox) announce(o *object, props []string) {
	if len(s.st.Subscriptions) == 0 || o.base != "user" && o.base != "group" {
		return
	}
	change := "updated"
	if o.Purged {
		change = "deleted"
	}
	for _, sub := range s.st.Subscriptions {
		if !sub.wants(o, change, props) || sub.paused(s.now()) {
			continue
		}
		if s.courier.told++; s.Nature.LoseNotifications > 0 && s.courier.told%s.Nature.LoseNotifications == 0 {
			continue
		}
		set := map[string]string{"user": "Users", "group": "Groups"}[o.base]
		s.send(sub.URL, note{sub: sub, change: change, set: set, id: o.ID, number: s.st.Clock})
	}
}

// wants tells whether a subscription is about a change. Creation and soft deletion count as updates.
func (sub *subscription) wants(o *object, change string, props []string) bool {
	set, id, rel := sub.watched()
	return kindOf(o.base).set == set && strings.Contains(sub.ChangeTypes, change) &&
		(id == "" || id == o.ID || strings.EqualFold(id, o.text("userPrincipalName"))) && (rel == "" || slices.Contains(props, rel))
}

// paused tells whether a subscription waits for its reauthorization for too long. What changes meanwhile is never told.
func (sub *subscription) paused(now time.Time) bool {
	return !sub.Asked.IsZero() && now.Sub(sub.Asked) > askGrace
}

// send puts a note on its way. The first one sets out, and takes along what happens meanwhile. The caller holds the lock.
func (s *Sandbox) send(address string, n note) {
	c := s.courier
	same := func(o note) bool { return o.sub == n.sub && o.change == n.change && o.event == n.event && o.id == n.id }
	if c.closed || slices.ContainsFunc(c.waiting[address], same) {
		return
	}
	c.waiting[address] = append(c.waiting[address], n)
	if len(c.waiting[address]) == 1 {
		c.going.Go(func() { s.deliver(address) })
	}
}

// tend lets subscriptions end, and asks for their reauthorization when it is time. The caller holds the lock.
func (s *Sandbox) tend(now time.Time) {
	s.st.Subscriptions = slices.DeleteFunc(s.st.Subscriptions, func(sub *subscription) bool { return !sub.Expires.After(now) })
	for _, sub := range s.st.Subscriptions {
		due := sub.Expires.Add(-askBefore)
		if every := s.Nature.ReauthorizeEvery; every > 0 && sub.Renewed.Add(every).Before(due) {
			due = sub.Renewed.Add(every)
		}
		if sub.LifecycleURL != "" && sub.Asked.IsZero() && !due.After(now) {
			s.ask(sub, now)
		}
	}
}

func (s *Sandbox) ask(sub *subscription, now time.Time) {
	sub.Asked = now
	s.send(sub.LifecycleURL, note{sub: sub, event: "reauthorizationRequired"})
}

// AskReauthorization asks at once for the reauthorization of every subscription that has an address for it. A subscription
// that is neither renewed nor reauthorized within a quarter of an hour is told of nothing until it is.
func (s *Sandbox) AskReauthorization() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	for _, sub := range s.st.Subscriptions {
		if sub.LifecycleURL != "" {
			s.ask(sub, s.now())
		}
	}
}

// deliver waits for company and sends, again after a while if the receiver was broken or late.
func (s *Sandbox) deliver(address string) {
	wait := cmp.Or(s.NotifyWindow, notifyWindow)
	if !s.courier.pause(wait) {
		return
	}
	body := s.parcel(address)
	for n := 0; body != nil && n < notifyAttempts && s.courier.ctx.Err() == nil; n++ {
		if n > 0 && !s.courier.pause(wait<<n) {
			return
		}
		if status, _ := s.post(s.courier.ctx, address, "application/json", body, notifyPatience); status >= 200 && status < 300 {
			return
		}
	}
}

// pause waits, unless the sandbox ends before.
func (c *courier) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// parcel packs what waits for an address; nil when all its subscriptions are gone.
func (s *Sandbox) parcel(address string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := s.courier.waiting[address]
	delete(s.courier.waiting, address)
	value := []any{}
	for _, n := range notes {
		if n.sub = s.subscription(n.sub.ID); n.sub != nil { // it may have been renewed meanwhile, or a snapshot restored
			value = append(value, s.notification(n))
		}
	}
	if len(value) == 0 {
		return nil
	}
	b, _ := json.Marshal(map[string]any{"value": value}) // texts and numbers only: it cannot fail
	return b
}

// notification is a note in the vendor's form.
func (s *Sandbox) notification(n note) map[string]any {
	m := map[string]any{"subscriptionId": n.sub.ID, "subscriptionExpirationDateTime": stamp(n.sub.Expires), "tenantId": s.st.Tenant}
	if n.sub.ClientState != "" {
		m["clientState"] = n.sub.ClientState
	}
	if n.event != "" {
		m["lifecycleEvent"] = n.event
		return m
	}
	at := n.set + "/" + n.id
	m["changeType"], m["resource"] = n.change, at
	m["resourceData"] = map[string]any{"@odata.type": "#Microsoft.Graph." + strings.TrimSuffix(n.set, "s"), "@odata.id": at, "id": n.id,
		"organizationId": s.st.Tenant, "sequenceNumber": n.number}
	return m
}

// post makes one call. The status is 0 when there was no answer in time.
func (s *Sandbox) post(ctx context.Context, address, contentType string, body []byte, patience time.Duration) (status int, a echo) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, echo{}
	}
	r.Header.Set("Content-Type", contentType)
	res, err := s.caller().Do(r)
	if err != nil {
		return 0, echo{}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return 0, echo{}
	}
	return res.StatusCode, echo{res.Header.Get("Content-Type"), string(b)}
}

// echo is what a receiver answered.
type echo struct{ contentType, body string }

// validate asks an address to give a token back, and says why that failed, or nothing. No lock is held.
func (s *Sandbox) validate(ctx context.Context, address string) (reason string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.courier.ctx, cancel)()
	token := "Validation: Testing client application reachability for subscription Request-Id: " + s.requestID()
	u, err := url.Parse(address)
	if err != nil {
		return "The address is no URL."
	}
	v := u.Query()
	v.Set("validationToken", token)
	u.RawQuery = v.Encode()
	status, a := s.post(ctx, u.String(), "text/plain; charset=utf-8", nil, validatePatience)
	switch {
	case status == 0:
		return "The notification endpoint did not answer in time."
	case status != http.StatusOK:
		return fmt.Sprintf("Response status code is %d, it must be 200.", status)
	case !strings.HasPrefix(a.contentType, "text/plain"):
		return "Response must have the content type text/plain."
	case a.body != token:
		return "Response must have the decoded validation token as its body."
	}
	return ""
}
