package google

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// places are where a round reads, in order, and where it may not.
type places struct {
	list    []place
	refused []refusal
	numbers map[string]string // of projects, as far as a search has told them: number → id
}

var errDeleting = errors.New("the project is being deleted")

// project is one that projects.search shows.
type project struct {
	Name  string `json:"name"` // projects/NUMBER
	ID    string `json:"projectId"`
	State string `json:"state"`
}

// allProjects are the connection's projects: the configured ones, or all that its account may see.
func (c *client) allProjects(ctx context.Context) (places, error) {
	if c.projects != nil {
		return placesOf(c.projects), nil
	}
	items, err := everyPage(func(token string) (listing, error) {
		return c.list(ctx, "projects", token, c.get("cloudresourcemanager", "v3/projects:search", pageAsked(int64(c.pageSize), token)))
	})
	if err != nil {
		return places{}, err
	}
	var out places
	for _, v := range items {
		if err := out.addProject(v); err != nil {
			return places{}, err
		}
	}
	return out.checked()
}

// above are the folders and organizations that the connection's account may see: their roles come down to the projects.
func (c *client) above(ctx context.Context) (places, error) {
	var out places
	for _, level := range []string{levelFolder, levelOrganization} {
		at := place{Level: level}
		items, err := everyPage(func(token string) (listing, error) {
			return c.list(ctx, level+"s", token, c.get("cloudresourcemanager", "v3/"+level+"s:search", pageAsked(int64(c.pageSize), token)))
		})
		if isRefusal(err) {
			out.refused = append(out.refused, refusal{at, err})
			continue
		}
		if err != nil {
			return places{}, err
		}
		for _, v := range items {
			var one struct {
				Name  string `json:"name"`
				State string `json:"state"`
			}
			err := json.Unmarshal(v, &one)
			prefix, id, _ := strings.Cut(one.Name, "/")
			if err != nil || levelOf[prefix] != level || !name.MatchString(id) {
				return places{}, fmt.Errorf("GET /v3/%ss:search: an item without a usable name; ask again later", level)
			}
			if one.State != "DELETE_REQUESTED" {
				out.list = append(out.list, place{Level: level, Project: id})
			}
		}
	}
	if len(out.list) == 0 && len(out.refused) == 0 {
		return places{}, &connectors.Fault{Kind: connectors.Forbidden,
			Cure: "grant the connection's account roles/browser and roles/iam.securityReviewer on the organization, or leave it: projects without " +
				"an organization have nothing above them",
			Err: errors.New("the searches show no folder and no organization")}
	}
	slices.SortFunc(out.list, place.compare)
	out.list = slices.Compact(out.list)
	return out, nil
}

func placesOf(projects []string) places {
	var out places
	for _, p := range projects {
		out.list = append(out.list, place{Project: p})
	}
	return out
}

// addProject takes in a project. One that is being deleted cannot be read; its agents are unknown until it is gone or back.
func (p *places) addProject(v []byte) error {
	var one project
	if err := json.Unmarshal(v, &one); err != nil || !name.MatchString(one.ID) {
		return errors.New("POST /v3/projects:search: an item without a usable projectId; ask again later")
	}
	at := place{Project: one.ID}
	if one.State == "DELETE_REQUESTED" {
		p.refused = append(p.refused, refusal{at, &connectors.Fault{Kind: connectors.Forbidden,
			Cure: "the project is being deleted: restore it, or wait until Google has removed it", Err: errDeleting}})
		return nil
	}
	p.list = append(p.list, at)
	if n := one.number(); n != "" {
		if p.numbers == nil {
			p.numbers = map[string]string{}
		}
		p.numbers[n] = one.ID
	}
	return nil
}

// checked orders the places. Seeing no project at all is no proof that there is none: the search shows only what the account
// may see.
func (p places) checked() (places, error) {
	if len(p.list) == 0 {
		return places{}, &connectors.Fault{Kind: connectors.Forbidden,
			Cure: "grant the connection's account roles/browser on the organization, or name the projects in the option projects",
			Err:  errors.New("projects.search shows no active project")}
	}
	slices.SortFunc(p.list, place.compare)
	p.list = slices.Compact(p.list)
	return p, nil
}

// locator finds the locations of each project that a service is asked at.
type locator struct {
	client *client
	list   func(ctx context.Context, project string) ([]jsontext.Value, error)
	keep   func(location string) bool
	none   string         // the cure when no location is left
	found  memo[[]string] // by project, for the round that is being prepared
}

// places are all locations of all projects.
func (l *locator) places(ctx context.Context) (places, error) {
	projects, err := l.client.allProjects(ctx)
	if err != nil {
		return places{}, err
	}
	out := places{refused: projects.refused}
	for _, p := range projects.list {
		locations, err := l.locations(ctx, p.Project)
		if isRefusal(err) {
			out.refused = append(out.refused, refusal{p, err})
			continue
		}
		if err != nil {
			return places{}, err
		}
		for _, location := range locations {
			if l.keep(location) {
				out.list = append(out.list, place{Project: p.Project, Location: location})
			}
		}
	}
	slices.SortFunc(out.list, place.compare)
	out.list = slices.Compact(out.list)
	if len(out.list) == 0 && len(out.refused) == 0 {
		return places{}, &connectors.Fault{Kind: connectors.Forbidden, Cure: l.none, Err: errors.New("there is no location to read")}
	}
	return out, nil
}

// locations are the configured ones, or those that the service lists.
func (l *locator) locations(ctx context.Context, project string) ([]string, error) {
	if l.client.options.locations != nil {
		return l.client.options.locations, nil
	}
	return l.found.get(project, l.client.now, func() ([]string, error) {
		items, err := l.list(ctx, project)
		if err != nil {
			return nil, err
		}
		return locationsOf(project, items)
	})
}

func locationsOf(project string, items []jsontext.Value) ([]string, error) {
	var out []string
	for _, v := range items {
		var one struct {
			ID   string `json:"locationId"`
			Name string `json:"name"`
		}
		err := json.Unmarshal(v, &one)
		if one.ID == "" {
			one.ID = lastPart(one.Name)
		}
		if err != nil || !name.MatchString(one.ID) {
			return nil, fmt.Errorf("GET /v1/projects/%s/locations: an item without a usable locationId; ask again later", project)
		}
		out = append(out, one.ID)
	}
	return out, nil
}

// registryLocations lists the locations of Agent Registry.
func (c *client) registryLocations(ctx context.Context, project string) ([]jsontext.Value, error) {
	return everyPage(func(token string) (listing, error) {
		return c.list(ctx, "locations", token, c.get("agentregistry", "v1/projects/"+project+"/locations", pageAsked(int64(c.pageSize), token)))
	})
}
