package google

import (
	"regexp"
	"strings"
	"unicode"
)

// An agent's identity is spelled in four ways:
//
//	principal://TRUST_DOMAIN/resources/SERVICE/PATH   in IAM policies
//	spiffe://TRUST_DOMAIN/resources/SERVICE/PATH      in its certificates
//	TRUST_DOMAIN/resources/SERVICE/PATH               in an engine's spec.effectiveIdentity
//	principal://...                                   in the Agent Registry's RuntimeIdentity
//
// The trust domain is agents.global.org-N.system.id.goog for the agents of an organization, and of a project without one
// agents.global.proj-N.system.id.goog, which one of Google's pages writes project-N. The documentation of effectiveIdentity
// leaves open whether the "org-" is there. (docs.cloud.google.com/iam/docs/principal-identifiers, .../run/docs/ai/authenticate-agents)
var trustDomain = regexp.MustCompile(`^agents\.global\.(org-|proj-|project-|)([0-9]+)\.system\.id\.goog$`)

// canonicalPrincipal brings every spelling of an agent's identity to principal://TRUST_DOMAIN/resources/... It reports false for
// whatever is no agent's identity, such as a service account's email.
func canonicalPrincipal(s string) (string, bool) {
	s = strings.TrimSpace(s)
	for _, scheme := range []string{"principal://", "spiffe://", "//"} {
		if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			s = s[len(scheme):]
			break
		}
	}
	domain, path, ok := strings.Cut(s, "/")
	m := trustDomain.FindStringSubmatch(strings.ToLower(domain))
	path = strings.TrimRight(path, "/")
	if !ok || m == nil || strings.ContainsFunc(path, unicode.IsSpace) || !strings.HasPrefix(path, "resources/") {
		return "", false
	}
	return "principal://agents.global." + owner[m[1]] + m[2] + ".system.id.goog/" + path, true
}

// owner maps each spelling of whom a trust domain belongs to to one.
var owner = map[string]string{"org-": "org-", "proj-": "proj-", "project-": "proj-", "": "org-"}

// engineOf is the name of the engine whose identity a canonical principal is, if it is one's.
func engineOf(principal string) (string, bool) {
	_, path, ok := strings.Cut(principal, "/resources/aiplatform/")
	return path, ok && engineName.MatchString(path)
}
