package entra

import (
	"regexp"
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
//   - A consumer of another organization's blueprint has its principal alone; a single-instance agent has a blueprint without a
//     principal. So a blueprint's appId may lead to one object, to two, or to none.
//   - A sign-in's agent.parentAppId is the blueprint's appId, its agentSubjectParentId an object id; a directory audit's blueprintId
//     is the blueprint's object id. Neither is needed here: the record's own object ids are.
//   - App role assignments, roles and consents name the resource by the object id of its service principal; inheritable permissions
//     name the same resource by its appId.
//   - Agents from before Agent ID are plain service principals that only their tags tell apart.

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
	nativeTagged        = "service_principal" // an agent from before Agent ID
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

// agentTags are what Microsoft's platforms write on the service principals of agents from before Agent ID. A tag fits whole, or by
// its beginning where it ends with a hyphen.
var agentTags = []struct{ tag, platform string }{
	{"AgentCreatedBy:CopilotStudio", "Copilot Studio"},
	{"power-virtual-agents-", "Copilot Studio"},
	{"AgenticInstance", ""},
	{"AgenticApp", ""},
	{"AIAgentBuilder", ""},
}

// agentTag is the tag by which a service principal is known as an agent, and the platform that it names; empty: it is none.
func agentTag(tags []string) (tag, platform string) {
	for _, known := range agentTags {
		for _, t := range sorted(tags) {
			begins := strings.HasSuffix(known.tag, "-") && strings.HasPrefix(t, known.tag)
			if t == known.tag || begins {
				return t, known.platform
			}
		}
	}
	return "", ""
}

// guid is the form of every object id. Where ids stand in text that is not read otherwise, it finds them.
var guid = regexp.MustCompile(`[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`)

// isGUID reports whether an id may stand in a path as it is.
func isGUID(id string) bool { return len(id) == 36 && guid.MatchString(id) }

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
