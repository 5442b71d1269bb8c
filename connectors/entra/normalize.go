package entra

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The types of records.
const (
	recordPrincipal      = "service_principal"     // an item of the delta of service principals
	recordApplication    = "application"           // an item of the delta of applications
	recordUser           = "user"                  // an item of the delta of users
	recordPerson         = "person"                // a user, a group or a service principal that answers for something
	recordGone           = "gone"                  // an object that was asked for by its id and is not there
	recordOwners         = "owners"                // all owners of an object
	recordSponsors       = "sponsors"              // all sponsors of an object
	recordManager        = "manager"               // the manager of an agent's user account; null: it has none
	recordRoles          = "app_role_assignments"  // all application roles of an agent or a blueprint principal
	recordConsents       = "oauth2_grants"         // all delegated permission grants of an agent or a blueprint principal
	recordConsent        = "oauth2_grant"          // one of them, an item of their delta
	recordDirectoryRoles = "directory_roles"       // all directory roles of an agent or a blueprint principal
	recordFederated      = "federated_credentials" // all federated identity credentials of a blueprint
	recordInherited      = "inherited_permissions" // all that flows to an agent from its blueprint's principal
	recordDeleted        = "deleted_item"          // a soft-deleted object
	recordAudit          = "directory_audit"       // an entry of the directory's audit log
	recordSignIn         = "sign_in"               // an entry of the sign-in log
	recordGap            = "sync_gap"              // a stretch of a log that was not read
	recordBounded        = "activities_bounded"    // how many activities of a minute were left out
	recordRisk           = "risk"                  // what Identity Protection says of an agent
)

// What a record's context holds.
const (
	contextHolder = "holder" // the object id that a relation hangs on
	contextList   = "list"   // the scope whose own list showed the object, which may not name its type
	contextNative = "native" // what sort of person it is, as far as where it was read tells
	contextNames  = "names"  // the names of what the record names by ids, a JSON object
)

// Normalize turns one record into what it says.
func (c *Connector) Normalize(r connectors.Record) (connectors.Reading, error) {
	reading, err := normalize(r)
	if err != nil {
		return connectors.Reading{}, fmt.Errorf("record %s: %w", r.Type, err)
	}
	return reading, nil
}

func normalize(r connectors.Record) (connectors.Reading, error) {
	read, ok := readerOf(r.Type)
	if !ok {
		return connectors.Reading{}, fmt.Errorf("this version does not know the type")
	}
	reading, err := read(r)
	if err != nil {
		return connectors.Reading{}, err
	}
	return reading, proven(r, &reading)
}

// readerOf is what turns records of a type into readings.
func readerOf(typ string) (read func(connectors.Record) (connectors.Reading, error), ok bool) {
	switch typ {
	case recordPrincipal:
		read = readPrincipal
	case recordApplication:
		read = readApplication
	case recordUser:
		read = readUser
	case recordPerson:
		read = readPerson
	case recordGone:
		read = readGone
	case recordDeleted:
		read = readDeleted
	case recordOwners, recordSponsors:
		read = readStewards
	case recordManager:
		read = readManager
	case recordRoles:
		read = readRoles
	case recordConsents:
		read = readConsents
	case recordConsent:
		read = readConsent
	case recordDirectoryRoles:
		read = readDirectoryRoles
	case recordFederated:
		read = readFederated
	default:
		return readerOfLog(typ)
	}
	return read, true
}

// readerOfLog is so for what logs and beta feeds tell.
func readerOfLog(typ string) (read func(connectors.Record) (connectors.Reading, error), ok bool) {
	switch typ {
	case recordInherited:
		read = readInherited
	case recordAudit:
		read = readAudit
	case recordSignIn:
		read = readSignIn
	case recordGap:
		read = readGap
	case recordBounded:
		read = readBounded
	case recordRisk:
		read = readRisk
	}
	return read, read != nil
}

// object is what all items of a delta have.
type object struct {
	Type    string   `json:"@odata.type"`
	ID      string   `json:"id"`
	Removed *removed `json:"@removed"`
}

type removed struct {
	Reason string `json:"reason"`
}

// decodeBody reads a record. Its error says where the body is not as documented, in words that are the same at every run: the
// JSON library's are not.
func decodeBody(r connectors.Record, v any) error {
	err := decode(r.Body, v)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return fmt.Errorf("the body is not of the documented shape at %q", string(e.JSONPointer))
	}
	return errors.New("the body is no JSON")
}

// check says what is wrong with an object as an identity.
func (o *object) check() error {
	if o.ID == "" {
		return fmt.Errorf("the object has no id")
	}
	return nil
}

// tombstones are for all that a removed object may have been, a steward of others included: the vendor says no more than its
// id. What was not known is ignored.
func (o *object) tombstones(kinds ...events.Kind) connectors.Reading {
	t := connectors.Tombstone{Reason: "deleted for good"}
	switch o.Removed.Reason {
	case "deleted":
	case "changed":
		t.Reason, t.Restorable = "soft-deleted", true
	default: // a reason that is not known yet must not close the way back
		t.Reason, t.Restorable = "removed, with the reason "+strconv.Quote(o.Removed.Reason), true
	}
	var out connectors.Reading
	for _, k := range kinds {
		t.Ref = events.Identity(k, o.ID)
		out.Tombstones = append(out.Tombstones, t)
	}
	return out
}

// The known values of disabledByMicrosoftStatus beside null.
const (
	notDisabled         = "NotDisabled"
	disabledByMicrosoft = "DisabledDueToViolationOfServicesAgreement"
)

// Who has disabled an object.
const (
	byMicrosoft = "microsoft"
	byAdmin     = "admin" // somebody in the tenant: an administrator or an owner
)

// switches are what says whether an object may act.
type switches struct {
	Enabled     *bool  `json:"accountEnabled"`
	Disabled    *bool  `json:"isDisabled"`
	ByMicrosoft string `json:"disabledByMicrosoftStatus"`
}

// status maps the switches. An application has no accountEnabled; assumed stands in for it where it is not shown.
func (s switches) status(assumed events.Status) (status events.Status, native, by string) {
	switch {
	case s.ByMicrosoft == disabledByMicrosoft:
		return events.StatusDisabled, s.ByMicrosoft, byMicrosoft
	case s.Enabled != nil && !*s.Enabled, s.Disabled != nil && *s.Disabled:
		return events.StatusDisabled, "", byAdmin
	case s.ByMicrosoft != "" && s.ByMicrosoft != notDisabled:
		return events.StatusUnknown, s.ByMicrosoft, ""
	case s.Enabled != nil:
		return events.StatusActive, "", ""
	}
	return assumed, "", ""
}

// sorted copies a set of words in order, each once.
func sorted(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

// when is a time that may be null.
func when(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
