package events

import (
	"fmt"
	"strings"
)

// The prefixes of all subjects that Rollcall's log has.
const (
	EventsPrefix  = "rollcall.events"
	CursorsPrefix = "rollcall.cursors"
	ClaimsPrefix  = "rollcall.claims"
	EpochsSubject = "rollcall.epochs" // the log's epochs; the last message names the one in force
)

// FindingsPrefix begins the subjects of findings, which lie beside the log.
const FindingsPrefix = "rollcall.findings"

// FindingSubject is where it is told that a finding was raised or cleared:
//
//	rollcall.findings.<tenant>.<connection>.<holder>.<code>.<key>
func FindingSubject(tenant, connection string, f *Finding) string {
	return join(FindingsPrefix, tenant, connection, f.Holder, string(f.Code), f.Key)
}

// Subject is the NATS subject of the history of one entity, or of one type of activity of one holder:
//
//	rollcall.events.<tenant>.<connection>.<holder>.<kind>.<key>
func Subject(tenant, connection string, r Ref) string {
	return join(EventsPrefix, tenant, connection, r.Holder, string(r.Kind), r.Key)
}

// CursorSubject is where a feed's place is kept: rollcall.cursors.<tenant>.<connection>.<feed>
func CursorSubject(tenant, connection, feed string) string {
	return join(CursorsPrefix, tenant, connection, feed)
}

// ClaimSubject is where a hub claims a connection: rollcall.claims.<tenant>.<connection>
func ClaimSubject(tenant, connection string) string { return join(ClaimsPrefix, tenant, connection) }

func join(prefix string, parts ...string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for _, p := range parts {
		b.WriteByte('.')
		b.WriteString(Token(p))
	}
	return b.String()
}

// ParseSubject reverses [Subject].
func ParseSubject(subject string) (tenant, connection string, r Ref, err error) {
	rest, ok := strings.CutPrefix(subject, EventsPrefix+".")
	if !ok {
		return "", "", Ref{}, fmt.Errorf("subject %q does not begin with %s", subject, EventsPrefix)
	}
	parts := strings.Split(rest, ".")
	if len(parts) != 5 {
		return "", "", Ref{}, fmt.Errorf("subject %q has %d parts after %s, not 5", subject, len(parts), EventsPrefix)
	}
	for i, p := range parts {
		if parts[i], err = Untoken(p); err != nil {
			return "", "", Ref{}, fmt.Errorf("subject %q: %w", subject, err)
		}
	}
	return parts[0], parts[1], Ref{Holder: parts[2], Kind: Kind(parts[3]), Key: parts[4]}, nil
}

// Filter selects events by the parts of their address and by type. A zero field selects everything.
type Filter struct {
	Tenant     string
	Connection string
	Holder     string // the vendor's id of one agent, blueprint or person
	Kind       Kind
	Type       Type // needs looking into the event: the subject does not hold the verb
}

// Subject is the narrowest NATS subject filter that holds everything f selects.
func (f Filter) Subject() string {
	kind := f.Kind
	if kind == "" && f.Type != "" {
		kind, _ = f.Type.Split()
	}
	if f.Tenant == "" && f.Connection == "" && f.Holder == "" && kind == "" {
		return EventsPrefix + ".>"
	}
	var b strings.Builder
	b.WriteString(EventsPrefix)
	for _, p := range []string{f.Tenant, f.Connection, f.Holder, string(kind)} {
		b.WriteByte('.')
		if p == "" {
			b.WriteByte('*')
		} else {
			b.WriteString(Token(p))
		}
	}
	b.WriteString(".*")
	return b.String()
}

// Match reports whether f selects e.
func (f Filter) Match(e *Event) bool {
	ref := e.Ref()
	return (f.Tenant == "" || f.Tenant == e.Tenant) &&
		(f.Connection == "" || f.Connection == e.Connection) &&
		(f.Holder == "" || f.Holder == ref.Holder) &&
		(f.Kind == "" || f.Kind == ref.Kind) &&
		(f.Type == "" || f.Type == e.Type)
}
