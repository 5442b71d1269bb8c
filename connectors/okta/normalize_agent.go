package okta

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// wireAgent is an AI agent as Okta lists it. Where platform and externalId stand is not settled at the vendor's: both places
// are read.
type wireAgent struct {
	ID          string         `json:"id"`
	ORN         text           `json:"orn"`
	Status      text           `json:"status"`
	Created     text           `json:"created"`
	Updated     text           `json:"lastUpdated"`
	AppID       text           `json:"appId"`
	Platform    text           `json:"platform"`
	ExternalID  text           `json:"externalId"`
	Profile     jsontext.Value `json:"profile"`
	OAuthClient jsontext.Value `json:"oauthClient"`
	Links       jsontext.Value `json:"_links"`
}

type wireProfile struct {
	Name        text `json:"name"`
	Description text `json:"description"`
	Platform    text `json:"platform"`
	ExternalID  text `json:"externalId"`
}

type wireAgentLinks struct {
	Providers       jsontext.Value `json:"providers"`
	DelegationLinks jsontext.Value `json:"delegationLinks"`
}

// normalizeAgent reads one AI agent.
func normalizeAgent(r connectors.Record) (connectors.Reading, error) {
	var a wireAgent
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return connectors.Reading{}, err
	}
	if a.ID == "" {
		return connectors.Reading{}, errors.New("it has no id")
	}
	if status(a.Status) == events.StatusDeleted {
		return gone(a.ID, a.Updated), nil
	}
	return connectors.Reading{Entities: []events.Entity{{
		Kind: events.KindAgent, Holder: a.ID, Key: events.Self, Scope: scopeAgents, Version: a.Updated.time(), Agent: a.agent(),
	}}}, nil
}

func (a *wireAgent) agent() *events.Agent {
	p := optional[wireProfile](a.Profile)
	return &events.Agent{
		Native: typeAgent, Name: string(p.Name), Description: string(p.Description),
		Status: status(a.Status), NativeStatus: string(a.Status),
		Class: events.ClassAgent, ClassReason: "registered as an AI agent in Okta's directory",
		// Okta gives agents the grants token-exchange and jwt-bearer, and no client_credentials: they act for a person.
		Models:   []events.Model{events.ModelDelegated},
		Platform: string(cmp.Or(a.Platform, p.Platform)), Identifiers: a.identifiers(p),
		Created: a.Created.time(), Labels: a.labels(),
	}
}

func (a *wireAgent) identifiers(p wireProfile) []events.Identifier {
	client := optional[struct {
		ID text `json:"clientId"`
	}](a.OAuthClient)
	ids := []events.Identifier{
		{Type: events.IDObject, Value: a.ID},
		{Type: events.IDApp, Value: string(a.AppID)},
		{Type: events.IDClient, Value: string(client.ID)},
		{Type: events.IDResource, Value: a.orn()},
	}
	if strings.HasPrefix(string(client.ID), "https://") { // a client id metadata document (CIMD)
		ids = append(ids, events.Identifier{Type: events.IDURL, Value: string(client.ID)})
	}
	if platform, id := cmp.Or(a.Platform, p.Platform), cmp.Or(a.ExternalID, p.ExternalID); platform != "" && id != "" {
		ids = append(ids, events.Identifier{Type: events.IDExternal, Value: string(platform + "|" + id)})
	}
	return identifiers(ids...)
}

// orn is the agent's own ORN. The list has no field for it; the link to the agent's delegation links holds it in its filter.
func (a *wireAgent) orn() string {
	orns := []string{string(a.ORN)}
	for _, link := range hrefs(optional[wireAgentLinks](a.Links).DelegationLinks) {
		orns = append(orns, quotedORN(link))
	}
	for _, orn := range orns {
		if agentOf(orn) == a.ID {
			return orn
		}
	}
	return ""
}

// labels name the providers that the agent was imported by.
func (a *wireAgent) labels() []string {
	var labels []string
	for _, link := range hrefs(optional[wireAgentLinks](a.Links).Providers) {
		path := strings.TrimRight(pathOf(link), "/")
		labels = append(labels, "provider="+path[strings.LastIndexByte(path, '/')+1:])
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}
