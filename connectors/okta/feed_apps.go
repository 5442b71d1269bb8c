package okta

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// scopeApps is the listing of all OAuth service apps.
const scopeApps = "service-apps"

// evenInactive makes the list of apps show inactive ones too: by default it leaves them out, as if they were gone.
const evenInactive = "&includeNonDeleted=true"

// What a service app's record says in its context about the agents that are linked to it.
const (
	aboutAgents   = "agents"   // ids, sorted, joined by commas
	aboutUnlinked = "unlinked" // "unknown" when the agents may not be read
)

// appsFeed reads the OAuth service apps. Okta has no filter for them: all apps are listed and the others passed over. An app
// does not say which agents are linked to it, so a pass begins with reading all agents, one call per 200; what they said is
// kept in memory for the pass.
type appsFeed struct {
	client *client
	pass   string
}

func (f *appsFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Pass: newPass(), Next: f.client.target(appsPath, maxPage, "") + evenInactive}
	}
	if cur.Pass != f.pass { // a new pass, or one that another process began
		if err := f.learnLinks(ctx); err != nil {
			return connectors.Page{}, err
		}
		f.pass = cur.Pass
	}
	return f.pullApps(ctx, cur)
}

// learnLinks reads which apps the agents are linked to. An org without agents has no links; one that hides them has unknown ones.
func (f *appsFeed) learnLinks(ctx context.Context) error {
	f.pass = ""
	links, unknown := map[string][]string{}, false
	err := f.client.each(ctx, f.client.target(agentsPath, maxPage, ""), func(l list, _ *answer) error {
		for _, item := range l.items {
			if a := optional[wireAgent](item); a.AppID != "" && a.ID != "" && !slices.Contains(links[string(a.AppID)], a.ID) {
				links[string(a.AppID)] = append(links[string(a.AppID)], a.ID)
			}
		}
		return nil
	})
	if _, no := forbidden(err); no {
		unknown, err = !notThere(err), nil
	}
	if err == nil {
		f.client.apps.learn(links, unknown)
	}
	return err
}

func (f *appsFeed) pullApps(ctx context.Context, cur cursor) (connectors.Page, error) {
	l, a, err := f.client.list(ctx, cur.Next, readArray)
	if err != nil {
		return connectors.Page{}, err
	}
	var records []connectors.Record
	for _, item := range l.items {
		app, service, err := peekApp(item)
		if err == nil {
			f.client.apps.note(app.ID, service)
		}
		if err == nil && !service {
			continue
		}
		about, _ := f.client.apps.about(app.ID)
		r, err := a.record(typeApp, item, about)
		if err != nil {
			return connectors.Page{}, err
		}
		cur.Broken = cur.Broken || !readable(r)
		records = append(records, r)
	}
	whole, err := f.client.ended(ctx, l, a)
	if err != nil {
		return connectors.Page{}, err
	}
	cur.Broken = cur.Broken || !whole
	return cur.at("", l.next).page(scopeApps, records, l.next == "")
}

// peekApp says whether an app of the list is a service app. One that cannot be read may be one, so its record is kept and
// breaks the pass.
func peekApp(item jsontext.Value) (app wireApp, service bool, err error) {
	if err := json.Unmarshal(item, &app); err != nil {
		return app, false, err
	}
	service, err = app.isService()
	return app, service, err
}
