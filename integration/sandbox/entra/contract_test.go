package entra

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/contract"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// checker holds values to the published types, and tells the test what is wrong.
type checker struct {
	*contract.Graph
	t *testing.T
}

func (c checker) object(where, typ string, m jsonObject) {
	for _, found := range c.Object(where, typ, m) {
		c.t.Error(found)
	}
}

// required checks the properties that a full read may not leave out: those that the contract does not allow to be null.
func (c checker) required(where, typ string, m jsonObject) {
	if own, ok := m["@odata.type"].(string); ok {
		typ = strings.TrimPrefix(own, "#")
	}
	for _, name := range map[string][]string{
		"microsoft.graph.agentIdentity":               {"id", "appId", "agentIdentityBlueprintId", "displayName", "accountEnabled", "tags"},
		"microsoft.graph.agentIdentityBlueprint":      {"id", "appId", "keyCredentials", "passwordCredentials", "identifierUris"},
		"microsoft.graph.oAuth2PermissionGrant":       {"id", "clientId", "resourceId"},
		"microsoft.graph.appRoleAssignment":           {"id", "appRoleId", "principalId"},
		"microsoft.graph.federatedIdentityCredential": {"id", "name", "issuer", "audiences"},
		"microsoft.graph.unifiedRoleAssignment":       {"id", "principalId", "roleDefinitionId", "directoryScopeId"},
		"microsoft.graph.directoryAudit":              {"id", "activityDateTime", "activityDisplayName", "category", "initiatedBy"},
	}[typ] {
		if m[name] == nil {
			c.t.Errorf("%s: %s lacks %s", where, typ, name)
		}
	}
}

const ns = "microsoft.graph."

// contractLists are the lists that every tenant has, with the type that each declares.
var contractLists = map[string]string{
	"/servicePrincipals": ns + "servicePrincipal", "/servicePrincipals/graph.agentIdentity": ns + "agentIdentity",
	"/servicePrincipals/graph.agentIdentityBlueprintPrincipal": ns + "agentIdentityBlueprintPrincipal",
	"/applications": ns + "application", "/applications/graph.agentIdentityBlueprint": ns + "agentIdentityBlueprint",
	"/users": ns + "user", "/users/graph.agentUser": ns + "agentUser", "/groups": ns + "group",
	"/users?$select=" + selectAll("user"): ns + "user", "/oauth2PermissionGrants": ns + "oAuth2PermissionGrant",
	"/auditLogs/directoryAudits":                                  ns + "directoryAudit",
	"/roleManagement/directory/roleAssignments":                   ns + "unifiedRoleAssignment",
	"/roleManagement/directory/roleAssignments?$expand=principal": ns + "unifiedRoleAssignment",
	"/groups/delta": ns + "group",
	"/directory/deletedItems/microsoft.graph.servicePrincipal":    ns + "servicePrincipal",
	"/directory/deletedItems/microsoft.graph.user":                ns + "user",
	"/servicePrincipals/graph.agentIdentity?$expand=owners":       ns + "agentIdentity",
	"/users/graph.agentUser?$expand=manager($select=id),sponsors": ns + "agentUser",
	"/servicePrincipals/delta":                                    ns + "servicePrincipal",
	"/applications/delta":                                         ns + "application",
	"/users/delta":                                                ns + "user",
	"/oauth2PermissionGrants/delta":                               ns + "oAuth2PermissionGrant",
}

// mustAppear are the types of which at least one object must have been checked.
var mustAppear = []string{"agentIdentity", "agentIdentityBlueprint", "agentIdentityBlueprintPrincipal", "agentUser", "user", "group",
	"application", "servicePrincipal", "oAuth2PermissionGrant", "appRoleAssignment", "federatedIdentityCredential", "directoryAudit",
	"passwordCredential", "keyCredential", "targetResource", "modifiedProperty", "allAllowedScopes", "permissionScope", "appRole",
	"unifiedRoleAssignment", "enumeratedScopes"}

// relationLists are the lists that hang on single objects.
func (x *tenant) relationLists() map[string]string {
	lists := map[string]string{}
	for _, m := range x.ok("/v1.0/servicePrincipals").items() {
		p := "/servicePrincipals/" + m["id"].(string)
		lists[p+"/owners"], lists[p+"/appRoleAssignments"] = ns+"directoryObject", ns+"appRoleAssignment"
		lists[p+"/oauth2PermissionGrants"] = ns + "oAuth2PermissionGrant"
	}
	for _, m := range x.ok("/v1.0/applications/graph.agentIdentityBlueprint").items() {
		p := "/applications/" + m["id"].(string)
		lists[p+"/federatedIdentityCredentials"] = ns + "federatedIdentityCredential"
		lists[p+"/graph.agentIdentityBlueprint/inheritablePermissions"] = ns + "inheritablePermission"
		lists[p+"/graph.agentIdentityBlueprint/sponsors"] = ns + "directoryObject"
	}
	return lists
}

// TestContract reads everything that the tenant shows, after changes of all kinds, and holds it to the published metadata.
func TestContract(t *testing.T) {
	x := start(t)
	c := checker{contract.Entra(t), t}
	x.PageSize = 0
	for range 6 {
		for _, op := range everyOp() {
			x.pass(time.Minute)
			_, _ = x.Mutate(changeOf(op)) // some find no target; what matters is that much has changed
		}
	}
	x.do(changeOf(sandbox.DeleteAgent))
	for range 4 {
		x.do(changeOf(sandbox.AddInheritable))
	}
	lists := x.relationLists()
	maps.Copy(lists, contractLists)
	for path, typ := range lists {
		items, _ := x.walk("/v1.0" + path)
		for _, m := range items {
			c.object(path, typ, m)
			if !strings.Contains(path, "$select") && !strings.Contains(path, "delta") {
				c.required(path, typ, m)
			}
		}
	}
	for _, typ := range mustAppear {
		if c.Seen(ns+typ) == 0 {
			t.Errorf("no %s was checked", typ)
		}
	}
}

// selectAll names every property of a type that the sandbox knows.
func selectAll(typ string) string {
	k := kindOf(typ)
	out := []string{"id"}
	for _, p := range append(slices.Clone(k.defaults), k.more...) {
		out = append(out, strings.TrimSuffix(p, "[]"))
	}
	return strings.Join(out, ",")
}

// TestKindsAreInTheContract checks that the sandbox knows no property, relation or type that the vendor has not published.
func TestKindsAreInTheContract(t *testing.T) {
	c := checker{contract.Entra(t), t}
	for name, k := range kinds {
		if slices.Contains(unpublished, name) {
			continue
		}
		typ := namespace + name
		for _, p := range append(slices.Clone(k.defaults), k.more...) {
			prop, list := strings.CutSuffix(p, "[]")
			got, nullable, ok := c.Property(typ, prop)
			if !ok {
				if !slices.Contains(unlisted, prop) {
					t.Errorf("%s has no property %s", typ, prop)
				}
				continue
			}
			if isList := strings.HasPrefix(got, "Collection("); list && !isList || isList && !nullable && !list {
				t.Errorf("%s.%s is %s (nullable %t), the sandbox takes it for a list: %t", typ, prop, got, nullable, list)
			}
		}
		for _, rel := range append(slices.Clone(k.rels), k.castRels...) {
			if _, ok := c.Navigation(typ, rel); !ok && rel != "createdObjects" {
				t.Errorf("%s has no relation %s", typ, rel)
			}
		}
	}
}

// unpublished are the types that are not part of the excerpt, among them those of beta.
var unpublished = []string{"organization", "unifiedRoleDefinition", "signIn", "riskyAgent", "agentRiskDetection"}

// unlisted are properties of the vendor's pages or of beta that the excerpt does not hold on every type.
var unlisted = []string{"createdDateTime", "publishedPermissionScopes", "publisherName", "managerApplications", "startTime", "expiryTime"}
