package google

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// roleFederated lets an identity from outside of Google Cloud become a service account: it is a credential of the account's.
const roleFederated = "roles/iam.workloadIdentityUser"

// poolMember is a workload identity pool, and who of it, in a policy's member:
// principal://iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/POOL/subject/SUBJECT, or principalSet:// with
// group/GROUP, attribute.NAME/VALUE or * (docs.cloud.google.com/iam/docs/principal-identifiers).
var poolMember = regexp.MustCompile(`^principal(?:Set)?://iam\.googleapis\.com/(projects/[^/]+/locations/[^/]+/workloadIdentityPools/[^/]+)/(.+)$`)

// clusterMember is a Kubernetes service account of a cluster of a project's, in the older spelling.
var clusterMember = regexp.MustCompile(`^serviceAccount:([a-z0-9.:-]+\.svc\.id\.goog)\[([^/\]]+)/([^\]]+)\]$`)

// pool is what is known of a workload identity pool: who may vouch for those in it.
type pool struct {
	Off       string     `json:"off,omitzero"`    // why nobody of it gets in
	Hidden    bool       `json:"hidden,omitzero"` // it may not be read: another organization's, for example
	Providers []provider `json:"providers,omitzero"`
}

// provider is a WorkloadIdentityPoolProvider of iam/v1.
type provider struct {
	Name     string `json:"name"`
	Disabled bool   `json:"disabled,omitzero"`
	State    string `json:"state,omitzero"`
	OIDC     struct {
		Issuer    string   `json:"issuerUri"`
		Audiences []string `json:"allowedAudiences,omitzero"`
	} `json:"oidc,omitzero"`
	AWS struct {
		Account string `json:"accountId"`
	} `json:"aws,omitzero"`
	Mapping map[string]string `json:"attributeMapping,omitzero"`
}

// off is why nobody gets in by the provider, or empty.
func (p *provider) off() string {
	switch {
	case p.State == "DELETED":
		return "the provider is deleted"
	case p.Disabled:
		return "the provider is disabled"
	}
	return ""
}

// mapped reports whether the subject of an identity is something else than its token's.
func (p *provider) mapped() bool {
	from := p.Mapping["google.subject"]
	return from != "" && from != "assertion.sub"
}

// issuer is who vouches: an OIDC issuer, an AWS account, or the provider itself for SAML and X.509.
func (p *provider) issuer() string {
	switch {
	case p.OIDC.Issuer != "":
		return p.OIDC.Issuer
	case p.AWS.Account != "":
		return "aws:" + p.AWS.Account
	}
	return p.Name
}

// pools looks up the pools that policies name, once per round.
type pools struct {
	client *client
	known  memo[pool]
}

// add writes into a policy's record what is known of the pools that it lets in. Who vouches for those of a pool that may not be read
// is unknown.
func (p *pools) add(ctx context.Context, r *connectors.Record) ([]refusal, error) {
	policy, err := parsePolicy(r.Body)
	if err != nil {
		return nil, err
	}
	known := map[string]pool{}
	var refused []refusal
	for _, b := range policy.Bindings {
		for _, m := range b.Members {
			match := poolMember.FindStringSubmatch(m)
			if match == nil || b.Role != roleFederated || !plainPath(match[1]) {
				continue
			}
			one, err := p.known.get(match[1], p.client.now, func() (pool, error) { return p.client.pool(ctx, match[1]) })
			if isRefusal(err) {
				refused = append(refused, refusal{place{Project: strings.Split(match[1], "/")[1]}, err})
				one, err = pool{Hidden: true}, nil
			}
			if err != nil {
				return nil, err
			}
			known[match[1]] = one
		}
	}
	if len(known) == 0 {
		return refused, nil
	}
	b, err := events.Marshal(known)
	r.Context[ctxPools] = string(b)
	return refused, err
}

// pool reads a pool and its providers: iam/v1 workloadIdentityPools.get, .providers.list. One that is gone for good lets nobody in.
func (c *client) pool(ctx context.Context, name string) (pool, error) {
	a, err := c.fetch(ctx, c.get("iam", "v1/"+name, nil))
	if isStatus(err, 404) {
		return pool{Off: "there is no such pool"}, nil
	}
	if err != nil {
		return pool{}, err
	}
	var is struct {
		Disabled bool   `json:"disabled"`
		State    string `json:"state"`
	}
	if _, err := a.object(); err != nil {
		return pool{}, err
	}
	if json.Unmarshal(a.body, &is) != nil {
		return pool{}, a.broken("JSON of another shape than a pool's")
	}
	var out pool
	switch {
	case is.State == "DELETED":
		out.Off = "the pool is deleted"
	case is.Disabled:
		out.Off = "the pool is disabled"
	}
	items, err := everyPage(func(token string) (listing, error) {
		return c.list(ctx, "workloadIdentityPoolProviders", token, c.get("iam", "v1/"+name+"/providers", showDeleted(pageAsked(c.pageOf(mostPools), token))))
	})
	for _, v := range items {
		var one provider
		if json.Unmarshal(v, &one) != nil || one.Name == "" {
			return pool{}, a.broken("a provider without a usable name")
		}
		out.Providers = append(out.Providers, one)
	}
	slices.SortFunc(out.Providers, func(a, b provider) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// mostPools is the page size of pools and providers: the API's maximum.
const mostPools = 1000

// federated is the credential that a binding of a service account's policy is, if its member comes from outside. It is one
// credential however many providers of the pool can vouch: only of a single one the issuer is certain.
func federated(member string, pools map[string]pool) (events.Entity, bool) {
	c := &events.Credential{Type: "federated", Status: events.StatusActive}
	e := events.Entity{Kind: events.KindCredential, Key: events.Digest(member), Credential: c}
	if m := clusterMember.FindStringSubmatch(member); m != nil {
		c.Name, c.Issuer, c.Subject = strings.TrimPrefix(member, accountMember), m[1], "system:serviceaccount:"+m[2]+":"+m[3]
		return e, true
	}
	m := poolMember.FindStringSubmatch(member)
	if m == nil {
		return e, false
	}
	p, known := pools[m[1]]
	c.Name, c.Subject = m[1], strings.TrimPrefix(m[2], "subject/")
	if !known || p.Hidden {
		c.Status, c.NativeStatus = events.StatusUnknown, "the pool may not be read"
		return e, true
	}
	p.vouch(c)
	return e, true
}

// vouch writes into a credential who can vouch for it.
func (p *pool) vouch(c *events.Credential) {
	var live []provider
	off := "the pool has no provider"
	for _, v := range p.Providers {
		if v.off() == "" {
			live = append(live, v)
		} else {
			off = v.off()
		}
	}
	switch {
	case p.Off != "":
		c.Status, c.NativeStatus = events.StatusDisabled, p.Off
	case len(live) == 0:
		c.Status, c.NativeStatus = events.StatusDisabled, off
		live = p.Providers
	}
	if len(live) == 1 {
		c.Issuer, c.Audiences = live[0].issuer(), live[0].OIDC.Audiences
		if live[0].mapped() {
			c.Subject = live[0].Mapping["google.subject"] + "=" + c.Subject
		}
		return
	}
	var issuers []string
	for _, v := range live {
		issuers = append(issuers, v.issuer())
	}
	if len(issuers) > 0 && c.NativeStatus == "" {
		c.NativeStatus = "any of " + strings.Join(issuers, ", ") + " can vouch"
	}
}

// poolsOf are the pools in a record's context.
func poolsOf(r connectors.Record) (map[string]pool, error) {
	var out map[string]pool
	if s := r.Context[ctxPools]; s != "" {
		if err := json.Unmarshal(jsontext.Value(s), &out); err != nil {
			return nil, missing(r, "pools in its context")
		}
	}
	return out, nil
}
