package google

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// Normalize turns one record into what it says. It is pure.
func (c *connector) Normalize(r connectors.Record) (connectors.Reading, error) { return normalize(r) }

func normalize(r connectors.Record) (connectors.Reading, error) {
	reading, err := read(r)
	if err != nil {
		return connectors.Reading{}, err
	}
	return reading, proven(r, &reading)
}

func read(r connectors.Record) (connectors.Reading, error) {
	switch r.Type {
	case typeRegistryAgent:
		return normalizeRegistryAgent(r)
	case typeRegistryService:
		return normalizeRegistryService(r)
	case typeReasoningEngine:
		return normalizeReasoningEngine(r)
	case typeServiceAccount:
		return normalizeServiceAccount(r)
	case typeServiceAccountKeys:
		return normalizeKeys(r)
	case typeIAMPolicy:
		return normalizePolicy(r)
	case typeRunAgent:
		return normalizeRunAgent(r)
	case typeGeminiAgent:
		return normalizeGeminiAgent(r)
	case typeBinding:
		return normalizeBinding(r)
	case typeAuthProvider:
		return normalizeAuthProvider(r)
	case typeDelta:
		return normalizeDelta(r)
	case typeLogEntry:
		return normalizeLogEntry(r)
	case typeGone:
		return normalizeGone(r)
	case typeListed:
		return normalizeListed(r)
	case typePolicyGone:
		return normalizePolicyGone(r)
	case typePerson:
		return normalizePerson(r)
	case typeWorkspaceAgent:
		return normalizeWorkspaceAgent(r)
	case typeWorkspaceGrant:
		return normalizeWorkspaceGrant(r)
	case typeWorkspaceAction:
		return normalizeWorkspaceAction(r)
	case typeGap:
		return normalizeGap(r)
	case typeBounded:
		return normalizeBounded(r)
	}
	return connectors.Reading{}, fmt.Errorf("record type %q is not one that this connector makes", r.Type)
}

// decode reads a record's body. Members that are not known here are passed over. The JSON library words its errors differently
// from build to build, so they are worded here.
func decode(r connectors.Record, to any) error {
	err := json.Unmarshal(r.Body, to)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("%s: %s is of a type that the API does not promise", r.Type, word(string(e.JSONPointer), "the whole"))
	}
	return fmt.Errorf("%s is no JSON", r.Type)
}

// missing is the error for a record without what makes it one.
func missing(r connectors.Record, field string) error {
	return fmt.Errorf("%s has no usable %s", r.Type, field)
}

// placeOf is where the record was listed.
func placeOf(r connectors.Record) place {
	return place{Project: r.Context[ctxProject], Location: r.Context[ctxLocation]}
}

// agentEntity is an agent that a listing proves.
func agentEntity(id, scope string, version time.Time, a *events.Agent) events.Entity {
	a.Identifiers = identifiers(a.Identifiers)
	slices.Sort(a.Labels)
	return events.Entity{Kind: events.KindAgent, Holder: id, Key: events.Self, Scope: scope, Version: version, Agent: a}
}

// identifiers are sorted and without empty ones and repetitions.
func identifiers(ids []events.Identifier) []events.Identifier {
	ids = slices.DeleteFunc(ids, func(id events.Identifier) bool { return id.Value == "" })
	slices.SortFunc(ids, func(a, b events.Identifier) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return slices.Compact(ids)
}

// forever is the year from which on a time means "no end": keys without one have validBeforeTime 9999-12-31T23:59:59Z.
const forever = 9999

// when reads a time of the vendor's. What is absent or no time is zero, and so is the end of time.
func when(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s))
	if err != nil || t.UTC().Year() >= forever || t.UTC().Year() < 1 {
		return time.Time{}
	}
	return t.UTC()
}

// label is one label as events write it.
func label(key, value string) string { return key + "=" + value }
