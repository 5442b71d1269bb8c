package google

import (
	"slices"
	"strconv"
)

// runJSON is a Service of run/v2, as far as it tells an agent from another service.
type runJSON struct {
	Name           string          `json:"name"`
	Description    string          `json:"description,omitempty"`
	UID            string          `json:"uid"`
	Generation     string          `json:"generation"`
	FunctionalType string          `json:"functionalType,omitempty"`
	CreateTime     string          `json:"createTime"`
	UpdateTime     string          `json:"updateTime"`
	Creator        string          `json:"creator"`
	LastModifier   string          `json:"lastModifier"`
	Ingress        string          `json:"ingress"`
	LaunchStage    string          `json:"launchStage"`
	Template       runTemplateJSON `json:"template"`
	URI            string          `json:"uri"`
	Etag           string          `json:"etag"`
}

type runTemplateJSON struct {
	ServiceAccount         string             `json:"serviceAccount,omitempty"`
	Containers             []runContainerJSON `json:"containers"`
	WorkloadIdentityConfig *runIdentityJSON   `json:"workloadIdentityConfig,omitempty"`
}

type runContainerJSON struct {
	Image string `json:"image"`
}

type runIdentityJSON struct {
	IdentityType               string `json:"identityType"`
	Identity                   string `json:"identity,omitempty"`
	IdentityCertificateEnabled bool   `json:"identityCertificateEnabled,omitempty"`
}

// url is where the service answers; the name is reserved and never resolves.
func (r *runService) url() string {
	return "https://" + r.ID + "-" + r.Number + "." + r.Location + ".run.example"
}

func (r *runService) json(s *state) runJSON {
	j := runJSON{Name: r.name(), Description: r.Description, UID: r.UID, Generation: strconv.Itoa(r.Generation),
		FunctionalType: r.functionalType(), CreateTime: stamp(r.Created), UpdateTime: stamp(r.Updated),
		Creator: s.Admin, LastModifier: s.Admin, Ingress: "INGRESS_TRAFFIC_INTERNAL_ONLY", LaunchStage: "GA",
		Template: runTemplateJSON{ServiceAccount: r.Account,
			Containers: []runContainerJSON{{r.Location + "-docker.pkg.dev/" + r.Project + "/agents/" + r.ID + ":stable"}}},
		URI: r.url(), Etag: `"` + etag("run", r.UID, r.Generation) + `"`}
	if r.Identity {
		j.Template.WorkloadIdentityConfig = &runIdentityJSON{"IDENTITY_TYPE_AGENT_IDENTITY",
			"spiffe://" + s.trustDomain() + "/resources/run/" + r.host(), true}
	} else if !r.Plain {
		j.Template.WorkloadIdentityConfig = &runIdentityJSON{IdentityType: "IDENTITY_TYPE_SERVICE_ACCOUNT"}
	}
	return j
}

func (r *runService) functionalType() string {
	if r.Plain {
		return ""
	}
	return "FUNCTIONAL_TYPE_AGENT"
}

// getRunPolicy reads the policy of a service: who may call it.
func getRunPolicy(c *call) (any, *apiError) {
	r, e := c.runOf("run.services.getIamPolicy")
	if e != nil {
		return nil, e
	}
	return c.queryPolicy(runPolicyKey(r.host()))
}

// listRuns answers for one location, or for all of them under locations/-.
func listRuns(c *call) (any, *apiError) {
	p, e := c.projectOf("run.services.list")
	if e != nil {
		return nil, e
	}
	if _, e := c.query.flag("showDeleted"); e != nil { // deleted services are kept for no one to see
		return nil, e
	}
	found, next, e := page(c, list[*runService, runJSON]{
		pager: pager{fallback: 100, max: 1000},
		all:   c.Runs,
		in:    func(r *runService) bool { return r.Project == p.ProjectID && c.covers(r.Location) },
		key:   func(r *runService) string { return r.Location + "/" + r.ID },
		show:  func(r *runService) runJSON { return r.json(c.state) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Services      []runJSON `json:"services,omitempty"`
		NextPageToken string    `json:"nextPageToken,omitempty"`
		Unreachable   []string  `json:"unreachable,omitempty"`
	}{found, next, c.unreachable(p, c.vars["location"] == "-")}, nil
}

// covers reports whether the path's location is this one, or -, and whether the location can be reached.
func (c *call) covers(location string) bool {
	asked := c.vars["location"]
	if asked != "-" && asked != location {
		return false
	}
	return !slices.Contains(c.opt.Unreachable, location) || asked != "-" && c.route.service == serviceRun
}

// unreachable names the locations that an answer leaves out though the path asks for them.
func (c *call) unreachable(p *project, ask bool) []string {
	if !ask {
		return nil
	}
	var out []string
	for _, l := range c.opt.Unreachable {
		if c.vars["location"] == "-" || c.vars["location"] == l {
			out = append(out, "projects/"+p.ProjectID+"/locations/"+l)
		}
	}
	return out
}

// runOf is the service that the path names.
func (c *call) runOf(permission string) (*runService, *apiError) {
	p, e := c.projectOf(permission)
	if e != nil {
		return nil, e
	}
	if r := c.run("projects/" + p.Number + "/locations/" + c.vars["location"] + "/services/" + c.vars["service"]); r != nil {
		return r, c.settled(r.UID, r.Created, permission, r.name())
	}
	return nil, notFound("Resource '%s' of kind 'SERVICE' in region '%s' in project '%s' does not exist.",
		c.vars["service"], c.vars["location"], p.ProjectID)
}

func getRun(c *call) (any, *apiError) {
	r, e := c.runOf("run.services.get")
	if e != nil {
		return nil, e
	}
	return r.json(c.state), nil
}
