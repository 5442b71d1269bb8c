package google

import (
	"slices"
	"strings"
	"time"
)

// resourceResult is a ResourceSearchResult of cloudasset/v1.
type resourceResult struct {
	Name         string   `json:"name"`
	AssetType    string   `json:"assetType"`
	Project      string   `json:"project,omitempty"`
	Folders      []string `json:"folders,omitempty"`
	Organization string   `json:"organization"`
	DisplayName  string   `json:"displayName,omitempty"`
	Description  string   `json:"description,omitempty"`
	Location     string   `json:"location,omitempty"`
	State        string   `json:"state,omitempty"`
	CreateTime   string   `json:"createTime,omitempty"`
}

// policyResult is an IamPolicySearchResult of cloudasset/v1.
type policyResult struct {
	Resource     string     `json:"resource"`
	AssetType    string     `json:"assetType"`
	Project      string     `json:"project,omitempty"`
	Folders      []string   `json:"folders,omitempty"`
	Organization string     `json:"organization"`
	Policy       policyJSON `json:"policy"`
}

// assetTypes say how Cloud Asset Inventory calls the kinds of grounds. Agents of the registry it does not know.
var assetTypes = map[string]string{
	kindOrganization: "cloudresourcemanager.googleapis.com/Organization", kindFolder: "cloudresourcemanager.googleapis.com/Folder",
	kindProject: "cloudresourcemanager.googleapis.com/Project", kindAccount: "iam.googleapis.com/ServiceAccount",
	kindEngine: "aiplatform.googleapis.com/ReasoningEngine", kindRun: "run.googleapis.com/Service",
	kindApp: "discoveryengine.googleapis.com/Engine", kindProvider: "agentidentity.googleapis.com/AuthProvider",
	kindPool: "iam.googleapis.com/WorkloadIdentityPool",
}

// ancestry is the project and the folders that a log's container lies in.
func (s *state) ancestry(in string) (project string, folders []string) {
	kind, id, _ := strings.Cut(in, "/")
	if p := s.project(id); kind == "projects" && p != nil {
		project, id = "projects/"+p.Number, p.Folder
	} else if kind != "folders" {
		return "", nil
	}
	for f := s.folder(id); f != nil; f = s.folder(id) {
		folders = append(folders, "folders/"+f.Number)
		_, id, _ = strings.Cut(f.Parent, "folders/")
	}
	return project, folders
}

// scoped checks the scope of a search and returns a test for what lies in it.
func (c *call) scoped(permission string) (func(in string) bool, *apiError) {
	want := c.container(c.vars["scope"], c.vars["id"])
	if want == "" {
		return nil, denied(serviceAsset, permission, c.vars["scope"]+"/"+c.vars["id"])
	}
	if c.query.get("orderBy") != "" || c.query.get("readMask") != "" {
		return nil, invalid("order_by", "This server takes neither orderBy nor readMask.")
	}
	types := c.query["assetTypes"]
	for _, t := range types {
		known := false
		for _, k := range assetTypes {
			known = known || k == t
		}
		if !known {
			return nil, invalid("asset_types", "Unsupported asset type: %s.", t)
		}
	}
	return func(in string) bool {
		_, folders := c.ancestry(in)
		return strings.HasPrefix(want, "organizations/") || in == want || slices.Contains(folders, want)
	}, nil
}

// asset is a ground with what a search shows of it beyond its name.
type asset struct {
	ground
	title, text, location, state string
	created                      time.Time
}

// assets are the grounds of the scope whose types were asked for, without what the inventory has not noticed yet. Engines,
// accounts and Cloud Run services are assets whether somebody has set their policy or not.
func (c *call) assets(in func(string) bool) (out []asset) {
	add := func(key string, a asset) {
		g, ok := c.ground(key)
		types := c.query["assetTypes"]
		if ok && in(g.in) && (len(types) == 0 || slices.Contains(types, assetTypes[g.kind])) && c.now.Sub(a.created) >= c.opt.AssetLag {
			a.ground = g
			out = append(out, a)
		}
	}
	add(organizationPolicyKey(c.Org), asset{title: c.Domain})
	for _, f := range c.Folders {
		add(folderPolicyKey(f.Number), asset{title: f.Title, created: f.Created, state: "ACTIVE"})
	}
	for _, p := range c.Projects {
		add(projectPolicyKey(p.ProjectID), asset{title: p.Title, created: p.Created, state: "ACTIVE"})
	}
	for _, a := range c.Accounts {
		add(accountPolicyKey(a.UniqueID), asset{title: a.Title, text: a.Description, created: a.Created, location: "global",
			state: map[bool]string{true: "DISABLED", false: "ENABLED"}[a.Disabled]})
	}
	for _, e := range c.Engines {
		add(enginePolicyKey(e.name()), asset{title: e.Title, text: e.Description, created: e.Created, location: e.Location})
	}
	for _, r := range c.Runs {
		add(runPolicyKey(r.host()), asset{title: r.ID, text: r.Description, created: r.Created, location: r.Location})
	}
	for _, p := range c.Providers {
		add(providerPolicyKey(p.name()), asset{title: p.ID, text: p.Text, created: p.Created, location: p.Location})
	}
	return out
}

// searchResources finds assets by words: of field:word or field=word the inventory's name, displayName, project, location and
// state are known, a word alone is looked for in all of them.
func searchResources(c *call) (any, *apiError) {
	in, e := c.scoped("cloudasset.assets.searchAllResources")
	if e != nil {
		return nil, e
	}
	f, err := parseFilter(c.query.get("query"))
	if err != nil {
		return nil, invalid("query", "Invalid query: %v.", err)
	}
	found, next, e := page(c, list[asset, resourceResult]{
		pager: pager{fallback: 100, max: 500},
		all:   c.assets(in),
		in:    func(a asset) bool { return f == nil || f.match(generic(c.resourceResult(a))) },
		key:   func(a asset) string { return a.full },
		show:  c.resourceResult,
	})
	return struct {
		Results       []resourceResult `json:"results,omitempty"`
		NextPageToken string           `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

func (c *call) resourceResult(a asset) resourceResult {
	project, folders := c.ancestry(a.in)
	return resourceResult{Name: a.full, AssetType: assetTypes[a.kind], Project: project, Folders: folders, Organization: "organizations/" + c.Org,
		DisplayName: a.title, Description: a.text, Location: a.location, State: a.state, CreateTime: stamp(a.created.Truncate(time.Second))}
}

// searchPolicies finds bindings that contain a text: policy:TEXT, or TEXT alone. Only those of a policy are shown that match.
func searchPolicies(c *call) (any, *apiError) {
	in, e := c.scoped("cloudasset.assets.searchAllIamPolicies")
	if e != nil {
		return nil, e
	}
	text := strings.TrimSpace(c.query.get("query"))
	text = strings.Trim(strings.TrimPrefix(text, "policy:"), `"`)
	types := c.query["assetTypes"]
	found, next, e := page(c, list[ground, policyResult]{
		pager: pager{fallback: 100, max: 500},
		all:   c.grounds(""),
		in: func(g ground) bool {
			typed := len(types) == 0 || slices.Contains(types, assetTypes[g.kind])
			return typed && in(g.in) && len(c.matching(g, text)) > 0
		},
		key: func(g ground) string { return g.full },
		show: func(g ground) policyResult {
			project, folders := c.ancestry(g.in)
			out := policyResult{Resource: g.full, AssetType: assetTypes[g.kind], Project: project, Folders: folders,
				Organization: "organizations/" + c.Org, Policy: policyJSON{Version: 1, Etag: etag("policy", g.key, c.Policies[g.key].Revision),
					Bindings: c.matching(g, text)}}
			if slices.ContainsFunc(out.Policy.Bindings, func(b *binding) bool { return b.Condition != nil }) {
				out.Policy.Version = 3
			}
			return out
		},
	})
	return struct {
		Results       []policyResult `json:"results,omitempty"`
		NextPageToken string         `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

// matching are the bindings of a policy that contain a text, whatever its case.
func (c *call) matching(g ground, text string) (out []*binding) {
	for _, b := range c.Policies[g.key].Bindings {
		all := strings.Join(append([]string{b.Role}, b.Members...), "\n")
		if b.Condition != nil {
			all += "\n" + b.Condition.Title + "\n" + b.Condition.Expression
		}
		if strings.Contains(strings.ToLower(all), strings.ToLower(text)) {
			out = append(out, b)
		}
	}
	return out
}
