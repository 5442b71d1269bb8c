package show

import (
	"cmp"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// what names the thing that the event is about.
func what(e *events.Event, names *Names) string {
	name := func(id string) string { return names.Of(e.Tenant, e.Connection, id) }
	n := e.Data.Entity
	switch {
	case n.Agent != nil:
		return words(n.Agent.Native)
	case n.Blueprint != nil:
		return words(n.Blueprint.Native)
	case n.Person != nil:
		return strings.Join(nonEmpty(words(n.Person.Native), withheld(n.Person.Withheld)), " · ")
	case n.Stewardship != nil:
		return n.Stewardship.Role + " " + name(n.Stewardship.Person)
	case n.Credential != nil:
		return describeCredential(short(n.Key), n.Credential)
	case n.Grant != nil:
		return describeGrant(n.Grant, name)
	case n.Delegation != nil:
		return describeDelegation(n.Delegation, name)
	case n.Risk != nil:
		return strings.Join(nonEmpty(n.Risk.Level, n.Risk.State, n.Risk.Detail), " · ")
	case n.Coverage != nil:
		return strings.Join(nonEmpty(n.Coverage.Feed+" "+n.Coverage.State, n.Coverage.Reason), ": ")
	}
	return ""
}

// withheld says why a person has no name.
func withheld(why events.Withheld) string {
	if why == "" {
		return ""
	}
	return "name and addresses " + string(why)
}

func words(native string) string { return strings.ReplaceAll(native, "_", " ") }

// describeCredential names a credential by what it is and its key id. One that has ended says so.
func describeCredential(key string, c *events.Credential) string {
	s := strings.Join(nonEmpty(words(c.Type), cmp.Or(c.Name, key)), " ")
	if c.Subject != "" {
		s += " for " + c.Subject
	}
	switch {
	case c.Expires.IsZero():
	case c.Expires.Before(time.Now()):
		s += ", expired " + date(c.Expires)
	default:
		s += " until " + date(c.Expires)
	}
	if c.Status != "" && c.Status != events.StatusActive {
		s += ", " + string(c.Status)
	}
	return s
}

func describeGrant(g *events.Grant, name func(string) string) string {
	role := cmp.Or(g.RoleName, strings.TrimPrefix(g.Role, "roles/"), strings.Join(g.Scopes, " "), words(g.Type))
	if g.RoleName == "" && strings.Count(g.Role, "-") == 4 && len(g.Role) == 36 {
		role = words(g.Type) + " " + g.Role // an id alone would say nothing
	}
	if on := cmp.Or(g.ResourceName, resource(g.Resource, name)); on != "" {
		role += " on " + on
	}
	if g.Condition != "" {
		role += " if " + g.Condition
	}
	return role + inactive(g.Status)
}

func describeDelegation(d *events.Delegation, name func(string) string) string {
	whom := "everyone"
	if d.Person != events.Everyone {
		whom = name(d.Person)
	}
	s := "for " + whom
	if on := cmp.Or(d.ResourceName, resource(d.Resource, name)); on != "" {
		s += " on " + on
	}
	if len(d.Scopes) > 0 {
		s += ": " + strings.Join(d.Scopes, " ")
	}
	return s + inactive(d.Status)
}

func resource(id string, name func(string) string) string {
	if id == "" {
		return ""
	}
	return name(id)
}

func inactive(s events.Status) string {
	if s == "" || s == events.StatusActive {
		return ""
	}
	return ", " + string(s)
}
