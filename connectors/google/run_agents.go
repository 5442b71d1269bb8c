package google

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedRunAgents = "run-agents"
	typeRunAgent  = "cloud_run_service"
)

// mostServices is the page size of Cloud Run's lists. The API states no maximum.
const mostServices = 100

// everyLocation stands for all locations in a parent. The API's text speaks against it, its answer has a field for it
// (unreachable), and it works for every client that is known.
const everyLocation = "-"

// runService is a Service of run/v2, as far as it tells an agent from another service.
type runService struct {
	Name           string            `json:"name"`
	Description    string            `json:"description"`
	Labels         map[string]string `json:"labels"`
	CreateTime     string            `json:"createTime"`
	UpdateTime     string            `json:"updateTime"`
	DeleteTime     string            `json:"deleteTime"`
	FunctionalType string            `json:"functionalType"`
	URI            string            `json:"uri"`
	Template       struct {
		ServiceAccount string `json:"serviceAccount"`
		Identity       struct {
			Type     string `json:"identityType"`
			Identity string `json:"identity"`
		} `json:"workloadIdentityConfig"`
	} `json:"template"`
}

// isAgent reports whether the service has an agent's identity, or is said to be an agent. Any other one runs as a service account like
// any workload.
func (s *runService) isAgent() bool {
	_, own := canonicalPrincipal(s.Template.Identity.Identity)
	return own || s.Template.Identity.Type == "IDENTITY_TYPE_AGENT_IDENTITY" || s.FunctionalType == "FUNCTIONAL_TYPE_AGENT"
}

// runAgents walks run/v2 projects.locations.services.list: at all locations of a project at once, or at those of the configuration.
func runAgents(c *client) *walk {
	return &walk{
		scope: feedRunAgents, kinds: []events.Kind{events.KindAgent}, places: c.runPlaces,
		group: func(at place) string {
			all := "projects/" + c.dir.number(at.Project) + "/"
			if at.Location != everyLocation {
				all += "locations/" + at.Location + "/"
			}
			return policyScope("//run.googleapis.com/" + all)
		},
		read: func(ctx context.Context, at place, token string) (leaf, error) {
			if err := c.knowNumber(ctx, at); err != nil {
				return leaf{}, err
			}
			asked := c.now()
			l, err := c.runServices(ctx, at, token)
			if err != nil {
				return leaf{}, err
			}
			out := leaf{next: l.next, whole: l.whole}
			number := c.dir.number(at.Project) // Cloud Run names a project by what it was asked for
			var plain []string
			for _, v := range l.items {
				var s runService
				if err := json.Unmarshal(v, &s); err == nil && !s.isAgent() {
					id, _ := runID(s.Name, number)
					plain = append(plain, id)
					continue
				}
				out.records = append(out.records, connectors.Record{Type: typeRunAgent, Body: v, Asked: asked, Context: map[string]string{
					ctxProject: at.Project, ctxLocation: at.Location, ctxNumber: number}})
			}
			return out.listed(plain, asked)
		},
	}
}

func (c *client) runPlaces(ctx context.Context) (places, error) {
	out, err := c.allProjects(ctx)
	if err != nil {
		return out, err
	}
	projects := out.list
	out.list = nil
	for _, p := range projects {
		for _, location := range c.runLocations() {
			out.list = append(out.list, place{Project: p.Project, Location: location})
		}
	}
	return out, nil
}

func (c *client) runLocations() []string {
	var out []string
	for _, l := range c.options.locations {
		if isRegion(l) {
			out = append(out, l)
		}
	}
	if out == nil {
		return []string{everyLocation}
	}
	return out
}

func (c *client) runServices(ctx context.Context, at place, token string) (listing, error) {
	return c.runServicesBy(ctx, at, token, mostServices)
}

func (c *client) runServicesBy(ctx context.Context, at place, token string, most int) (listing, error) {
	return c.list(ctx, "services", token, c.get("run", "v2/"+at.parent()+"/services", pageAsked(c.pageOf(most), token)))
}

// runID is the holder of a Cloud Run service: its full name by the project's number, as in its principal and in Agent Registry.
func runID(name, number string) (string, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 6 || parts[4] != "services" || parts[0] != "projects" {
		return "", false
	}
	parts[1] = word(number, parts[1])
	return "//run.googleapis.com/" + strings.Join(parts, "/"), true
}

// runOf is the holder of the Cloud Run service whose identity a canonical principal is, if it is one's.
func runOf(principal string) (string, bool) {
	_, path, ok := strings.Cut(principal, "/resources/run/")
	if !ok {
		return "", false
	}
	return runID(path, "")
}

// normalizeRunAgent reads a Cloud Run service that is an agent. A service has no state of use: it is listed, or it is gone.
func normalizeRunAgent(r connectors.Record) (connectors.Reading, error) {
	var s runService
	if err := decode(r, &s); err != nil {
		return connectors.Reading{}, err
	}
	id, ok := runID(s.Name, r.Context[ctxNumber])
	if !ok {
		return connectors.Reading{}, missing(r, "name")
	}
	agent := &events.Agent{
		Native: typeRunAgent, Name: lastPart(s.Name), Description: s.Description, Status: events.StatusActive, Class: events.ClassAgent,
		ClassReason: "a Cloud Run service with an agent's identity", Models: []events.Model{events.ModelService}, Platform: "run",
		Created: when(s.CreateTime), Labels: labels(s.Labels),
		Identifiers: []events.Identifier{{Type: events.IDResource, Value: id}},
	}
	if p, own := canonicalPrincipal(s.Template.Identity.Identity); own {
		agent.Identifiers = append(agent.Identifiers, events.Identifier{Type: events.IDPrincipal, Value: p})
	} else {
		agent.Identifiers = append(agent.Identifiers, events.Identifier{Type: events.IDEmail, Value: s.Template.ServiceAccount})
		agent.ClassReason = "a Cloud Run service that is said to be an agent"
	}
	if u := s.URI; strings.HasPrefix(u, "https://") {
		agent.Identifiers = append(agent.Identifiers, events.Identifier{Type: events.IDURL, Value: u})
	}
	scope := scopeOf(feedRunAgents, placeOf(r))
	return connectors.Reading{Entities: []events.Entity{agentEntity(id, scope, when(s.UpdateTime), agent)}, Keeps: []string{policyScope(id)}}, nil
}

// readRun reads a Cloud Run service again. One that is no agent any more is gone from among them.
func (f *auditLog) readRun(ctx context.Context, cur *logCursor, s signal) ([]connectors.Record, bool, error) {
	asked := f.client.now()
	id, ok := runID(s.ID, f.client.dir.number(s.Project))
	if !ok {
		return nil, true, nil
	}
	a, err := f.client.fetch(ctx, f.client.get("run", "v2/"+s.ID, nil))
	known := connectors.IsKnown(ctx, events.Identity(events.KindAgent, id))
	if known && s.Tries == 0 {
		cur.wakeAsItFollows(feedRegistryAgents, s.At)
	}
	if isStatus(err, http.StatusNotFound) {
		return absentNow(s, id, id, false, asked)
	}
	if err != nil {
		return nil, false, err
	}
	body, err := a.thing("name")
	if err != nil {
		return nil, false, err
	}
	var is runService
	if err := json.Unmarshal(body, &is); err != nil || lastPart(is.Name) != lastPart(s.ID) {
		return nil, false, a.broken("another service than the one that was asked for")
	}
	settled := !s.Gone && (s.Want != wantNewer || !when(is.UpdateTime).Before(s.At.Add(-settling)))
	if !is.isAgent() {
		if !known {
			return nil, settled, nil
		}
		r, err := goneRecord(&s, id, false, asked)
		r.Body = jsontext.Value(`{"id":` + string(quoted(id)) + `,"reason":"the service no longer runs as an agent"}`)
		return []connectors.Record{r}, settled, err
	}
	if !known {
		cur.wakeAsItFollows(feedRegistryAgents, s.At)
	}
	at := strings.Split(s.ID, "/")[3]
	if len(f.client.options.locations) == 0 {
		at = everyLocation
	}
	r := connectors.Record{Type: typeRunAgent, Body: body, Asked: asked, Context: map[string]string{
		ctxProject: s.Project, ctxLocation: at, ctxNumber: f.client.dir.number(s.Project)}}
	if settled {
		s.prove(&r)
	}
	return []connectors.Record{r}, settled, nil
}

func quoted(s string) jsontext.Value {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return jsontext.Value(`""`)
	}
	return b
}

// parseRun is the principal and the holder of a listed service that is an agent.
func parseRun(v jsontext.Value, number string) (principal, id string, err error) {
	var s runService
	if json.Unmarshal(v, &s) != nil {
		return "", "", errors.New("a Cloud Run service of another shape; ask again later")
	}
	id, _ = runID(s.Name, number)
	principal, _ = canonicalPrincipal(s.Template.Identity.Identity)
	return principal, id, nil
}
