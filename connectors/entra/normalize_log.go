package entra

import (
	"errors"
	"maps"
	"strconv"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// What a record that the audit log led to says in its context: the entry that is evidence for it.
const (
	contextLog   = "log_id"
	contextAt    = "log_at"    // RFC 3339
	contextActor = "log_actor" // an events.Actor as JSON
	contextNote  = "log_note"
)

// contextHolders are the agents and blueprints that an entry is about, sorted, joined by commas.
const contextHolders = "holders"

// The types of activities.
const (
	activityAdmin   = "admin_action"
	activitySignIn  = "sign_in"
	activityGap     = "sync_gap"
	activityBounded = "activities_bounded"
)

// proven adds the evidence of the log, where a record has some.
func proven(r connectors.Record, reading *connectors.Reading) error {
	if r.Context[contextLog] == "" {
		return nil
	}
	reading.LogID, reading.Note = r.Context[contextLog], r.Context[contextNote]
	if at, err := time.Parse(time.RFC3339Nano, r.Context[contextAt]); err == nil {
		reading.At = at.UTC()
	}
	if who := r.Context[contextActor]; who != "" {
		reading.Actor = &events.Actor{}
		return decode([]byte(who), reading.Actor)
	}
	return nil
}

// prove writes a signal's entry into records' context.
func (s *signal) prove(records []connectors.Record) error {
	about := map[string]string{contextLog: s.LogID, contextAt: s.At.UTC().Format(time.RFC3339Nano)}
	if s.Actor != nil {
		who, err := events.Marshal(s.Actor)
		if err != nil {
			return err
		}
		about[contextActor] = string(who)
	}
	if s.Also > 0 {
		about[contextNote] = "told by " + strconv.Itoa(s.Also) + " earlier entries of the audit log as well"
	}
	for i := range records {
		context := maps.Clone(about)
		maps.Copy(context, records[i].Context)
		records[i].Context = context
	}
	return nil
}

// gap is a stretch of time of which a log was not read.
type gap struct {
	Feed string    `json:"feed"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

func gapRecord(feed string, from, to, asked time.Time) (connectors.Record, error) {
	body, err := events.Marshal(gap{feed, from.UTC(), to.UTC()})
	return connectors.Record{Type: recordGap, Body: body, Asked: asked}, err
}

// readGap reads a gap as an activity of the connection's.
func readGap(r connectors.Record) (connectors.Reading, error) {
	var g gap
	if err := decodeBody(r, &g); err != nil {
		return connectors.Reading{}, err
	}
	if g.From.IsZero() || g.To.IsZero() {
		return connectors.Reading{}, errors.New("it has no from and to")
	}
	from, to := g.From.Format(time.RFC3339), g.To.Format(time.RFC3339)
	return connectors.Reading{Activities: []events.Activity{{
		Holder: events.ConnectionHolder, Type: activityGap, ID: events.Digest(activityGap, g.Feed, from, to), Time: g.To,
		Message: "the log was not read for longer than a tenant without a licence keeps it; states are read again in full, " +
			"activities in between may be missing",
		Details: map[string]string{"feed": g.Feed, "from": from, "to": to},
	}}}, nil
}

// bounded says how many activities of a minute were left out.
type bounded struct {
	Feed   string    `json:"feed"`
	Minute time.Time `json:"minute"`
	Left   int       `json:"left_out"`
	Bound  int       `json:"bound"`
}

func boundedRecord(feed string, m connectors.Minute, bound int, asked time.Time) (connectors.Record, error) {
	body, err := events.Marshal(bounded{feed, m.Start.UTC(), m.Left, bound})
	return connectors.Record{Type: recordBounded, Body: body, Asked: asked}, err
}

// readBounded reads that activities were left out as an activity of the connection's.
func readBounded(r connectors.Record) (connectors.Reading, error) {
	var b bounded
	if err := decodeBody(r, &b); err != nil {
		return connectors.Reading{}, err
	}
	if b.Minute.IsZero() {
		return connectors.Reading{}, errors.New("it has no minute")
	}
	at, left := b.Minute.Format(time.RFC3339), strconv.Itoa(b.Left)
	return connectors.Reading{Activities: []events.Activity{{
		Holder: events.ConnectionHolder, Type: activityBounded, ID: events.Digest(activityBounded, b.Feed, at, left), Time: b.Minute,
		Message: left + " activities of this minute were left out: raise options." + optionPerMinute + ", or read fewer with options." + optionActivities,
		Details: map[string]string{"feed": b.Feed, "minute": at, "left_out": left, "bound": strconv.Itoa(b.Bound)},
	}}}, nil
}
