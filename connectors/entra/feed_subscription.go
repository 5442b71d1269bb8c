package entra

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// feedSubscription keeps the subscription to changes of users alive. Graph has none for agent identities, so it is a nudge for
// agents' user accounts and for persons alone. A feed tells nothing; it makes, renews and makes again.
const feedSubscription = "user-subscription"

// subscriptionLife is how far a subscription's end is put off. Graph lets one to users live for 41,760 minutes, which is a day longer.
const subscriptionLife = 28 * 24 * time.Hour

// subscriptionFeed is made when options.notification_url is set.
type subscriptionFeed struct {
	client *client
	notify string
	state  connectors.Secret
}

func subscription(c *client, notify string, state connectors.Secret) connectors.Feed {
	f := &subscriptionFeed{client: c, notify: notify, state: state}
	return connectors.Feed{Name: feedSubscription, Every: 6 * time.Hour, Pull: f.pull}
}

// wireSubscription is a subscription, as far as it is written or read.
type wireSubscription struct {
	ID        string    `json:"id,omitzero"`
	Resource  string    `json:"resource,omitzero"`
	Change    string    `json:"changeType,omitzero"`
	Notify    string    `json:"notificationUrl,omitzero"`
	Lifecycle string    `json:"lifecycleNotificationUrl,omitzero"`
	State     string    `json:"clientState,omitzero"`
	TLS       string    `json:"latestSupportedTlsVersion,omitzero"`
	Expires   time.Time `json:"expirationDateTime"`
}

// pull sees to it that there is a subscription, and puts off its end. One that was made with another secret Graph does not tell
// apart, since it does not show secrets: a new secret needs a new address, or the old subscription deleted.
func (f *subscriptionFeed) pull(ctx context.Context, _ connectors.Cursor) (connectors.Page, error) {
	p, err := f.client.page(ctx, call{url: f.client.url("/subscriptions"), need: needUsers})
	if err != nil {
		return connectors.Page{}, err
	}
	all, err := f.client.all(ctx, p, call{need: needUsers})
	if err != nil {
		return connectors.Page{}, err
	}
	for _, raw := range all {
		var s wireSubscription
		if decode(raw, &s) == nil && s.Notify == f.notify && s.Resource == "users" && s.ID != "" {
			return connectors.Page{}, f.renew(ctx, s)
		}
	}
	err = f.write(ctx, call{url: f.client.url("/subscriptions")}, wireSubscription{
		Resource: "users", Change: "updated,deleted", Notify: f.notify, Lifecycle: f.notify, State: f.state.Reveal(), TLS: "v1_2"})
	if isForbidden(err) {
		return connectors.Page{Blind: []connectors.Blindness{{Reason: noSubscription}}}, nil
	}
	return connectors.Page{}, err
}

// noSubscription: whether a permission is missing or a quota is used up, Graph tells in words alone. Nothing depends on it.
const noSubscription = "Graph refuses a subscription to users: grant the application " + needUsers + ", or delete subscriptions that nobody needs " +
	"(an application may have 100 in a tenant, all of them together 1,000); until then changes of users are seen by the poll alone"

// renew moves a subscription's end, which authorizes it again as well.
func (f *subscriptionFeed) renew(ctx context.Context, s wireSubscription) error {
	return f.write(ctx, call{url: f.client.url("/subscriptions/" + url.PathEscape(s.ID)), patch: true}, wireSubscription{})
}

// write makes or changes a subscription.
func (f *subscriptionFeed) write(ctx context.Context, r call, s wireSubscription) (err error) {
	s.Expires = f.client.now().Add(subscriptionLife).UTC().Truncate(time.Second)
	r.need = needUsers
	if r.body, err = events.Marshal(s); err != nil {
		return err
	}
	a, err := f.client.send(ctx, r)
	if err != nil || a.status == http.StatusCreated {
		return err
	}
	return f.client.check(a, r)
}
