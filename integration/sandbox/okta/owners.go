package okta

import (
	"net/http"
	"strings"
)

type resourceOwner struct {
	Parent     string      `json:"parentResourceOrn"`
	Principals []principal `json:"principals"`
	Resource   resource    `json:"resource"`
}

type principal struct {
	ID      string           `json:"id"` // of the binding; the person's own id is the last part of the ORN
	Type    string           `json:"type"`
	ORN     string           `json:"orn"`
	Profile principalProfile `json:"profile"`
}

type principalProfile struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Email string    `json:"email,omitempty"`
	Links pageLinks `json:"_links"`
}

type resource struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	ORN     string          `json:"orn"`
	Profile resourceProfile `json:"profile"`
}

type resourceProfile struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

var ownerFields = fields{"resource.type": "eq", "parentResourceOrn": "eq", "principal.orn": "eq", "resource.orn": "eq"}

// listOwners serves both dialects: one agent by parentResourceOrn, or all by resource.type. An agent that never had an
// owner is not among them; one that lost its last owner is, without principals.
func listOwners(c *call) answer {
	src := c.q.Get("filter")
	if src == "" {
		return missing("filter")
	}
	if in := c.q.Get("include"); in != "" && in != "parent_resource_owner" {
		return invalid("include", "must be parent_resource_owner.")
	}
	f, refused := c.filter("filter", "E0000031", ownerFields)
	if refused != nil {
		return *refused
	}
	byParent := strings.Contains(src, "parentResourceOrn")
	if !byParent && (c.opt.NoOwnerSweep || !strings.Contains(src, "resource.type")) {
		return fault(http.StatusBadRequest, "E0000031", "Invalid search criteria.", "filter: parentResourceOrn is required.")
	}
	fits := func(a *agent) bool {
		return a.Bound && c.visible(a.Created) && f(func(attr string) []string { return c.ownerValues(a, attr) })
	}
	items, next, refused := page(c, "owners", c.candidates("parentResourceOrn"), fits, paged, func(a *agent) place { return place{key: a.Seq} })
	if refused != nil {
		return *refused
	}
	return ok(listBody[resourceOwner]{Data: each(items, c.ownerView), Links: c.pageLinks(next)})
}

func (c *call) ownerValues(a *agent, attr string) []string {
	switch attr {
	case "resource.type":
		return []string{"ai-agents"}
	case "principal.orn":
		return each(a.Owners, c.st.principalORN)
	}
	return []string{c.st.agentORN(a.ID)}
}

func (c *call) ownerView(a *agent) resourceOwner {
	orn := c.st.agentORN(a.ID)
	return resourceOwner{
		Parent:     orn,
		Principals: each(a.Owners, c.principalView),
		Resource:   resource{ID: a.ID, Type: "ai-agents", ORN: orn, Profile: resourceProfile{ID: a.ID, Name: a.Name}},
	}
}

func (c *call) principalView(o owner) principal {
	p := principal{ID: o.Binding, Type: o.Type, ORN: c.st.principalORN(o)}
	p.Profile = principalProfile{ID: o.ID, Name: "unknown", Links: pageLinks{Self: href(c.base, "/api/v1/", o.Type, "/", o.ID)}}
	if u := c.st.user(o.ID); u != nil {
		p.Profile.Name, p.Profile.Email = u.name(), u.Email
	} else if g := c.st.group(o.ID); g != nil {
		p.Profile.Name = g.Name
	}
	return p
}
