package entra

import (
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// The traps in Entra's ids:
//
//   - An agent identity has one id: its appId is the same. Its blueprint is named by the blueprint's appId, not its object id.
//   - A blueprint is two objects with one appId: the application, and its principal in each tenant that uses it. Both are
//     blueprints here, with object ids of their own.
//   - An agent's user account names its agent identity by object id, and for ever.

// The agent types by the last part of their @odata.type.
const (
	typeAgentIdentity = "agentIdentity"
	typePrincipal     = "agentIdentityBlueprintPrincipal"
	typeBlueprint     = "agentIdentityBlueprint"
	typeAgentUser     = "agentUser"
)

// The native types, as entities carry them.
const (
	nativeAgentIdentity = "agent_identity"
	nativeAgentUser     = "agent_user"
	nativeBlueprint     = "agent_identity_blueprint"
	nativePrincipal     = "agent_identity_blueprint_principal"
)

// serviceIdentity is the servicePrincipalType that only agent identities have.
const serviceIdentity = "ServiceIdentity"

// odataName is the last part of an @odata.type: "agentIdentity" of "#microsoft.graph.agentIdentity". Graph spells the
// namespace in several ways.
func odataName(typ string) string {
	name := typ[strings.LastIndexByte(typ, '.')+1:]
	for _, known := range []string{typeAgentIdentity, typePrincipal, typeBlueprint, typeAgentUser} {
		if strings.EqualFold(name, known) {
			return known
		}
	}
	return strings.TrimPrefix(name, "#")
}

// nativeName is a type in the form that entities carry: "service_principal" of "#microsoft.graph.servicePrincipal".
func nativeName(typ string) string {
	var b strings.Builder
	for i, r := range odataName(typ) {
		if 'A' <= r && r <= 'Z' {
			if i > 0 {
				b.WriteByte('_')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isAgentIdentity tells an agent identity with and without its type.
func (it item) isAgentIdentity() bool {
	if name := odataName(it.Type); name == typeAgentIdentity || name == typePrincipal {
		return name == typeAgentIdentity
	}
	return it.Principal == serviceIdentity || it.Blueprint != ""
}

// identifiers are the pairs that have a value, sorted.
func identifiers(pairs ...events.Identifier) []events.Identifier {
	ids := slices.DeleteFunc(pairs, func(id events.Identifier) bool { return id.Value == "" })
	slices.SortFunc(ids, func(a, b events.Identifier) int {
		return strings.Compare(string(a.Type)+"\x00"+a.Value, string(b.Type)+"\x00"+b.Value)
	})
	return ids
}
