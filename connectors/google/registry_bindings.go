package google

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedRegistryBindings = "registry-bindings"
	typeBinding          = "registry_binding"
)

// mostBindings is the page size of the registry's bindings: the API's maximum.
const mostBindings = 500

// registryBindings walks agentregistry/v1 projects.locations.bindings.list, at every location of every project.
func registryBindings(c *client) *walk {
	l := registryLocator(c)
	return &walk{
		scope: feedRegistryBindings, kinds: []events.Kind{events.KindGrant}, places: l.places, done: l.found.forget,
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			asked := c.now()
			l, err := c.list(ctx, "bindings", token, c.get("agentregistry", "v1/"+at.parent()+"/bindings", pageAsked(c.pageOf(mostBindings), token)))
			if err != nil {
				return leaf{}, err
			}
			return leafOf(typeBinding, at, asked, l), nil
		},
	}
}

// registryBinding is a Binding of agentregistry/v1: an agent may use another, a server or an endpoint, perhaps with credentials that an
// auth provider keeps.
type registryBinding struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	CreateTime  string `json:"createTime"`
	Source      struct {
		Identifier string `json:"identifier"`
	} `json:"source"`
	Target struct {
		Identifier string `json:"identifier"`
	} `json:"target"`
	Auth struct {
		Provider string   `json:"authProvider"`
		Scopes   []string `json:"scopes"`
	} `json:"authProviderBinding"`
}

// normalizeBinding reads a binding as a grant of its source's. One without a source is of no agent.
func normalizeBinding(r connectors.Record) (connectors.Reading, error) {
	var b registryBinding
	if err := decode(r, &b); err != nil {
		return connectors.Reading{}, err
	}
	if b.Name == "" || b.Target.Identifier == "" {
		return connectors.Reading{}, missing(r, "name and target")
	}
	if b.Source.Identifier == "" {
		return connectors.Reading{}, nil
	}
	slices.Sort(b.Auth.Scopes)
	at := placeOf(r)
	at.Location = locationOf(b.Name, at.Location)
	return connectors.Reading{Entities: []events.Entity{{
		Kind: events.KindGrant, Holder: b.Source.Identifier, Key: events.Digest("binding", bindingID(b.Name)), Scope: scopeOf(feedRegistryBindings, at),
		Grant: &events.Grant{Type: "connection", Role: b.Auth.Provider, Resource: b.Target.Identifier, ResourceName: b.DisplayName,
			Scopes: slices.Compact(b.Auth.Scopes), Created: when(b.CreateTime)},
	}}}, nil
}

// bindingID is what of a binding's name does not depend on how the project is spelled.
func bindingID(name string) string {
	parts := strings.SplitN(name, "/", 3)
	return parts[len(parts)-1]
}

// readBinding reads a binding again. What a binding that is gone was the grant of, only the list tells.
func (f *auditLog) readBinding(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	asked := f.client.now()
	a, err := f.client.fetch(ctx, f.client.get("agentregistry", "v1/"+s.ID, nil))
	if isStatus(err, http.StatusNotFound) {
		f.wakes = append(f.wakes, feedRegistryBindings)
		return nil, s.Want != wantThere, nil
	}
	if err != nil {
		return nil, false, err
	}
	body, err := a.thing("name")
	if err != nil {
		return nil, false, err
	}
	r := connectors.Record{Type: typeBinding, Body: body, Asked: asked, Context: map[string]string{
		ctxProject: s.Project, ctxLocation: locationOf(s.ID, "")}}
	s.prove(&r)
	return []connectors.Record{r}, !s.Gone, nil
}
