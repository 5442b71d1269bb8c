package entra

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// scopeRisk is where Identity Protection lists agents at risk.
const scopeRisk = "risky-agents"

// riskFeed reads which agents Identity Protection suspects, and why. Both lists are beta's and need a licence; they are short, so a
// round is one page. All applications of a tenant share one request a second, without being told when to come back.
type riskFeed struct{ client *client }

func risk(c *client) connectors.Feed {
	return connectors.Feed{Name: "risk", Kinds: []events.Kind{events.KindRisk}, Every: 15 * time.Minute, Pull: (&riskFeed{c}).pull}
}

// wireDetection is one reason why an agent is suspected.
type wireDetection struct {
	Agent    string `json:"agentId"`
	Identity string `json:"identityId"`
	Type     string `json:"riskEventType"`
}

// wireRisky is an agent at risk, with the types of what was detected.
type wireRisky struct {
	ID         string     `json:"id"`
	Level      string     `json:"riskLevel,omitzero"`
	State      string     `json:"riskState,omitzero"`
	Detail     string     `json:"riskDetail,omitzero"`
	Updated    *time.Time `json:"riskLastModifiedDateTime,omitzero"`
	Detections []string   `json:"detections,omitzero"`
}

func (f *riskFeed) pull(ctx context.Context, _ connectors.Cursor) (connectors.Page, error) {
	out := connectors.Page{Opens: []string{scopeRisk}, Seals: []string{scopeRisk}}
	began := f.client.now()
	risky, err := f.list(ctx, "/identityProtection/riskyAgents")
	if err != nil {
		return connectors.Page{}, err
	}
	types := map[string][]string{}
	found, err := f.list(ctx, "/identityProtection/agentRiskDetections")
	switch {
	case isForbidden(err):
		out.Blind = []connectors.Blindness{{Kinds: []events.Kind{events.KindRisk}, Reason: "what was detected: " + connectors.AsFault(err).Cure}}
	case err != nil:
		return connectors.Page{}, err
	}
	for _, raw := range found {
		var d wireDetection
		if decode(raw, &d) == nil && d.Type != "" {
			for _, id := range sorted([]string{d.Agent, d.Identity}) {
				types[id] = append(types[id], d.Type)
			}
		}
	}
	for _, raw := range risky {
		r, err := f.record(ctx, raw, types, began)
		if err != nil {
			return connectors.Page{}, err
		}
		out.Records = append(out.Records, r...)
	}
	return out, nil
}

// list reads a list of beta's to its end.
func (f *riskFeed) list(ctx context.Context, path string) ([]jsontext.Value, error) {
	r := call{url: f.client.betaURL(path), need: needRisk + " and a Microsoft Entra ID P2 licence", optional: true}
	p, err := f.client.page(ctx, r)
	if err != nil {
		return nil, err
	}
	return f.client.all(ctx, p, r)
}

// record is one agent at risk that the log knows.
func (f *riskFeed) record(ctx context.Context, raw jsontext.Value, types map[string][]string, asked time.Time) ([]connectors.Record, error) {
	var w wireRisky
	if err := decode(raw, &w); err != nil {
		r, err := newRecord(recordRisk, raw, asked)
		return []connectors.Record{r}, err
	}
	if !isHolder(ctx, w.ID) {
		return nil, nil
	}
	w.Detections = sorted(types[w.ID])
	body, err := events.Marshal(w)
	return []connectors.Record{{Type: recordRisk, Body: body, Asked: asked}}, err
}

// readRisk reads an agent at risk.
func readRisk(r connectors.Record) (connectors.Reading, error) {
	var w wireRisky
	if err := decodeBody(r, &w); err != nil {
		return connectors.Reading{}, err
	}
	if w.ID == "" {
		return connectors.Reading{}, errors.New("it has no id")
	}
	e := events.Entity{Kind: events.KindRisk, Holder: w.ID, Key: "identity_protection", Scope: scopeRisk, Risk: &events.Risk{
		Level: cmp.Or(w.Level, "none"), State: w.State, Detail: w.Detail, Detections: sorted(w.Detections), Updated: when(w.Updated)}}
	return connectors.Reading{Entities: []events.Entity{e}}, nil
}
