package google

import (
	"slices"
	"strings"
)

// organizationJSON is an Organization of cloudresourcemanager/v3.
type organizationJSON struct {
	Name                string `json:"name"`
	DisplayName         string `json:"displayName"`
	DirectoryCustomerID string `json:"directoryCustomerId"`
	State               string `json:"state"`
	CreateTime          string `json:"createTime"`
	UpdateTime          string `json:"updateTime"`
	Etag                string `json:"etag"`
}

// folderJSON is a Folder of cloudresourcemanager/v3.
type folderJSON struct {
	Name        string `json:"name"`
	Parent      string `json:"parent"`
	DisplayName string `json:"displayName"`
	State       string `json:"state"`
	CreateTime  string `json:"createTime"`
	UpdateTime  string `json:"updateTime"`
	Etag        string `json:"etag"`
}

func (s *state) organizationJSON() organizationJSON {
	made := stamp(s.Founded)
	return organizationJSON{"organizations/" + s.Org, s.Domain, s.customer(), "ACTIVE", made, made,
		`W/"` + etag(kindOrganization, s.Org, 1) + `"`}
}

// customer is the Workspace customer id of the organization.
func (s *state) customer() string { return "C0" + s.Org[:7] }

func (f *folder) json() folderJSON {
	return folderJSON{"folders/" + f.Number, f.Parent, f.Title, "ACTIVE", stamp(f.Created), stamp(f.Created),
		`W/"` + etag(kindFolder, f.Number, 1) + `"`}
}

func (s *state) folder(number string) *folder {
	return pick(s.Folders, func(f *folder) bool { return f.Number == number })
}

// searchOrganizations takes no query but none and domain:… for the organization's own, which is all that one organization needs.
func searchOrganizations(c *call) (any, *apiError) {
	var out struct {
		Organizations []organizationJSON `json:"organizations,omitempty"`
	}
	q := strings.TrimSpace(c.query.get("query"))
	if _, _, e := c.position(pager{fallback: 50, max: 500}); e != nil {
		return nil, e
	}
	if q == "" || strings.EqualFold(q, "domain:"+c.Domain) || strings.EqualFold(q, "directorycustomerid:"+c.customer()) {
		out.Organizations = []organizationJSON{c.organizationJSON()}
	}
	return out, nil
}

func (c *call) organizationOf(permission string) *apiError {
	if c.vars["organization"] != c.Org {
		return denied(serviceResource, permission, "organizations/"+c.vars["organization"])
	}
	return nil
}

func getOrganization(c *call) (any, *apiError) {
	if e := c.organizationOf("resourcemanager.organizations.get"); e != nil {
		return nil, e
	}
	return c.organizationJSON(), nil
}

func getOrganizationPolicy(c *call) (any, *apiError) {
	if e := c.organizationOf("resourcemanager.organizations.getIamPolicy"); e != nil {
		return nil, e
	}
	return c.bodyPolicy(organizationPolicyKey(c.Org))
}

// searchFolders finds folders by parent or display name; without a query all.
func searchFolders(c *call) (any, *apiError) {
	field, want, ok := cutTerm(strings.TrimSpace(c.query.get("query")))
	if q := c.query.get("query"); q != "" && (!ok || !slices.Contains([]string{"parent", "displayname"}, strings.ToLower(field))) {
		return nil, invalid("query", "Request contains an invalid argument: the query %q is none of parent=… and displayName=….", q)
	}
	return c.listedFolders(func(f *folder) bool {
		switch strings.ToLower(field) {
		case "parent":
			return f.Parent == want
		case "displayname":
			return strings.EqualFold(f.Title, strings.Trim(want, `"`))
		}
		return true
	})
}

// listFolders lists the folders right below a parent.
func listFolders(c *call) (any, *apiError) {
	parent, e := c.parentParameter("resourcemanager.folders.list")
	if e != nil {
		return nil, e
	}
	return c.listedFolders(func(f *folder) bool { return f.Parent == parent })
}

func (c *call) listedFolders(in func(*folder) bool) (any, *apiError) {
	found, next, e := page(c, list[*folder, folderJSON]{
		pager: pager{fallback: 50, max: 500},
		all:   c.Folders,
		in:    in,
		key:   func(f *folder) string { return f.Number },
		show:  (*folder).json,
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Folders       []folderJSON `json:"folders,omitempty"`
		NextPageToken string       `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// parentParameter is the organization or folder that the parent parameter names.
func (c *call) parentParameter(permission string) (string, *apiError) {
	parent := c.query.get("parent")
	kind, id, _ := strings.Cut(parent, "/")
	if kind != "organizations" && kind != "folders" {
		return "", invalid("parent", "The field parent must be organizations/ID or folders/ID, got %q.", parent)
	}
	if c.container(kind, id) == "" {
		return "", denied(serviceResource, permission, parent)
	}
	_, e := c.query.flag("showDeleted")
	return parent, e
}

// listProjects lists the projects right below a parent.
func listProjects(c *call) (any, *apiError) {
	parent, e := c.parentParameter("resourcemanager.projects.list")
	if e != nil {
		return nil, e
	}
	return c.listedProjects(func(p *project) bool { return p.parent(c.state) == parent })
}

func (c *call) folderOf(permission string) (*folder, *apiError) {
	if f := c.folder(c.vars["folder"]); f != nil {
		return f, nil
	}
	return nil, denied(serviceResource, permission, "folders/"+c.vars["folder"])
}

func getFolder(c *call) (any, *apiError) {
	f, e := c.folderOf("resourcemanager.folders.get")
	if e != nil {
		return nil, e
	}
	return f.json(), nil
}

func getFolderPolicy(c *call) (any, *apiError) {
	f, e := c.folderOf("resourcemanager.folders.getIamPolicy")
	if e != nil {
		return nil, e
	}
	return c.bodyPolicy(folderPolicyKey(f.Number))
}
