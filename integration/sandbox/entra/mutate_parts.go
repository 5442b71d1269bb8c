package entra

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// stewardRels are the relations by which a type knows its stewards.
func stewardRels(o *object) []string {
	if o.Type == "agentUser" {
		return []string{"sponsors", "manager"}
	}
	return []string{"owners", "sponsors"}
}

// activities are how the log calls a change of stewards. The names for sponsors are not published.
var activities = map[string][2]string{
	"owners":   {"Add owner to ", "Remove owner from "}, // the type's noun follows
	"sponsors": {"Add sponsor", "Remove sponsor"},
	"manager":  {"Add manager to user", "Remove manager from user"},
}

// activity is how the log calls it that a steward came (way 0) or went (way 1).
func activity(o *object, rel string, way int) string {
	if rel == "owners" {
		return activities[rel][way] + nouns[o.base]
	}
	return activities[rel][way]
}

// stewarded finds the agent that a change of stewards is about, or the blueprint or its principal if it is named by its id.
func (s *Sandbox) stewarded(c sandbox.Change, fits func(*object) bool) (*object, error) {
	if p := s.parent(c.Agent); p != nil && fits(p) {
		return p, nil
	}
	return s.target(c, fits)
}

// addOwner makes somebody owner (of an agent identity) or manager (of an agent user that has none), otherwise sponsor.
func (s *Sandbox) addOwner(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.stewarded(c, (*object).live)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	rels := stewardRels(o)
	first := s.st.Rand.Pick(len(rels))
	for i := range rels {
		rel := rels[(first+i)%len(rels)]
		if rel == "manager" && len(o.Links[rel]) > 0 {
			continue
		}
		p, err := s.person(c, func(u *object) bool { return !slices.Contains(o.Links[rel], u.ID) })
		if err != nil {
			continue
		}
		s.link(o, rel, p.ID)
		s.record(logged{at: now, verb: activity(o, rel, 0), about: []*object{o, p}}, s.admin())
		return outcome(o, p.ID, "%s is now %s of %s", p.text("displayName"), steward[rel], shown(o))
	}
	return sandbox.Outcome{}, none(c, fmt.Sprintf("person %q: nobody could be added", c.Person))
}

func (s *Sandbox) removeOwner(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	var wanted string
	if c.Person != "" {
		p, err := s.person(c, func(*object) bool { return true })
		if err != nil {
			return sandbox.Outcome{}, err
		}
		wanted = p.ID
	}
	o, err := s.stewarded(c, func(o *object) bool { return o.live() && len(stewardships(o, wanted)) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	all := stewardships(o, wanted)
	gone := all[s.st.Rand.Pick(len(all))]
	rel, id := gone[0], gone[1]
	s.unlink(o, rel, id)
	p := s.ix.byID[id]
	s.record(logged{at: now, verb: activity(o, rel, 1), about: []*object{o, p}}, s.admin())
	return outcome(o, id, "%s is no longer %s of %s", p.text("displayName"), steward[rel], shown(o))
}

// stewardships lists an agent's relations to stewards, or to one of them.
func stewardships(o *object, only string) [][2]string {
	var out [][2]string
	for _, rel := range stewardRels(o) {
		for _, id := range o.Links[rel] {
			if only == "" || id == only {
				out = append(out, [2]string{rel, id})
			}
		}
	}
	return out
}

// blueprintOf finds the application that holds an agent identity's credentials; nil when another tenant has it.
func (s *Sandbox) blueprintOf(o *object) *object {
	if o.Type != "agentIdentity" || !o.live() {
		return nil
	}
	return s.byApp("application", o.text("agentIdentityBlueprintId"))
}

// credentialEntry describes a change of a blueprint's credentials, by their ids before and after.
func credentialEntry(at time.Time, app *object, before, after string) logged {
	return logged{at: at, verb: "Update application – Certificates and secrets management", about: []*object{app},
		changes: []modified{change("KeyDescription", before, after)}}
}

// addCredential gives the agent's blueprint a secret, a certificate or a federated credential.
func (s *Sandbox) addCredential(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return s.blueprintOf(o) != nil })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	app := s.blueprintOf(o)
	var id string
	switch s.st.Rand.Pick(3) {
	case 0:
		id = s.addKey(app, "passwordCredentials", s.secret("Added by portal", now, now.AddDate(0, 6, 0)))
	case 1:
		id = s.addKey(app, "keyCredentials", s.certificate("CN=agents."+s.st.Domain, now, now.AddDate(1, 0, 0)))
	default:
		f := s.federated("mi-"+s.st.Rand.Digits(4), s.st.Rand.UUID())
		app.Parts["federatedIdentityCredentials"] = append(app.Parts["federatedIdentityCredentials"], f)
		id, _ = f["id"].(string)
	}
	s.record(credentialEntry(now, app, "[]", list(id)), s.admin())
	return outcome(o, id, "credential %s added to %s, for %s", id, shown(app), shown(o))
}

func (s *Sandbox) addKey(app *object, prop string, key map[string]any) string {
	list, _ := app.Props[prop].([]any)
	s.set(app, prop, append(slices.Clone(list), any(key)))
	id, _ := key["keyId"].(string)
	return id
}

// removeCredential takes one credential of any sort from the agent's blueprint.
func (s *Sandbox) removeCredential(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { a := s.blueprintOf(o); return a != nil && len(credentialIDs(a)) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	app := s.blueprintOf(o)
	ids := credentialIDs(app)
	id := ids[s.st.Rand.Pick(len(ids))]
	for _, prop := range []string{"passwordCredentials", "keyCredentials"} {
		list, _ := app.Props[prop].([]any)
		left := slices.DeleteFunc(slices.Clone(list), func(k any) bool { m, _ := k.(map[string]any); return m["keyId"] == id })
		if len(left) < len(list) {
			s.set(app, prop, left)
		}
	}
	fics := app.Parts["federatedIdentityCredentials"]
	app.Parts["federatedIdentityCredentials"] = slices.DeleteFunc(fics, func(f map[string]any) bool { return f["id"] == id })
	s.record(credentialEntry(now, app, list(id), "[]"), s.admin())
	return outcome(o, id, "credential %s removed from %s, for %s", id, shown(app), shown(o))
}

func credentialIDs(app *object) []string {
	var out []string
	for _, prop := range []string{"passwordCredentials", "keyCredentials"} {
		list, _ := app.Props[prop].([]any)
		for _, k := range list {
			m, _ := k.(map[string]any)
			id, _ := m["keyId"].(string)
			out = append(out, id)
		}
	}
	for _, f := range app.Parts["federatedIdentityCredentials"] {
		id, _ := f["id"].(string)
		out = append(out, id)
	}
	return out
}

// addGrant gives an agent identity an app role or a delegated permission that it did not have.
func (s *Sandbox) addGrant(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && o.Type == "agentIdentity" })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	g := s.addSomeGrant(o)
	if g == nil {
		return sandbox.Outcome{}, none(c, "it has every permission that there is")
	}
	s.record(logged{at: now, verb: grantActivity(g, 0), about: []*object{s.ix.byID[g.text("resourceId")], o}}, s.admin())
	return outcome(o, g.ID, "%s given to %s", s.permission(g), shown(o))
}

func (s *Sandbox) removeGrant(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	o, err := s.target(c, func(o *object) bool { return o.live() && len(s.grantsOf(o)) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	all := s.grantsOf(o)
	g := all[s.st.Rand.Pick(len(all))]
	what := s.permission(g)
	s.bury(g)
	s.record(logged{at: now, verb: grantActivity(g, 1), about: []*object{s.ix.byID[g.text("resourceId")], o}}, s.admin())
	return outcome(o, g.ID, "%s taken from %s", what, shown(o))
}

func (s *Sandbox) grantsOf(o *object) []*object {
	return slices.DeleteFunc(slices.Clone(s.ix.holder[o.ID]), func(g *object) bool { return g.Purged })
}

func grantActivity(g *object, way int) string {
	if g.Type == "appRoleAssignment" {
		return [2]string{"Add app role assignment to service principal", "Remove app role assignment from service principal"}[way]
	}
	return [2]string{"Add delegated permission grant", "Remove delegated permission grant"}[way]
}

// permission names what a grant allows, for a person: `Mail.Read of "Microsoft Graph"`.
func (s *Sandbox) permission(g *object) string {
	res, what := s.ix.byID[g.text("resourceId")], g.text("scope")
	list, _ := res.Props["appRoles"].([]any)
	for _, r := range list {
		if m, _ := r.(map[string]any); g.Type == "appRoleAssignment" && m["id"] == g.Props["appRoleId"] {
			what, _ = m["value"].(string)
		}
	}
	return fmt.Sprintf("%s of %s", what, shown(res))
}
