package entra

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// guidBytes are the sixteen bytes of a UUID in the vendor's order: the first three groups are little-endian.
func guidBytes(id string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil || len(b) != 16 {
		return make([]byte, 16)
	}
	for _, g := range [][2]int{{0, 4}, {4, 6}, {6, 8}} {
		for i, j := g[0], g[1]-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
	return b
}

// grantID is the id of a delegated grant, which the vendor makes of the parties' ids: there is one for each triple.
func grantID(client, resource, principal string) string {
	b := append(guidBytes(client), guidBytes(resource)...)
	if principal != "" {
		b = append(b, guidBytes(principal)...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// newScopeGrant lets client call resource on behalf of one user, or of everybody when principal is empty. It returns nil
// when there is such a grant already.
func (s *Sandbox) newScopeGrant(client, resource *object, principal, scope string) *object {
	id := grantID(client.ID, resource.ID, principal)
	if old := s.ix.byID[id]; old != nil && !old.Purged {
		return nil
	}
	props := map[string]any{"clientId": client.ID, "consentType": "AllPrincipals", "principalId": nil,
		"resourceId": resource.ID, "scope": scope}
	if principal != "" {
		props["consentType"], props["principalId"] = "Principal", principal
	}
	return s.create("oAuth2PermissionGrant", id, props)
}

// newRole assigns an app role of resource to a principal, or returns nil when it has that role already.
func (s *Sandbox) newRole(principal, resource *object, role map[string]any, at time.Time) *object {
	for _, g := range s.ix.holder[principal.ID] {
		if !g.Purged && g.text("resourceId") == resource.ID && g.Props["appRoleId"] == role["id"] {
			return nil
		}
	}
	id := base64.RawURLEncoding.EncodeToString(append(guidBytes(principal.ID), guidBytes(s.st.Rand.UUID())...))
	typ := "ServicePrincipal"
	if principal.base == "user" {
		typ = "User"
	}
	return s.create("appRoleAssignment", id, map[string]any{
		"appRoleId": role["id"], "createdDateTime": stamp(at), "principalDisplayName": principal.text("displayName"),
		"principalId": principal.ID, "principalType": typ, "resourceDisplayName": resource.text("displayName"),
		"resourceId": resource.ID,
	})
}

// addSomeGrant draws a permission that the agent does not have yet; nil when the drawn ones were all there.
func (s *Sandbox) addSomeGrant(agent *object) *object {
	all := s.ix.apis
	for range 12 {
		if len(all) == 0 {
			return nil
		}
		res := all[s.st.Rand.Pick(len(all))]
		var g *object
		switch draw := s.st.Rand.Pick(4); {
		case draw < 2:
			g = s.newRole(agent, res, s.pickOf(res, "appRoles"), s.grantTime())
		default:
			scope, _ := s.pickOf(res, "oauth2PermissionScopes")["value"].(string)
			g = s.newScopeGrant(agent, res, s.somebody(draw == 3), scope)
		}
		if g != nil {
			return g
		}
	}
	return nil
}

// somebody draws a person for a grant of one user; for a grant of everybody it is empty.
func (s *Sandbox) somebody(one bool) string {
	people := s.ix.people
	if !one || len(people) == 0 {
		return ""
	}
	return people[s.st.Rand.Pick(len(people))].ID
}

// grantTime is when a grant is given: now, or while the tenant is being seeded some time before [Layout].At.
func (s *Sandbox) grantTime() time.Time {
	if s.st.Seeded {
		return s.now()
	}
	return s.seeding.AddDate(0, 0, -1-s.st.Rand.Pick(200))
}
