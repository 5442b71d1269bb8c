package entra

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// The two consent types: for everybody, given by an administrator, or for one user.
const (
	allPrincipals = "AllPrincipals"
	onePrincipal  = "Principal"
)

// scoped is one delegated scope of a resource that a client has, or could have.
type scoped struct {
	res   *object
	grant *object // nil when there is none to the same resource for the same user yet
	scope string
}

// client finds the agent identity, or by its id the blueprint principal, that a consent is about.
func (s *Sandbox) client(c sandbox.Change, fits func(*object) bool) (*object, error) {
	if p := s.parent(c.Agent); p != nil {
		if p.base != "servicePrincipal" || !p.live() || !fits(p) {
			return nil, none(c, "only a blueprint's principal holds grants, and this one is not in a state that allows it")
		}
		return p, nil
	}
	return s.target(c, func(o *object) bool { return o.live() && o.Type == "agentIdentity" && fits(o) })
}

// addConsent adds one delegated scope, for Person if there is one, or for everybody. Name may ask for Principal or
// AllPrincipals, otherwise it is drawn; a scope of a resource that the client may call already is added to that grant.
func (s *Sandbox) addConsent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	if c.Name != "" && c.Name != onePrincipal && c.Name != allPrincipals || c.Person != "" && c.Name == allPrincipals {
		return sandbox.Outcome{}, none(c, "Name must be Principal or AllPrincipals, and Principal with a Person")
	}
	o, err := s.client(c, func(*object) bool { return true })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	user := ""
	if c.Person != "" || c.Name == onePrincipal || c.Name == "" && s.st.Rand.Chance(0.5) {
		p, err := s.person(c, (*object).enabled)
		if err != nil {
			return sandbox.Outcome{}, err
		}
		user = p.ID
	}
	free := s.freeScopes(o, user)
	if len(free) == 0 {
		return sandbox.Outcome{}, none(c, "it has every scope that there is")
	}
	pick := free[s.st.Rand.Pick(len(free))]
	s.recordConsent(now, o, pick, 0)
	if pick.grant == nil {
		pick.grant = s.newScopeGrant(o, pick.res, user, pick.scope)
	} else {
		s.set(pick.grant, "scope", pick.grant.text("scope")+" "+pick.scope)
	}
	return outcome(o, pick.grant.ID, "%s of %s consented to for %s", pick.scope, shown(pick.res), shown(o))
}

// freeScopes are the scopes of all resources that a client has not got for a user.
func (s *Sandbox) freeScopes(client *object, user string) []scoped {
	var out []scoped
	for _, res := range s.ix.apis {
		grant := s.ix.byID[grantID(client.ID, res.ID, user)]
		if grant != nil && grant.Purged {
			grant = nil
		}
		list, _ := res.Props["oauth2PermissionScopes"].([]any)
		for _, v := range list {
			m, _ := v.(map[string]any)
			scope, _ := m["value"].(string)
			if grant == nil || !slices.Contains(strings.Fields(grant.text("scope")), scope) {
				out = append(out, scoped{res, grant, scope})
			}
		}
	}
	return out
}

// removeConsent takes one scope away, of Person's consent if there is one; with its last scope a grant is gone.
func (s *Sandbox) removeConsent(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	user := ""
	if c.Person != "" {
		p, err := s.person(c, func(*object) bool { return true })
		if err != nil {
			return sandbox.Outcome{}, err
		}
		user = p.ID
	}
	given := func(o *object) []scoped { return s.givenScopes(o, c.Name, user) }
	o, err := s.client(c, func(o *object) bool { return len(given(o)) > 0 })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	all := given(o)
	pick := all[s.st.Rand.Pick(len(all))]
	s.recordConsent(now, o, pick, 1)
	left := slices.DeleteFunc(strings.Fields(pick.grant.text("scope")), func(x string) bool { return x == pick.scope })
	if len(left) == 0 {
		s.bury(pick.grant)
	} else {
		s.set(pick.grant, "scope", strings.Join(left, " "))
	}
	return outcome(o, pick.grant.ID, "consent to %s of %s taken from %s", pick.scope, shown(pick.res), shown(o))
}

// givenScopes are the delegated scopes of a client, of one consent type or of one user if they are named.
func (s *Sandbox) givenScopes(client *object, consentType, user string) []scoped {
	var out []scoped
	for _, g := range s.grantsOf(client) {
		if user != "" && g.text("principalId") != user || consentType != "" && g.text("consentType") != consentType {
			continue
		}
		for scope := range strings.FieldsSeq(g.text("scope")) {
			out = append(out, scoped{s.ix.byID[g.text("resourceId")], g, scope})
		}
	}
	return out
}

// recordConsent writes the entry of a consent that comes (way 0) or goes (way 1).
func (s *Sandbox) recordConsent(now time.Time, client *object, x scoped, way int) {
	had := ""
	if x.grant != nil {
		had = x.grant.text("scope")
	}
	has := strings.TrimSpace(had + " " + x.scope)
	if way == 1 {
		has = strings.Join(slices.DeleteFunc(strings.Fields(had), func(y string) bool { return y == x.scope }), " ")
	}
	verb := [2]string{"Add delegated permission grant", "Remove delegated permission grant"}[way]
	s.record(logged{at: now, verb: verb, about: []*object{x.res, client}, changes: []modified{
		change("DelegatedPermissionGrant.Scope", quote(had), quote(has))}}, s.admin())
}
