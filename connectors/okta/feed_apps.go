package okta

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// scopeApps is the listing of all OAuth service apps.
const scopeApps = "service-apps"

// evenInactive makes the list of apps show inactive ones too: by default it leaves them out, as if they were gone.
const evenInactive = "&includeNonDeleted=true"

// What a service app's record says in its context beyond what the app itself does.
const (
	aboutAgents   = "agents"   // ids of the agents that are linked to it, sorted, joined by commas
	aboutUnlinked = "unlinked" // "unknown" when the agents may not be read
	aboutKeys     = "keys"     // "apart" when its keys are read by themselves, with their dates
	aboutSecrets  = "secrets"  // "apart" when its secrets' ids and dates are
)

// appsFeed reads the OAuth service apps. Okta has no filter for them: all apps are listed and the others passed over. An app
// does not say which agents are linked to it; those do.
type appsFeed struct {
	client *client
	began  time.Time // of the pass; zero: another process began it
	first  bool      // the pass is the very first of the connection
}

// appParts are what a new service app is read with, and appWalks the feeds that read it otherwise.
var (
	appParts = []*part{partAppKeys, partGrants, partRoles}
	appWalks = []string{"app-credentials", "app-grants", "app-roles"}
)

func (f *appsFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Next: f.client.target(appsPath, maxPage, "") + evenInactive}
		f.began, f.first = f.client.now(), !slices.ContainsFunc(connectors.Known(ctx, events.KindAgent), isApp)
	}
	l, a, err := f.client.list(ctx, cur.Next, readArray)
	if err != nil {
		return connectors.Page{}, err
	}
	var fresh []string
	var records []connectors.Record
	for _, item := range l.items {
		r, service, err := f.client.appRecord(ctx, a, item)
		if err != nil {
			return connectors.Page{}, err
		}
		if !service {
			continue
		}
		cur.Broken = cur.Broken || !readable(r)
		records = append(records, r)
		if id := optional[wireApp](item).ID; id != "" && !connectors.IsKnown(ctx, events.Identity(events.KindAgent, id)) {
			fresh = append(fresh, id)
		}
	}
	whole, err := f.client.ended(ctx, l, a)
	if err != nil {
		return connectors.Page{}, err
	}
	cur.Broken = cur.Broken || !whole
	if l.next == "" && !cur.Broken && !f.began.IsZero() {
		f.client.roll.listedApps(f.began)
	}
	page, err := cur.at("", l.next).page(scopeApps, records, l.next == "")
	if err == nil && !f.first {
		more, wakes := f.client.whole(ctx, fresh, appParts, appWalks)
		page.Records, page.Wakes = append(page.Records, more...), wakes
	}
	return page, err
}

func isApp(id string) bool { return strings.HasPrefix(id, "0oa") }

// appRecord makes the record of an app, if it is a service app. One that cannot be read may be one, so its record is kept and breaks
// the pass.
func (c *client) appRecord(ctx context.Context, a *answer, item jsontext.Value) (r connectors.Record, service bool, err error) {
	app, ref, err := peekApp(item, a.asked)
	if err == nil {
		c.roll.app(app.ID, ref)
		if !ref.service {
			return r, false, nil
		}
	}
	about, err := c.linksOf(ctx, app.ID)
	if err != nil {
		return r, true, err
	}
	if !c.isBarred(partAppKeys) {
		about[aboutKeys] = "apart"
		if c.secrets {
			about[aboutSecrets] = "apart"
		}
	}
	r, err = a.record(typeApp, item, about)
	return r, true, err
}

// peekApp reads of an app what the roll keeps.
func peekApp(item jsontext.Value, at time.Time) (app wireApp, ref appRef, err error) {
	if err := json.Unmarshal(item, &app); err != nil {
		return app, ref, err
	}
	ref = appRef{seen: at}
	if ref.service, err = app.isService(); err != nil {
		return app, ref, err
	}
	client := optional[wireClient](app.Credentials)
	ref.secrets = client.OAuth.hasSecrets()
	ref.keys = !ref.secrets && client.OAuth.Method != "none"
	return app, ref, nil
}
