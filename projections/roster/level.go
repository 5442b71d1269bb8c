package roster

import (
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// Level is how much a grant allows, the same words for all vendors.
type Level string

// The levels, each of which includes what is said of those before it. What no reviewed row of the table speaks of is LevelUnknown:
// its name may say much, and is not believed.
const (
	LevelUnknown Level = "unknown"
	LevelRead    Level = "read"  // sees, and changes nothing
	LevelWrite   Level = "write" // changes things or makes them run
	LevelAdmin   Level = "admin" // manages a whole service, says who may do what, or acts as somebody else
)

// Levels are all levels, the least first.
var Levels = []Level{LevelUnknown, LevelRead, LevelWrite, LevelAdmin}

// LevelOf is how much a grant of a vendor's allows. Of several scopes the highest counts; where one of them is unknown, only
// LevelAdmin is certain. A grant that is not in force has the level that it would have if it were.
func LevelOf(vendor string, g *events.Grant) Level {
	return highest(table(vendor).ratings(named(g), g.ResourceName))
}

// LevelOfDelegation is how much an agent may do on behalf of the person; that person's own rights bound it further.
func LevelOfDelegation(vendor string, d *events.Delegation) Level {
	return highest(table(vendor).ratings(delegated(d), d.ResourceName))
}

// Privileged reports whether a grant reaches a whole tenant, organization or project at a level from which everything else can be taken
// over: the vendor's highest roles, those that give out roles, and those that act as others. A directory role that holds in a part of the
// directory alone is none, and whatever the table does not know is none either: LevelOf says which those are.
func Privileged(vendor string, g *events.Grant) bool {
	if g.Type == "directory_role" && g.Resource != "" && g.Resource != "/" {
		return false
	}
	return slices.ContainsFunc(table(vendor).ratings(named(g), g.ResourceName), func(r rating) bool { return r.row != nil && r.row.privileged })
}

// Unmapped are the roles and scopes of a grant that the table does not know, as "<kind> <name>", with the resource where the name means
// something only there.
func Unmapped(vendor string, g *events.Grant) []string {
	out := unmapped(table(vendor).ratings(named(g), g.ResourceName), g.ResourceName)
	if g.Type == "directory_role" && g.RoleName != "" {
		for i := range out {
			out[i] += " (" + g.RoleName + ")"
		}
	}
	return out
}

// UnmappedInDelegation are the scopes of a delegation that the table does not know.
func UnmappedInDelegation(vendor string, d *events.Delegation) []string {
	return unmapped(table(vendor).ratings(delegated(d), d.ResourceName), d.ResourceName)
}

func unmapped(list []rating, on string) []string {
	var out []string
	for _, r := range list {
		if r.row != nil {
			continue
		}
		what := strings.TrimSpace(r.of + " " + r.name)
		if on != "" && (r.of == ofScope || r.of == ofAppRole) {
			what += " on " + on
		}
		out = append(out, what)
	}
	return out
}

// The kinds of names that rows are of; beside these the types of grants that name a role: directory_role, iam_role, admin_role.
const (
	ofScope   = "scope"
	ofAppRole = "app_role"
)

// given is something that a grant gives: a role or a scope. or is its other name, by which it may be known as well.
type given struct{ of, name, or string }

// named are the names by which a grant says what it gives.
func named(g *events.Grant) []given {
	switch g.Type {
	case "oauth_scope", "connection":
		if len(g.Scopes) > 0 {
			return scopes(g.Scopes)
		}
	case ofAppRole: // known by its id everywhere, or by its name, which is that of a scope, at its resource
		return []given{{ofAppRole, g.Role, g.RoleName}}
	}
	return []given{{g.Type, g.Role, ""}}
}

// delegated are the names by which a delegation says what it gives.
func delegated(d *events.Delegation) []given {
	if len(d.Scopes) > 0 {
		return scopes(d.Scopes)
	}
	return []given{{"delegation", d.Source, ""}}
}

func scopes(list []string) []given {
	out := []given{}
	for _, s := range list {
		out = append(out, given{ofScope, s, ""})
	}
	return out
}

// rating is a name with what the table has of it; nil: nothing.
type rating struct {
	of, name string
	row      *levelRow
}

func (t *levelTable) ratings(list []given, on string) []rating {
	var out []rating
	for _, g := range list {
		r := rating{of: g.of, name: g.name, row: t.find(g.of, g.name, on)}
		if r.row == nil && g.or != "" {
			r.name, r.row = g.or, t.find(ofScope, g.or, on)
		}
		out = append(out, r)
	}
	return out
}

// highest is the level of all together.
func highest(list []rating) Level {
	level, certain := LevelUnknown, true
	for _, r := range list {
		if r.row == nil {
			certain = false
		} else if slices.Index(Levels, r.row.level) > slices.Index(Levels, level) {
			level = r.row.level
		}
	}
	if certain || level == LevelAdmin {
		return level
	}
	return LevelUnknown
}

// fitsName reports whether a dotted name fits a pattern, in which "*" is one part and "**" any number of them.
func fitsName(pattern, name []string) bool {
	switch {
	case len(pattern) == 0:
		return len(name) == 0
	case pattern[0] == "**":
		return fitsName(pattern[1:], name) || len(name) > 0 && fitsName(pattern, name[1:])
	case len(name) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == name[0]) && fitsName(pattern[1:], name[1:])
}

// parts splits a name at its dots; an address is one part.
func parts(name string) []string {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	return strings.Split(name, ".")
}
