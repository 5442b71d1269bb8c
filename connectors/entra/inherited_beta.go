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

// beta asks Graph's beta what flows to agents. Those of whom it does not answer are missing.
func (f *inheritedFeed) beta(ctx context.Context, refs []wireRef) (map[string][]flow, error) {
	path := func(end string) func(wireRef) string {
		return func(r wireRef) string { return castAgentIdentity + "/" + r.ID + end }
	}
	roles, consents := path(betaRoles), path(betaConsents)
	var paths []string
	for _, r := range refs {
		paths = append(paths, roles(r), consents(r))
	}
	answers, err := f.client.betaBatch(ctx, paths, needAgents)
	if err != nil {
		return nil, err
	}
	out := map[string][]flow{}
	for _, r := range refs {
		// These lists are not paged.
		a, ok := rest[assignment](ctx, f.client, answers[roles(r)])
		c, also := rest[consent](ctx, f.client, answers[consents(r)])
		if !ok || !also {
			continue
		}
		from := f.grants[r.Blueprint].principal
		flows := []flow{}
		for _, one := range a {
			flows = append(flows, flow{ID: one.ID, From: cmp.Or(from, one.Principal, r.Blueprint), Role: one.Role, Resource: one.Resource, ResourceName: one.ResourceName})
		}
		for _, one := range c {
			flows = append(flows, flow{ID: one.ID, From: cmp.Or(from, one.Client, r.Blueprint), Scope: strings.Join(sorted(strings.Fields(one.Scope)), " "),
				Consent: one.Type, Resource: one.Resource})
		}
		out[r.ID] = flows
	}
	return out, nil
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
