package okta

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// scopeApps is the listing of all OAuth service apps.
const scopeApps = "service-apps"

// The lists that a pass over the service apps reads, one after the other.
const (
	phaseLinks = "links" // the AI agents, for the apps that they are linked to
	phaseApps  = "apps"
)

// What a service app's record says in its context about the agents that are linked to it.
const (
	aboutAgents   = "agents"   // ids, sorted, joined by commas
	aboutUnlinked = "unlinked" // "unknown" when the agents may not be read
)

// appsFeed reads the OAuth service apps. Okta has no filter for them: all apps are listed and the others passed over. An app
// does not say which agents are linked to it, so the agents are read first; what they said is kept in memory for one pass.
type appsFeed struct {
	client  *client
	pass    string
	links   map[string][]string // app id → ids of the agents linked to it
	unknown bool                // the agents may not be read
}

func (f *appsFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Pass == "" || cur.Pass != f.pass {
		f.pass, f.links, f.unknown = newPass(), map[string][]string{}, false
		cur = cursor{Pass: f.pass}.at(phaseLinks, f.client.target(agentsPath, maxPage, ""))
	}
	if cur.Phase == phaseLinks {
		next, err := f.pullLinks(ctx, cur.Next)
		if err != nil {
			return connectors.Page{}, err
		}
		if next != "" {
			return cur.at(phaseLinks, next).page(scopeApps, nil, false)
		}
		cur = cur.at(phaseApps, f.client.target(appsPath, maxPage, ""))
	}
	return f.pullApps(ctx, cur)
}

// pullLinks reads one page of agents. An org without agents has no links; one that hides them has unknown ones.
func (f *appsFeed) pullLinks(ctx context.Context, target string) (next string, err error) {
	l, _, err := f.client.list(ctx, target, readData)
	if _, no := forbidden(err); no {
		f.unknown = !notThere(err)
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, item := range l.items {
		if a := optional[wireAgent](item); a.AppID != "" && a.ID != "" && !slices.Contains(f.links[string(a.AppID)], a.ID) {
			f.links[string(a.AppID)] = append(f.links[string(a.AppID)], a.ID)
		}
	}
	return l.next, nil
}

func (f *appsFeed) pullApps(ctx context.Context, cur cursor) (connectors.Page, error) {
	l, a, err := f.client.list(ctx, cur.Next, readArray)
	if err != nil {
		return connectors.Page{}, err
	}
	var records []connectors.Record
	for _, item := range l.items {
		app, ok := peekApp(item)
		if cur.Broken = cur.Broken || !ok; ok && !app.isService() {
			continue
		}
		r, err := a.record(typeApp, item, f.about(app.ID))
		if err != nil {
			return connectors.Page{}, err
		}
		cur.Broken = cur.Broken || !readable(r)
		records = append(records, r)
	}
	return cur.at(phaseApps, l.next).page(scopeApps, records, l.next == "")
}

// peekApp reads an app of the list. One that cannot be read may be a service app, so its record is kept.
func peekApp(item jsontext.Value) (wireApp, bool) {
	var app wireApp
	err := json.Unmarshal(item, &app)
	return app, err == nil && app.ID != ""
}

// about is the context of an app's record.
func (f *appsFeed) about(app string) map[string]string {
	if agents := f.links[app]; len(agents) > 0 {
		return map[string]string{aboutAgents: strings.Join(slices.Sorted(slices.Values(agents)), ",")}
	}
	if f.unknown {
		return map[string]string{aboutUnlinked: "unknown"}
	}
	return nil
}
