package entra

import (
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// addBlueprint creates a blueprint with credentials, inheritable permissions and its principal, and returns the principal.
func (b *builder) addBlueprint(d sandbox.Seed, name string) *object {
	r := b.st.Rand
	appID, since := r.UUID(), b.ago(330)
	app := b.create("agentIdentityBlueprint", r.UUID(), map[string]any{
		"appId": appID, "createdByAppId": b.factory.text("appId"), "createdDateTime": stamp(since), "displayName": name,
		"description":    "Agents that work for " + d.Purpose + ".",
		"identifierUris": []any{"api://" + appID}, "publisherDomain": b.st.Domain, "signInAudience": "AzureADMyOrg",
		"tags": []any{"prod"}, "passwordCredentials": []any{}, "keyCredentials": []any{},
		"requiredResourceAccess": []any{map[string]any{"resourceAppId": graphAppID, "resourceAccess": []any{
			map[string]any{"id": graphScopes[0].id, "type": "Scope"}}}},
	})
	b.addCredentials(app, since)
	app.Parts["inheritablePermissions"] = []map[string]any{{
		"resourceAppId":     graphAppID,
		"inheritableScopes": map[string]any{"@odata.type": "#microsoft.graph.allAllowedScopes", "kind": "allAllowed"},
	}}
	sp := b.newPrincipal(name, appID, b.st.Tenant, stamp(since))
	b.addStewards(app, sp, d)
	b.inherit(sp)
	return sp
}

func (b *builder) addStewards(app, sp *object, d sandbox.Seed) {
	if owner := b.people[d.Owner]; owner != "" {
		b.link(app, "owners", owner)
		b.link(sp, "owners", owner)
	}
	if n := len(b.groups); n > 0 {
		group := b.groups[b.st.Rand.Pick(n)]
		b.link(app, "sponsors", group)
		b.link(sp, "sponsors", group)
	}
}

// newPrincipal creates the service principal of a blueprint.
func (s *Sandbox) newPrincipal(name, appID, tenant, created string) *object {
	return s.create("agentIdentityBlueprintPrincipal", s.st.Rand.UUID(), map[string]any{
		"accountEnabled": true, "appDescription": nil, "appDisplayName": name, "appId": appID, "appOwnerOrganizationId": tenant,
		"appRoleAssignmentRequired": false, "createdDateTime": created, "displayName": name,
		"publisherName": s.st.Company, "servicePrincipalNames": []any{appID, "api://" + appID},
		"servicePrincipalType": "Application", "signInAudience": "AzureADMyOrg", "tags": []any{"prod"},
	})
}

// addCredentials gives a blueprint up to three credentials: a managed identity as federated credential, a secret, a
// certificate. Ends are spread so that at any time in three years some have passed and some are near.
func (b *builder) addCredentials(app *object, since time.Time) {
	r := b.st.Rand
	if r.Chance(0.7) {
		app.Parts["federatedIdentityCredentials"] = []map[string]any{b.federated("mi-agents", r.UUID())}
	}
	if r.Chance(0.7) {
		end := b.seeding.AddDate(0, r.Pick(24)-6, r.Pick(28))
		b.set(app, "passwordCredentials", []any{b.secret("Deployment secret", end.AddDate(-1, 0, 0), end)})
	}
	if r.Chance(0.4) {
		end := b.seeding.AddDate(0, r.Pick(42)-6, r.Pick(28))
		b.set(app, "keyCredentials", []any{b.certificate("CN=agents."+b.st.Domain, since, end)})
	}
}

// inherit grants the blueprint's principal what its agents inherit.
func (b *builder) inherit(sp *object) {
	graph := b.byApp("servicePrincipal", graphAppID)
	b.newScopeGrant(sp, graph, "", graphScopes[0].value)
	if b.st.Rand.Chance(0.5) {
		b.newRole(sp, graph, b.pickOf(graph, "appRoles"), b.seeding.AddDate(0, -3, 0))
	}
}
