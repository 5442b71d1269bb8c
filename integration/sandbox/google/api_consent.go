package google

import (
	"strings"
	"time"
)

// consentJSON is an Authorization of agentidentity/v1: one user's standing consent.
type consentJSON struct {
	Name         string   `json:"name"`
	ClientUserID string   `json:"clientUserId"`
	Scopes       []string `json:"scopes,omitempty"`
	State        string   `json:"state"`
	CreateTime   string   `json:"createTime"`
	UpdateTime   string   `json:"updateTime"`
}

// summaryJSON is an AccessSummary of agentidentity/v1: which agent used whose credential.
type summaryJSON struct {
	Name             string   `json:"name"`
	AuthProvider     string   `json:"authProvider"`
	AuthProviderType string   `json:"authProviderType"`
	UserID           string   `json:"userId"`
	WorkloadID       string   `json:"workloadId"`
	Scopes           []string `json:"scopes,omitempty"`
	TokenURL         string   `json:"tokenUrl,omitempty"`
	FirstAccessTime  string   `json:"firstAccessTime"`
	LastAccessTime   string   `json:"lastAccessTime"`
	PurgeTime        string   `json:"purgeTime"`
}

func (c *consent) json() consentJSON {
	j := consentJSON{c.name(), c.User, c.Scopes, "ACTIVE", stamp(c.Created), stamp(c.Updated)}
	if c.Suspended {
		j.State = "SUSPENDED"
	}
	return j
}

func (a *accessSummary) json(s *state) summaryJSON {
	j := summaryJSON{Name: a.name(), AuthProvider: a.Provider, UserID: a.User, WorkloadID: a.spelled(), Scopes: a.Scopes,
		FirstAccessTime: stamp(a.First), LastAccessTime: stamp(a.Last), PurgeTime: stamp(a.purged())}
	if p := pick(s.Providers, func(p *authProvider) bool { return p.name() == a.Provider }); p != nil {
		j.AuthProviderType = p.providerType()
		if p.Issuer != "" {
			j.TokenURL = p.Issuer + "/token"
		}
	}
	return j
}

// purged is when a summary is forgotten. Until then it tells what was, whatever has become of the consent since.
func (a *accessSummary) purged() time.Time { return a.Last.AddDate(0, 0, 180) }

// spelled is the workload in one of two spellings, a third of them as in the agent's certificate: the reference calls it a
// SPIFFE id, the guides show an IAM principal.
func (a *accessSummary) spelled() string {
	if strings.ContainsAny(a.ID[len(a.ID)-1:], "01234") {
		return spiffeOf(a.Workload)
	}
	return a.Workload
}

func spiffeOf(principal string) string {
	return strings.Replace(principal, "principal://", "spiffe://", 1)
}

func listConsents(c *call) (any, *apiError) {
	p, e := c.providerOf("agentidentity.authorizations.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("client_user_id")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*consent, consentJSON]{
		pager: identityPager,
		all:   c.Consents,
		in:    func(a *consent) bool { return a.Provider == p.name() && c.covers(p.Location) },
		keep:  keep,
		key:   func(a *consent) string { return a.ID },
		show:  (*consent).json,
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Authorizations []consentJSON `json:"authorizations,omitempty"`
		NextPageToken  string        `json:"nextPageToken,omitempty"`
		Unreachable    []string      `json:"unreachable,omitempty"`
	}{found, next, c.unreachable(c.project(p.Project), true)}, nil
}

func getConsent(c *call) (any, *apiError) {
	p, e := c.providerOf("agentidentity.authorizations.get")
	if e != nil {
		return nil, e
	}
	name := p.name() + "/authorizations/" + c.vars["consent"]
	if a := pick(c.Consents, func(a *consent) bool { return a.name() == name }); a != nil {
		return a.json(), nil
	}
	return nil, notFound("Resource '%s' was not found", name)
}

// named is a summary with the provider under the name that filters use, which is no field of the resource.
func (a *accessSummary) named(s *state) any {
	return struct {
		summaryJSON
		AuthProviderName string `json:"authProviderName"`
	}{a.json(s), a.Provider}
}

// listSummaries filters on workload_id or auth_provider_name.
func listSummaries(c *call) (any, *apiError) {
	p, e := c.anywhere("agentidentity.accessSummaries.list")
	if e != nil {
		return nil, e
	}
	keep, e := c.filterOf("workload_id", "auth_provider_name")
	if e != nil {
		return nil, e
	}
	found, next, e := page(c, list[*accessSummary, summaryJSON]{
		pager: identityPager,
		all:   c.Summaries,
		in: func(a *accessSummary) bool {
			return a.Project == p.ProjectID && c.covers(a.Location) && c.now.Before(a.purged()) && (keep == nil || keep(a.named(c.state)))
		},
		key:  func(a *accessSummary) string { return a.Provider + "\x00" + a.User + "\x00" + a.ID },
		show: func(a *accessSummary) summaryJSON { return a.json(c.state) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		AccessSummaries []summaryJSON `json:"accessSummaries,omitempty"`
		NextPageToken   string        `json:"nextPageToken,omitempty"`
		Unreachable     []string      `json:"unreachable,omitempty"`
	}{found, next, c.unreachable(p, true)}, nil
}

func getSummary(c *call) (any, *apiError) {
	p, e := c.placeOf("agentidentity.accessSummaries.get")
	if e != nil {
		return nil, e
	}
	for _, a := range c.Summaries {
		if a.Project == p.ProjectID && a.Location == c.vars["location"] && a.ID == c.vars["summary"] && c.now.Before(a.purged()) {
			return a.json(c.state), nil
		}
	}
	return nil, notFound("Resource 'projects/%s/locations/%s/accessSummaries/%s' was not found", p.ProjectID,
		c.vars["location"], c.vars["summary"])
}
