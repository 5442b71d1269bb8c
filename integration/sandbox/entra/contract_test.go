package entra

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// specType and spec are the published metadata, as far as it was cut out.
type specType struct {
	Base       *string
	Open       bool
	Properties map[string]struct {
		Type     string
		Nullable bool
	}
	Navigation map[string]string
}

type spec struct {
	Types map[string]specType
	Enums map[string][]string
}

// loadSpec finds the metadata through ROLLCALL_SPECS (relative to the repository's folder), or beside the repository. Only an explicit word skips the test, and in
// CI nothing does.
func loadSpec(t *testing.T) spec {
	t.Helper()
	dir, ci := os.Getenv("ROLLCALL_SPECS"), os.Getenv("CI") == "true"
	switch {
	case dir == "" && ci:
		t.Fatal("ROLLCALL_SPECS is not set: in CI set it to the folder that holds entra-types.json")
	case dir == "skip" && ci:
		t.Fatal("ROLLCALL_SPECS=skip does not hold in CI: set it to the folder that holds entra-types.json")
	case dir == "skip":
		t.SkipNow()
	case dir == "":
		dir = filepath.Join("..", "shared", "specs")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root(t), dir)
	}
	b, err := os.ReadFile(filepath.Join(dir, "entra-types.json"))
	if err != nil {
		t.Fatalf("the vendor's contract cannot be read: %v\nset ROLLCALL_SPECS to the folder that holds entra-types.json, or to the word skip", err)
	}
	var s spec
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// root is the repository's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("there is no go.mod above the test: %v", err)
	return ""
}

// late are properties that the vendor's pages document, but the metadata of the specification does not hold on that type.
var late = []string{"microsoft.graph.servicePrincipal.createdDateTime", "microsoft.graph.agentIdentityBlueprintPrincipal.publishedPermissionScopes",
	"microsoft.graph.agentIdentityBlueprintPrincipal.publisherName", "microsoft.graph.agentIdentityBlueprintPrincipal.createdDateTime"}

// checker collects what is wrong with a value.
type checker struct {
	spec
	t    *testing.T
	seen map[string]int // type → how many objects of it were checked
}

var primitives = map[string]func(any) bool{
	"Edm.String":  func(v any) bool { _, ok := v.(string); return ok },
	"Edm.Boolean": func(v any) bool { _, ok := v.(bool); return ok },
	"Edm.Int32":   func(v any) bool { n, ok := v.(float64); return ok && n == float64(int32(n)) },
	"Edm.Guid":    func(v any) bool { s, ok := v.(string); return ok && guidForm.MatchString(s) },
	"Edm.Binary": func(v any) bool {
		s, ok := v.(string)
		return ok && regexp.MustCompile(`^[A-Za-z0-9+/_=-]*$`).MatchString(s)
	},
	"Edm.DateTimeOffset": func(v any) bool {
		s, _ := v.(string)
		_, err := time.Parse(time.RFC3339Nano, s)
		return err == nil && strings.HasSuffix(s, "Z")
	},
}

// value holds a value to a type's name, which may be a collection.
func (c checker) value(where, typ string, v any) {
	if inner, ok := strings.CutPrefix(typ, "Collection("); ok {
		list, ok := v.([]any)
		if !ok {
			c.t.Errorf("%s: %v is no list", where, compact(v))
		}
		for _, e := range list {
			c.value(where+"[]", strings.TrimSuffix(inner, ")"), e)
		}
		return
	}
	if f := primitives[typ]; f != nil {
		if !f(v) {
			c.t.Errorf("%s: %s is no %s", where, compact(v), typ)
		}
		return
	}
	if members, ok := c.Enums[typ]; ok {
		if s, _ := v.(string); !slices.Contains(members, s) {
			c.t.Errorf("%s: %s is not one of %v", where, compact(v), members)
		}
		return
	}
	m, ok := v.(jsonObject)
	if !ok {
		c.t.Errorf("%s: %s is no object of %s", where, compact(v), typ)
		return
	}
	c.object(where, typ, m)
}

// object holds each property of an object to the type that the object says it has, which must derive from typ.
func (c checker) object(where, typ string, m jsonObject) {
	if own, ok := m["@odata.type"].(string); ok {
		if !c.derives(strings.TrimPrefix(own, "#"), typ) {
			c.t.Errorf("%s: %s is not a %s", where, own, typ)
		}
		typ = strings.TrimPrefix(own, "#")
	}
	if _, ok := c.Types[typ]; !ok {
		c.t.Errorf("%s: the contract has no type %s", where, typ)
		return
	}
	c.seen[typ]++
	for name, v := range m {
		if strings.Contains(name, "@") {
			continue
		}
		if nav, ok := c.navigation(typ, name); ok {
			c.value(where+"."+name, nav, v)
			continue
		}
		p, nullable, ok := c.property(typ, name)
		switch {
		case !ok && c.Types[typ].Open && len(c.Types[typ].Properties) == 0: // resourceData may hold anything
		case !ok && !slices.Contains(late, typ+"."+name):
			c.t.Errorf("%s: %s has no property %s", where, typ, name)
		case ok && v == nil && !nullable:
			c.t.Errorf("%s.%s is null, which %s does not allow", where, name, typ)
		case ok && v != nil:
			c.value(where+"."+name, p, v)
		}
	}
}

func (c checker) property(typ, name string) (string, bool, bool) {
	for typ != "" {
		t := c.Types[typ]
		if p, ok := t.Properties[name]; ok {
			return p.Type, p.Nullable, true
		}
		typ = ""
		if t.Base != nil {
			typ = *t.Base
		}
	}
	return "", false, false
}

func (c checker) navigation(typ, name string) (string, bool) {
	for typ != "" {
		t := c.Types[typ]
		if n, ok := t.Navigation[name]; ok {
			return n, true
		}
		typ = ""
		if t.Base != nil {
			typ = *t.Base
		}
	}
	return "", false
}

func (c checker) derives(typ, base string) bool {
	for typ != "" && typ != base {
		b := c.Types[typ].Base
		if b == nil {
			return false
		}
		typ = *b
	}
	return typ == base
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
	c := checker{loadSpec(t), t, map[string]int{}}
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
		if c.seen[ns+typ] == 0 {
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
	c := checker{loadSpec(t), t, nil}
	for name, k := range kinds {
		if slices.Contains(unpublished, name) {
			continue
		}
		typ := namespace + name
		for _, p := range append(slices.Clone(k.defaults), k.more...) {
			prop, list := strings.CutSuffix(p, "[]")
			got, nullable, ok := c.property(typ, prop)
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
			if _, ok := c.navigation(typ, rel); !ok && rel != "createdObjects" {
				t.Errorf("%s has no relation %s", typ, rel)
			}
		}
	}
}

// unpublished are the types that are not part of the excerpt, among them those of beta.
var unpublished = []string{"organization", "unifiedRoleDefinition", "signIn", "riskyAgent", "agentRiskDetection"}

// unlisted are properties of the vendor's pages or of beta that the excerpt does not hold on every type.
var unlisted = []string{"createdDateTime", "publishedPermissionScopes", "publisherName", "managerApplications", "startTime", "expiryTime"}
