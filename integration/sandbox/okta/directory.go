package okta

import (
	"strings"
	"time"
)

type person struct {
	ID              string        `json:"id"`
	Status          string        `json:"status"`
	Created         string        `json:"created"`
	Activated       *string       `json:"activated"`
	StatusChanged   *string       `json:"statusChanged"`
	LastLogin       *string       `json:"lastLogin"`
	LastUpdated     string        `json:"lastUpdated"`
	PasswordChanged *string       `json:"passwordChanged"`
	Profile         personProfile `json:"profile"`
	Links           pageLinks     `json:"_links"`
}

type personProfile struct {
	FirstName   string  `json:"firstName"`
	LastName    string  `json:"lastName"`
	Login       string  `json:"login"`
	Email       string  `json:"email"`
	SecondEmail *string `json:"secondEmail"`
	MobilePhone *string `json:"mobilePhone"`
	DisplayName string  `json:"displayName"`
	Title       string  `json:"title"`
	Department  string  `json:"department"`
}

func (c *call) userView(u *user) person {
	return person{
		ID: u.ID, Status: u.Status, Created: stamp(u.Created), Activated: u.activated(), StatusChanged: new(stamp(latest(u.Created, u.Changed))),
		LastUpdated: stamp(latest(u.Created, u.Updated)),
		Profile: personProfile{
			FirstName: u.First, LastName: u.Last, Login: u.Email, Email: u.Email, DisplayName: u.name(),
			Title: u.Title, Department: u.Department,
		},
		Links: pageLinks{Self: href(c.base, "/api/v1/users/", u.ID)},
	}
}

// activated is when somebody could sign in first; nobody has who is still to be activated.
func (u *user) activated() *string {
	if personStatus[u.Status] == "pending" {
		return nil
	}
	return new(stamp(u.Created))
}

// latest is the later of when a thing was made and when it was changed, which may be never.
func latest(created, changed time.Time) time.Time {
	if changed.After(created) {
		return changed
	}
	return created
}

// name is how Okta displays somebody.
func (u *user) name() string { return u.First + " " + u.Last }

func (u *user) values(attr string) []string {
	switch attr {
	case "id":
		return []string{u.ID}
	case "status":
		return []string{u.Status}
	case "created":
		return []string{stamp(u.Created)}
	case "lastUpdated":
		return []string{stamp(latest(u.Created, u.Updated))}
	case "statusChanged":
		return []string{stamp(latest(u.Created, u.Changed))}
	case "profile.firstName":
		return []string{u.First}
	case "profile.lastName":
		return []string{u.Last}
	case "profile.department":
		return []string{u.Department}
	case "profile.title":
		return []string{u.Title}
	case "profile.login", "profile.email":
		return []string{u.Email}
	}
	return nil
}

var userFields = fields{
	"id": "eq", "status": "eq", "lastUpdated": "eq gt ge lt le", "profile.login": "eq", "profile.email": "eq",
	"profile.firstName": "eq", "profile.lastName": "eq",
}

// searchFields lets search test anything, as Okta does for every property of a profile.
var searchFields = fields{"": "eq ne sw co gt ge lt le pr"}

// listUsers leaves out people who were deprovisioned unless the request asks for a status.
func listUsers(c *call) answer {
	f, refused := c.filter("filter", "E0000001", userFields)
	if refused != nil {
		return *refused
	}
	g, refused := c.filter("search", "E0000001", searchFields)
	if refused != nil {
		return *refused
	}
	asked := strings.Contains(c.q.Get("filter")+c.q.Get("search"), "status")
	prefix := strings.ToLower(c.q.Get("q"))
	fits := func(u *user) bool {
		return (asked || u.Status != "DEPROVISIONED") && u.matches(prefix) && f(u.values) && g(u.values)
	}
	items, next, refused := page(c, "users", c.st.Users, fits, sizes{def: 200, low: 1, high: 200}, func(u *user) place { return place{key: u.Seq} })
	if refused != nil {
		return *refused
	}
	return c.linked(ok(each(items, c.userView)), next)
}

func (u *user) matches(prefix string) bool {
	for _, v := range []string{u.First, u.Last, u.Email} {
		if strings.HasPrefix(strings.ToLower(v), prefix) {
			return true
		}
	}
	return false
}

// getUser takes an id or a login, but not the company's key, which is no business of Okta's.
func getUser(c *call) answer {
	id := c.r.PathValue("id")
	u := c.st.user(id)
	if u == nil || id != u.ID && id != u.Email {
		return notFound(id, "User")
	}
	return ok(c.userView(u))
}

type team struct {
	ID                    string            `json:"id"`
	Created               string            `json:"created"`
	LastUpdated           string            `json:"lastUpdated"`
	LastMembershipUpdated string            `json:"lastMembershipUpdated"`
	ObjectClass           []string          `json:"objectClass"`
	Type                  string            `json:"type"`
	Profile               map[string]string `json:"profile"`
	Links                 map[string]*link  `json:"_links"`
}

func (c *call) groupView(g *group) team {
	at := c.base + "/api/v1/groups/" + g.ID
	return team{
		ID: g.ID, Created: stamp(g.Created), LastUpdated: stamp(latest(g.Created, g.Updated)), LastMembershipUpdated: stamp(g.Created),
		ObjectClass: []string{"okta:user_group"}, Type: g.Type, Profile: map[string]string{"name": g.Name},
		Links: map[string]*link{"self": href(at), "users": href(at, "/users"), "apps": href(at, "/apps")},
	}
}

func (g *group) values(attr string) []string {
	switch attr {
	case "id":
		return []string{g.ID}
	case "type":
		return []string{g.Type}
	case "profile.name":
		return []string{g.Name}
	case "lastUpdated":
		return []string{stamp(latest(g.Created, g.Updated))}
	case "lastMembershipUpdated", "created":
		return []string{stamp(g.Created)}
	}
	return nil
}

var groupFields = fields{"id": "eq", "type": "eq", "lastUpdated": "eq gt ge lt le", "lastMembershipUpdated": "eq gt ge lt le"}

func listGroups(c *call) answer {
	f, refused := c.filter("filter", "E0000001", groupFields)
	if refused != nil {
		return *refused
	}
	g, refused := c.filter("search", "E0000001", searchFields)
	if refused != nil {
		return *refused
	}
	prefix := strings.ToLower(c.q.Get("q"))
	fits := func(t *group) bool {
		return strings.HasPrefix(strings.ToLower(t.Name), prefix) && f(t.values) && g(t.values)
	}
	items, next, refused := page(c, "groups", c.st.Groups, fits, sizes{def: 10_000, low: 1, high: 10_000}, func(g *group) place { return place{key: g.Seq} })
	if refused != nil {
		return *refused
	}
	return c.linked(ok(each(items, c.groupView)), next)
}

func getGroup(c *call) answer {
	id := c.r.PathValue("id")
	g := find(c.st.Groups, func(g *group) bool { return g.ID == id })
	if g == nil {
		return notFound(id, "UserGroup")
	}
	return ok(c.groupView(g))
}

type orgMetadata struct {
	ID       string           `json:"id"`
	Pipeline string           `json:"pipeline"`
	Links    map[string]*link `json:"_links"`
}

// organization tells an org's id to anybody.
func organization(c *call) answer {
	return ok(orgMetadata{ID: c.st.Org, Pipeline: "idx", Links: map[string]*link{"organization": href(c.base)}})
}
