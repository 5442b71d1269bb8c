package okta

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// scopeTokens is the listing of all API tokens.
const scopeTokens = "api-tokens"

// tokensFeed reads the org's API tokens (SSWS): in one call, unless the vendor pages the list one day. The tokens themselves are
// never shown, only what they are called, whose they are, and until when.
type tokensFeed struct{ client *client }

func (f *tokensFeed) pull(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
	cur := parseCursor(from)
	if cur.Next == "" {
		cur = cursor{Next: tokensPath}
	}
	l, a, err := f.client.list(ctx, cur.Next, readArray)
	if err != nil {
		return connectors.Page{}, err
	}
	var records []connectors.Record
	for _, item := range l.items {
		r, err := a.record(typeToken, item, nil)
		if err != nil {
			return connectors.Page{}, err
		}
		cur.Broken = cur.Broken || !readable(r)
		records = append(records, r)
	}
	records = append(records, f.client.holdersOf(ctx, records)...)
	return cur.at("", l.next).page(scopeTokens, records, l.next == "")
}

// holdersOf reads the people that tokens act as, where nobody has told of them yet.
func (c *client) holdersOf(ctx context.Context, tokens []connectors.Record) []connectors.Record {
	var fresh []string
	for _, r := range tokens {
		if id := string(optional[wireToken](r.Body).UserID); isUser(id) && !connectors.IsKnown(ctx, events.Identity(events.KindPerson, id)) {
			fresh = append(fresh, id)
		}
	}
	var records []connectors.Record
	fresh = sortedOnce(fresh)
	answers, _ := c.ask(ctx, fresh[:min(len(fresh), mostPeople)], partPerson)
	for _, t := range answers {
		records = append(records, t.records...)
	}
	return records
}

// tokenOf reads one API token's description.
func tokenOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	a, err := c.object(ctx, tokensPath, id)
	if err != nil {
		return nil, nil, err
	}
	r, err := a.record(typeToken, a.body, nil)
	if err != nil {
		return nil, nil, err
	}
	return append([]connectors.Record{r}, c.holdersOf(ctx, []connectors.Record{r})...), nil, nil
}

// wireToken describes an API token.
type wireToken struct {
	ID      string `json:"id"`
	Name    text   `json:"name"`
	UserID  text   `json:"userId"`
	Created text   `json:"created"`
	Updated text   `json:"lastUpdated"`
	Expires text   `json:"expiresAt"`
}

// normalizeToken reads an API token: an identity that acts as the user who made it, whoever holds it.
func normalizeToken(r connectors.Record) (connectors.Reading, error) {
	var t wireToken
	if err := json.Unmarshal(r.Body, &t); err != nil {
		return connectors.Reading{}, err
	}
	if t.ID == "" {
		return connectors.Reading{}, errors.New("it has no id")
	}
	n := &events.Agent{
		Native: typeToken, Name: string(t.Name), Status: events.StatusActive, Class: events.ClassUnknown,
		ClassReason: "an API token: it acts as the user who made it, and Okta does not tell who or what holds it",
		Models:      []events.Model{events.ModelUser}, Created: t.Created.time(),
		Identifiers: identifiers(events.Identifier{Type: events.IDObject, Value: t.ID}),
	}
	entities := []events.Entity{
		{Kind: events.KindAgent, Holder: t.ID, Key: events.Self, Scope: scopeTokens, Agent: n,
			Unknown: []events.Kind{events.KindGrant}}, // it may do what its user may
		credential(t.ID, t.ID, "", &events.Credential{Type: "secret", Name: string(t.Name), Status: events.StatusActive,
			Created: t.Created.time(), Expires: t.end()}),
	}
	if t.UserID != "" {
		entities = append(entities, events.Entity{Kind: events.KindStewardship, Holder: t.ID, Key: "owner:" + string(t.UserID),
			Stewardship: &events.Stewardship{Role: "owner", Person: string(t.UserID), Native: typeUser}})
	}
	return connectors.Reading{Entities: entities}, nil
}

// end is the day on which the token expires if it is not used until then. Each use moves the moment on, which is no change that
// anybody wants to hear of more than once a day.
func (t *wireToken) end() time.Time { return t.Expires.time().Truncate(24 * time.Hour) }
