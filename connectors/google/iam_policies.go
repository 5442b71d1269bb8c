package google

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/api/cloudresourcemanager/v3"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	feedIAMPolicies = "iam-policies"
	typeIAMPolicy   = "iam_policy"
)

// policyVersion is the newest version of policies: older ones leave conditions out.
const policyVersion = 3

// iamPolicies reads cloudresourcemanager/v3 projects.getIamPolicy of every project, and looks up who its members are.
func iamPolicies(c *client) *walk {
	kinds := []events.Kind{events.KindGrant}
	known := &holders{client: c}
	return &walk{
		kinds: kinds, places: c.allProjects, done: known.forget,
		read: func(ctx context.Context, at place, _ string) (leaf, error) {
			asked := c.now()
			body, err := c.policy(ctx, at)
			if err != nil {
				return leaf{}, err
			}
			found, err := known.of(ctx, at, body)
			if err != nil {
				return leaf{}, err
			}
			r := connectors.Record{Type: typeIAMPolicy, Body: body, Asked: asked, Context: map[string]string{
				ctxProject: at.Project, ctxResource: projectResource(at.Project), ctxHolders: found.encoded}}
			if len(found.refused) > 0 {
				r.Context[ctxPartial] = "true"
			}
			return leaf{records: []connectors.Record{r}, whole: true, blind: unseen(kinds, found.refused)}, nil
		},
	}
}

// policy reads a project's allow policy.
func (c *client) policy(ctx context.Context, at place) (jsontext.Value, error) {
	ask := &cloudresourcemanager.GetIamPolicyRequest{
		Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: policyVersion}}
	a, err := c.fetch(ctx, func(ctx context.Context, s *sdk) error {
		_, err := s.projects.Projects.GetIamPolicy(at.parent(), ask).Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := a.isPolicy(); err != nil {
		return nil, err
	}
	return redact(a.body)
}

// isPolicy checks the body's shape. Even a policy that grants nothing has an etag, so that an empty object is none.
func (a *answer) isPolicy() error {
	m, err := a.object()
	if err != nil {
		return err
	}
	if m["etag"] == nil && m["bindings"] == nil {
		return a.broken("an object without bindings and etag, which is no policy")
	}
	if _, err := parsePolicy(a.body); err != nil {
		return a.broken("bindings of another shape than a policy's")
	}
	return nil
}
