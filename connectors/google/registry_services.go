package google

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedRegistryServices = "registry-services"
	typeRegistryService  = "registry_service"
)

// mostRegistered is the page size of the registry's services. The API states no maximum.
const mostRegistered = 100

// registryServices walks agentregistry/v1 projects.locations.services.list, at every location of every project: what users have
// registered by hand. The registry makes an agent, an MCP server or an endpoint of each, minutes later.
func registryServices(c *client) *walk {
	l := registryLocator(c)
	return &walk{
		scope: feedRegistryServices, kinds: []events.Kind{events.KindAgent}, places: l.places, done: l.found.forget,
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			asked := c.now()
			l, err := c.list(ctx, "services", token, c.get("agentregistry", "v1/"+at.parent()+"/services", pageAsked(c.pageOf(mostRegistered), token)))
			if err != nil {
				return leaf{}, err
			}
			return leafOf(typeRegistryService, at, asked, l), nil
		},
	}
}

// registryService is a Service of agentregistry/v1. Exactly one of the specs is set, which says what it is; the registry names what it
// has made of it.
type registryService struct {
	Name        string         `json:"name"`
	DisplayName string         `json:"displayName"`
	Description string         `json:"description"`
	CreateTime  string         `json:"createTime"`
	UpdateTime  string         `json:"updateTime"`
	Made        string         `json:"registryResource"`
	Agent       jsontext.Value `json:"agentSpec"`
	Server      jsontext.Value `json:"mcpServerSpec"`
	Endpoint    jsontext.Value `json:"endpointSpec"`
	Interfaces  []struct {
		URL string `json:"url"`
	} `json:"interfaces"`
}

// registeredName is a service's resource name.
var registeredName = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/services/[^/]+$`)

func isSet(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// serviceID is the holder of a service: its full name, with the project as the connection spells it.
func serviceID(project, service string) string {
	return "//agentregistry.googleapis.com/" + inProject(service, project)
}

// normalizeRegistryService reads a service that is an agent. What the registry has made of it is the same agent, and carries the same
// name. An MCP server or an endpoint is none: it is what agents are bound to.
func normalizeRegistryService(r connectors.Record) (connectors.Reading, error) {
	var s registryService
	if err := decode(r, &s); err != nil {
		return connectors.Reading{}, err
	}
	if !registeredName.MatchString(s.Name) {
		return connectors.Reading{}, missing(r, "name")
	}
	if !isSet(s.Agent) {
		if isSet(s.Server) || isSet(s.Endpoint) {
			return connectors.Reading{}, nil
		}
		return connectors.Reading{}, missing(r, "agentSpec, mcpServerSpec or endpointSpec")
	}
	at := placeOf(r)
	at.Location = locationOf(s.Name, at.Location)
	id := serviceID(at.Project, s.Name)
	agent := &events.Agent{
		Native: typeRegistryService, Name: word(s.DisplayName, lastPart(s.Name)), Description: s.Description, Status: events.StatusActive,
		Class: events.ClassAgent, ClassReason: "registered in Agent Registry as an agent", Created: when(s.CreateTime),
		Identifiers: []events.Identifier{{Type: events.IDResource, Value: id}, {Type: events.IDResource, Value: s.Made}},
	}
	for _, i := range s.Interfaces {
		if strings.HasPrefix(i.URL, "https://") {
			agent.Identifiers = append(agent.Identifiers, events.Identifier{Type: events.IDURL, Value: i.URL})
		}
	}
	return connectors.Reading{Entities: []events.Entity{agentEntity(id, scopeOf(feedRegistryServices, at), when(s.UpdateTime), agent)}}, nil
}

// readRegistryService reads a service again. Of one that is no agent nothing is told.
func (f *auditLog) readRegistryService(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	asked := f.client.now()
	a, err := f.client.fetch(ctx, f.client.get("agentregistry", "v1/"+s.ID, nil))
	if isStatus(err, http.StatusNotFound) {
		return absentNow(s, serviceID(s.Project, s.ID), "", false, asked)
	}
	if err != nil {
		return nil, false, err
	}
	body, err := a.thing("name")
	if err != nil {
		return nil, false, err
	}
	if lastPart(text(body, "name")) != lastPart(s.ID) {
		return nil, false, a.broken("another service than the one that was asked for")
	}
	settled := !s.Gone && (s.Want != wantNewer || !when(text(body, "updateTime")).Before(s.At.Add(-settling)))
	r := connectors.Record{Type: typeRegistryService, Body: body, Asked: asked, Context: map[string]string{
		ctxProject: s.Project, ctxLocation: locationOf(s.ID, "")}}
	if settled {
		s.prove(&r)
	}
	return []connectors.Record{r}, settled, nil
}
