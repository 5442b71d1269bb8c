package roster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// The rules by which the roster concludes that somebody should look at an agent. They depend on the state of the fold alone, time being a
// tenant's last tick; docs/findings.md has them in words.

// severities say how much a finding matters.
var severities = map[events.Code]events.Severity{
	events.FindingOwnerless: events.SeverityMedium, events.FindingOwnerDisabled: events.SeverityMedium,
	events.FindingStatusMismatch: events.SeverityMedium, events.FindingDeletedElsewhere: events.SeverityHigh,
	events.FindingCredentialExpired: events.SeverityMedium, events.FindingCredentialExpiring: events.SeverityLow,
	events.FindingCredentialLongLife: events.SeverityMedium, events.FindingPrivileged: events.SeverityHigh,
	events.FindingUnused: events.SeverityLow, events.FindingOrphaned: events.SeverityMedium, events.FindingHostGone: events.SeverityMedium,
	events.FindingDanglingGrant: events.SeverityLow,
}

// isAgents reports whether findings of a code are about an agent as a whole, not about one of its identities.
func isAgents(c events.Code) bool {
	switch c {
	case events.FindingOwnerless, events.FindingStatusMismatch, events.FindingDeletedElsewhere, events.FindingUnused, events.FindingHostGone:
		return true
	}
	return false
}

func finding(code events.Code, key string, causes []string, format string, args ...any) events.Finding {
	slices.Sort(causes)
	causes = slices.DeleteFunc(slices.Compact(causes), func(id string) bool { return id == "" })
	return events.Finding{Code: code, Severity: severities[code], Key: key, Causes: causes, Explanation: fmt.Sprintf(format, args...)}
}

// ofOne is what is wrong with an identity by itself, and when it is to be looked at again.
func (r *Roster) ofOne(n *node) (found []events.Finding, due time.Time) {
	now, limits := r.time(n.Tenant)
	if n.Agent.Status == events.StatusDeleted {
		return r.dangling(n, now, limits)
	}
	for i := range n.Stewards {
		if f, is := r.ownerOut(n, &n.Stewards[i]); is {
			found = append(found, f)
		}
	}
	for i := range n.Credentials {
		f, is, again := ofCredential(&n.Credentials[i], now, limits)
		if is {
			found = append(found, f)
		}
		due = soonest(due, again)
	}
	for i := range n.Grants {
		g := &n.Grants[i]
		if v := &g.Value; !out(v.Status) && Privileged(n.Vendor, v) {
			found = append(found, finding(events.FindingPrivileged, g.Key, []string{g.Event}, "%s gives power over %s: who has it can give itself everything there",
				nameOf(v), resourceOf(v)))
		}
	}
	for _, b := range r.needed.blueprintsOf(n) {
		if b.Blueprint.Status == events.StatusDeleted {
			found = append(found, finding(events.FindingOrphaned, events.Self, []string{n.Event, b.Event}, "its blueprint %s is deleted", b.Holder))
			break
		}
	}
	return found, due
}

func nameOf(g *events.Grant) string {
	if name := cmp.Or(g.RoleName, g.Role); name != "" {
		return name
	}
	return fmt.Sprintf("%s %v", g.Type, g.Scopes)
}

// resourceOf is what a grant is on, without the service that Google's full names begin with.
func resourceOf(g *events.Grant) string {
	s := cmp.Or(g.ResourceName, g.Resource, "everything")
	if rest, full := strings.CutPrefix(s, "//"); full {
		if _, path, ok := strings.Cut(rest, "/"); ok {
			return path
		}
	}
	return s
}

// dangling are the grants of an identity that is gone: whoever gets its name gets them. What belongs together may go in several events, so
// they have a while to go as well.
func (r *Roster) dangling(n *node, now time.Time, limits events.Thresholds) (found []events.Finding, due time.Time) {
	if len(n.Grants) == 0 {
		return nil, time.Time{}
	}
	if come, due := within(n.LastChange.Add(limits.Settle), now); !come {
		return nil, due
	}
	for i := range n.Grants {
		g := &n.Grants[i]
		found = append(found, finding(events.FindingDanglingGrant, g.Key, []string{n.Event, g.Event}, "%s on %s is still granted to an identity that is gone",
			nameOf(&g.Value), resourceOf(&g.Value)))
	}
	return found, time.Time{}
}

// ownerOut finds that who answers for an agent can no longer log in.
func (r *Roster) ownerOut(n *node, s *Item[events.Stewardship]) (events.Finding, bool) {
	p := r.nodes[at{n.Tenant, n.Connection, s.Value.Person}]
	if s.Value.Role == "creator" || p == nil || p.Person == nil || !out(p.Person.Status) {
		return events.Finding{}, false
	}
	return finding(events.FindingOwnerDisabled, s.Key, []string{s.Event, p.Event}, "its %s %s is %s", s.Value.Role, s.Value.Person, p.Person.Status), true
}

// lasting are the types of credentials whose long life is a danger: what is copied once works until somebody ends it.
var lasting = []string{"secret", "key", "certificate", "api_token"}

// noEnd is the year from which on an end is none: Google writes 9999 for keys that do not expire.
const noEnd = 9999

// ofCredential finds that a credential has expired, expires soon or lives too long.
func ofCredential(c *Item[events.Credential], now time.Time, limits events.Thresholds) (f events.Finding, is bool, due time.Time) {
	v := &c.Value
	if out(v.Status) || now.IsZero() {
		return f, false, due
	}
	tell := func(code events.Code, format string, args ...any) (events.Finding, bool, time.Time) {
		return finding(code, c.Key, []string{c.Event}, format, args...), true, due
	}
	start := v.NotBefore
	if start.IsZero() {
		start = v.Created
	}
	ends := !v.Expires.IsZero() && v.Expires.Year() < noEnd
	if ends {
		come, at := within(v.Expires, now)
		if come {
			return tell(events.FindingCredentialExpired, "%s %s expired %s and is still there", v.Type, c.Key, day(v.Expires))
		}
		due = at
		if come, at := within(v.Expires.Add(-limits.Expiring), now); !come {
			due = at
		} else {
			return tell(events.FindingCredentialExpiring, "%s %s expires %s", v.Type, c.Key, day(v.Expires))
		}
	}
	if !slices.Contains(lasting, v.Type) || start.IsZero() {
		return f, false, due
	}
	if ends {
		if life := v.Expires.Sub(start); life > limits.LongLife {
			return tell(events.FindingCredentialLongLife, "%s %s lives %d days, from %s to %s", v.Type, c.Key, int(life.Hours()/24), day(start), day(v.Expires))
		}
		return f, false, due
	}
	come, again := within(start.Add(limits.LongLife), now)
	if come {
		return tell(events.FindingCredentialLongLife, "%s %s has no end and is in use since %s", v.Type, c.Key, day(start))
	}
	return f, false, again
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// hosts are what an identity of a vendor's type runs on, or belongs to: without any it can do nothing.
var hosts = map[string][]string{
	"agent_user":     {"agent_identity"},
	"registry_agent": {"reasoning_engine", "cloud_run_service"},
	"gemini_agent":   {"reasoning_engine"},
}

// ofAll is what is wrong with an agent as a whole, and when it is to be looked at again.
func (r *Roster) ofAll(g *group) (found []events.Finding, due time.Time) {
	now, limits := r.time(g.first.Tenant)
	if !g.alive() {
		_, due = within(g.lastChange().Add(limits.Forget), now)
		return nil, due
	}
	add := func(code events.Code, causes []string, format string, args ...any) {
		found = append(found, finding(code, events.Self, causes, format, args...))
	}
	if !g.has(func(f facts) bool { return f.answered != AnsweredByNobody }) {
		settle := limits.Settle
		if g.first.FirstSeenAs == events.FirstSeenSnapshot {
			settle = time.Nanosecond // it was there before: whom it had then is told with it, or soon
		}
		if come, again := within(g.first.FirstSeen.Add(settle), now); come {
			add(events.FindingOwnerless, g.states(nil), "nobody answers for it: no connection that knows it names an owner, sponsor or manager")
		} else {
			due = soonest(due, again)
		}
	}
	for _, a := range g.tally {
		for _, b := range g.tally {
			if a.connection == b.connection || b.status != events.StatusActive {
				continue
			}
			like := func(f, o facts) bool { return f.connection == o.connection && f.status == o.status }
			either := func(f facts) bool { return like(f, a.facts) || like(f, b.facts) }
			switch {
			case a.status == events.StatusDisabled:
				add(events.FindingStatusMismatch, g.states(either), "disabled at %s, active at %s", a.connection, b.connection)
			case a.status == events.StatusDeleted && !g.has(func(f facts) bool { return f.connection == a.connection && f.status != events.StatusDeleted }):
				add(events.FindingDeletedElsewhere, g.states(either), "deleted at %s, active at %s", a.connection, b.connection)
			}
		}
	}
	for _, f := range g.tally {
		on := hosts[f.native]
		if on == nil || f.status == events.StatusDeleted {
			continue
		}
		host := func(o facts) bool { return o.connection == f.connection && slices.Contains(on, o.native) }
		if g.has(host) && !g.has(func(o facts) bool { return host(o) && o.status != events.StatusDeleted }) {
			add(events.FindingHostGone, g.states(func(o facts) bool { return host(o) || o.connection == f.connection && o.native == f.native }), "what the %s at %s belongs to is deleted", f.native, f.connection)
		}
	}
	watched := !g.has(func(f facts) bool { return f.status != events.StatusDeleted && !f.watched })
	if watched && g.has(func(f facts) bool { return f.status == events.StatusActive }) {
		come, again := within(g.sign.Add(limits.Unused), now)
		if come {
			add(events.FindingUnused, g.states(nil), "nothing was done in its name since %s, as far as the connections that know it tell", day(g.sign))
		}
		due = soonest(due, again)
	}
	slices.SortFunc(found, func(a, b events.Finding) int { return compareExplained(a, b) })
	return slices.CompactFunc(found, func(a, b events.Finding) bool { return a.Code == b.Code }), due
}

// isOver reports whether an agent is gone for so long that it is no longer shown. One that somebody should look at is.
func (r *Roster) isOver(g *group) bool {
	now, limits := r.time(g.first.Tenant)
	if g.alive() || now.IsZero() || now.Before(g.lastChange().Add(limits.Forget)) {
		return false
	}
	return !slices.ContainsFunc(g.members, func(n *node) bool { return len(n.findings) > 0 })
}

func (g *group) alive() bool {
	return g.has(func(f facts) bool { return f.status != events.StatusDeleted })
}

func (g *group) lastChange() time.Time {
	var last time.Time
	for _, n := range g.members {
		last = later(last, n.LastChange)
	}
	return last
}

// compareExplained orders findings of one code by what they say, so that which one stands for all does not depend on any order.
func compareExplained(a, b events.Finding) int {
	if c := compareFindings(a, b); c != 0 {
		return c
	}
	if a.Explanation < b.Explanation {
		return -1
	}
	return 1
}

// maxCauses bounds how many events a finding about a whole agent names.
const maxCauses = 10

// states are the events that made the identities with such facts what they are, the first ones by their place in the log.
func (g *group) states(so func(facts) bool) []string {
	var nodes []*node
	for _, n := range g.members {
		if so == nil || so(n.facts) {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, compareNodes)
	var out []string
	for _, n := range nodes[:min(len(nodes), maxCauses)] {
		out = append(out, n.Event)
	}
	return out
}
