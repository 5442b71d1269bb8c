package google

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedDelegations  = "delegations"
	typeAuthProvider = "auth_provider"
)

const (
	// mostConsents is the page size of the auth manager's lists: the API's maximum.
	mostConsents = 1000

	// providersPage is how many providers one pull reads, with two lists for each.
	providersPage = 10
)

// delegations walks the auth providers of agentidentity/v1, and reads with each which persons have given it what, and which agents
// have used that. Methods that return tokens or make records (retrieve, finalize, resolveAuthorization) are never called.
func delegations(c *client) *walk {
	l := identityLocator(c)
	return &walk{
		scope: feedDelegations, kinds: []events.Kind{events.KindDelegation, events.KindGrant}, places: l.places, done: l.found.forget,
		group: func(at place) string { return policyScope(providerResource(at.Project, at.parent()+"/authProviders/")) },
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			asked := c.now()
			l, err := c.list(ctx, "authProviders", token, c.get("agentidentity", "v1/"+at.parent()+"/authProviders", showDeleted(pageAsked(c.pageOf(providersPage), token))))
			if err != nil {
				return leaf{}, err
			}
			out := leaf{next: l.next, whole: l.whole}
			for _, v := range l.items {
				r, whole, err := c.providerRecord(ctx, at, v)
				if err != nil {
					return leaf{}, err
				}
				r.Asked = asked
				out.records, out.whole = append(out.records, r), out.whole && whole
			}
			return out, nil
		},
	}
}

func identityLocator(c *client) *locator {
	return &locator{client: c, list: c.identityLocations, keep: func(string) bool { return true },
		none: "name the auth manager's locations in the option locations, for example us-central1"}
}

func (c *client) identityLocations(ctx context.Context, project string) ([]jsontext.Value, error) {
	return everyPage(func(token string) (listing, error) {
		return c.list(ctx, "locations", token, c.get("agentidentity", "v1/projects/"+project+"/locations", pageAsked(int64(c.pageSize), token)))
	})
}

// providerRecord is an auth provider with its authorizations and the summaries of their use, as one body. whole says that no part
// of them was out of reach. A provider that went away meanwhile has none.
func (c *client) providerRecord(ctx context.Context, at place, provider jsontext.Value) (connectors.Record, bool, error) {
	name, whole := text(provider, "name"), true
	r := connectors.Record{Type: typeAuthProvider, Context: map[string]string{ctxProject: at.Project, ctxLocation: at.Location}}
	parts := map[string]any{"provider": provider}
	if !plainPath(name) {
		r.Body = provider // Normalize says what is wrong with it
		return r, true, nil
	}
	for _, list := range []struct{ member, of, filter string }{
		{"authorizations", name, ""},
		{"accessSummaries", at.parent(), `auth_provider_name="` + name + `"`},
	} {
		items, err := everyPage(func(token string) (listing, error) {
			q := pageAsked(c.pageOf(mostConsents), token)
			if list.filter != "" {
				q.Set("filter", list.filter)
			}
			l, err := c.list(ctx, list.member, token, c.get("agentidentity", "v1/"+list.of+"/"+list.member, q))
			whole = whole && l.whole
			return l, err
		})
		if err != nil && !isStatus(err, http.StatusNotFound) {
			return r, false, err
		}
		parts[list.member] = items
	}
	var err error
	r.Body, err = events.Marshal(parts)
	return r, whole, err
}

// authProvider is an AuthProvider of agentidentity/v1 with what belongs to it.
type authProvider struct {
	Provider struct {
		Name        string                    `json:"name"`
		Description string                    `json:"description"`
		State       string                    `json:"state"`
		Deleted     bool                      `json:"deleted"`
		Params      map[string]jsontext.Value `json:"authProviderTypeParams"`
	} `json:"provider"`
	Authorizations []consent `json:"authorizations"`
	Summaries      []access  `json:"accessSummaries"`
}

// consent is an Authorization: a person's standing consent.
type consent struct {
	User  string `json:"clientUserId"`
	State string `json:"state"`
}

// access is an AccessSummary: an agent has used what a person, or nobody in particular, has given a provider.
type access struct {
	Workload string   `json:"workloadId"`
	User     string   `json:"userId"`
	Type     string   `json:"authProviderType"`
	Scopes   []string `json:"scopes"`
	First    string   `json:"firstAccessTime"`
}

// userKind is the native type of a person of whom only the name is known that an application has given: Google does not check it.
const userKind = "client_user"

// normalizeAuthProvider reads on whose behalf agents act by an auth provider: a delegation for each agent and person, or, where the agent
// is authorized as itself, a grant. A consent that no agent has used yet is nobody's.
func normalizeAuthProvider(r connectors.Record) (connectors.Reading, error) {
	var p authProvider
	if err := decode(r, &p); err != nil {
		return connectors.Reading{}, err
	}
	if p.Provider.Name == "" {
		return connectors.Reading{}, missing(r, "name")
	}
	at := placeOf(r)
	at.Location = locationOf(p.Provider.Name, at.Location)
	scope := scopeOf(feedDelegations, at)
	var reading connectors.Reading
	policy := []string{policyScope(providerResource(at.Project, p.Provider.Name))}
	if p.Provider.Deleted { // nobody gets anything by it, until it is restored and its policy read again
		reading.Replaces = policy
	} else {
		reading.Keeps = policy
	}
	for _, a := range p.Summaries {
		holder := workload(a.Workload)
		if holder == "" {
			continue
		}
		slices.Sort(a.Scopes)
		a.Scopes = slices.Compact(a.Scopes)
		e := events.Entity{Holder: holder, Key: events.Digest(bindingID(p.Provider.Name), a.User), Scope: scope}
		status, native := p.status(a.User)
		if a.User == "" {
			e.Kind, e.Grant = events.KindGrant, &events.Grant{Type: "connection", Role: p.kind(a), Resource: p.Provider.Name,
				ResourceName: p.Provider.Description, Scopes: a.Scopes, Status: status, NativeStatus: native, Created: when(a.First)}
		} else {
			e.Kind, e.Delegation = events.KindDelegation, &events.Delegation{Person: personID(userKind, a.User), Source: p.kind(a), Scopes: a.Scopes,
				Resource: p.Provider.Name, ResourceName: p.Provider.Description, Status: status, NativeStatus: native, Created: when(a.First)}
			reading.Entities = append(reading.Entities, clientUser(a.User))
		}
		reading.Entities = append(reading.Entities, e)
	}
	reading.Entities = onePerRef(reading.Entities)
	return reading, nil
}

// clientUser is the person that a name stands for.
func clientUser(user string) events.Entity {
	p := &events.Person{Native: userKind, UserName: user, Status: events.StatusUnknown}
	return events.Entity{Kind: events.KindPerson, Holder: personID(userKind, user), Key: events.Self, Scope: peopleScope, Person: p}
}

// workload is the agent that a principal is the identity of.
func workload(id string) string {
	p, ok := canonicalPrincipal(id)
	if !ok {
		return ""
	}
	if engine, ok := engineOf(p); ok {
		return engine
	}
	if service, ok := runOf(p); ok {
		return service
	}
	return p
}

// status is whether a person's consent holds. One that was used and is there no more was taken back.
func (p *authProvider) status(user string) (events.Status, string) {
	if _, asks := p.Provider.Params["threeLeggedOauth"]; asks && user != "" {
		is := func(state string) bool {
			return slices.ContainsFunc(p.Authorizations, func(c consent) bool { return c.User == user && (c.State == state || state == "") })
		}
		switch {
		case !is(""):
			return events.StatusDisabled, "no authorization: it was taken back"
		case is("SUSPENDED") && !is("ACTIVE"):
			return events.StatusDisabled, "SUSPENDED"
		}
	}
	switch {
	case p.Provider.Deleted:
		return events.StatusDisabled, "the auth provider is deleted"
	case p.Provider.State == "DISABLED":
		return events.StatusDisabled, "the auth provider is disabled"
	}
	return events.StatusActive, ""
}

// kind is the provider's type: threeLeggedOauth, or what the summary says.
func (p *authProvider) kind(a access) string {
	for _, k := range []string{"threeLeggedOauth", "twoLeggedOauth", "apiKey", "geAuthProvider", "xaaAuthProvider", "connectorReferenceAuthProvider"} {
		if _, ok := p.Provider.Params[k]; ok {
			return k
		}
	}
	return strings.ToLower(strings.TrimPrefix(a.Type, "AUTH_PROVIDER_TYPE_"))
}

// readProvider reads an auth provider again, with all that belongs to it. One that is purged is left to the list.
func (f *auditLog) readProvider(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	asked, at := f.client.now(), place{Project: s.Project, Location: locationOf(s.ID, "")}
	a, err := f.client.fetch(ctx, f.client.get("agentidentity", "v1/"+s.ID, nil))
	if isStatus(err, http.StatusNotFound) {
		f.wakes = append(f.wakes, feedDelegations)
		return nil, s.Want != wantThere, nil
	}
	if err != nil {
		return nil, false, err
	}
	body, err := a.thing("name")
	if err != nil {
		return nil, false, err
	}
	r, _, err := f.client.providerRecord(ctx, at, body)
	if err != nil {
		return nil, false, err
	}
	r.Asked = asked
	s.prove(&r)
	return []connectors.Record{r}, false, nil
}
