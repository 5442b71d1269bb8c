package okta

import (
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// wireApp is an app as Okta lists it, as far as OAuth service apps have it.
type wireApp struct {
	ID          string         `json:"id"`
	ORN         text           `json:"orn"`
	Label       text           `json:"label"`
	Status      text           `json:"status"`
	Created     text           `json:"created"`
	Updated     text           `json:"lastUpdated"`
	SignOn      text           `json:"signOnMode"`
	Credentials jsontext.Value `json:"credentials"`
	Settings    jsontext.Value `json:"settings"`
}

// wireClient is what an app's credentials say of its OAuth client. The secret itself is never read.
type wireClient struct {
	OAuth wireAuth `json:"oauthClient"`
}

type wireAuth struct {
	ID     text `json:"client_id"`
	Method text `json:"token_endpoint_auth_method"`
}

// hasSecrets reports whether the client proves itself with a secret.
func (a *wireAuth) hasSecrets() bool { return strings.HasPrefix(string(a.Method), "client_secret_") }

type wireOAuth struct {
	OAuth *struct {
		Type    text           `json:"application_type"`
		Grants  []text         `json:"grant_types"`
		JWKS    jsontext.Value `json:"jwks"`
		JWKSURI text           `json:"jwks_uri"`
	} `json:"oauthClient"`
}

// isService reports whether the app is an OAuth service app: an identity of its own, without a person.
func (a *wireApp) isService() (bool, error) {
	var s wireOAuth
	if a.SignOn != "OPENID_CONNECT" || len(a.Settings) == 0 {
		return false, nil
	}
	err := json.Unmarshal(a.Settings, &s)
	return err == nil && s.OAuth != nil && s.OAuth.Type == "service", err
}

// normalizeApp reads one OAuth service app and the credentials that its settings show.
func normalizeApp(r connectors.Record) (connectors.Reading, error) {
	var a wireApp
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return connectors.Reading{}, err
	}
	if a.ID == "" {
		return connectors.Reading{}, errors.New("it has no id")
	}
	if status(a.Status) == events.StatusDeleted {
		return gone(a.ID, a.Updated), nil
	}
	var s wireOAuth
	if err := json.Unmarshal(a.Settings, &s); err != nil || s.OAuth == nil {
		return connectors.Reading{}, errors.New("its settings have no oauthClient")
	}
	c := optional[wireClient](a.Credentials)
	self := events.Entity{Kind: events.KindAgent, Holder: a.ID, Key: events.Self, Scope: scopeApps, Version: a.Updated.time(),
		Agent: a.agent(r.Context, c, s.OAuth.Grants)}
	if c.OAuth.hasSecrets() && r.Context[aboutSecrets] == "" {
		self.Unknown = []events.Kind{events.KindCredential} // it has secrets, and listing them is an audited act of its own
	}
	reading := connectors.Reading{Entities: []events.Entity{self}, Replaces: []string{scopeKeyURL(a.ID)}}
	if s.OAuth.JWKSURI != "" {
		reading.Entities = append(reading.Entities, credential(a.ID, "jwks_uri", scopeKeyURL(a.ID),
			&events.Credential{Type: "jwks", Issuer: string(s.OAuth.JWKSURI)}))
	}
	if r.Context[aboutKeys] != "" {
		return reading, nil
	}
	keys, err := appKeys(a.ID, s.OAuth.JWKS)
	reading.Entities = append(reading.Entities, keys...)
	reading.Replaces = append(reading.Replaces, scopeAppKeys(a.ID))
	return reading, err
}

// agent is the app as an agent. Its class depends on whether an AI agent is linked to it, which the feed has looked up.
func (a *wireApp) agent(about map[string]string, c wireClient, grants []text) *events.Agent {
	n := &events.Agent{
		Native: typeApp, Name: string(a.Label), Status: status(a.Status), NativeStatus: string(a.Status),
		Class: events.ClassWorkload, ClassReason: "an OAuth service app; no AI agent is linked to it",
		Models: models(grants), Created: a.Created.time(),
		Identifiers: identifiers(
			events.Identifier{Type: events.IDObject, Value: a.ID},
			events.Identifier{Type: events.IDApp, Value: a.ID}, // so an agent that is linked to it names it
			events.Identifier{Type: events.IDClient, Value: string(c.OAuth.ID)},
			events.Identifier{Type: events.IDResource, Value: string(a.ORN)}),
	}
	switch {
	case about[aboutAgents] != "":
		n.Class, n.ClassReason = events.ClassAgent, "linked to the AI agent "+about[aboutAgents]
	case about[aboutUnlinked] != "":
		n.Class, n.ClassReason = events.ClassUnknown, "an OAuth service app; the AI agents may not be read, so a link is unknown"
	}
	return n
}

// models are the ways in which a client can act, by its grant types.
func models(grants []text) []events.Model {
	var ms []events.Model
	for _, g := range grants {
		switch g {
		case "client_credentials":
			ms = append(ms, events.ModelService)
		case "authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer",
			"urn:ietf:params:oauth:grant-type:device_code":
			ms = append(ms, events.ModelDelegated)
		}
	}
	slices.Sort(ms)
	return slices.Compact(ms)
}
