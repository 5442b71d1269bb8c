package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The limits of subscriptions to users and groups.
const (
	maxSubscriptions = 100 // of one app in one tenant
	minLife          = 45 * time.Minute
	maxLife          = 41760 * time.Minute
	maxClientState   = 128
	askBefore        = 15 * time.Minute // so long before its end a subscription is to be reauthorized
	askGrace         = 15 * time.Minute // so long after it was asked for, changes are told without
)

// subscription is a client's wish to be told of changes, as it is saved.
type subscription struct {
	ID           string    `json:"id"`
	Seq          uint64    `json:"seq"`
	Resource     string    `json:"resource"`    // as the client wrote it
	ChangeTypes  string    `json:"change_type"` // updated, deleted, or both with a comma
	URL          string    `json:"url"`
	LifecycleURL string    `json:"lifecycle_url,omitempty"`
	ClientState  string    `json:"client_state,omitempty"`
	TLS          string    `json:"tls"`
	Expires      time.Time `json:"expires"`
	Renewed      time.Time `json:"renewed"`        // when it was created, renewed or reauthorized
	Asked        time.Time `json:"asked,omitzero"` // since when it is to be reauthorized
}

// asked is a subscription as a client writes it. A missing property stays nil.
type asked struct {
	ChangeType       *string    `json:"changeType"`
	Resource         *string    `json:"resource"`
	NotificationURL  *string    `json:"notificationUrl"`
	LifecycleURL     *string    `json:"lifecycleNotificationUrl"`
	ClientState      *string    `json:"clientState"`
	Expiration       *time.Time `json:"expirationDateTime"`
	LatestTLS        *string    `json:"latestSupportedTlsVersion"`
	WithResourceData *bool      `json:"includeResourceData"`
}

// subscriptions answers /subscriptions. It takes the lock itself, since a creation calls the client's address first.
func (q *request) subscriptions(ctx context.Context) (any, error) {
	id := ""
	if len(q.path) > 1 {
		id = q.path[1]
	}
	action := strings.Join(q.path[min(len(q.path), 2):], "/")
	switch q.method + " " + action {
	case "GET ", "HEAD ":
		return q.readSubscriptions(id)
	case "POST ":
		if id == "" {
			return q.subscribe(ctx)
		}
	case "PATCH ":
		return q.renew(id)
	case "DELETE ":
		return q.unsubscribe(id)
	case "POST reauthorize":
		return q.reauthorize(id)
	}
	return nil, noSegment(q.path[len(q.path)-1])
}

func (q *request) readSubscriptions(id string) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle()
	src := source{kind: kindOf("subscription"), context: "subscriptions", rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for _, sub := range q.st.Subscriptions {
				if sub.Seq > after && !yield(row{sub.Seq, q.subscriptionProps(sub), nil}) {
					return
				}
			}
		}
	}}
	if id == "" {
		v, err := q.list(src)
		if err != nil {
			return nil, err
		}
		return encode(v)
	}
	sub, err := q.own(id)
	if err != nil {
		return nil, err
	}
	return q.subscriptionAnswer(http.StatusOK, sub)
}

func (s *Sandbox) subscriptionProps(sub *subscription) map[string]any {
	null := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	return map[string]any{"id": sub.ID, "resource": sub.Resource, "applicationId": s.st.ClientID, "changeType": sub.ChangeTypes,
		"clientState": null(sub.ClientState), "notificationUrl": sub.URL, "lifecycleNotificationUrl": null(sub.LifecycleURL),
		"expirationDateTime": stamp(sub.Expires), "creatorId": s.byAppID(s.st.ClientID), "latestSupportedTlsVersion": sub.TLS,
		"includeResourceData": false}
}

// byAppID is the object id of an application's service principal.
func (s *Sandbox) byAppID(appID string) any {
	if o := s.byApp("servicePrincipal", appID); o != nil {
		return o.ID
	}
	return nil
}

// subscribe answers the creation of a subscription.
func (q *request) subscribe(ctx context.Context) (any, error) {
	var a asked
	if json.Unmarshal(q.body, &a) != nil {
		return nil, badQuery("Unable to read JSON request payload. Please ensure payload is of valid JSON format.")
	}
	sub, err := q.establish(ctx, a)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.subscriptionAnswer(http.StatusCreated, sub)
}

// Subscribe creates a subscription as a client would, that ends after the longest life that there is, and returns its id.
// Resource is users, groups, or one of them by id; lifecycle and clientState may be empty. It fails when the vendor would refuse
// it, which it also does when an address does not give the validation token back.
func (s *Sandbox) Subscribe(resource, address, lifecycle, clientState string) (id string, err error) {
	kinds, end := "updated,deleted", s.now().Add(maxLife)
	a := asked{ChangeType: &kinds, Resource: &resource, NotificationURL: &address, LifecycleURL: &lifecycle, ClientState: &clientState, Expiration: &end}
	q := &request{Sandbox: s}
	sub, err := q.establish(s.courier.ctx, a)
	if err != nil {
		return "", fmt.Errorf("entra sandbox: subscribe to %s: %w", resource, err)
	}
	return sub.ID, nil
}

// establish makes a subscription that the rules allow and whose addresses have agreed.
func (q *request) establish(ctx context.Context, a asked) (*subscription, error) {
	sub, err := a.check(q.now())
	if err == nil {
		err = q.mayWatch(sub)
	}
	if err != nil {
		return nil, err
	}
	for _, address := range []string{sub.URL, sub.LifecycleURL} {
		if address == "" {
			continue
		}
		if reason := q.validate(ctx, address); reason != "" {
			return nil, invalidSubscription("ValidationError", "Subscription validation request failed. %s", reason)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.st.Subscriptions) >= maxSubscriptions {
		return nil, &failure{status: http.StatusForbidden, code: "Forbidden", message: fmt.Sprintf(
			"Operation: Create; Exception: [Subscription limit of %d for this app and tenant is reached.]", maxSubscriptions)}
	}
	q.st.Subscribed++
	sub.Seq, sub.ID, sub.Renewed = q.st.Subscribed, q.derived("subscription", q.st.Subscribed), q.now()
	q.st.Subscriptions = append(q.st.Subscriptions, sub)
	q.wrote.Store(true)
	return sub, nil
}

func (q *request) subscriptionAnswer(status int, sub *subscription) (any, error) {
	m := q.subscriptionProps(sub)
	m["@odata.context"] = q.base + "/$metadata#subscriptions/$entity"
	b, err := encode(m)
	return made{status, b}, err
}

func invalidSubscription(code, format string, args ...any) error {
	return &failure{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

// check holds a wish to the rules. Sandboxes listen on loopback, so http is allowed there.
func (a asked) check(now time.Time) (*subscription, error) {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	sub := &subscription{Resource: text(a.Resource), ChangeTypes: text(a.ChangeType), URL: text(a.NotificationURL),
		LifecycleURL: text(a.LifecycleURL), ClientState: text(a.ClientState), TLS: text(a.LatestTLS)}
	if sub.TLS == "" {
		sub.TLS = "v1_2"
	}
	no := func(format string, args ...any) (*subscription, error) {
		return nil, invalidSubscription("InvalidRequest", format, args...)
	}
	for t := range strings.SplitSeq(sub.ChangeTypes, ",") {
		if t = strings.TrimSpace(t); t != "updated" && t != "deleted" {
			return no("The change type '%s' is not supported for this resource: use updated, deleted, or both.", t)
		}
	}
	switch {
	case !deliverable(sub.URL):
		return no("The notificationUrl must be an absolute https address.")
	case sub.LifecycleURL != "" && !deliverable(sub.LifecycleURL):
		return no("The lifecycleNotificationUrl must be an absolute https address.")
	case len(sub.ClientState) > maxClientState:
		return no("The clientState is longer than %d characters.", maxClientState)
	case a.WithResourceData != nil && *a.WithResourceData:
		return no("Resource data cannot be included for this resource.")
	}
	var err error
	sub.Expires, err = expiry(a.Expiration, now)
	return sub, err
}

// expiry holds an end to what is allowed; one that is too near is moved.
func expiry(end *time.Time, now time.Time) (time.Time, error) {
	switch {
	case end == nil:
		return now, invalidSubscription("InvalidRequest", "The expirationDateTime is missing.")
	case !end.After(now):
		return now, invalidSubscription("InvalidRequest", "Subscription expiration can't be in the past.")
	case end.Sub(now) > maxLife:
		return now, invalidSubscription("InvalidRequest", "Subscription expiration can only be %d minutes in the future.", int(maxLife.Minutes()))
	case end.Sub(now) < minLife:
		return now.Add(minLife), nil
	}
	return end.UTC(), nil
}

func deliverable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// watched are the resources that changes are told of: of directory objects only users and groups.
func (sub *subscription) watched() (set, id, rel string) {
	set, rest, _ := strings.Cut(strings.Trim(sub.Resource, "/"), "/")
	id, rel, _ = strings.Cut(rest, "/")
	return set, id, rel
}

// mayWatch refuses resources that have no notifications, and objects that are not there.
func (q *request) mayWatch(sub *subscription) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settle()
	set, id, rel := sub.watched()
	k, ok := baseOf(set)
	if !ok || set != "users" && set != "groups" || rel != "" && (set != "groups" || rel != "members" && rel != "owners") {
		return invalidSubscription("InvalidRequest", "The resource '%s' is not supported for change notifications.", sub.Resource)
	}
	if id == "" {
		return nil
	}
	_, err := q.byID(k, id)
	return err
}

// own finds a subscription by id. The caller holds the lock.
func (q *request) own(id string) (*subscription, error) {
	q.settle()
	if sub := q.subscription(id); sub != nil {
		return sub, nil
	}
	return nil, &failure{status: http.StatusNotFound, code: "ResourceNotFound", message: "The object was not found."}
}

func (s *Sandbox) subscription(id string) *subscription {
	i := slices.IndexFunc(s.st.Subscriptions, func(sub *subscription) bool { return sub.ID == id })
	if i < 0 {
		return nil
	}
	return s.st.Subscriptions[i]
}

// renew moves a subscription's end, and reauthorizes it thereby.
func (q *request) renew(id string) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sub, err := q.own(id)
	if err != nil {
		return nil, err
	}
	var a asked
	if json.Unmarshal(q.body, &a) != nil || a.Resource != nil || a.ChangeType != nil || a.NotificationURL != nil || a.LifecycleURL != nil {
		return nil, invalidSubscription("InvalidRequest", "Only the expirationDateTime of a subscription can be changed.")
	}
	end, err := expiry(a.Expiration, q.now())
	if err != nil {
		return nil, err
	}
	sub.Expires = end
	sub.authorized(q.now())
	q.wrote.Store(true)
	return q.subscriptionAnswer(http.StatusOK, sub)
}

func (q *request) reauthorize(id string) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sub, err := q.own(id)
	if err != nil {
		return nil, err
	}
	sub.authorized(q.now())
	q.wrote.Store(true)
	return made{status: http.StatusNoContent}, nil
}

func (sub *subscription) authorized(now time.Time) { sub.Renewed, sub.Asked = now, time.Time{} }

func (q *request) unsubscribe(id string) (any, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	sub, err := q.own(id)
	if err != nil {
		return nil, err
	}
	q.st.Subscriptions = slices.DeleteFunc(q.st.Subscriptions, func(x *subscription) bool { return x == sub })
	q.wrote.Store(true)
	return made{status: http.StatusNoContent}, nil
}
