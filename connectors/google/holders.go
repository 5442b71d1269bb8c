package google

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/events"
)

// holders looks up which holder a policy's member is: a member names a service account by its email and an agent by its
// principal. It remembers for a round what it has looked up. A member that is found nowhere is nobody we know.
type holders struct {
	client   *client
	accounts memo[map[string]string] // project → email → uniqueId
	engines  memo[map[string]string] // project and location → principal → engine's name
	runs     memo[map[string]string] // the same of Cloud Run services
	pools    pools
}

func newHolders(c *client) *holders { return &holders{client: c, pools: pools{client: c}} }

// found are the holders of one policy's members.
type found struct {
	encoded string    // JSON object: member → holder
	refused []refusal // where members could not be looked up
}

func (h *holders) forget() {
	h.accounts.forget()
	h.engines.forget()
	h.runs.forget()
	h.pools.known.forget()
}

// of looks up the holders of the members of a policy. at is the project where they are looked for first, if there is one.
func (h *holders) of(ctx context.Context, at place, members []string) (found, error) {
	byMember := map[string]string{}
	refused, err := h.addAccounts(ctx, at, members, byMember)
	if err != nil {
		return found{}, err
	}
	if err := h.addAgents(ctx, members, byMember); err != nil {
		return found{}, err
	}
	b, err := events.Marshal(byMember)
	return found{encoded: string(b), refused: refused}, err
}

const accountMember = "serviceAccount:"

// addAccounts finds service accounts among the members: in the policy's own project, then in those of the connection's other
// projects that may hold what was not found yet.
func (h *holders) addAccounts(ctx context.Context, at place, members []string, to map[string]string) ([]refusal, error) {
	missing := emails(members)
	if len(missing) == 0 {
		return nil, nil
	}
	all, err := h.client.allProjects(ctx)
	if err != nil {
		return nil, err
	}
	var refused []refusal
	others := slices.DeleteFunc(slices.Clone(all.list), func(p place) bool { return p == at })
	for _, p := range append([]place{at}, others...) {
		if p.Project == "" {
			continue
		}
		if len(missing) == 0 || p != at && !mayHold(p.Project, missing) {
			continue
		}
		known, err := h.accounts.get(p.Project, h.client.now, func() (map[string]string, error) { return h.client.accountIDs(ctx, p) })
		if isRefusal(err) {
			refused = append(refused, refusal{p, err})
			continue
		}
		if err != nil {
			return nil, err
		}
		for email := range missing {
			if id := known[strings.ToLower(email)]; id != "" {
				to[accountMember+email] = id
				delete(missing, email)
			}
		}
	}
	if len(missing) == 0 {
		refused = nil
	}
	return refused, nil
}

// emails are the service accounts' among a policy's members.
func emails(members []string) map[string]bool {
	out := map[string]bool{}
	for _, m := range members {
		if email, ok := strings.CutPrefix(m, accountMember); ok && strings.Contains(email, "@") && !isServiceAgent(email) {
			out[email] = true
		}
	}
	return out
}

// isServiceAgent reports whether an account is one of Google's own, which no list shows.
func isServiceAgent(email string) bool {
	return strings.Contains(email, "@gcp-sa-") || strings.HasSuffix(email, "@cloudservices.gserviceaccount.com")
}

// mayHold reports whether a project may be the home of one of the accounts. A number tells nothing about it.
func mayHold(project string, emails map[string]bool) bool {
	if strings.Trim(project, "0123456789") == "" {
		return true
	}
	for email := range emails {
		_, domain, _ := strings.Cut(email, "@")
		if domain == project+".iam.gserviceaccount.com" || email == project+"@appspot.gserviceaccount.com" {
			return true
		}
	}
	return false
}

// accountIDs lists a project's service accounts: lower-case email → uniqueId.
func (c *client) accountIDs(ctx context.Context, at place) (map[string]string, error) {
	items, err := everyPage(func(token string) (listing, error) { return c.accounts(ctx, at, token, c.pageOf(mostAccounts)) })
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, v := range items {
		a, err := parseAccount(v)
		if err != nil {
			return nil, err
		}
		out[strings.ToLower(a.Email)] = a.UniqueID
	}
	return out, nil
}

// addAgents finds agents among the members. Where engines or services may not be listed, the principal's own word is taken for it that
// the agent is there: leaving it out would say that its grant is gone.
func (h *holders) addAgents(ctx context.Context, members []string, to map[string]string) error {
	for _, m := range members {
		principal, ok := canonicalPrincipal(m)
		if !ok || !strings.HasPrefix(m, "principal://") {
			continue
		}
		id, at, known, list := h.host(principal)
		if id == "" {
			continue
		}
		found, err := known.get(at.parent(), h.client.now, func() (map[string]string, error) { return list(ctx, at) })
		switch {
		case isStatus(err, http.StatusForbidden):
			to[m] = id
		case isRefusal(err): // there is no such place
		case err != nil:
			return err
		case found[principal] != "":
			to[m] = found[principal]
		}
	}
	return nil
}

// host is the agent that a principal names by what hosts it, where it lies, and how to find out whether it is there. The id is empty when
// the host is of another kind.
func (h *holders) host(principal string) (id string, at place, known *memo[map[string]string], list func(context.Context, place) (map[string]string, error)) {
	path := ""
	if engine, ok := engineOf(principal); ok {
		id, path, known, list = engine, engine, &h.engines, h.client.engineIDs
	} else if service, ok := runOf(principal); ok {
		id, path, known, list = service, strings.TrimPrefix(service, "//run.googleapis.com/"), &h.runs, h.client.runIDs
	}
	if !plainPath(path) {
		return "", place{}, nil, nil
	}
	parts := strings.Split(path, "/")
	return id, place{Project: parts[1], Location: parts[3]}, known, list
}

// runIDs lists a region's Cloud Run services that are agents: principal → full name. It is asked for by the project's number.
func (c *client) runIDs(ctx context.Context, at place) (map[string]string, error) {
	items, err := everyPage(func(token string) (listing, error) { return c.runServices(ctx, at, token) })
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, v := range items {
		principal, id, err := parseRun(v, at.Project)
		if err != nil {
			return nil, err
		}
		if principal != "" {
			out[principal] = id
		}
	}
	return out, nil
}

// engineIDs lists a region's engines: principal → name.
func (c *client) engineIDs(ctx context.Context, at place) (map[string]string, error) {
	items, err := everyPage(func(token string) (listing, error) { return c.engines(ctx, at, token) })
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, v := range items {
		var e reasoningEngine
		if err := json.Unmarshal(v, &e); err != nil {
			continue // the feed of engines reports it
		}
		if principal, ok := canonicalPrincipal(e.Spec.EffectiveIdentity); ok {
			out[principal] = e.Name
		}
	}
	return out, nil
}

// policyMembers are the members of a policy's bindings, sorted and without repetitions.
func policyMembers(body []byte) ([]string, error) {
	p, err := parsePolicy(body)
	if err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, b := range p.Bindings {
		for _, m := range b.Members {
			set[m] = true
		}
	}
	return slices.Sorted(maps.Keys(set)), nil
}
