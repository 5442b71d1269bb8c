package google

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// The policies of what agents are, use and are let in by: Cloud Run services, apps of Gemini Enterprise, auth providers and workload
// identity pools. Agents of Gemini Enterprise themselves have none in the API: their app's holds for them.

const (
	feedRunPolicies      = "run-policies"
	feedAppPolicies      = "app-policies"
	feedProviderPolicies = "provider-policies"
	feedPoolPolicies     = "pool-policies"
)

var (
	appName      = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/collections/[^/]+/engines/[^/]+$`)
	providerName = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/authProviders/[^/]+$`)
	poolName     = regexp.MustCompile(`^projects/[^/]+/locations/[^/]+/workloadIdentityPools/[^/]+$`)
)

// inProject is a resource name with its project spelled otherwise.
func inProject(resource, project string) string {
	parts := strings.Split(resource, "/")
	if len(parts) > 1 && project != "" {
		parts[1] = project
	}
	return strings.Join(parts, "/")
}

// versionAsked is how services that are asked with GET are told which version of a policy to show.
func versionAsked() url.Values {
	return url.Values{"options.requestedPolicyVersion": {strconv.Itoa(policyVersion)}}
}

// policyAsked asks for the same in a body.
var policyAsked = map[string]any{"options": map[string]any{"requestedPolicyVersion": policyVersion}}

// governedRun is a Cloud Run service: its policy says who may call it. It is named by its project's number, as the agent that it is.
func (c *client) governedRun(at place, service string) governed {
	resource, _ := runID(service, c.dir.number(at.Project))
	return governed{resource: resource, home: place{Project: at.Project}, policy: c.get("run", "v2/"+service+":getIamPolicy", versionAsked())}
}

// appResource is the full name of an app of Gemini Enterprise, by its project's number.
func (c *client) appResource(at place, app string) string {
	return "//discoveryengine.googleapis.com/" + inProject(app, c.dir.number(at.Project))
}

// governedApp is an app of Gemini Enterprise: its policy says who may use and change its agents.
func (c *client) governedApp(at place, app string) governed {
	to := c.geminiBase(strings.Split(app, "/")[3]) + "/v1alpha/" + app + ":getIamPolicy"
	return governed{resource: c.appResource(at, app), home: place{Project: at.Project}, policy: ask{to: to, query: versionAsked()}}
}

// providerResource is the full name of an auth provider, with its project as the connection spells it.
func providerResource(project, provider string) string {
	return "//agentidentity.googleapis.com/" + inProject(provider, project)
}

// governedProvider is an auth provider: its policy says who may get credentials by it.
func (c *client) governedProvider(at place, provider string) governed {
	return governed{resource: providerResource(at.Project, provider), home: place{Project: at.Project}, policy: c.get("agentidentity", "v1/"+provider+":getIamPolicy", versionAsked())}
}

// governedPool is a workload identity pool: its policy says who may change whom it lets in.
func (c *client) governedPool(at place, pool string) governed {
	return governed{resource: "//iam.googleapis.com/" + inProject(pool, c.dir.number(at.Project)), home: place{Project: at.Project},
		policy: c.post("iam", "v1/"+pool+":getIamPolicy", nil, policyAsked)}
}

// runPolicies reads the policies of all Cloud Run services: agents call services that are none as well.
func runPolicies(c *client) *walk {
	return policiesOfEach(c, kindOfGoverned{kinds: []events.Kind{events.KindGrant}, places: c.runPlaces,
		list: func(ctx context.Context, at place, token string, _ int) (listing, error) {
			if err := c.knowNumber(ctx, at); err != nil {
				return listing{}, err
			}
			return c.runServicesBy(ctx, at, token, keysPage)
		},
		of: func(at place, item jsontext.Value) (governed, string, []string, error) {
			service, err := usable(item, "a Cloud Run service", isRunName)
			return c.governedRun(at, service), service, nil, err
		},
	})
}

func isRunName(name string) bool { _, ok := runID(name, ""); return ok }

// appPolicies reads the policies of the apps of Gemini Enterprise, whose list has no pages.
func appPolicies(c *client) *walk {
	return policiesOfEach(c, kindOfGoverned{kinds: []events.Kind{events.KindGrant}, places: c.geminiPlaces,
		list: func(ctx context.Context, at place, _ string, _ int) (listing, error) {
			if err := c.knowNumber(ctx, at); err != nil {
				return listing{}, err
			}
			items, err := c.geminiList(ctx, at, at.parent()+appCollection, "engines")
			return listing{items: items, whole: true}, err
		},
		of: func(at place, item jsontext.Value) (governed, string, []string, error) {
			app, err := usable(item, "an app of Gemini Enterprise", appName.MatchString)
			if err != nil {
				return governed{}, "", nil, err
			}
			return c.governedApp(at, app), app, nil, nil
		},
	})
}

// providerPolicies reads the policies of the auth providers.
func providerPolicies(c *client) *walk {
	l := identityLocator(c)
	return policiesOfEach(c, kindOfGoverned{kinds: []events.Kind{events.KindGrant}, places: l.places, done: l.found.forget,
		list: func(ctx context.Context, at place, token string, _ int) (listing, error) {
			return c.list(ctx, "authProviders", token, c.get("agentidentity", "v1/"+at.parent()+"/authProviders", showDeleted(pageAsked(c.pageOf(providersPage), token))))
		},
		of: func(at place, item jsontext.Value) (governed, string, []string, error) {
			provider, err := usable(item, "an auth provider", providerName.MatchString)
			g := c.governedProvider(at, provider)
			g.deleted = isDeleted(item)
			return g, provider, nil, err
		},
	})
}

// poolPolicies reads the policies of the projects' workload identity pools.
func poolPolicies(c *client) *walk {
	return policiesOfEach(c, kindOfGoverned{kinds: []events.Kind{events.KindGrant}, places: c.allProjects,
		list: func(ctx context.Context, at place, token string, _ int) (listing, error) {
			if err := c.knowNumber(ctx, at); err != nil {
				return listing{}, err
			}
			return c.list(ctx, "workloadIdentityPools", token, c.get("iam", "v1/"+at.parent()+"/locations/global/workloadIdentityPools", showDeleted(pageAsked(c.pageOf(keysPage), token))))
		},
		of: func(at place, item jsontext.Value) (governed, string, []string, error) {
			pool, err := usable(item, "a workload identity pool", poolName.MatchString)
			g := c.governedPool(at, pool)
			g.deleted = isDeleted(item)
			return g, pool, nil, err
		},
	})
}

// knowNumber makes sure that the number of a place's project is known, as far as it may be.
func (c *client) knowNumber(ctx context.Context, at place) error {
	_, err := c.dir.spell(ctx, at.Project)
	return err
}

// isDeleted reports whether a list shows a thing as deleted: providers and pools can be restored for 30 days.
func isDeleted(item jsontext.Value) bool {
	var one struct {
		Deleted bool   `json:"deleted"`
		State   string `json:"state"`
	}
	return json.Unmarshal(item, &one) == nil && (one.Deleted || one.State == "DELETED")
}

// usable is the name of a listed thing. It goes into paths.
func usable(item jsontext.Value, what string, fits func(string) bool) (string, error) {
	var one struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(item, &one); err != nil || !plainPath(one.Name) || !fits(one.Name) {
		return "", errors.New(what + " without a usable name; ask again later")
	}
	return one.Name, nil
}

// policyGoneRecord is the record of a policy that went with its resource.
func policyGoneRecord(resource string) connectors.Record {
	return connectors.Record{Type: typePolicyGone, Body: jsontext.Value(`{}`), Context: map[string]string{ctxResource: resource}}
}
