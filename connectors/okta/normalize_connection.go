package okta

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The scopes of what an agent may reach and of who may call it.
func scopeConnections(agent string) string { return "connections/" + agent }
func scopeDelegations(agent string) string { return "delegations/" + agent }

// wireConnection is a resource connection. What it leads to stands in a member that depends on its type; types are open.
type wireConnection struct {
	ID        string         `json:"id"`
	Type      text           `json:"connectionType"`
	Status    text           `json:"status"`
	Indicator text           `json:"resourceIndicator"`
	Condition text           `json:"scopeCondition"`
	Scopes    []text         `json:"scopes"`
	Service   jsontext.Value `json:"serviceAccount"`
	Secret    jsontext.Value `json:"secret"`
	Resource  jsontext.Value `json:"resource"`
	App       jsontext.Value `json:"app"`
	Server    jsontext.Value `json:"authorizationServer"`
}

// wireTarget is what a connection leads to.
type wireTarget struct {
	ORN      text `json:"orn"`
	ID       text `json:"id"`
	Name     text `json:"name"`
	Label    text `json:"label"`
	AppName  text `json:"appInstanceName"`
	Endpoint text `json:"endpointUrl"`
	Issuer   text `json:"issuerUrl"`
}

// normalizeConnections reads all resource connections of one agent.
func normalizeConnections(r connectors.Record) (connectors.Reading, error) {
	agent, items, err := elements[wireConnection](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope := scopeConnections(agent)
	reading := connectors.Reading{Replaces: []string{scope}}
	for _, c := range items {
		if c.ID == "" {
			return connectors.Reading{}, errors.New("a connection has no id")
		}
		reading.Entities = append(reading.Entities, events.Entity{
			Kind: events.KindGrant, Holder: agent, Key: c.ID, Scope: scope, Grant: c.grant(),
		})
	}
	return reading, nil
}

func (c *wireConnection) grant() *events.Grant {
	g := &events.Grant{Type: "connection", Role: string(c.Type), Status: status(c.Status), NativeStatus: string(c.Status)}
	g.Resource, g.ResourceName = c.target()
	g.Scopes, g.Condition = c.scopes()
	return g
}

// target is what the connection leads to: the innermost thing that it names.
func (c *wireConnection) target() (id, name string) {
	for _, v := range []jsontext.Value{c.Service, c.Secret, c.Resource, c.App, c.Server} {
		t := optional[wireTarget](v)
		id := cmp.Or(t.ORN, t.Endpoint, t.Issuer, t.ID)
		if id != "" {
			return string(id), string(cmp.Or(t.Name, t.AppName, t.Label))
		}
	}
	return string(c.Indicator), ""
}

// scopes are those that the connection gives, with the vendor's condition. EXCLUDE lists what it does not give: then it is all,
// and the condition names the exceptions.
func (c *wireConnection) scopes() (scopes []string, condition string) {
	scopes = plainStrings(c.Scopes)
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	switch c.Condition {
	case "ALL_SCOPES":
		return []string{"*"}, string(c.Condition)
	case "EXCLUDE":
		return []string{"*"}, strings.Join(append([]string{"EXCLUDE"}, scopes...), " ")
	}
	return scopes, string(c.Condition)
}

// wireDelegation is a delegation link: the client From may call the agent with its users' tokens.
type wireDelegation struct {
	ID   string `json:"id"`
	From struct {
		Client text `json:"clientOrn"`
	} `json:"from"`
}

// normalizeDelegations reads all delegation links to one agent. A link is for every person who uses its client; the delegation's
// resource is that client, an app or another agent.
func normalizeDelegations(r connectors.Record) (connectors.Reading, error) {
	agent, items, err := elements[wireDelegation](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope := scopeDelegations(agent)
	reading := connectors.Reading{Replaces: []string{scope}}
	for _, d := range items {
		if d.ID == "" {
			return connectors.Reading{}, errors.New("a delegation link has no id")
		}
		reading.Entities = append(reading.Entities, events.Entity{
			Kind: events.KindDelegation, Holder: agent, Key: d.ID, Scope: scope, Delegation: &events.Delegation{
				Person: events.Everyone, Source: "delegation_link", Resource: string(d.From.Client)},
		})
	}
	return reading, nil
}
