package okta

import (
	"cmp"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The scopes of an agent's and of an app's credentials.
func scopeKeys(agent string) string  { return "agent-keys/" + agent }
func scopeAppKeys(app string) string { return "service-app-keys/" + app }
func scopeKeyURL(app string) string  { return "service-app-jwks-uri/" + app }
func scopeSecrets(app string) string { return "client-secrets/" + app }

// wireKey is a public key. Okta states no end of it. Of the key itself only what tells it from others is read.
type wireKey struct {
	ID      text `json:"id"`
	KID     text `json:"kid"`
	Type    text `json:"kty"`
	Alg     text `json:"alg"`
	Status  text `json:"status"`
	Created text `json:"created"`
	Updated text `json:"lastUpdated"`
	N       text `json:"n"`
	X       text `json:"x"`
	Y       text `json:"y"`
}

// normalizeKeys reads all keys of one agent.
func normalizeKeys(r connectors.Record) (connectors.Reading, error) {
	agent, keys, err := elements[wireKey](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	reading := connectors.Reading{Replaces: []string{scopeKeys(agent)}}
	for _, k := range keys {
		reading.Entities = append(reading.Entities, k.entity(agent, scopeKeys(agent), cmp.Or(k.ID, k.KID)))
	}
	return reading, nil
}

// normalizeAppKeys reads all keys of one service app, with their dates.
func normalizeAppKeys(r connectors.Record) (connectors.Reading, error) {
	app, keys, err := elements[wireKey](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	reading := connectors.Reading{Replaces: []string{scopeAppKeys(app)}}
	for _, k := range keys {
		reading.Entities = append(reading.Entities, k.entity(app, scopeAppKeys(app), cmp.Or(k.KID, k.ID)))
	}
	return reading, nil
}

// normalizeSecrets reads the ids and dates of all secrets of one service app. The secrets themselves were taken out on receipt.
func normalizeSecrets(r connectors.Record) (connectors.Reading, error) {
	app, secrets, err := elements[wireKey](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	reading := connectors.Reading{Replaces: []string{scopeSecrets(app)}}
	for _, k := range secrets {
		if k.ID == "" {
			return connectors.Reading{}, errors.New("a secret has no id")
		}
		e := credential(app, string(k.ID), scopeSecrets(app), &events.Credential{Type: "secret", Status: status(k.Status),
			NativeStatus: string(k.Status), Created: k.Created.time()})
		e.Version = k.Updated.time()
		reading.Entities = append(reading.Entities, e)
	}
	return reading, nil
}

// appKeys reads the keys in a service app's settings: absent or null where it has none. They are known by their kid.
func appKeys(app string, jwks jsontext.Value) ([]events.Entity, error) {
	if len(jwks) == 0 {
		return nil, nil
	}
	var set struct {
		Keys []wireKey `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, err
	}
	var keys []events.Entity
	for _, k := range set.Keys {
		keys = append(keys, k.entity(app, scopeAppKeys(app), cmp.Or(k.KID, k.ID)))
	}
	return keys, nil
}

// entity is the key as a credential. One without a name is known by a digest of its public part.
func (k *wireKey) entity(holder, scope string, key text) events.Entity {
	if key == "" {
		key = text(events.Digest(string(k.Type), string(k.N), string(k.X), string(k.Y)))
	}
	c := &events.Credential{Type: "key", Name: string(k.KID), Algorithm: string(cmp.Or(k.Alg, k.Type)),
		NativeStatus: string(k.Status), Created: k.Created.time()}
	if k.Status != "" {
		c.Status = status(k.Status)
	}
	e := credential(holder, string(key), scope, c)
	e.Version = k.Updated.time()
	return e
}

func credential(holder, key, scope string, c *events.Credential) events.Entity {
	return events.Entity{Kind: events.KindCredential, Holder: holder, Key: key, Scope: scope, Credential: c}
}
