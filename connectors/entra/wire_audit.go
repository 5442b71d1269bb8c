package entra

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// resultSuccess is the result of an entry about something that has been done.
const resultSuccess = "success"

// wireAudit is an entry of the directory's audit log, as far as it is kept: no names and addresses of persons. The agent fields are
// beta's, and told differently by the vendor's own pages, so that nothing depends on them.
type wireAudit struct {
	ID          string        `json:"id"`
	At          time.Time     `json:"activityDateTime"`
	Deed        string        `json:"activityDisplayName,omitzero"`
	Category    string        `json:"category,omitzero"`
	Operation   string        `json:"operationType,omitzero"`
	Result      string        `json:"result,omitzero"`
	Correlation string        `json:"correlationId,omitzero"`
	By          wireInitiator `json:"initiatedBy,omitzero"`
	Targets     []wireTarget  `json:"targetResources,omitzero"`
}

type wireInitiator struct {
	User *struct {
		ID string `json:"id"`
	} `json:"user,omitzero"`
	App *struct {
		AppID     string `json:"appId,omitzero"`
		Principal string `json:"servicePrincipalId,omitzero"`
		AgentType string `json:"agentType,omitzero"`
	} `json:"app,omitzero"`
}

type wireTarget struct {
	ID       string         `json:"id,omitzero"`
	Type     string         `json:"type,omitzero"`
	Modified []wireModified `json:"modifiedProperties,omitzero"`
}

// wireModified holds JSON in its values, which may hold anything. Only the ids in it are kept.
type wireModified struct {
	Name string  `json:"displayName,omitzero"`
	Old  idsOnly `json:"oldValue,omitzero"`
	New  idsOnly `json:"newValue,omitzero"`
}

// idsOnly is text of which nothing but the ids in it is kept, separated by spaces.
type idsOnly string

// UnmarshalJSON takes the ids out of a text. What is no text has none.
func (t *idsOnly) UnmarshalJSON(b []byte) error {
	var s string
	if decode(b, &s) == nil {
		*t = idsOnly(strings.Join(sorted(guid.FindAllString(s, -1)), " "))
	}
	return nil
}

// errShape is the same at every run, which the JSON library's words are not.
var errShape = errors.New("the entry is not of the documented shape")

func parseAudit(raw jsontext.Value) (e wireAudit, err error) {
	if err := decode(raw, &e); err != nil {
		return e, errShape
	}
	if e.ID == "" || e.At.IsZero() {
		return e, errors.New("the entry has no id or no time")
	}
	return e, nil
}

// names are the objects that an entry is about: its targets, and what stands in their properties. An entry about a grant names the
// resource as its target, and the one who got it among the properties.
func (e *wireAudit) names() []string {
	var ids []string
	for _, t := range e.Targets {
		if isGUID(t.ID) {
			ids = append(ids, t.ID)
		}
		for _, m := range t.Modified {
			ids = append(ids, strings.Fields(string(m.Old+" "+m.New))...)
		}
	}
	for i, id := range ids {
		ids[i] = strings.ToLower(id)
	}
	return sorted(ids)
}

func (e *wireAudit) targets() []string {
	var ids []string
	for _, t := range e.Targets {
		ids = append(ids, t.ID)
	}
	return slices.DeleteFunc(sorted(ids), func(id string) bool { return id == "" })
}

// actor is who did it: a person, or an application by its service principal.
func (e *wireAudit) actor() *events.Actor {
	switch by := e.By; {
	case by.User != nil && by.User.ID != "":
		return &events.Actor{ID: by.User.ID, Type: "user"}
	case by.App != nil && by.App.Principal != "":
		return &events.Actor{ID: by.App.Principal, Type: "service_principal"}
	case by.App != nil && by.App.AppID != "":
		return &events.Actor{ID: by.App.AppID, Type: "application"}
	}
	return nil
}

// record is the entry as it is kept.
func (e *wireAudit) record(holders []string, asked time.Time) (connectors.Record, error) {
	body, err := events.Marshal(e)
	return connectors.Record{Type: recordAudit, Body: body, Asked: asked,
		Context: map[string]string{contextHolders: strings.Join(holders, ",")}}, err
}

// readAudit reads an entry as an activity of each agent and blueprint that it is about.
func readAudit(r connectors.Record) (connectors.Reading, error) {
	e, err := parseAudit(r.Body)
	if err != nil {
		return connectors.Reading{}, err
	}
	out := connectors.Reading{LogID: e.ID, Actor: e.actor(), At: e.At.UTC()}
	details := map[string]string{"category": e.Category, "correlation": e.Correlation, "operation": e.Operation}
	maps.DeleteFunc(details, func(_, value string) bool { return value == "" })
	for n, holder := range strings.Split(r.Context[contextHolders], ",") {
		if holder == "" {
			return connectors.Reading{}, errors.New("its context names no holder")
		}
		a := events.Activity{Holder: holder, Type: activityAdmin, ID: e.ID, Native: e.Deed, Actor: e.actor(), Targets: e.targets(),
			Outcome: e.Result, Details: details, Time: e.At.UTC()}
		if n > 0 {
			a.ID += "." + holder
		}
		out.Activities = append(out.Activities, a)
	}
	return out, nil
}
