package google

import (
	"fmt"
	"strings"
	"time"
)

// The services that the sandbox serves, by the prefix that each is mounted under. The host is prefix.googleapis.com.
const (
	serviceRegistry  = "agentregistry"
	serviceIdentity  = "agentidentity"
	servicePlatform  = "aiplatform"
	serviceDiscovery = "discoveryengine"
	serviceAsset     = "cloudasset"
	serviceAdmin     = "admin"
	serviceIAM       = "iam"
	serviceTokens    = "iamcredentials"
	serviceLogging   = "logging"
	servicePubSub    = "pubsub"
	serviceResource  = "cloudresourcemanager"
	serviceRun       = "run"
)

// The native types that [sandbox.TruthAgent] has for Google.
const (
	nativeRegistry = "registry_agent"
	nativeEngine   = "reasoning_engine"
	nativeAccount  = "service_account"
	nativeRun      = "cloud_run_service"
	nativeService  = "registry_service"
	nativeGemini   = "gemini_agent"
	nativeManaged  = "managed_identity"
)

// trustDomain is where the agent principals of the organization live.
func (s *state) trustDomain() string {
	return "agents.global.org-" + s.Org + ".system.id.goog"
}

// name is the resource name, which Agent Platform writes with the project's number.
func (e *engine) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/reasoningEngines/%s", e.Number, e.Location, e.ID)
}

// identity is spec.effectiveIdentity: without a scheme, in one of three spellings.
func (e *engine) identity(s *state) string {
	switch e.IdentityType {
	case "AGENT_IDENTITY":
		return s.trustDomain() + "/resources/aiplatform/" + e.name()
	case "SERVICE_ACCOUNT":
		return e.Account
	}
	return "service-" + e.Number + "@gcp-sa-aiplatform-re.googleapis.com"
}

// principal is the member that stands for the engine in IAM policies; empty when it has no identity of its own.
func (e *engine) principal(s *state) string {
	if e.IdentityType != "AGENT_IDENTITY" {
		return ""
	}
	return "principal://" + e.identity(s)
}

// name is the resource name with the project's id, as Cloud Run writes it.
func (r *runService) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/services/%s", r.Project, r.Location, r.ID)
}

// host is the resource name with the project's number, as identities contain it.
func (r *runService) host() string {
	return fmt.Sprintf("projects/%s/locations/%s/services/%s", r.Number, r.Location, r.ID)
}

// principal is the member that stands for the service in IAM policies; empty when the service has no identity of its own.
func (r *runService) principal(s *state) string {
	if !r.Identity {
		return ""
	}
	return "principal://" + s.trustDomain() + "/resources/run/" + r.host()
}

func (m *manual) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/services/%s", m.Project, m.Location, m.ID)
}

func (m *manual) host() string {
	return fmt.Sprintf("projects/%s/locations/%s/services/%s", m.Number, m.Location, m.ID)
}

func (r *registered) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/agents/%s", r.Project, r.Location, r.ID)
}

// urn is the agentId: stable, global, and of no use in IAM.
func (r *registered) urn() string { return agentURN(r.Number, r.Service, r.Host) }

// agentURN spells a host as the registry does, for example
// urn:agent:projects-1:projects:1:locations:us-central1:aiplatform:reasoningEngines:2.
func agentURN(number, service, host string) string {
	parts := strings.Split(host, "/")
	parts = append(parts[:4:4], append([]string{service}, parts[4:]...)...)
	return "urn:agent:projects-" + number + ":" + strings.Join(parts, ":")
}

func (a *account) name() string {
	return "projects/" + a.Project + "/serviceAccounts/" + a.Email
}

// member is how IAM policies spell the account; a deleted one keeps its bindings under another spelling.
func (a *account) member() string {
	if !a.Deleted.IsZero() {
		return "deleted:serviceAccount:" + a.Email + "?uid=" + a.UniqueID
	}
	return "serviceAccount:" + a.Email
}

func (b *registryBinding) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/bindings/%s", b.Project, b.Location, b.ID)
}

func (p *authProvider) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/authProviders/%s", p.Project, p.Location, p.ID)
}

func (c *consent) name() string { return c.Provider + "/authorizations/" + c.ID }

func (a *accessSummary) name() string {
	return fmt.Sprintf("projects/%s/locations/%s/accessSummaries/%s", a.Project, a.Location, a.ID)
}

func (a *geminiApp) name() string {
	return fmt.Sprintf("projects/%s/locations/global/collections/default_collection/engines/%s", a.Number, a.ID)
}

func (a *geminiApp) assistant() string { return a.name() + "/assistants/default_assistant" }

// kept reports whether a thing can still be read: it is there, or was deleted less than 30 days ago.
func kept(deleted, now time.Time) bool { return deleted.IsZero() || now.Sub(deleted) < retention }

// stamp writes a time as Google's JSON does: RFC 3339 in UTC, with as many fractional digits as needed; empty for zero.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// sortable writes a time so that its text sorts as the time does.
func sortable(t time.Time) string {
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}
