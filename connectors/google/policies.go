package google

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const typeIAMPolicy = "iam_policy"

// policyVersion is the newest version of policies: older ones leave conditions out.
const policyVersion = 3

// governed is a resource with an allow policy.
type governed struct {
	resource string // full name, as grants and scopes have it
	home     place  // the project whose accounts its members are looked for in first; empty: none
	account  string // uniqueId, if it is a service account
	deleted  bool   // the list shows it as deleted: what it grants is nobody's until it is restored
	policy   ask
}

// governedPlace is a project, a folder or an organization.
func (c *client) governedPlace(at place) governed {
	g := governed{resource: "//cloudresourcemanager.googleapis.com/" + at.parent(), policy: c.post("cloudresourcemanager", "v3/"+at.parent()+":getIamPolicy", nil, policyAsked)}
	if at.Level != levelFolder && at.Level != levelOrganization {
		g.home = place{Project: at.Project}
	}
	return g
}

// governedAccount is a service account: its policy says who may act as it, and who may become it from outside of Google.
func (c *client) governedAccount(at place, uniqueID string) governed {
	path := at.parent() + "/serviceAccounts/" + uniqueID
	return governed{resource: accountResource(at.Project, uniqueID), home: at, account: uniqueID, policy: c.post("iam", "v1/"+path+":getIamPolicy", versionAsked(), nil)}
}

// governedEngine is an engine of Agent Runtime.
func (c *client) governedEngine(at place, engine string) governed {
	to := c.regional("aiplatform", strings.Split(engine, "/")[3]) + "/v1/" + engine + ":getIamPolicy"
	return governed{resource: engineResource(engine), home: place{Project: at.Project}, policy: ask{method: http.MethodPost, to: to, query: versionAsked()}}
}

// policyOf reads a resource's allow policy and looks up who its members are, those that the policy had before among them.
func (c *client) policyOf(ctx context.Context, known *holders, g governed, former ...string) (connectors.Record, []refusal, error) {
	asked := c.now()
	body, err := c.policy(ctx, g)
	if err != nil {
		return connectors.Record{}, nil, err
	}
	members, err := policyMembers(body)
	if err != nil {
		return connectors.Record{}, nil, err
	}
	found, err := known.of(ctx, g.home, append(members, former...))
	if err != nil {
		return connectors.Record{}, nil, err
	}
	r := connectors.Record{Type: typeIAMPolicy, Body: body, Asked: asked, Context: map[string]string{
		ctxResource: g.resource, ctxHolders: found.encoded}}
	if g.home.Project != "" {
		r.Context[ctxProject] = g.home.Project
	}
	if len(found.refused) > 0 {
		r.Context[ctxPartial] = "true"
	}
	if g.account == "" {
		return r, found.refused, nil
	}
	r.Context[ctxUniqueID] = g.account
	refused, err := known.pools.add(ctx, &r)
	return r, append(found.refused, refused...), err
}

func (c *client) policy(ctx context.Context, g governed) (jsontext.Value, error) {
	a, err := c.fetch(ctx, g.policy)
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

// readPolicy reads a policy again. What each entry says of it is told with the entry as evidence, as far as the policy shows it; the
// whole policy follows, so that nothing of it is missed.
func (f *auditLog) readPolicy(ctx context.Context, s signal) ([]connectors.Record, bool, error) {
	g, ok, err := f.governed(ctx, s)
	if err != nil || !ok {
		return nil, err == nil, err
	}
	var former []string
	for _, t := range s.Told {
		for _, d := range t.Deltas {
			former = append(former, d.Member)
		}
	}
	r, _, err := f.client.policyOf(ctx, f.holders, g, former...)
	if isStatus(err, http.StatusNotFound) {
		return nil, true, nil // it went with its resource, whose own entry tells
	}
	if err != nil {
		return nil, false, err
	}
	records, whole, err := deltaRecords(s.Told, r)
	if err != nil {
		return nil, false, err
	}
	if s.Bare {
		s.prove(&r)
	}
	return append(records, r), whole && !s.Bare, nil
}

// governed is the resource whose policy a signal names.
func (f *auditLog) governed(ctx context.Context, s signal) (governed, bool, error) {
	at := place{Project: s.Project}
	switch s.What {
	case readAccountPolicy:
		id := s.ID
		if strings.Contains(id, "@") {
			var err error
			if id, err = f.client.book.id(ctx, id); err != nil || id == "" {
				return governed{}, false, err
			}
		}
		return f.client.governedAccount(at, id), true, nil
	case readEnginePolicy:
		return f.client.governedEngine(at, s.ID), true, nil
	case readRunPolicy:
		return f.client.governedRun(at, s.ID), isRunName(s.ID), nil
	case readAppPolicy:
		return f.client.governedApp(at, s.ID), true, nil
	case readProviderPolicy:
		return f.client.governedProvider(at, s.ID), true, nil
	case readPoolPolicy:
		return f.client.governedPool(at, s.ID), true, nil
	}
	level, id, _ := strings.Cut(s.ID, "/")
	return f.client.governedPlace(place{Level: levelOf[level], Project: id}), name.MatchString(id), nil
}

// deltaRecords are what entries say of a policy, as far as the policy shows it now. whole says that it shows all.
func deltaRecords(all []told, policy connectors.Record) (out []connectors.Record, whole bool, err error) {
	p, err := parsePolicy(policy.Body)
	if err != nil {
		return nil, false, err
	}
	has := p.members()
	whole = true
	for _, t := range all {
		var shown []delta
		for _, d := range t.Deltas {
			if has[d.key()] == (d.Action == "ADD") {
				shown = append(shown, d)
			}
		}
		if whole = whole && len(shown) == len(t.Deltas); len(shown) == 0 {
			continue
		}
		body, err := events.Marshal(map[string]any{"deltas": shown})
		if err != nil {
			return nil, false, err
		}
		r := connectors.Record{Type: typeDelta, Body: body, Asked: policy.Asked, Context: map[string]string{
			ctxResource: policy.Context[ctxResource], ctxHolders: policy.Context[ctxHolders]}}
		prove(&r, t.LogID, t.At, t.Actor, "")
		out = append(out, r)
	}
	return out, whole, nil
}

// The feeds of policies.

const (
	feedIAMPolicies     = "iam-policies"
	feedFolderPolicies  = "folder-policies"
	feedAccountPolicies = "account-policies"
	feedEnginePolicies  = "engine-policies"
)

// placePolicies reads the policy of every place of the resource manager's.
func placePolicies(c *client, find func(context.Context) (places, error)) *walk {
	kinds := []events.Kind{events.KindGrant}
	known := newHolders(c)
	return &walk{
		kinds: kinds, places: find, done: known.forget,
		read: func(ctx context.Context, at place, _ string) (leaf, error) {
			r, refused, err := c.policyOf(ctx, known, c.governedPlace(at))
			if err != nil {
				return leaf{}, err
			}
			return leaf{records: []connectors.Record{r}, whole: true, blind: unseen(kinds, refused)}, nil
		},
	}
}

// iamPolicies reads cloudresourcemanager/v3 projects.getIamPolicy of every project.
func iamPolicies(c *client) *walk { return placePolicies(c, c.allProjects) }

// folderPolicies reads those of the folders and organizations that the account may see.
func folderPolicies(c *client) *walk { return placePolicies(c, c.above) }

// kindOfGoverned is a kind of things with policies of their own.
type kindOfGoverned struct {
	asset  string // what the inventory calls them; empty: all of them are read
	kinds  []events.Kind
	places func(context.Context) (places, error)
	done   func() // may be nil
	list   func(ctx context.Context, at place, token string, few int) (listing, error)
	most   int // of a page of them

	// of is what is listed, with its id and the other names that it has.
	of func(at place, item jsontext.Value) (g governed, id string, names []string, err error)
}

// policiesOfEach walks the things of a list and reads the policy of each, as far as it may not be passed over.
func policiesOfEach(c *client, k kindOfGoverned) *walk {
	known, n := newHolders(c), &narrowing{client: c, asset: k.asset}
	forget := func() {
		known.forget()
		n.end()
		if k.done != nil {
			k.done()
		}
	}
	return &walk{kinds: k.kinds, begin: n.begin, places: k.places, done: forget, read: func(ctx context.Context, at place, token string) (leaf, error) {
		asked := c.now()
		l, err := k.list(ctx, at, token, n.page(keysPage, k.most))
		if err != nil {
			return leaf{}, err
		}
		out := leaf{next: l.next, whole: l.whole}
		for _, item := range l.items {
			g, id, names, err := k.of(at, item)
			if err != nil {
				return leaf{}, err
			}
			if g.deleted {
				r := policyGoneRecord(g.resource)
				r.Asked = asked
				out.records = append(out.records, r)
				continue
			}
			if !n.wants(at.Project, id, names...) {
				continue
			}
			r, refused, err := c.policyOf(ctx, known, g)
			switch {
			case isStatus(err, http.StatusNotFound):
				continue
			case isRefusal(err):
				out.blind = append(out.blind, unseen(k.kinds, []refusal{{at, err}})...)
				continue
			case err != nil:
				return leaf{}, err
			}
			n.read(id, r.Body)
			out.records = append(out.records, r)
			out.blind = append(out.blind, unseen(k.kinds, refused)...)
		}
		return out, nil
	}}
}

// enginePolicies reads the policies of the engines: who may use and change them.
func enginePolicies(c *client) *walk {
	l := engineLocator(c)
	return policiesOfEach(c, kindOfGoverned{asset: assetEngine, kinds: []events.Kind{events.KindGrant}, places: l.places, done: l.found.forget,
		most: mostEngines, list: c.enginesBy,
		of: func(at place, item jsontext.Value) (governed, string, []string, error) {
			e, err := parseEngine(item)
			if err != nil {
				return governed{}, "", nil, err
			}
			return c.governedEngine(at, e), lastPart(e), nil, nil
		},
	})
}

// accountPolicies reads the policies of the service accounts: who may act as one, and become one from outside.
func accountPolicies(c *client) *walk {
	return policiesOfEach(c, kindOfGoverned{asset: assetAccount, kinds: []events.Kind{events.KindGrant, events.KindCredential}, places: c.allProjects,
		most: mostAccounts, list: func(ctx context.Context, at place, token string, most int) (listing, error) {
			return c.accounts(ctx, at, token, c.pageOf(most))
		},
		of: func(at place, item jsontext.Value) (governed, string, []string, error) {
			a, err := parseAccount(item)
			return c.governedAccount(at, a.UniqueID), a.UniqueID, []string{a.Email}, err
		},
	})
}
