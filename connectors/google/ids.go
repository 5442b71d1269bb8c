package google

import (
	"regexp"
	"strings"
	"unicode"
)

// The traps of Google's names:
//
//   - A service account's email can be used again after it was deleted; the uniqueId never is. Holders are uniqueIds.
//   - An engine is named by its project's number. The Agent Registry names it by URI, with a service and perhaps an API version
//     before the same path.
//   - A registry agent has a URN, which is its stable id, and a resource name, which names its project by id.
//   - A project can be asked for by id or by number; both work everywhere, and answers use either.

// scopeOf names the listing at a place: registry-agents/acme/us-central1.
func scopeOf(list string, at place) string {
	s := list + "/" + at.Project
	if at.Location != "" {
		s += "/" + at.Location
	}
	return s
}

// keysScope names the listing of a service account's keys.
func keysScope(uniqueID string) string { return "keys/" + uniqueID }

// policyScope names the listing of a resource's grants.
func policyScope(resource string) string { return "policy/" + strings.TrimPrefix(resource, "//") }

// engineResource is an engine's full resource name.
func engineResource(engine string) string { return "//aiplatform.googleapis.com/" + engine }

// projectResource is a project's full resource name.
func projectResource(project string) string {
	return "//cloudresourcemanager.googleapis.com/projects/" + project
}

// accountResource is a service account's full resource name, by its uniqueId.
func accountResource(project, uniqueID string) string {
	return "//iam.googleapis.com/projects/" + project + "/serviceAccounts/" + uniqueID
}

var (
	engineName  = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/reasoningEngines/[^/]+$`)
	apiVersion  = regexp.MustCompile(`^(v[0-9][a-z0-9]*/)+`)
	agentPlaces = regexp.MustCompile(`^projects/[^/]+/locations/([^/]+)/`)
)

// resourceName is the name of the resource that a URI refers to: for Agent Runtime the engine's own name, as its own API spells
// it, whatever host and version come before it; for every other service the full name, //run.googleapis.com/projects/...
func resourceName(uri string) string {
	uri = strings.TrimRight(strings.TrimSpace(uri), "/")
	if engineName.MatchString(uri) || strings.ContainsFunc(uri, unicode.IsSpace) {
		return uri
	}
	_, rest, ok := strings.Cut(uri, "//")
	if !ok {
		return uri
	}
	host, path, _ := strings.Cut(rest, "/")
	path = apiVersion.ReplaceAllString(path, "")
	if isAIPlatform(host) && engineName.MatchString(path) {
		return path
	}
	return "//" + host + "/" + path
}

func isAIPlatform(host string) bool {
	return host == "aiplatform.googleapis.com" || strings.HasSuffix(host, "-aiplatform.googleapis.com")
}

// platformOf is the service that hosts a resource: aiplatform, run, discoveryengine. Empty when the name does not say.
func platformOf(resource string) string {
	if engineName.MatchString(resource) {
		return "aiplatform"
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(resource, "//"), "/")
	service, ok := strings.CutSuffix(host, ".googleapis.com")
	if !ok {
		return ""
	}
	return service[strings.LastIndexByte(service, '-')+1:] // us-central1-run is run
}

// lastPart is what follows a resource name's last slash.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// locationOf is the location in a resource name, or otherwise.
func locationOf(name, otherwise string) string {
	if m := agentPlaces.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return otherwise
}
