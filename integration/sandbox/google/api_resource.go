package google

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
)

// projectJSON is a Project of cloudresourcemanager/v3.
type projectJSON struct {
	Name        string            `json:"name"`
	Parent      string            `json:"parent"`
	ProjectID   string            `json:"projectId"`
	State       string            `json:"state"`
	DisplayName string            `json:"displayName"`
	CreateTime  string            `json:"createTime"`
	UpdateTime  string            `json:"updateTime"`
	Etag        string            `json:"etag"`
	Labels      map[string]string `json:"labels,omitempty"`
}

func (p *project) json(s *state) projectJSON {
	return projectJSON{
		Name: "projects/" + p.Number, Parent: p.parent(s), ProjectID: p.ProjectID, State: "ACTIVE",
		DisplayName: p.Title, CreateTime: stamp(p.Created), UpdateTime: stamp(p.Created),
		Etag: `W/"` + etag("project", p.Number, 1) + `"`, Labels: p.Labels,
	}
}

func searchProjects(c *call) (any, *apiError) {
	match, e := projectQuery(c.query.get("query"))
	if e != nil {
		return nil, e
	}
	return c.listedProjects(func(p *project) bool { return match(p.json(c.state)) })
}

func (c *call) listedProjects(in func(*project) bool) (any, *apiError) {
	found, next, e := page(c, list[*project, projectJSON]{
		pager: pager{fallback: 50, max: 500},
		all:   c.Projects,
		in:    in,
		key:   func(p *project) string { return p.ProjectID },
		show:  func(p *project) projectJSON { return p.json(c.state) },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Projects      []projectJSON `json:"projects,omitempty"`
		NextPageToken string        `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// projectQuery reads the query of projects.search: terms of field:value or field=value, case-insensitive, with * at
// the end for a prefix. A project matches when any term does, or all of them when they are joined by AND.
func projectQuery(q string) (func(projectJSON) bool, *apiError) {
	words := strings.Fields(q)
	conjunction := slices.Contains(words, "AND")
	words = slices.DeleteFunc(words, func(w string) bool { return w == "AND" || w == "OR" })
	for _, w := range words {
		if field, _, ok := cutTerm(w); !ok || projectField(projectJSON{}, strings.ToLower(field)) == nil {
			return nil, invalid("query", "Request contains an invalid argument: the query has no field %q.", w)
		}
	}
	return func(p projectJSON) bool {
		hit := func(w string) bool {
			field, want, _ := cutTerm(w)
			return projectMatches(p, strings.ToLower(field), strings.ToLower(strings.Trim(want, `"`)))
		}
		if conjunction {
			return !slices.ContainsFunc(words, func(w string) bool { return !hit(w) })
		}
		return len(words) == 0 || slices.ContainsFunc(words, hit)
	}, nil
}

func cutTerm(w string) (field, want string, ok bool) {
	i := strings.IndexAny(w, ":=")
	if i <= 0 {
		return "", "", false
	}
	return w[:i], w[i+1:], true
}

func projectMatches(p projectJSON, field, want string) bool {
	for _, got := range projectField(p, field) {
		got = strings.ToLower(got)
		prefix, open := strings.CutSuffix(want, "*")
		if got != "" && (got == want || open && strings.HasPrefix(got, prefix)) {
			return true
		}
	}
	return false
}

// projectField returns the values of a field of the query; nil when there is no such field.
func projectField(p projectJSON, field string) []string {
	parentType, parentID, _ := strings.Cut(p.Parent, "/")
	switch field {
	case "displayname", "name":
		return []string{p.DisplayName}
	case "parent":
		return []string{p.Parent}
	case "parent.type":
		return []string{strings.TrimSuffix(parentType, "s")}
	case "parent.id":
		return []string{parentID}
	case "id", "projectid":
		return []string{p.ProjectID}
	case "state", "lifecyclestate":
		return []string{p.State}
	case "labels":
		out := []string{""}
		for k, v := range p.Labels {
			out = append(out, k, v)
		}
		return out
	}
	if label, ok := strings.CutPrefix(field, "labels."); ok {
		return []string{p.Labels[label]}
	}
	return nil
}

func getProject(c *call) (any, *apiError) {
	p, e := c.projectOf("resourcemanager.projects.get")
	if e != nil {
		return nil, e
	}
	return p.json(c.state), nil
}

func getProjectPolicy(c *call) (any, *apiError) {
	p, e := c.projectOf("resourcemanager.projects.getIamPolicy")
	if e != nil {
		return nil, e
	}
	return c.bodyPolicy(projectPolicyKey(p.ProjectID))
}

// parent is the folder or the organization that a project is in.
func (p *project) parent(s *state) string {
	if p.Folder != "" {
		return "folders/" + p.Folder
	}
	return "organizations/" + s.Org
}

// etag is a version tag as the APIs give it: base64 of eight bytes that change with the revision.
func etag(kind, id string, revision int) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%s/%d", kind, id, revision)
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Sum64()))
}
