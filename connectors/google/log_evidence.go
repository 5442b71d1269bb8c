package google

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The types of records that the log brings beside those of the lists.
const (
	typeLogEntry = "log_entry"
	typeGone     = "gone"

	typePolicyGone = "policy_gone"
	typeDelta      = "policy_delta"
	typePerson     = "person"
	typeGap        = "log_gap"
	typeBounded    = "activities_bounded"
)

// What a record that the log led to says in its context: the entry that is evidence for it.
const (
	ctxLogID = "log_id"
	ctxLogAt = "log_at"    // RFC 3339
	ctxActor = "log_actor" // an events.Actor as JSON
	ctxNote  = "log_note"
	ctxAbout = "about" // ids of agents, one a line
	ctxShown = "shown" // policy deltas: the policy as it was read since
)

// prove writes an entry into a record's context.
func prove(r *connectors.Record, id string, at time.Time, actor *events.Actor, note string) {
	about := map[string]string{ctxLogID: id, ctxLogAt: at.UTC().Format(time.RFC3339Nano)}
	for name, value := range r.Context {
		about[name] = value
	}
	if who, err := events.Marshal(actor); err == nil && actor != nil {
		about[ctxActor] = string(who)
	}
	if note != "" {
		about[ctxNote] = note
	}
	r.Context = about
}

// proven adds the evidence of the log to a reading, where its record has some.
func proven(r connectors.Record, reading *connectors.Reading) error {
	if r.Context[ctxLogID] == "" {
		return nil
	}
	reading.LogID = r.Context[ctxLogID]
	if note := r.Context[ctxNote]; note != "" {
		if reading.Note != "" {
			note = reading.Note + "; " + note
		}
		reading.Note = note
	}
	if at, err := time.Parse(time.RFC3339Nano, r.Context[ctxLogAt]); err == nil {
		reading.At = at.UTC()
	}
	if who := r.Context[ctxActor]; who != "" {
		reading.Actor = &events.Actor{}
		return json.Unmarshal([]byte(who), reading.Actor)
	}
	return nil
}

// goneRecord is the record of something that an entry says was deleted, and that is not found any more.
func goneRecord(s *signal, id string, restorable bool, asked time.Time) (connectors.Record, error) {
	body, err := events.Marshal(map[string]any{"id": id, "restorable": restorable})
	r := connectors.Record{Type: typeGone, Body: body, Asked: asked}
	s.prove(&r)
	return r, err
}

// normalizeGone reads that an agent was deleted.
func normalizeGone(r connectors.Record) (connectors.Reading, error) {
	var body struct {
		ID         string `json:"id"`
		Restorable bool   `json:"restorable"`
		Reason     string `json:"reason"`
	}
	if err := decode(r, &body); err != nil {
		return connectors.Reading{}, err
	}
	if body.ID == "" {
		return connectors.Reading{}, missing(r, "id")
	}
	return connectors.Reading{Tombstones: []connectors.Tombstone{{
		Ref: events.Identity(events.KindAgent, body.ID), Restorable: body.Restorable,
		Reason: word(body.Reason, "deleted, says the audit log, and not found"),
	}}}, nil
}

// normalizePolicyGone reads that a resource went, and what was granted on it.
func normalizePolicyGone(r connectors.Record) (connectors.Reading, error) {
	resource := r.Context[ctxResource]
	if resource == "" {
		return connectors.Reading{}, missing(r, "resource in its context")
	}
	return connectors.Reading{Replaces: []string{policyScope(resource)}}, nil
}

// wireGap is a stretch of time of which the log was not read.
type wireGap struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
	Feed   string    `json:"feed,omitzero"` // absent: the audit log
}

func gapRecord(from, to time.Time, why string, asked time.Time) *connectors.Record {
	return gapOf("", from, to, why, asked)
}

// gapOf is a gap in what a feed follows.
func gapOf(feed string, from, to time.Time, why string, asked time.Time) *connectors.Record {
	body, err := events.Marshal(wireGap{From: from.UTC(), To: to.UTC(), Reason: why, Feed: feed})
	if err != nil {
		body = jsontext.Value(`{}`)
	}
	return &connectors.Record{Type: typeGap, Body: body, Asked: asked}
}

// normalizeGap reads a gap as an activity of the connection's.
func normalizeGap(r connectors.Record) (connectors.Reading, error) {
	var g wireGap
	if err := decode(r, &g); err != nil {
		return connectors.Reading{}, err
	}
	if g.From.IsZero() || g.To.IsZero() {
		return connectors.Reading{}, missing(r, "from and to")
	}
	from, to := g.From.Format(time.RFC3339), g.To.Format(time.RFC3339)
	return connectors.Reading{Activities: []events.Activity{{
		Holder: events.ConnectionHolder, Type: activityGap, ID: events.Digest(activityGap, from, to, g.Reason), Time: g.To,
		Message: g.Reason + "; states are read again in full, activities in between may be missing",
		Details: map[string]string{"feed": word(g.Feed, feedAuditLog), "from": from, "to": to},
	}}}, nil
}

// wireBounded says how many activities of a minute were left out.
type wireBounded struct {
	Minute time.Time `json:"minute"`
	Left   int       `json:"left_out"`
	Bound  int       `json:"bound"`
	Kept   int       `json:"kept"`
	Feed   string    `json:"feed,omitzero"` // absent: the audit log
}

func boundedRecord(feed string, m connectors.Minute, bound int, asked time.Time) (connectors.Record, error) {
	b := wireBounded{Minute: m.Start.UTC(), Left: m.Left, Bound: bound, Kept: m.Kept}
	if feed != feedAuditLog {
		b.Feed = feed
	}
	body, err := events.Marshal(b)
	return connectors.Record{Type: typeBounded, Body: body, Asked: asked}, err
}

// normalizeBounded reads that activities were left out as an activity of the connection's.
func normalizeBounded(r connectors.Record) (connectors.Reading, error) {
	var b wireBounded
	if err := decode(r, &b); err != nil {
		return connectors.Reading{}, err
	}
	if b.Minute.IsZero() {
		return connectors.Reading{}, errors.New("activities_bounded has no minute")
	}
	at, left, bound := b.Minute.Format(time.RFC3339), strconv.Itoa(b.Left), strconv.Itoa(b.Bound)
	return connectors.Reading{Activities: []events.Activity{{
		Holder: events.ConnectionHolder, Type: activityBounded, ID: events.Digest(activityBounded, at, left, string(r.Body)), Time: b.Minute,
		Message: left + " activities of this minute were left out: raise the option activities_per_minute, or read fewer with activities",
		Details: map[string]string{"feed": word(b.Feed, feedAuditLog), "minute": at, "left_out": left, "bound": bound},
	}}}, nil
}
