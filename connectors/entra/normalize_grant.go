package entra

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// assignment is an application role that a service principal has at a resource.
type assignment struct {
	ID           string     `json:"id"`
	Principal    string     `json:"principalId"`
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
	scope, named := "grants/"+holder, namesOf(r)
	out := connectors.Reading{Replaces: []string{scope}}
	for _, a := range all {
		if a.ID == "" {
			return connectors.Reading{}, fmt.Errorf("an app role assignment has no id")
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindGrant, Holder: holder, Key: a.ID, Scope: scope, Grant: a.grant(named),
		})
	}
	return out, nil
}

func (a *assignment) grant(named map[string]string) *events.Grant {
	return &events.Grant{
		Type: "app_role", Role: a.Role, RoleName: named[a.Role], Resource: a.Resource,
		ResourceName: cmp.Or(a.ResourceName, named[a.Resource]), Created: when(a.Created),
	}
}

// directoryRole is a role of the directory's own, which holds everywhere or in one part of it.
type directoryRole struct {
	ID         string `json:"id"`
	Definition string `json:"roleDefinitionId"`
	Principal  string `json:"principalId"`
	Scope      string `json:"directoryScopeId"` // "/": the whole directory
	AppScope   string `json:"appScopeId"`
	Condition  string `json:"condition"`
}

func readDirectoryRoles(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[directoryRole](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope, named := "directory_roles/"+holder, namesOf(r)
	out := connectors.Reading{Replaces: []string{scope}}
	for _, d := range all {
		if d.ID == "" {
			return connectors.Reading{}, fmt.Errorf("a directory role assignment has no id")
		}
		if d.Principal != holder {
			return connectors.Reading{}, fmt.Errorf("a directory role assignment is another object's")
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindGrant, Holder: holder, Key: d.ID, Scope: scope, Grant: &events.Grant{
				Type: "directory_role", Role: d.Definition, RoleName: named[d.Definition],
				Resource: cmp.Or(d.Scope, d.AppScope), Condition: d.Condition},
		})
	}
	return out, nil
}

// consent is a delegated permission grant.
type consent struct {
	ID       string     `json:"id"`
	Client   string     `json:"clientId"`
	Type     string     `json:"consentType"`
	Person   string     `json:"principalId"`
	Resource string     `json:"resourceId"`
	Scope    string     `json:"scope"`
	Start    *time.Time `json:"startTime"`  // beta
	Expiry   *time.Time `json:"expiryTime"` // beta
}

// scopeConsents is where an object's consents are listed.
func scopeConsents(holder string) string { return "delegations/" + holder }

func readConsents(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[consent](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	named := namesOf(r)
	out := connectors.Reading{Replaces: []string{scopeConsents(holder)}}
	for _, c := range all {
		if c.ID == "" {
			return connectors.Reading{}, fmt.Errorf("a delegated permission grant has no id")
		}
		out.Entities = append(out.Entities, c.entity(holder, named))
	}
	return out, nil
}

// readConsent reads an item of the delta of consents. Of one that is gone the delta says its id alone; on whom it hung the pull
// has found out.
func readConsent(r connectors.Record) (connectors.Reading, error) {
	var c struct {
		consent
		Removed *removed `json:"@removed"`
	}
	if err := decodeBody(r, &c); err != nil {
		return connectors.Reading{}, err
	}
	holder := r.Context[contextHolder]
	if c.ID == "" || holder == "" {
		return connectors.Reading{}, fmt.Errorf("a delegated permission grant has no id or no client")
	}
	if c.Removed != nil {
		ref := events.Ref{Kind: events.KindDelegation, Holder: holder, Key: c.ID}
		return connectors.Reading{Tombstones: []connectors.Tombstone{{Ref: ref, Reason: "consent was taken back"}}}, nil
	}
	return connectors.Reading{Entities: []events.Entity{c.entity(holder, namesOf(r))}}, nil
}

func (c *consent) entity(holder string, named map[string]string) events.Entity {
	d := c.delegation()
	d.ResourceName = named[c.Resource]
	return events.Entity{Kind: events.KindDelegation, Holder: holder, Key: c.ID, Scope: scopeConsents(holder), Delegation: d}
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
