package entra

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// of are those of scopes that flow.
func (r inheritRule) of(scope string) string {
	words := sorted(strings.Fields(scope))
	switch r.Kind {
	case inheritAll:
	case inheritEnumerated:
		words = slices.DeleteFunc(words, func(s string) bool { return !slices.Contains(r.Scopes, s) })
	default:
		return ""
	}
	return strings.Join(words, " ")
}

const (
	betaRoles    = "/inheritedAppRoleAssignments"
	betaConsents = "/inheritedOauth2PermissionGrants"
)

// shownByBeta asks Graph's beta what flows to some agents, which holds for all agents of their blueprints. Those of whose agents it
// does not answer are missing.
func (c *client) shownByBeta(ctx context.Context, refs []wireRef, lines map[string]lineage) (map[string]legacy, error) {
	path := func(r wireRef, end string) string { return castAgentIdentity + "/" + r.ID + end }
	var paths []string
	for _, r := range refs {
		paths = append(paths, path(r, betaRoles), path(r, betaConsents))
	}
	asked := c.now()
	answers, err := c.betaBatch(ctx, paths, needAgents)
	if err != nil {
		return nil, err
	}
	out := map[string]legacy{}
	for _, r := range refs {
		if _, done := out[r.Blueprint]; done {
			continue
		}
		// These lists are not paged.
		roles, ok := rest[assignment](ctx, c, answers[path(r, betaRoles)])
		consents, also := rest[consent](ctx, c, answers[path(r, betaConsents)])
		if ok && also {
			out[r.Blueprint] = legacy{flows: r.flows(lines[r.Blueprint].principal, roles, consents), asked: asked}
		}
	}
	return out, nil
}

// flows are what beta shows of an agent. It may name the agent itself where the blueprint's principal was granted something.
func (r wireRef) flows(principal string, roles []assignment, consents []consent) []flow {
	from := func(named string) string {
		if named == r.ID {
			named = ""
		}
		return cmp.Or(principal, named, r.Blueprint)
	}
	flows := []flow{}
	for _, one := range roles {
		flows = append(flows, flow{ID: one.ID, From: from(one.Principal), Role: one.Role, Resource: one.Resource, ResourceName: one.ResourceName})
	}
	for _, one := range consents {
		flows = append(flows, flow{ID: one.ID, From: from(one.Client), Scope: strings.Join(sorted(strings.Fields(one.Scope)), " "),
			Consent: one.Type, Resource: one.Resource})
	}
	return flows
}

// betaBatch is a $batch of beta's, which may not be there: then nothing is answered.
func (c *client) betaBatch(ctx context.Context, paths []string, need string) (map[string]answer, error) {
	all := map[string]answer{}
	for some := range slices.Chunk(paths, batchSize) {
		err := c.batchTo(ctx, c.betaURL("/$batch"), some, need, all)
		if isForbidden(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	for _, a := range all {
		if f := connectors.AsFault(c.check(a, call{})); a.status != http.StatusOK && f != nil && f.Kind == connectors.RateLimited {
			return nil, f
		}
	}
	return all, nil
}

// readInherited reads all that flows to an agent from its blueprint's principal.
func readInherited(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[flow](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope, named := "inherited/"+holder, namesOf(r)
	out := connectors.Reading{Replaces: []string{scope}}
	for _, f := range all {
		if f.ID == "" || f.From == "" {
			return connectors.Reading{}, errors.New("a permission has no id, or does not say from where it flows")
		}
		g := &events.Grant{Type: "app_role", Role: f.Role, RoleName: named[f.Role], Resource: f.Resource,
			ResourceName: cmp.Or(f.ResourceName, named[f.Resource]), Inherited: f.From}
		if f.Role == "" {
			g.Type, g.RoleName, g.Scopes, g.Condition = "oauth_scope", "", strings.Fields(f.Scope), f.Consent
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindGrant, Holder: holder, Key: "inherited:" + f.ID, Scope: scope, Grant: g})
	}
	return out, nil
}
