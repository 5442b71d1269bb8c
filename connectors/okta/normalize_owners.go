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

// scopeOwners names the pass over the owners; each agent's own owners are in the scope owners/<agent>.
const scopeOwners = "owners"

// wireOwners is an element of the list of resource owners.
type wireOwners struct {
	Parent     string         `json:"parentResourceOrn"`
	Principals jsontext.Value `json:"principals"`
	Resource   struct {
		ID   string `json:"id"`
		Type text   `json:"type"`
		ORN  string `json:"orn"`
	} `json:"resource"`
}

// wirePrincipal is an owner. Its ID names the ownership, not the person.
type wirePrincipal struct {
	Type    text `json:"type"`
	ORN     text `json:"orn"`
	Profile struct {
		ID     text `json:"id"`
		Name   text `json:"name"`
		Email  text `json:"email"`
		Login  text `json:"login"`
		Status text `json:"status"`
	} `json:"profile"`
}

func parseOwners(v jsontext.Value) (wireOwners, error) {
	var o wireOwners
	err := json.Unmarshal(v, &o)
	return o, err
}

// agent is the AI agent whose owners the element tells; empty when it tells those of something else, such as a thing of which
// the agent is the parent.
func (o *wireOwners) agent() string {
	switch {
	case o.Resource.ORN != "":
		return agentOf(o.Resource.ORN)
	case o.Resource.Type == "ai-agents":
		return cmp.Or(o.Resource.ID, agentOf(o.Parent))
	case o.Resource.Type == "" && o.Resource.ID == "":
		return agentOf(o.Parent)
	}
	return ""
}

// normalizeOwners reads all owners of one agent, none included.
func normalizeOwners(r connectors.Record) (connectors.Reading, error) {
	agent, entries, err := elements[wireOwners](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope := scopeOwners + "/" + agent
	reading := connectors.Reading{Replaces: []string{scope}}
	seen, untold := map[string]bool{}, strings.Split(r.Context[aboutPeople], ",")
	for _, o := range entries {
		if o.agent() != agent {
			continue
		}
		principals, err := o.principals()
		if err != nil {
			return connectors.Reading{}, err
		}
		for _, p := range principals {
			id := p.id()
			if id == "" {
				return connectors.Reading{}, errors.New("an owner has neither an ORN nor a profile with an id")
			}
			if !seen[id] {
				seen[id] = true
				reading.Entities = append(reading.Entities, p.stewardship(agent, scope))
				if slices.Contains(untold, id) || !isUser(id) && !isGroup(id) {
					reading.Entities = append(reading.Entities, p.person())
				}
			}
		}
	}
	return reading, nil
}

// principals are the owners: null is none, but absent is not said, and unknown is never none.
func (o *wireOwners) principals() ([]wirePrincipal, error) {
	if len(o.Principals) == 0 {
		return nil, errors.New(`an entry has no "principals"`)
	}
	var ps []wirePrincipal
	err := json.Unmarshal(o.Principals, &ps)
	return ps, err
}

func (p *wirePrincipal) id() string { return cmp.Or(lastPart(string(p.ORN)), string(p.Profile.ID)) }

// native is what the owner is. The vendor's word is a plural.
func (p *wirePrincipal) native() string {
	switch p.Type {
	case "users":
		return "user"
	case "groups":
		return "group"
	}
	return string(p.Type)
}

func (p *wirePrincipal) stewardship(agent, scope string) events.Entity {
	return events.Entity{Kind: events.KindStewardship, Holder: agent, Key: "owner:" + p.id(), Scope: scope,
		Stewardship: &events.Stewardship{Role: "owner", Person: p.id(), Native: p.native()}}
}

// person is what the list of owners tells of the owner. It has no scope: that somebody owns nothing more proves nothing.
func (p *wirePrincipal) person() events.Entity {
	n := &events.Person{Native: p.native(), Name: string(p.Profile.Name), UserName: string(p.Profile.Login),
		Status: personStatus(p.Profile.Status), NativeStatus: string(p.Profile.Status)}
	if p.Profile.Email != "" {
		n.Emails = []string{string(p.Profile.Email)}
	}
	return events.Entity{Kind: events.KindPerson, Holder: p.id(), Key: events.Self, Person: n}
}

// personStatus maps the statuses of Okta's users.
func personStatus(native text) events.Status {
	switch native {
	case "ACTIVE", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT":
		return events.StatusActive
	case "STAGED", "PROVISIONED":
		return events.StatusPending
	case "SUSPENDED", "DEPROVISIONED", "INACTIVE":
		return events.StatusDisabled
	}
	return events.StatusUnknown
}
