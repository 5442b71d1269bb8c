package entra

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// inheritable is how much of a resource a blueprint lets its agents inherit.
type inheritable struct {
	all    bool
	scopes []string // of an enumeration; nil when nothing is inherited
}

// String is all, or the scopes separated by spaces.
func (n inheritable) String() string {
	if n.all {
		return "all"
	}
	return strings.Join(n.scopes, " ")
}

// inheritableOf reads the vendor's form: {kind: allAllowed}, {kind: enumerated, scopes: […]}, {kind: none}.
func inheritableOf(part map[string]any) inheritable {
	m, _ := part["inheritableScopes"].(map[string]any)
	n := inheritable{all: m["kind"] == "allAllowed"}
	list, _ := m["scopes"].([]any)
	for _, v := range list {
		scope, _ := v.(string)
		n.scopes = append(n.scopes, scope)
	}
	return n
}

// part is the vendor's form of it.
func (n inheritable) part(resourceAppID string) map[string]any {
	m := map[string]any{"@odata.type": "#microsoft.graph.noScopes", "kind": "none"}
	switch {
	case n.all:
		m["@odata.type"], m["kind"] = "#microsoft.graph.allAllowedScopes", "allAllowed"
	case n.scopes != nil:
		var list []any
		for _, s := range n.scopes {
			list = append(list, s)
		}
		m["@odata.type"], m["kind"], m["scopes"] = "#microsoft.graph.enumeratedScopes", "enumerated", list
	}
	return map[string]any{"resourceAppId": resourceAppID, "inheritableScopes": m}
}

// of is what remains of a grant that is inherited: all of it, some of its scopes, or nothing.
func (n inheritable) of(g *object) map[string]any {
	if n.all {
		return g.Props
	}
	left := slices.DeleteFunc(strings.Fields(g.text("scope")), func(s string) bool { return !slices.Contains(n.scopes, s) })
	if len(left) == 0 {
		return nil
	}
	props := maps.Clone(g.Props)
	props["scope"] = strings.Join(left, " ")
	return props
}

// inheritedGrants is what an agent identity has of a type through its blueprint: what the blueprint's principal was granted
// on the resources that the blueprint names as inheritable.
func (s *Sandbox) inheritedGrants(o *object, typ string) []map[string]any {
	principal := s.byApp("servicePrincipal", o.text("agentIdentityBlueprintId"))
	blueprint := s.byApp("application", o.text("agentIdentityBlueprintId"))
	if principal == nil || blueprint == nil {
		return nil
	}
	var out []map[string]any
	for _, g := range s.ix.holder[principal.ID] {
		res := s.ix.byID[g.text("resourceId")]
		if g.Type != typ || !g.live() || res == nil {
			continue
		}
		for _, p := range blueprint.Parts["inheritablePermissions"] {
			if props := inheritableOf(p).of(g); p["resourceAppId"] == res.text("appId") && props != nil {
				out = append(out, props)
			}
		}
	}
	return out
}

// inherited answers the two beta relations, which have no pages and no options.
func (q *request) inherited(o *object, typ string) (any, error) {
	value := []any{}
	for _, props := range q.inheritedGrants(o, typ) {
		value = append(value, project(props, kindOf(typ), nil))
	}
	return map[string]any{"@odata.context": q.base + "/$metadata#Collection(" + namespace + typ + ")", "value": value}, nil
}

// blueprintTarget finds a blueprint that fits: the named one, that of the named agent, or that of some agent. The first
// result is the object that an outcome speaks of.
func (s *Sandbox) blueprintTarget(c sandbox.Change, fits func(app *object) bool) (o, app *object, err error) {
	if p := s.parent(c.Agent); p != nil {
		app = s.byApp("application", p.text("appId"))
		if app == nil || !fits(app) {
			return nil, nil, none(c, "the blueprint is not in a state that allows it")
		}
		return p, app, nil
	}
	o, err = s.target(c, func(o *object) bool { app := s.blueprintOf(o); return app != nil && fits(app) })
	if err != nil {
		return nil, nil, err
	}
	return o, s.blueprintOf(o), nil
}

// closed are the resources of which a blueprint's agents inherit nothing yet.
func (s *Sandbox) closed(app *object) []*object {
	return slices.DeleteFunc(slices.Clone(s.ix.apis), func(res *object) bool {
		return slices.ContainsFunc(app.Parts["inheritablePermissions"], func(p map[string]any) bool {
			return p["resourceAppId"] == res.text("appId")
		})
	})
}

// addInheritable opens a resource to the agents of a blueprint: all of it, or one of its scopes. Name may be the resource's
// name or application id.
func (s *Sandbox) addInheritable(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	fit := func(app *object) []*object {
		return slices.DeleteFunc(s.closed(app), func(r *object) bool {
			return c.Name != "" && c.Name != r.text("displayName") && c.Name != r.text("appId")
		})
	}
	o, app, err := s.blueprintTarget(c, func(app *object) bool { return len(fit(app)) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	all := fit(app)
	res := all[s.st.Rand.Pick(len(all))]
	n := inheritable{all: s.st.Rand.Chance(0.5)}
	if scope, _ := s.pickOf(res, "oauth2PermissionScopes")["value"].(string); !n.all && scope != "" {
		n.scopes = []string{scope}
	}
	app.Parts["inheritablePermissions"] = append(app.Parts["inheritablePermissions"], n.part(res.text("appId")))
	s.recordInheritable(now, app, change("InheritablePermissions", "[]", list(res.text("appId"))))
	return outcome(o, res.text("appId"), "agents of %s may inherit %s of %s", shown(app), quote(n.String()), shown(res))
}

// removeInheritable closes a resource again.
func (s *Sandbox) removeInheritable(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, app, err := s.blueprintTarget(c, func(app *object) bool { return len(app.Parts["inheritablePermissions"]) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	all := app.Parts["inheritablePermissions"]
	i := s.st.Rand.Pick(len(all))
	id, _ := all[i]["resourceAppId"].(string)
	app.Parts["inheritablePermissions"] = slices.Delete(slices.Clone(all), i, i+1)
	s.recordInheritable(now, app, change("InheritablePermissions", list(id), "[]"))
	return outcome(o, id, "agents of %s inherit nothing of %s any more", shown(app), id)
}

func (s *Sandbox) recordInheritable(now time.Time, app *object, m modified) {
	s.record(logged{at: now, verb: "Update application", about: []*object{app}, changes: []modified{m}}, s.admin())
}
