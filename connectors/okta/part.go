package okta

import (
	"context"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// part is something of one agent, app or person that Okta tells only when it is asked about that one. Walks read parts of all,
// the log those of what it names, a listing those of what is new.
type part struct {
	name  string
	kinds []events.Kind

	// read reads one. It returns what is missing as a reason, if the rest is worth having.
	read func(ctx context.Context, c *client, id string) (rs []connectors.Record, missing []connectors.Blindness, err error)
}

// The names of parts, which cursors hold: for ever.
const (
	readKeys        = "keys"
	readConnections = "connections"
	readDelegations = "delegations"
	readOwners      = "owners"
	readAppKeys     = "app_keys"
	readGrants      = "grants"
	readRoles       = "roles"
	readPerson      = "person"
	readToken       = "api_token"
)

var (
	partKeys        = &part{readKeys, []events.Kind{events.KindCredential}, keysOf}
	partConnections = &part{readConnections, []events.Kind{events.KindGrant}, connectionsOf}
	partDelegations = &part{readDelegations, []events.Kind{events.KindDelegation}, delegationsOf}
	partOwners      = &part{readOwners, ownerKinds, ownersOf}
	partAppKeys     = &part{readAppKeys, []events.Kind{events.KindCredential}, appKeysOf}
	partGrants      = &part{readGrants, []events.Kind{events.KindGrant, events.KindDelegation}, grantsOf}
	partRoles       = &part{readRoles, []events.Kind{events.KindGrant}, rolesOf}
	partPerson      = &part{readPerson, []events.Kind{events.KindPerson}, personOf}
	partToken       = &part{readToken, []events.Kind{events.KindAgent}, tokenOf}
)

var ownerKinds = []events.Kind{events.KindStewardship, events.KindPerson}

// partNamed finds a part by its name; nil when there is none.
func partNamed(name string) *part {
	for _, p := range []*part{partKeys, partConnections, partDelegations, partOwners, partAppKeys, partGrants, partRoles, partPerson, partToken} {
		if p.name == name {
			return p
		}
	}
	return nil
}

// ofAgent is the address of something of an agent's own.
func ofAgent(id, rest string) string { return agentsPath + "/" + url.PathEscape(id) + rest }

// ofApp is the address of something of an app's own.
func ofApp(id, rest string) string { return appsPath + "/" + url.PathEscape(id) + rest }

func keysOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	return one(c.small(ctx, id, events.KindCredential, typeKeys, ofAgent(id, "/credentials/jwks"), readData))
}

func connectionsOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	return one(c.small(ctx, id, events.KindGrant, typeConnections, c.target(ofAgent(id, "/connections"), maxPage, ""), readData))
}

// delegationsOf reads who may call the agent. The API is a beta of the vendor's: an org without it still has connections.
func delegationsOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	orn, err := c.ornOf(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if orn == "" {
		return nil, blind("delegation links: no agent's ORN is known, and Okta finds them by it", events.KindDelegation), nil
	}
	r, err := c.small(ctx, id, events.KindDelegation, typeDelegations, c.target(delegationsPath, maxPage, `to.resourceOrn eq "`+orn+`"`), readData)
	if cure, no := forbidden(err); no {
		return nil, blind("delegation links: "+cure, events.KindDelegation), nil
	}
	if badRequest(err) {
		return nil, blind("delegation links: the org refuses the filter by to.resourceOrn", events.KindDelegation), nil
	}
	return one(r, err)
}

// ownersOf asks for the owners of one agent, the way that orgs of any age know. It needs the agent's ORN.
func ownersOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	orn, err := c.ornOf(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if orn == "" {
		return nil, blind("owners: no agent's ORN is known, and Okta finds owners by it", ownerKinds...), nil
	}
	r, err := c.small(ctx, id, events.KindStewardship, typeOwners, c.target(ownersPath, maxPage, `parentResourceOrn eq "`+orn+`"`), readData)
	if err != nil {
		return nil, nil, err
	}
	return c.withPeople(ctx, []connectors.Record{r}), nil, nil
}

// appKeysOf reads what a service app proves itself with: its keys and, if the connection is set to, its secrets' ids and dates.
func appKeysOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	rs, missing, err := one(c.small(ctx, id, events.KindCredential, typeAppKeys, ofApp(id, "/credentials/jwks"), readKeySet))
	if err != nil || !c.secrets {
		return rs, missing, err
	}
	secrets, err := c.small(ctx, id, events.KindCredential, typeSecrets, ofApp(id, "/credentials/secrets"), readArray)
	if cure, no := forbidden(err); no {
		return rs, blind("client secrets: "+cure, events.KindCredential), nil
	}
	if err != nil {
		return nil, nil, err
	}
	return append(rs, secrets), missing, nil
}

func grantsOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	return one(c.small(ctx, id, events.KindGrant, typeGrants, ofApp(id, "/grants"), readArray))
}

func rolesOf(ctx context.Context, c *client, id string) ([]connectors.Record, []connectors.Blindness, error) {
	return one(c.small(ctx, id, events.KindGrant, typeRoles, clientsPath+"/"+url.PathEscape(id)+"/roles", readArray))
}

// one is a part of a single record.
func one(r connectors.Record, err error) ([]connectors.Record, []connectors.Blindness, error) {
	if err != nil {
		return nil, nil, err
	}
	return []connectors.Record{r}, nil, nil
}

func blind(reason string, kinds ...events.Kind) []connectors.Blindness {
	return []connectors.Blindness{{Kinds: kinds, Reason: reason}}
}

// small reads a small list about one thing to its end, as one record. One that is empty, and would take away all that is known of its
// kind, is read twice: it may be a moment's blindness, and nothing would repair it before the next walk.
func (c *client) small(ctx context.Context, id string, k events.Kind, kind, target string, read reader) (connectors.Record, error) {
	items, first, err := c.all(ctx, target, read)
	if err == nil && len(items) == 0 && connectors.Holds(ctx, id, k) {
		items, first, err = c.all(ctx, target, read)
	}
	if err != nil {
		return connectors.Record{}, err
	}
	return listRecord(id, kind, items, first)
}

// all reads a list to its end, and returns the answer that it began with as well.
func (c *client) all(ctx context.Context, target string, read reader) (items []jsontext.Value, first *answer, err error) {
	items = []jsontext.Value{}
	err = c.each(ctx, target, read, func(l list, page *answer) error {
		if first == nil {
			first = page
		}
		items = append(items, l.items...)
		return nil
	})
	return items, first, err
}

// listRecord is the record of a small list that was read whole, about one thing.
func listRecord(id, kind string, items []jsontext.Value, read *answer) (connectors.Record, error) {
	body, err := events.Marshal(map[string]any{"data": items})
	if err != nil {
		return connectors.Record{}, misshapen(read, "JSON that can be kept", err)
	}
	return read.record(kind, body, map[string]string{aboutOne: id})
}

// ornOf finds an agent's ORN, reading the agent if nothing else tells it.
func (c *client) ornOf(ctx context.Context, id string) (string, error) {
	if a := c.roll.ref(id); a.orn != "" || c.roll.has(&c.roll.agentsAt) {
		return a.orn, nil // a listing tells the ORN of all, or of none
	}
	got, err := c.object(ctx, agentsPath, id)
	if err != nil {
		return "", err
	}
	a, _ := c.roll.agent(got.body, got.asked)
	return a.orn, nil
}

// told is what was read of one thing. Its error, if any, is of that thing alone.
type told struct {
	id      string
	records []connectors.Record
	missing []connectors.Blindness
	err     error
}

// atOnce is how many things are asked about at the same time: the connection mostly waits for answers. The feeds together stay at a
// handful of calls at once, since an org takes 35 or 75 from everybody.
const atOnce = 2

// ask reads parts of each thing, some at the same time, and answers in their order. What fails for one alone is in its answer.
func (c *client) ask(ctx context.Context, ids []string, want ...*part) ([]told, error) {
	out := make([]told, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, id := range ids {
		g.Go(func() error {
			t := &out[i]
			t.id = id
			for _, p := range want {
				rs, missing, err := p.read(ctx, c, id)
				t.records, t.missing = append(t.records, rs...), append(t.missing, missing...)
				if t.err = err; err != nil {
					break
				}
			}
			if _, no := forbidden(t.err); no || missingObject(t.err) {
				return nil
			}
			return t.err
		})
	}
	return out, g.Wait()
}

// mostNew is how many new things of one page are read whole at once. More of them are left to the walks.
const mostNew = 20

// whole reads at once what hangs on things that are new, so that nothing of them seems to be missing until a walk comes by.
// It never fails: what cannot be read now is left to the walks that it names.
func (c *client) whole(ctx context.Context, ids []string, want []*part, walks []string) (records []connectors.Record, wakes []string) {
	if len(ids) == 0 {
		return nil, nil
	}
	if len(ids) > mostNew {
		return nil, walks
	}
	answers, err := c.ask(ctx, ids, want...)
	for _, t := range answers {
		_, no := forbidden(t.err)
		if t.err == nil || no {
			records = append(records, t.records...)
		}
		if no && !slices.ContainsFunc(want, c.isBarred) {
			wakes = walks // they find out whether that stays so
		}
	}
	if err != nil {
		wakes = walks
	}
	return records, wakes
}
