package entra

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// assignment is an application role that a service principal has at a resource.
type assignment struct {
	ID           string     `json:"id"`
	Role         string     `json:"appRoleId"` // all zeros: the resource's default access
	Resource     string     `json:"resourceId"`
	ResourceName string     `json:"resourceDisplayName"`
	Created      *time.Time `json:"createdDateTime"`
}

func readRoles(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[assignment](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope := "grants/" + holder
	out := connectors.Reading{Replaces: []string{scope}}
	for _, a := range all {
		if a.ID == "" {
			return connectors.Reading{}, fmt.Errorf("an app role assignment has no id")
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindGrant, Holder: holder, Key: a.ID, Scope: scope,
			Grant: &events.Grant{
				Type: "app_role", Role: a.Role, Resource: a.Resource, ResourceName: a.ResourceName, Created: when(a.Created),
			},
		})
	}
	return out, nil
}

// consent is a delegated permission grant.
type consent struct {
	ID       string     `json:"id"`
	Type     string     `json:"consentType"`
	Person   string     `json:"principalId"`
	Resource string     `json:"resourceId"`
	Scope    string     `json:"scope"`
	Start    *time.Time `json:"startTime"`  // beta
	Expiry   *time.Time `json:"expiryTime"` // beta
}

func readConsents(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[consent](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope := "delegations/" + holder
	out := connectors.Reading{Replaces: []string{scope}}
	for _, c := range all {
		if c.ID == "" {
			return connectors.Reading{}, fmt.Errorf("a delegated permission grant has no id")
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindDelegation, Holder: holder, Key: c.ID, Scope: scope, Delegation: c.delegation(),
		})
	}
	return out, nil
}

// delegation maps the type of consent. One that is not known is not taken for everyone's.
func (c *consent) delegation() *events.Delegation {
	d := &events.Delegation{Person: c.Person, Scopes: sorted(strings.Fields(c.Scope)), Resource: c.Resource,
		Created: when(c.Start), Expires: when(c.Expiry)}
	switch c.Type {
	case "AllPrincipals":
		d.Person, d.Source = events.Everyone, "admin_consent"
	case "Principal":
		d.Source = "user_consent"
	default:
		d.Source, d.Status, d.NativeStatus = c.Type, events.StatusUnknown, c.Type
	}
	return d
}
