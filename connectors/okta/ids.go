package okta

import (
	"net/url"
	"strings"
)

// Okta has two kinds of ids that look alike and are not. An ORN names a thing by its last part:
//
//	orn:{partition}:{service}:{org}:{type...}:{id}     orn:okta:directory:00o1:workload-principals:ai-agents:wlp1
//
// The partition is "okta" or "oktapreview" and must be taken from what the vendor says. And an owner's "id" (pri...) names the
// ownership, not the person: the person is the last part of its ORN.

// lastPart is the id that an ORN names, or empty when it is no ORN.
func lastPart(orn string) string {
	if !strings.HasPrefix(orn, "orn:") {
		return ""
	}
	return orn[strings.LastIndexByte(orn, ':')+1:]
}

// agentType is what stands before an AI agent's id in its ORN. A gateway (virtual-mcp) has an id of the same form (wlp...).
const agentType = ":workload-principals:ai-agents:"

// agentOf is the id of the AI agent that an ORN names, or empty.
func agentOf(orn string) string {
	if !strings.HasPrefix(orn, "orn:") {
		return ""
	}
	_, id, _ := strings.Cut(orn, agentType)
	if strings.Contains(id, ":") {
		return ""
	}
	return id
}

// ornPrefix is an ORN without its last part.
func ornPrefix(orn string) string { return orn[:strings.LastIndexByte(orn, ':')+1] }

// quotedORN finds the ORN in the filter of a link, as in delegation-links?filter=to.resourceOrn eq "orn:...".
func quotedORN(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(u.Query().Get("filter"), `"`)
	orn, _, ok := strings.Cut(rest, `"`)
	if !ok || !strings.HasPrefix(orn, "orn:") || strings.ContainsAny(orn, "\\ ") {
		return ""
	}
	return orn
}
