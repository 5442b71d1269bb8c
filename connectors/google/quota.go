package google

import (
	"net/http"
	"strings"
)

// readsPerMinute are the calls that Google lets a project make per minute, by service. All clients of the project to which calls are charged
// share them. Regions of Agent Runtime count for themselves.
//
// Documented: iam (docs.cloud.google.com/iam/quotas), logging (ReadRequestsPerMinutePerProject as errors state it), agentregistry
// (docs.cloud.google.com/agent-registry/troubleshooting), cloudresourcemanager (10 a second), admin (developers.google.com/
// workspace/admin/reports/v1/limits: 2,400 for each user and project, 250 of those that name an event), cloudasset
// (docs.cloud.google.com/asset-inventory/docs/quota: searches). Of the others nothing was found; they are asked no more often than
// the resource manager.
var readsPerMinute = map[string]float64{
	"iam": 6000, "logging": 60, "agentregistry": 1200, "cloudresourcemanager": 600, "admin": 250, "cloudasset": 400,
	"aiplatform": 600, "run": 600, "discoveryengine": 600, "agentidentity": 600,
}

// class is the service that a request goes to, in a region if the host says so. An imitation, or a proxy, has the service first in the
// path, and no documented limit.
func class(r *http.Request) string {
	host := r.URL.Hostname()
	if isGoogles("https://" + host) {
		return host
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return r.URL.Host + "/" + first
}

// perMinute is the documented limit of a class: us-central1-aiplatform.googleapis.com, discoveryengine.us.rep.googleapis.com.
func perMinute(class string) float64 {
	service, ok := strings.CutSuffix(class, ".googleapis.com")
	if !ok {
		return 0
	}
	service, _, _ = strings.Cut(service, ".")
	return readsPerMinute[service[strings.LastIndexByte(service, '-')+1:]]
}
