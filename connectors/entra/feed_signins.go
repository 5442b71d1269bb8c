package entra

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// signInStreams are the sign-ins of agent identities by themselves, in the words of the vendor's own example, and those in which one
// acts for a person or as its user account: Graph keeps them apart. Which words the service takes for agent types was not to be
// confirmed.
var signInStreams = []string{
	"signInEventTypes/any(t: t eq 'servicePrincipal') and agent/agentType eq 'AgentIdentity'",
	"signInEventTypes/any(t: t eq 'nonInteractiveUser') and agent/agentType eq 'AgentIdentity'",
}

// signIns reads the sign-ins of agents, which beta alone tells apart from all others. It needs a licence, so a tenant may lack it.
func signIns(c *client, o settings) connectors.Feed {
	const name = "sign-ins"
	w := &window{client: c, feed: name, path: "/auditLogs/signIns", stamp: "createdDateTime", streams: signInStreams, most: 999,
		need: needAudits, beta: true, bound: o.perMinute}
	w.take = func(ctx context.Context, cur *logCursor, raw jsontext.Value, asked time.Time) ([]connectors.Record, error) {
		return takeSignIn(ctx, w, cur, raw, asked)
	}
	return connectors.Feed{Name: name, Kinds: []events.Kind{events.KindActivity}, SignIns: true, Every: 2 * time.Minute, Pull: w.pull}
}

// wireSignIn is an entry of the sign-in log, as far as it is kept: no names of persons, no addresses.
type wireSignIn struct {
	ID         string    `json:"id"`
	At         time.Time `json:"createdDateTime"`
	Principal  string    `json:"servicePrincipalId,omitzero"`
	User       string    `json:"userId,omitzero"`
	Resource   string    `json:"resourceId,omitzero"`
	Key        string    `json:"servicePrincipalCredentialKeyId,omitzero"`
	Federated  string    `json:"federatedCredentialId,omitzero"`
	Access     string    `json:"conditionalAccessStatus,omitzero"`
	Correlates string    `json:"correlationId,omitzero"`
	Agent      struct {
		Type   string `json:"agentType,omitzero"`
		Parent string `json:"parentAppId,omitzero"` // the blueprint's appId
	} `json:"agent,omitzero"`
	Status struct {
		Code int `json:"errorCode"` // 0: success
	} `json:"status"`
}

func parseSignIn(raw jsontext.Value) (s wireSignIn, err error) {
	if err := decode(raw, &s); err != nil {
		return s, errShape
	}
	if s.ID == "" || s.At.IsZero() {
		return s, errors.New("the entry has no id or no time")
	}
	return s, nil
}

// takeSignIn makes the record of a sign-in of an agent that the log knows.
func takeSignIn(ctx context.Context, w *window, cur *logCursor, raw jsontext.Value, asked time.Time) ([]connectors.Record, error) {
	s, err := parseSignIn(raw)
	if err != nil {
		if !cur.isNew(string(raw)) {
			return nil, nil
		}
		r, err := newRecord(recordSignIn, raw, asked)
		return []connectors.Record{r}, err
	}
	holders := slices.DeleteFunc([]string{s.Principal, s.User}, func(id string) bool { return !isHolder(ctx, id) })
	if len(holders) == 0 || !cur.isNew(s.ID) {
		return nil, nil
	}
	ok, records, err := w.allow(cur, s.At, asked)
	if err != nil || !ok {
		return records, err
	}
	body, err := events.Marshal(s)
	return append(records, connectors.Record{Type: recordSignIn, Body: body, Asked: asked,
		Context: map[string]string{contextHolders: strings.Join(holders, ",")}}), err
}

// readSignIn reads a sign-in as an activity of the agent identity's, and of the user account's as which it signed in.
func readSignIn(r connectors.Record) (connectors.Reading, error) {
	s, err := parseSignIn(r.Body)
	if err != nil {
		return connectors.Reading{}, err
	}
	out := connectors.Reading{LogID: s.ID, Actor: s.actor(), At: s.At.UTC()}
	for n, holder := range strings.Split(cmp.Or(r.Context[contextHolders], r.Context[contextHolder]), ",") {
		if holder == "" {
			return connectors.Reading{}, errors.New("its context names no holder")
		}
		a := s.activity()
		if a.Holder = holder; n > 0 {
			a.ID += "." + holder
		}
		out.Activities = append(out.Activities, a)
	}
	return out, nil
}

// actor is the agent, with the user for or as whom it acts.
func (s *wireSignIn) actor() *events.Actor {
	if s.Principal == "" {
		return &events.Actor{ID: s.User, Type: cmp.Or(strings.ToLower(s.Agent.Type), "user")}
	}
	actor := &events.Actor{ID: s.Principal, Type: strings.ToLower(s.Agent.Type)}
	if s.User != "" {
		actor.OnBehalf = &events.Actor{ID: s.User, Type: "user"}
	}
	return actor
}

func (s *wireSignIn) activity() events.Activity {
	details := map[string]string{"credential": s.Key, "federated_credential": s.Federated, "conditional_access": s.Access,
		"correlation": s.Correlates, "blueprint": s.Agent.Parent}
	a := events.Activity{Type: activitySignIn, ID: s.ID, Native: "signIn", Actor: s.actor(), Outcome: resultSuccess, Time: s.At.UTC()}
	if s.Status.Code != 0 {
		a.Outcome, details["error"] = "failure", strconv.Itoa(s.Status.Code)
	}
	if s.Resource != "" {
		a.Targets = []string{s.Resource}
	}
	maps.DeleteFunc(details, func(_, value string) bool { return value == "" })
	if len(details) > 0 {
		a.Details = details
	}
	return a
}
