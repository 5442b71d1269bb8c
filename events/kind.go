package events

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of thing that events speak of.
type Kind string

// The kinds. All but KindActivity and KindFinding are entities: things that have a state in the log.
const (
	KindAgent       Kind = "agent"       // a non-human identity that a vendor can authenticate
	KindBlueprint   Kind = "blueprint"   // the template of agents
	KindPerson      Kind = "person"      // a user or group that owns, sponsors or delegates
	KindStewardship Kind = "stewardship" // who answers for an agent, and as what
	KindCredential  Kind = "credential"  // what an agent or a blueprint proves itself with; never the secret
	KindGrant       Kind = "grant"       // what an agent or a blueprint may do
	KindDelegation  Kind = "delegation"  // on whose behalf an agent may act
	KindRisk        Kind = "risk"        // what a vendor suspects of an agent
	KindCoverage    Kind = "coverage"    // what a connection can and cannot see
	KindAssertion   Kind = "assertion"   // what an operator says about which identities are one agent
	KindActivity    Kind = "activity"    // something that happened; not an entity
	KindFinding     Kind = "finding"     // what the roster concludes; not an entity, and not in the log
)

// EntityKinds are the kinds that have a state, in a fixed order.
var EntityKinds = []Kind{
	KindAgent, KindBlueprint, KindPerson, KindStewardship, KindCredential, KindGrant, KindDelegation, KindRisk, KindCoverage,
	KindAssertion,
}

// IsIdentity reports whether things of kind k are their own holder: agents, blueprints and persons.
func (k Kind) IsIdentity() bool {
	return k == KindAgent || k == KindBlueprint || k == KindPerson
}

// Valid reports whether this version knows k.
func (k Kind) Valid() bool { return k == KindActivity || slices.Contains(EntityKinds, k) }

// Verb says what happened to an entity, in the past tense.
type Verb string

// The verbs. Disabled and enabled are said of identities only, erased of persons. erased of persons.
const (
	Created  Verb = "created"
	Updated  Verb = "updated"
	Deleted  Verb = "deleted"
	Restored Verb = "restored"
	Disabled Verb = "disabled"
	Enabled  Verb = "enabled"
	Erased   Verb = "erased" // of persons: name and addresses are gone for ever, also from all events before
)

// Type is an event's type, "<kind>.<verb>" for entities ("agent.disabled") and "activity.<type>" for activities
// ("activity.sign_in").
type Type string

// EntityType is the type of an event in which verb happened to an entity of kind k.
func EntityType(k Kind, verb Verb) Type { return Type(string(k) + "." + string(verb)) }

// ActivityType is the type of an event that tells of an activity, such as "sign_in" or "token_issued".
func ActivityType(activity string) Type { return Type(string(KindActivity) + "." + activity) }

// Split parts a type into its kind and what follows it: a verb, or an activity's type.
func (t Type) Split() (Kind, string) {
	kind, rest, _ := strings.Cut(string(t), ".")
	return Kind(kind), rest
}

// ParseKind reads a kind as a person types it.
func ParseKind(s string) (Kind, error) {
	if k := Kind(strings.ToLower(s)); k.Valid() {
		return k, nil
	}
	return "", fmt.Errorf("kind %q is unknown: use one of %v or activity", s, EntityKinds)
}
