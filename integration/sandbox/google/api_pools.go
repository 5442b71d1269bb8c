package google

import (
	"strings"
	"time"
)

// poolJSON is a WorkloadIdentityPool of iam/v1.
type poolJSON struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	Mode        string `json:"mode"`
	lifeJSON
}

// lifeJSON is what all parts of pools say of their life: deleted ones can be restored until expireTime.
type lifeJSON struct {
	State      string `json:"state"`
	Disabled   bool   `json:"disabled,omitempty"`
	ExpireTime string `json:"expireTime,omitempty"`
}

// poolProviderJSON is a WorkloadIdentityPoolProvider of iam/v1.
type poolProviderJSON struct {
	Name               string            `json:"name"`
	DisplayName        string            `json:"displayName,omitempty"`
	AttributeMapping   map[string]string `json:"attributeMapping,omitempty"`
	AttributeCondition string            `json:"attributeCondition,omitempty"`
	ActorProviders     []string          `json:"actorProviders,omitempty"`
	OIDC               *oidcJSON         `json:"oidc,omitempty"`
	AWS                *awsJSON          `json:"aws,omitempty"`
	lifeJSON
}

type oidcJSON struct {
	IssuerURI string `json:"issuerUri"`
}

type awsJSON struct {
	AccountID string `json:"accountId"`
}

// namespaceJSON is a WorkloadIdentityPoolNamespace of iam/v1.
type namespaceJSON struct {
	Name         string     `json:"name"`
	Description  string     `json:"description,omitempty"`
	OwnerService *ownerJSON `json:"ownerService,omitempty"`
	lifeJSON
}

type ownerJSON struct {
	PrincipalSubject string `json:"principalSubject"`
}

// managedJSON is a WorkloadIdentityPoolManagedIdentity of iam/v1.
type managedJSON struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	lifeJSON
}

type attestationJSON struct {
	GoogleCloudResource string `json:"googleCloudResource"`
}

func life(disabled bool, deleted time.Time) lifeJSON {
	if deleted.IsZero() {
		return lifeJSON{State: "ACTIVE", Disabled: disabled}
	}
	return lifeJSON{State: "DELETED", Disabled: disabled, ExpireTime: stamp(deleted.Add(retention))}
}

func (p *pool) json() poolJSON {
	return poolJSON{p.name(), p.Title, p.Text, p.Mode, life(p.Disabled, p.Deleted)}
}

func (p *poolProvider) json() poolProviderJSON {
	j := poolProviderJSON{Name: p.name(), DisplayName: p.Title, AttributeMapping: p.Mapping, AttributeCondition: p.Condition,
		ActorProviders: p.Actors, lifeJSON: life(p.Disabled, p.Deleted)}
	if p.Issuer != "" {
		j.OIDC = &oidcJSON{p.Issuer}
	} else {
		j.AWS = &awsJSON{p.AWS}
	}
	return j
}

func (n *namespace) json() namespaceJSON {
	j := namespaceJSON{Name: n.name(), Description: n.Text, lifeJSON: life(n.Disabled, n.Deleted)}
	if n.Owner != "" {
		j.OwnerService = &ownerJSON{n.Owner}
	}
	return j
}

func (m *managedIdentity) json() managedJSON {
	return managedJSON{m.name(), m.Text, life(m.Disabled, m.Deleted)}
}

// poolPager is the paging of pools and of what is in them.
var poolPager = pager{fallback: 50, max: 1000}

// living lists what is right below a name, without what is deleted unless that is asked for. deleted tells when a thing was.
func living[E named, T any](c *call, all []E, below string, deleted func(E) time.Time, show func(E) T) ([]T, string, *apiError) {
	with, e := c.query.flag("showDeleted")
	if e != nil {
		return nil, "", e
	}
	return page(c, list[E, T]{
		pager: poolPager,
		all:   all,
		in: func(x E) bool {
			parent, _ := cutLast(x.name(), "/")
			return parent == below && (deleted(x).IsZero() || with && kept(deleted(x), c.now))
		},
		key:  func(x E) string { return x.name() },
		show: show,
	})
}

type named interface{ name() string }

// listPools knows the location global alone, as Google does.
func listPools(c *call) (any, *apiError) {
	p, e := c.projectOf("iam.workloadIdentityPools.list")
	if e != nil {
		return nil, e
	}
	if l := c.vars["location"]; l != "global" {
		return nil, noLocation(l)
	}
	found, next, e := living(c, c.Pools, "projects/"+p.Number+"/locations/global/workloadIdentityPools",
		func(p *pool) time.Time { return p.Deleted }, (*pool).json)
	return struct {
		Pools         []poolJSON `json:"workloadIdentityPools,omitempty"`
		NextPageToken string     `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

// poolOf is the pool that the path names, a deleted one included: it can be read until it is purged.
func (c *call) poolOf(permission string) (*pool, *apiError) {
	p, e := c.projectOf(permission)
	if e != nil {
		return nil, e
	}
	name := "projects/" + p.Number + "/locations/" + c.vars["location"] + "/workloadIdentityPools/" + c.vars["pool"]
	if x := c.pool(name); x != nil && kept(x.Deleted, c.now) {
		return x, nil
	}
	return nil, notFound("Requested entity was not found: %s", name)
}

func getPool(c *call) (any, *apiError) {
	p, e := c.poolOf("iam.workloadIdentityPools.get")
	if e != nil {
		return nil, e
	}
	return p.json(), nil
}

func getPoolPolicy(c *call) (any, *apiError) {
	p, e := c.poolOf("iam.workloadIdentityPools.getIamPolicy")
	if e != nil {
		return nil, e
	}
	return c.bodyPolicy(poolPolicyKey(p.name()))
}

func listPoolProviders(c *call) (any, *apiError) {
	p, e := c.poolOf("iam.workloadIdentityPoolProviders.list")
	if e != nil {
		return nil, e
	}
	found, next, e := living(c, c.PoolProviders, p.name()+"/providers", func(x *poolProvider) time.Time { return x.Deleted }, (*poolProvider).json)
	return struct {
		Providers     []poolProviderJSON `json:"workloadIdentityPoolProviders,omitempty"`
		NextPageToken string             `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

// inPool finds the thing of a pool that the path names.
func inPool[E any](c *call, permission, below string, all []*E, nameOf func(*E) string) (*E, *apiError) {
	p, e := c.poolOf(permission)
	if e != nil {
		return nil, e
	}
	if x := pick(all, func(x *E) bool { return nameOf(x) == p.name()+below }); x != nil {
		return x, nil
	}
	return nil, notFound("Requested entity was not found: %s", p.name()+below)
}

func getPoolProvider(c *call) (any, *apiError) {
	x, e := inPool(c, "iam.workloadIdentityPoolProviders.get", "/providers/"+c.vars["provider"], c.PoolProviders, (*poolProvider).name)
	if e != nil {
		return nil, e
	}
	return x.json(), nil
}

func listNamespaces(c *call) (any, *apiError) {
	p, e := c.poolOf("iam.workloadIdentityPoolNamespaces.list")
	if e != nil {
		return nil, e
	}
	found, next, e := living(c, c.Namespaces, p.name()+"/namespaces", func(x *namespace) time.Time { return x.Deleted }, (*namespace).json)
	return struct {
		Namespaces    []namespaceJSON `json:"workloadIdentityPoolNamespaces,omitempty"`
		NextPageToken string          `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

func (c *call) namespaceOf(permission string) (*namespace, *apiError) {
	return inPool(c, permission, "/namespaces/"+c.vars["namespace"], c.Namespaces, (*namespace).name)
}

func getNamespace(c *call) (any, *apiError) {
	x, e := c.namespaceOf("iam.workloadIdentityPoolNamespaces.get")
	if e != nil {
		return nil, e
	}
	return x.json(), nil
}

func listManaged(c *call) (any, *apiError) {
	n, e := c.namespaceOf("iam.workloadIdentityPoolManagedIdentities.list")
	if e != nil {
		return nil, e
	}
	found, next, e := living(c, c.Managed, n.name()+"/managedIdentities", func(x *managedIdentity) time.Time { return x.Deleted }, (*managedIdentity).json)
	return struct {
		Managed       []managedJSON `json:"workloadIdentityPoolManagedIdentities,omitempty"`
		NextPageToken string        `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

func (c *call) managedOf(permission string) (*managedIdentity, *apiError) {
	below := "/namespaces/" + c.vars["namespace"] + "/managedIdentities/" + c.vars["identity"]
	return inPool(c, permission, below, c.Managed, (*managedIdentity).name)
}

func getManaged(c *call) (any, *apiError) {
	x, e := c.managedOf("iam.workloadIdentityPoolManagedIdentities.get")
	if e != nil {
		return nil, e
	}
	return x.json(), nil
}

// listAttestations lists the resources that may be a managed identity.
func listAttestations(c *call) (any, *apiError) {
	m, e := c.managedOf("iam.workloadIdentityPoolManagedIdentities.get")
	if e != nil {
		return nil, e
	}
	if f := strings.TrimSpace(c.query.get("filter")); f != "" {
		return nil, invalid("filter", "Invalid filter %q: this server knows none.", f)
	}
	found, next, e := page(c, list[string, attestationJSON]{pager: poolPager, all: m.Attested,
		key: func(r string) string { return r }, show: func(r string) attestationJSON { return attestationJSON{r} }})
	return struct {
		Rules         []attestationJSON `json:"attestationRules,omitempty"`
		NextPageToken string            `json:"nextPageToken,omitempty"`
	}{found, next}, e
}
