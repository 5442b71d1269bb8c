package okta

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The types of records.
const (
	typeAgent       = "ai_agent"         // one element of the list of AI agents
	typeApp         = "service_app"      // one element of the list of apps
	typeOwners      = "owners"           // {"data": [...]}: all entries of one agent in the list of owners
	typeKeys        = "agent_keys"       // {"data": [...]}: all keys of one agent
	typeConnections = "connections"      // {"data": [...]}: all resource connections of one agent
	typeDelegations = "delegation_links" // {"data": [...]}: all delegation links to one agent
	typeAppKeys     = "app_keys"         // {"data": [...]}: all keys of one service app, with their dates
	typeSecrets     = "client_secrets"   // {"data": [...]}: all secrets of one service app: ids and dates
	typeGrants      = "grants"           // {"data": [...]}: all scopes that were granted to one service app
	typeRoles       = "roles"            // {"data": [...]}: all admin roles of one service app
	typeToken       = "api_token"        // one API token's description
	typeUser        = "user"             // one user, reduced
	typeGroup       = "group"            // one group, reduced
	typeGone        = "gone"             // {"id": ...}: it was deleted, as the System Log or its own address says
	typeEntry       = "log_entry"        // an entry of the System Log, reduced
	typeGap         = "sync_gap"         // a stretch of the System Log that was not read
	typeBounded     = "activities_bounded"
)

// What records of small lists say in their context.
const (
	aboutOne    = "agent"  // the agent or app that the list is about
	aboutPeople = "people" // of owners: those of whom nothing but the list of owners tells, joined by commas
)

// normalize turns one record into what it says. Unknown fields and words of the vendor's are no error; a record that does not
// say what it is about is.
func normalize(r connectors.Record) (connectors.Reading, error) {
	of, ok := map[string]func(connectors.Record) (connectors.Reading, error){
		typeAgent: normalizeAgent, typeApp: normalizeApp, typeOwners: normalizeOwners,
		typeKeys: normalizeKeys, typeConnections: normalizeConnections, typeDelegations: normalizeDelegations,
		typeAppKeys: normalizeAppKeys, typeSecrets: normalizeSecrets, typeGrants: normalizeGrants, typeRoles: normalizeRoles,
		typeToken: normalizeToken, typeUser: normalizePerson, typeGroup: normalizePerson,
		typeGone: normalizeGone, typeEntry: normalizeEntry, typeGap: normalizeGap, typeBounded: normalizeBounded,
	}[r.Type]
	if !ok {
		return connectors.Reading{}, fmt.Errorf("okta: record type %q is unknown", r.Type)
	}
	reading, err := of(r)
	if err != nil {
		return connectors.Reading{}, fmt.Errorf("okta: record %s: %w", r.Type, err)
	}
	return reading, proven(r, &reading)
}

// status maps Okta's words. STAGED is neither: it has been registered and never activated.
func status(native text) events.Status {
	switch native {
	case "ACTIVE":
		return events.StatusActive
	case "INACTIVE":
		return events.StatusDisabled
	case "STAGED", "OPERATION-STARTED":
		return events.StatusPending
	case "DELETED":
		return events.StatusDeleted
	}
	return events.StatusUnknown
}

// gone is what a record says of an identity that the vendor still shows as deleted.
func gone(id string, updated text) connectors.Reading {
	return connectors.Reading{Tombstones: []connectors.Tombstone{{
		Ref: events.Identity(events.KindAgent, id), Reason: "shown as deleted", At: updated.time(),
	}}}
}

// elements reads a record of a small list: what it is about and its elements.
func elements[T any](r connectors.Record) (one string, items []T, err error) {
	one = r.Context[aboutOne]
	if one == "" {
		return "", nil, errors.New("its context does not name what it is about")
	}
	var body struct {
		Data []T `json:"data"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return "", nil, err
	}
	if body.Data == nil {
		return "", nil, errors.New(`it has no "data"`)
	}
	return one, body.Data, nil
}

// identifiers are those that have a value, sorted, each once.
func identifiers(ids ...events.Identifier) []events.Identifier {
	ids = slices.DeleteFunc(ids, func(i events.Identifier) bool { return i.Value == "" })
	slices.SortFunc(ids, func(a, b events.Identifier) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return slices.Compact(ids)
}

// hrefs reads a link or a list of links.
func hrefs(v jsontext.Value) []string {
	type link struct {
		Href text `json:"href"`
	}
	links := optional[[]link](v)
	if links == nil {
		links = []link{optional[link](v)}
	}
	var out []text
	for _, l := range links {
		out = append(out, l.Href)
	}
	return plainStrings(out)
}
