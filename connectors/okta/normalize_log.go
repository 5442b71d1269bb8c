package okta

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// What a record that the log led to says in its context: the entry that is evidence for it.
const (
	logID    = "log_id"
	logAt    = "log_at"    // RFC 3339
	logActor = "log_actor" // an events.Actor as JSON
	logNote  = "log_note"
)

// aboutHolders are the agents and service apps that an entry is about, sorted, joined by commas.
const aboutHolders = "holders"

// The types of activities.
const (
	activityToken   = "token_issued"
	activityRevoked = "token_revoked"
	activityConsent = "consent" // of a person, given or taken back
	activitySignIn  = "sign_in"
	activityAdmin   = "admin_action"
	activityRisk    = "risk_signal"
	activityLimit   = "rate_limit"
	activityUnknown = events.ActivityUnknown
	activityGap     = "sync_gap"
	activityBounded = "activities_bounded"
)

// activityTypes tell by the beginning of an event type what kind of activity it is; the first that fits. Anything else that
// names an agent is unknown.
var activityTypes = []struct{ begins, activity string }{
	{"app.oauth2.token.grant", activityToken}, {"app.oauth2.as.token.grant", activityToken}, {"app.oauth2.token.oauth_sts.", activityToken},
	{"app.oauth2.token.revoke", activityRevoked}, {"app.oauth2.as.token.revoke", activityRevoked},
	{"app.oauth2.token.detect_reuse", activityRisk}, {"app.oauth2.as.token.detect_reuse", activityRisk},
	{"app.oauth2.consent.", activityConsent}, {"app.oauth2.as.consent.", activityConsent},
	{"app.oauth2.signon", activitySignIn}, {"app.oauth2.authorize", activitySignIn}, {"app.oauth2.as.authorize", activitySignIn},
	{"app.oauth2.invalid_client_credentials", activitySignIn},
	{"user.authentication.universal_logout", activityAdmin}, {"user.session.", activitySignIn}, {"user.authentication.", activitySignIn},
	{"user.risk.", activityRisk}, {"policy.entity_risk.", activityRisk}, {"security.events.", activityRisk},
	{"system.org.rate_limit.", activityLimit}, {"core.concurrency.", activityLimit},
	{"workload_principal.", activityAdmin}, {"resource.owner.", activityAdmin}, {"resource_servers.", activityAdmin},
	{"application.", activityAdmin}, {"app.", activityAdmin}, {"user.lifecycle.", activityAdmin}, {"user.account.", activityAdmin},
	{"group.", activityAdmin}, {"iam.", activityAdmin}, {"policy.", activityAdmin}, {"system.", activityAdmin},
	{"certification.", activityAdmin}, {"pam.", activityAdmin}, {"event_hook.", activityAdmin},
}

// activity is the kind of activity that an entry tells of.
func (e *wireEntry) activity() string {
	if _, known := effectOf(string(e.Type)); !known {
		return activityUnknown
	}
	for _, t := range activityTypes {
		if strings.HasPrefix(string(e.Type), t.begins) {
			return t.activity
		}
	}
	return activityUnknown
}

// normalizeEntry reads an entry as an activity of each agent and service app that it is about.
func normalizeEntry(r connectors.Record) (connectors.Reading, error) {
	e, err := parseEntry(r.Body)
	if err != nil {
		return connectors.Reading{}, err
	}
	reading := connectors.Reading{LogID: string(e.UUID), Actor: e.actor(), At: e.Published.time()}
	for n, holder := range strings.Split(r.Context[aboutHolders], ",") {
		if holder == "" {
			return connectors.Reading{}, errors.New("its context names no holder")
		}
		a := events.Activity{
			Holder: holder, Type: e.activity(), ID: string(e.UUID), Native: string(e.Type), Actor: e.actor(), Targets: e.targets(),
			Outcome: outcome(e.Outcome.Result), Message: string(e.Message), Details: e.details(), Time: e.Published.time(),
		}
		if n > 0 {
			a.ID += "." + holder
		}
		reading.Activities = append(reading.Activities, a)
	}
	return reading, nil
}

func (e *wireEntry) targets() []string {
	var ids []text
	for i := range e.Targets {
		ids = append(ids, e.Targets[i].ID)
	}
	return plainStrings(ids)
}

func (e *wireEntry) details() map[string]string {
	d := map[string]string{}
	for name, value := range map[string]text{"transaction": e.Action.ID, "api_token": e.Action.Detail.Token, "client": e.Client.ID} {
		if value != "" {
			d[name] = string(value)
		}
	}
	if len(d) == 0 {
		return nil
	}
	return d
}

func outcome(result text) string {
	switch result {
	case "SUCCESS", "ALLOW":
		return "success"
	case "FAILURE", "DENY":
		return "failure"
	}
	return string(result)
}

// normalizeGone reads that an agent or a service app was deleted.
func normalizeGone(r connectors.Record) (connectors.Reading, error) {
	var body struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil || body.ID == "" {
		return connectors.Reading{}, errors.Join(errors.New("it has no id"), err)
	}
	t := connectors.Tombstone{Ref: events.Identity(events.KindAgent, body.ID), Reason: "deleted, says the System Log, and not found"}
	if isUser(body.ID) || isGroup(body.ID) {
		t.Ref.Kind = events.KindPerson
	}
	if r.Context[logID] == "" {
		t.Reason = "not found by its id"
	}
	return connectors.Reading{Tombstones: []connectors.Tombstone{t}}, nil
}

// proven adds the evidence of the log, where a record has some.
func proven(r connectors.Record, reading *connectors.Reading) error {
	if r.Context[logID] == "" || r.Type == typeEntry {
		return nil
	}
	reading.LogID, reading.Note = r.Context[logID], r.Context[logNote]
	if at, err := time.Parse(time.RFC3339Nano, r.Context[logAt]); err == nil {
		reading.At = at.UTC()
	}
	if who := r.Context[logActor]; who != "" {
		reading.Actor = &events.Actor{}
		return json.Unmarshal([]byte(who), reading.Actor)
	}
	return nil
}

// prove writes a signal's entry into a record's context.
func (s *signal) prove(r *connectors.Record) {
	about := map[string]string{logID: s.LogID, logAt: s.At.Format(time.RFC3339Nano)}
	for name, value := range r.Context {
		about[name] = value
	}
	if who, err := events.Marshal(s.Actor); err == nil && s.Actor != nil {
		about[logActor] = string(who)
	}
	if len(s.Also) > 0 {
		about[logNote] = "told by the earlier log entries " + strings.Join(s.Also, ", ") + " as well"
	}
	r.Context = about
}

func goneRecord(s signal, asked time.Time) (connectors.Record, error) {
	body, err := events.Marshal(map[string]string{"id": s.ID})
	r := connectors.Record{Type: typeGone, Body: body, Asked: asked}
	if s.LogID != "" {
		s.prove(&r)
	}
	return r, err
}

// entryRecord is the record of an entry, without what is not kept of it.
func entryRecord(a *answer, e *wireEntry, holders []string) (connectors.Record, error) {
	body, err := events.Marshal(e)
	if err != nil {
		return connectors.Record{}, misshapen(a, "an entry that can be kept", err)
	}
	return a.record(typeEntry, body, map[string]string{aboutHolders: strings.Join(holders, ",")})
}

// wireGap is a stretch of time of which the log was not read.
type wireGap struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

func gapRecord(from, to time.Time, why string, asked time.Time) *connectors.Record {
	body, err := events.Marshal(wireGap{From: from.UTC(), To: to.UTC(), Reason: why})
	if err != nil {
		body = jsontext.Value(`{}`)
	}
	return &connectors.Record{Type: typeGap, Body: body, Asked: asked}
}

// normalizeGap reads a gap as an activity of the connection's.
func normalizeGap(r connectors.Record) (connectors.Reading, error) {
	var g wireGap
	if err := json.Unmarshal(r.Body, &g); err != nil || g.From.IsZero() || g.To.IsZero() {
		return connectors.Reading{}, errors.Join(errors.New("it has no from and to"), err)
	}
	from, to := g.From.Format(time.RFC3339), g.To.Format(time.RFC3339)
	return connectors.Reading{Activities: []events.Activity{{
		Holder: events.ConnectionHolder, Type: activityGap, ID: events.Digest(activityGap, from, to, g.Reason), Time: g.To,
		Message: g.Reason + "; states are read again in full, activities in between may be missing",
		Details: map[string]string{"feed": "system-log", "from": from, "to": to},
	}}}, nil
}

// wireBounded says how many activities of a minute were left out.
type wireBounded struct {
	Minute time.Time `json:"minute"`
	Left   int       `json:"left_out"`
	Bound  int       `json:"bound"`
	Kept   int       `json:"kept"`
}

func boundedRecord(a *answer, m connectors.Minute, bound int) (connectors.Record, error) {
	body, err := events.Marshal(wireBounded{Minute: m.Start.UTC(), Left: m.Left, Bound: bound, Kept: m.Kept})
	return connectors.Record{Type: typeBounded, Body: body, Asked: a.asked}, err
}

// normalizeBounded reads that activities were left out as an activity of the connection's.
func normalizeBounded(r connectors.Record) (connectors.Reading, error) {
	var b wireBounded
	if err := json.Unmarshal(r.Body, &b); err != nil || b.Minute.IsZero() {
		return connectors.Reading{}, errors.Join(errors.New("it has no minute"), err)
	}
	at, left, bound := b.Minute.Format(time.RFC3339), strconv.Itoa(b.Left), strconv.Itoa(b.Bound)
	return connectors.Reading{Activities: []events.Activity{{
		Holder: events.ConnectionHolder, Type: activityBounded, ID: events.Digest(activityBounded, at, left, string(r.Body)), Time: b.Minute,
		Message: left + " activities of this minute were left out: raise the option activities_per_minute, or read fewer with activities",
		Details: map[string]string{"feed": "system-log", "minute": at, "left_out": left, "bound": bound},
	}}}, nil
}
