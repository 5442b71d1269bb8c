package entra

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// consents is the delta of delegated permission grants. It shows those of the whole tenant, and which client is an agent the log
// knows. The sweep of grants reads those of each agent whole: a first round after the token was lost wakes it, because only it can
// tell what was taken back in between.
func consents(c *client) connectors.Feed {
	const name = "oauth2-grants"
	d := &delta{client: c, record: recordConsent, start: "/oauth2PermissionGrants/delta", need: needGrants,
		scopes: []deltaScope{{name: name, kind: events.KindDelegation}}}
	d.read = d.readConsents
	return connectors.Feed{Name: name, Kinds: []events.Kind{events.KindDelegation}, Every: time.Minute, Pull: d.pull}
}

// readConsents are the records of consents that concern agents or blueprint principals.
func (d *delta) readConsents(ctx context.Context, p page, cur *cursor, out *connectors.Page) error {
	if cur.Pass && p.delta != "" {
		out.Wakes = []string{"grants"}
	}
	var more connectors.Page
	heads := map[string]bool{}
	for _, raw := range p.items {
		var it item
		if err := decode(raw, &it); err != nil || it.ID == "" {
			return fmt.Errorf("GET %s: an item has no id", d.start)
		}
		holder := it.Client
		if holder == "" {
			holder = clientOf(ctx, it.ID)
		}
		if holder == "" || !isHolder(ctx, holder) {
			continue
		}
		heads[holder] = !cur.Pass && connectors.IsKnown(ctx, events.Identity(events.KindBlueprint, holder))
		if it.Removed == nil && it.Client == "" { // a part of it: all of that agent are read again
			if err := d.client.relations(ctx, &throttled{}, "", []string{holder}, principalGrants[1:2], &more); err != nil {
				return err
			}
			continue
		}
		rec, err := newRecord(d.record, raw, p.asked)
		if err != nil {
			return fmt.Errorf("GET %s: %w", d.start, err)
		}
		rec.Context = map[string]string{contextHolder: holder}
		more.Records = append(more.Records, rec)
	}
	if err := d.client.enrich(ctx, &more); err != nil {
		return err
	}
	for _, head := range slices.Sorted(maps.Keys(heads)) {
		if heads[head] { // what a blueprint's principal may do, its agents may
			if err := d.client.heirsOf(ctx, head, &more); err != nil {
				return err
			}
		}
	}
	out.Records, out.Blind, out.Wakes = append(out.Records, more.Records...), append(out.Blind, more.Blind...), append(out.Wakes, more.Wakes...)
	return nil
}

// isHolder reports whether the log knows an agent or a blueprint by the id.
func isHolder(ctx context.Context, id string) bool {
	return connectors.IsKnown(ctx, events.Identity(events.KindAgent, id)) || connectors.IsKnown(ctx, events.Identity(events.KindBlueprint, id))
}

// clientOf finds whose consent one is that is gone; empty: nobody's of whom the log knows.
func clientOf(ctx context.Context, consent string) string {
	for _, kind := range []events.Kind{events.KindAgent, events.KindBlueprint} {
		for _, holder := range connectors.Known(ctx, kind) {
			if connectors.IsKnown(ctx, events.Ref{Kind: events.KindDelegation, Holder: holder, Key: consent}) {
				return holder
			}
		}
	}
	return ""
}
