package google

import (
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// facts are what the organization has about members, gathered once for a truth.
type facts struct {
	grants    holdings            // by member, those on projects
	bindings  holdings            // by member, all
	federated map[string][]string // outside members by unique id of the account that they may act as
	consents  map[string][]string // by workload
	calls     map[string][]string // by URN of the registry
	entries   map[string]*registered
}

func (s *state) facts(now time.Time) facts {
	f := facts{s.held(), holdings{}, map[string][]string{}, map[string][]string{}, map[string][]string{},
		map[string]*registered{}}
	for _, r := range s.Registered {
		if r.Gone.IsZero() {
			f.entries[r.urn()] = r
		}
	}
	for _, g := range s.grounds("") {
		for _, b := range s.Policies[g.key].Bindings {
			for _, m := range b.Members {
				f.bindings[m] = append(f.bindings[m], bindingKey(b, g))
				if a, ok := g.host.(*account); ok && b.Role == "roles/iam.workloadIdentityUser" {
					f.federated[a.UniqueID] = append(f.federated[a.UniqueID], m)
				}
			}
		}
	}
	for _, a := range s.Summaries {
		if !now.Before(a.purged()) {
			continue
		}
		for _, scope := range a.Scopes {
			f.consents[a.Workload] = append(f.consents[a.Workload], consentKey(a, scope)+s.standing(a))
		}
	}
	for _, b := range s.Bindings {
		key := b.Target
		if b.Provider != "" {
			key += " with " + b.Provider
		}
		f.calls[b.Source] = append(f.calls[b.Source], key)
	}
	return f
}

// bindingKey names a binding in a truth.
func bindingKey(b *binding, g ground) string {
	key := b.Role + "@" + g.full
	if b.Condition != nil {
		key += " if " + b.Condition.Expression
	}
	return key
}

// consentKey names one scope that one person has delegated.
func consentKey(a *accessSummary, scope string) string {
	return scope + "@" + a.Provider + " for " + a.User
}

// standing says what has become of the consent that a summary tells of, behind its key; empty while it stands.
func (s *state) standing(a *accessSummary) string {
	c := pick(s.Consents, func(c *consent) bool { return c.Provider == a.Provider && c.User == a.User })
	switch {
	case c == nil:
		return " (revoked)"
	case c.Suspended:
		return " (suspended)"
	}
	return ""
}

// set is a list in order, each once; nil when it is empty.
func set(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

// furtherTruth adds what only some connectors read.
func (s *state) furtherTruth(t *sandbox.Truth, opt Options, now time.Time) {
	f := s.facts(now)
	living := map[string]bool{}
	for _, h := range s.holders() {
		living[h.member(s)] = true
	}
	for i := range t.Agents {
		s.describe(&t.Agents[i], f)
	}
	for _, h := range s.further() {
		a := s.furtherAgent(h, f)
		if h.gemini != nil && opt.novel(h.gemini.ID) {
			a.Status = "unknown"
		}
		t.Further = append(t.Further, a)
	}
	for _, m := range s.Manual {
		if m.Kind == "" {
			t.Further = append(t.Further, s.serviceTruth(m))
		}
	}
	for _, m := range s.Managed {
		if !m.Deleted.IsZero() && kept(m.Deleted, now) {
			living[m.principal()] = true
			t.Further = append(t.Further, s.furtherAgent(target{managed: m}, f))
		}
	}
	for _, p := range s.Providers {
		if !kept(p.Deleted, now) {
			continue
		}
		one := s.providerTruth(p)
		if opt.novel(p.ID) && one.Status != "deleted" {
			one.Status = "unknown"
		}
		t.Providers = append(t.Providers, one)
	}
	slices.SortFunc(t.Providers, func(a, b sandbox.TruthProvider) int { return strings.Compare(a.ID, b.ID) })
	for m, keys := range f.bindings {
		agent := strings.HasPrefix(m, "principal://"+s.trustDomain()) || strings.HasPrefix(m, "deleted:serviceAccount:") ||
			strings.HasPrefix(m, "serviceAccount:") && strings.HasSuffix(m, ".iam.gserviceaccount.com")
		if agent && !living[m] {
			for _, key := range set(keys) {
				t.Dangling = append(t.Dangling, m+" "+key)
			}
		}
	}
	slices.Sort(t.Dangling)
}

// describe adds to an agent of the kinds that every connector reads what only some read of it.
func (s *state) describe(a *sandbox.TruthAgent, f facts) {
	switch a.Native {
	case nativeAccount:
		acc := s.account(a.ID)
		a.Bindings, a.Federated = set(f.bindings[acc.member()]), set(f.federated[acc.UniqueID])
		a.Delegated = s.delegatedTo(target{account: acc})
		a.Identifiers = []string{"email=" + acc.Email, "principal=" + acc.member(), "resource=" + acc.name()}
	case nativeEngine:
		e := s.engine(a.ID)
		a.Identifiers = []string{"resource=" + e.name()}
		if p := e.principal(s); p != "" {
			a.Bindings, a.Consents = set(f.bindings[p]), set(f.consents[p])
			a.Identifiers = append(a.Identifiers, "principal="+p, "spiffe=spiffe://"+e.identity(s))
		} else {
			a.Identifiers = append(a.Identifiers, "account="+e.identity(s))
		}
	default:
		r := f.entries[a.ID]
		if r == nil { // its host is gone, and the registry has not noticed yet
			break
		}
		a.Identifiers, a.Connections = []string{"urn=" + r.urn(), "resource=" + r.name()}, set(f.calls[a.ID])
		switch r.Service {
		case servicePlatform, serviceRun:
			a.Identifiers = append(a.Identifiers, "uri=//"+r.Service+".googleapis.com/"+r.Host)
			a.LinkedTo = r.Host
		default:
			a.Identifiers = append(a.Identifiers, "url="+s.manual(r.Host).URL)
		}
	}
	slices.Sort(a.Identifiers)
}

// furtherAgent is an agent of a further kind, a deleted managed identity included.
func (s *state) furtherAgent(t target, f facts) sandbox.TruthAgent {
	a := sandbox.TruthAgent{ID: t.id(), Native: t.native(), Name: t.title(), Status: "active", Stewards: []string{}, Credentials: []string{},
		Grants: []string{}, Identifiers: []string{"resource=" + t.id()}}
	if m := t.member(s); m != "" {
		a.Bindings, a.Consents, a.Grants = set(f.bindings[m]), set(f.consents[m]), f.grants.of(m)
		a.Identifiers = append(a.Identifiers, "principal="+m)
	}
	switch {
	case t.run != nil:
		a.Stewards = []string{"creator:" + s.Admin}
		a.Identifiers = append(a.Identifiers, "url="+t.run.url())
		if t.run.Identity {
			a.Identifiers = append(a.Identifiers, "spiffe=spiffe://"+s.trustDomain()+"/resources/run/"+t.run.host())
		}
		if t.run.Account != "" {
			a.Identifiers = append(a.Identifiers, "account="+t.run.Account)
		}
	case t.gemini != nil:
		a.Status, a.LinkedTo, a.Delegated = geminiStatus[t.gemini.State], t.gemini.Engine, s.delegatedTo(t)
	case t.managed != nil:
		a.Identifiers = append(a.Identifiers, "spiffe="+t.managed.spiffe(s))
		for _, x := range t.managed.Attested {
			a.Identifiers = append(a.Identifiers, "uri="+x)
		}
		if t.managed.Disabled {
			a.Status = "disabled"
		}
		if !t.managed.Deleted.IsZero() {
			a.Status = "deleted"
		}
	}
	slices.Sort(a.Identifiers)
	return a
}

// serviceTruth is a registration by hand in Agent Registry, which stands beside the agent that the registry makes of it.
func (s *state) serviceTruth(m *manual) sandbox.TruthAgent {
	a := sandbox.TruthAgent{ID: m.name(), Native: nativeService, Name: m.Title, Status: "active", Stewards: []string{}, Credentials: []string{},
		Grants: []string{}, Identifiers: []string{"resource=" + m.name(), "url=" + m.URL}}
	if r := s.registered(m.host()); r != nil {
		a.LinkedTo = r.urn()
	}
	return a
}

// geminiStatus says what the states of Gemini Enterprise agents are in the words of a truth.
var geminiStatus = map[string]string{"ENABLED": "active", "PRIVATE": "active", "CONFIGURED": "pending", "DISABLED": "disabled",
	"SUSPENDED": "disabled"}

func (s *state) providerTruth(p *authProvider) sandbox.TruthProvider {
	t := sandbox.TruthProvider{ID: p.name(), Kind: snakeCase(p.Kind), Status: "active", Scopes: append([]string{}, p.Scopes...), Consents: []string{}}
	if p.Disabled {
		t.Status = "disabled"
	}
	if !p.Deleted.IsZero() {
		t.Status = "deleted"
	}
	for _, c := range s.Consents {
		if c.Provider == p.name() {
			text := c.User + ": " + strings.Join(c.Scopes, " ")
			if c.Suspended {
				text += " (suspended)"
			}
			t.Consents = append(t.Consents, text)
		}
	}
	slices.Sort(t.Consents)
	return t
}
