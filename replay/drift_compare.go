package replay

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// identities are all identities of a roster, by [identityKey].
func identities(ctx context.Context, r roster.Reader, tenant string) (map[string]*roster.Identity, error) {
	out := map[string]*roster.Identity{}
	agents, err := r.Agents(ctx, tenant)
	if err != nil {
		return nil, err
	}
	holders, err := r.Holders(ctx, tenant)
	if err != nil {
		return nil, err
	}
	add := func(i *roster.Identity) { out[identityKey(i.Tenant, i.Connection, i.Holder)] = i }
	for n := range agents {
		for m := range agents[n].Identities {
			add(&agents[n].Identities[m])
		}
	}
	for n := range holders {
		add(&holders[n])
	}
	return out, nil
}

// identityKey orders as its parts do.
func identityKey(parts ...string) string { return strings.Join(parts, "\x00") }

// compareIdentities lists the differences of two sets of identities by where they are, and how many identities were compared.
func compareIdentities(ours, theirs map[string]*roster.Identity, read [][2]string) (map[string]Drift, int, error) {
	out, n := map[string]Drift{}, 0
	all := maps.Clone(ours)
	maps.Copy(all, theirs)
	for at, i := range all {
		if !slices.Contains(read, [2]string{i.Tenant, i.Connection}) {
			continue
		}
		a, b := ours[at], theirs[at]
		if isKnown(a) != isKnown(b) { // what only hangs on a name is no identity beside one that is, or was, there
			a, b = known(a), known(b)
		}
		if !lives(a) && !lives(b) {
			continue
		}
		n++
		if err := compareIdentity(a, b, out); err != nil {
			return nil, 0, err
		}
	}
	return out, n, nil
}

// lives reports whether an identity is there: not deleted, and something other than a person alone.
func lives(i *roster.Identity) bool {
	switch {
	case i == nil:
		return false
	case i.Agent != nil:
		return i.Agent.Status != events.StatusDeleted
	case i.Blueprint != nil:
		return i.Blueprint.Status != events.StatusDeleted
	case i.Person != nil:
		return i.Person.Status != events.StatusDeleted
	}
	return len(i.Grants)+len(i.Delegations)+len(i.Credentials)+len(i.Stewards) > 0
}

func compareIdentity(ours, theirs *roster.Identity, out map[string]Drift) error {
	some := cmp.Or(theirs, ours)
	d := Drift{Tenant: some.Tenant, Connection: some.Connection, Holder: some.Holder, Kind: kindOf(some), Key: events.Self}
	d.Name = cmp.Or(nameOf(theirs), nameOf(ours))
	add := func(x Drift) {
		out[identityKey(x.Tenant, x.Connection, x.Holder, string(x.Kind), x.Key)] = x
	}
	if d.Kind == events.KindPerson {
		if ours != nil && theirs != nil && ours.Person != nil && theirs.Person != nil && ours.Person.Status != theirs.Person.Status {
			d.How = DriftDiffers
			d.Fields = []FieldDiff{{Name: "status", From: quoted(ours.Person.Status), To: quoted(theirs.Person.Status)}}
			add(d)
		}
		return nil
	}
	var err error
	switch {
	case !isKnown(ours) && !isKnown(theirs): // something hangs on it, and nothing else is known
		ours, theirs = cmp.Or(ours, &roster.Identity{}), cmp.Or(theirs, &roster.Identity{})
	case !lives(ours):
		d.How = DriftMissing
		add(d)
		return nil
	case !lives(theirs):
		d.How = DriftExtra
		add(d)
		return nil
	case kindOf(ours) == events.KindBlueprint:
		d.Fields, err = fields("", ours.Blueprint, theirs.Blueprint)
	default:
		d.Fields, err = fields("", ours.Agent, theirs.Agent)
	}
	if err != nil {
		return err
	}
	if len(d.Fields) > 0 {
		d.How = DriftDiffers
		add(d)
	}
	var hung AgentDiff
	if err := hung.identity(&roster.Identity{Stewards: ours.Stewards, Credentials: ours.Credentials, Grants: ours.Grants, Delegations: ours.Delegations, Risks: ours.Risks},
		&roster.Identity{Stewards: theirs.Stewards, Credentials: theirs.Credentials, Grants: theirs.Grants, Delegations: theirs.Delegations, Risks: theirs.Risks}); err != nil {
		return err
	}
	thing := func(t Thing, how string, fields []FieldDiff) {
		x := d
		x.Kind, x.Key, x.How, x.Fields, x.Value = t.Kind, t.Key, how, fields, t.Value
		if how == DriftDiffers {
			x.Value = nil
		}
		add(x)
	}
	for _, t := range hung.Gained {
		thing(t, DriftMissing, nil)
	}
	for _, t := range hung.Lost {
		thing(t, DriftExtra, nil)
	}
	for _, t := range hung.Other {
		thing(t.Thing, DriftDiffers, t.Fields)
	}
	return nil
}

// isKnown reports whether more is known of an identity than what hangs on it.
func isKnown(i *roster.Identity) bool {
	return i != nil && (i.Agent != nil || i.Blueprint != nil || i.Person != nil)
}

func known(i *roster.Identity) *roster.Identity {
	if isKnown(i) {
		return i
	}
	return nil
}

func kindOf(i *roster.Identity) events.Kind {
	switch {
	case i.Blueprint != nil:
		return events.KindBlueprint
	case i.Person != nil:
		return events.KindPerson
	}
	return events.KindAgent
}

func quoted(s events.Status) jsontext.Value { return jsontext.Value(`"` + string(s) + `"`) }

func nameOf(i *roster.Identity) string {
	switch {
	case i == nil:
		return ""
	case i.Agent != nil:
		return i.Agent.Name
	case i.Blueprint != nil:
		return i.Blueprint.Name
	}
	return ""
}
