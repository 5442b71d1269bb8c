package google

import "time"

// pool is a workload identity pool: of outside identities, or of workloads that Google attests.
type pool struct {
	Number   string // the project's, which its name has
	ID       string
	Title    string
	Text     string
	Mode     string // FEDERATION_ONLY, TRUST_DOMAIN or SYSTEM_TRUST_DOMAIN
	Disabled bool
	Deleted  time.Time // zero while it is active; restorable for 30 days
}

// poolProvider lets the tokens of one outside issuer into a pool.
type poolProvider struct {
	Pool      string // resource name
	ID        string
	Title     string
	Issuer    string // OIDC; empty: AWS
	AWS       string // account id
	Condition string
	Mapping   map[string]string
	Actors    []string // resource names of providers that may issue the actor's token
	Disabled  bool
	Deleted   time.Time
}

// namespace groups managed identities in a pool.
type namespace struct {
	Pool     string // resource name
	ID       string
	Text     string
	Owner    string // principal subject of the service agent that owns it; empty: the customer does
	Disabled bool
	Deleted  time.Time
}

// managedIdentity is a workload that Google attests.
type managedIdentity struct {
	Namespace string // resource name
	ID        string
	Text      string
	Attested  []string // full names of the resources that may be it
	Disabled  bool
	Deleted   time.Time
}

// authorization is an OAuth client of Gemini Enterprise, with which its agents act for people.
type authorization struct {
	Number string
	ID     string
	Title  string
	Issuer string
	Secret string // which the API gives out; nobody may keep it
	Scopes []string
}

func (p *pool) name() string {
	return "projects/" + p.Number + "/locations/global/workloadIdentityPools/" + p.ID
}

func (p *poolProvider) name() string { return p.Pool + "/providers/" + p.ID }

func (n *namespace) name() string { return n.Pool + "/namespaces/" + n.ID }

func (m *managedIdentity) name() string { return m.Namespace + "/managedIdentities/" + m.ID }

// subject is the identity's path in its trust domain: ns/NAMESPACE/sa/ID.
func (m *managedIdentity) subject() (pool, subject string) {
	pool, ns := cutLast(m.Namespace, "/namespaces/")
	_, ns = cutLast(ns, "/")
	return pool, "ns/" + ns + "/sa/" + m.ID
}

// principal is the member that stands for a managed identity in IAM policies.
func (m *managedIdentity) principal() string {
	pool, subject := m.subject()
	return "principal://iam.googleapis.com/" + pool + "/subject/" + subject
}

// spiffe is the identity in its certificates.
func (m *managedIdentity) spiffe(s *state) string {
	pool, subject := m.subject()
	p := s.pool(pool)
	if p == nil {
		return ""
	}
	return "spiffe://" + p.ID + ".global." + p.Number + ".workload.id.goog/" + subject
}

func (s *state) pool(name string) *pool {
	return pick(s.Pools, func(p *pool) bool { return p.name() == name })
}

// federated is the member of an outside workload, a repository's pipeline, in the pool of the governed project.
func (s *state) federated(repository string) string {
	return "principal://iam.googleapis.com/projects/" + s.Projects[governed].Number +
		"/locations/global/workloadIdentityPools/pipelines/subject/repo:" + repository
}

func (a *authorization) name() string {
	return "projects/" + a.Number + "/locations/global/authorizations/" + a.ID
}
