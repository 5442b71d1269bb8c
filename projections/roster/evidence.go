package roster

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// The types of evidence that are no identifier of one vendor's.
const (
	linkObject    events.IdentifierType = "object_id"         // "<vendor>|<id>": one organization that two connections read
	linkFederated events.IdentifierType = "federated_subject" // "<issuer>|<subject>" of a token, of no vendor, that the agent proves itself with
	linkRunsAs    events.IdentifierType = "runs_as"           // the account that an agent runs as

	// LinkAssertion is what an operator says; its value is the key of the [Assertion].
	LinkAssertion events.IdentifierType = "assertion"
)

// claim is one piece of evidence that an identity carries. What one only runs as is not its own: where several do, it joins none of them.
type claim struct {
	id     events.Identifier
	runsAs bool
}

// claims are what joins an identity to others: identifiers that are given by one authority to one agent, and to no other thing.
func claims(i *Identity) []claim {
	if i.Agent == nil {
		return nil
	}
	var out []claim
	add := func(t events.IdentifierType, v string) {
		if v != "" {
			out = append(out, claim{id: events.Identifier{Type: t, Value: v}})
		}
	}
	for _, id := range i.Agent.Identifiers {
		switch id.Type {
		case events.IDAgentIdentity, events.IDPrincipal, events.IDResource, events.IDSPIFFE, events.IDURN, events.IDURL, events.IDClient:
			add(id.Type, id.Value)
		case events.IDApp: // what Entra calls the app id is the client id; Okta's is the id of an app that agents log in through, one or many
			out = append(out, claim{id: events.Identifier{Type: events.IDClient, Value: id.Value}, runsAs: i.Agent.Native == nativeOktaAgent})
		case events.IDObject:
			add(linkObject, i.Vendor+"|"+id.Value)
		case events.IDExternal:
			out = append(out, imported(id.Value)...)
		case events.IDEmail:
			out = append(out, account(i, id.Value)...)
		}
	}
	for _, c := range i.Credentials {
		if f := &c.Value; f.Type == "federated" && f.Status != events.StatusDisabled {
			add(trusted(f.Issuer, f.Subject))
		}
	}
	slices.SortFunc(out, compareClaims)
	return slices.CompactFunc(out, func(a, b claim) bool { return a.id == b.id })
}

// compareClaims orders what is only used before what is one's own, so that of two of the same kind the weaker counts.
func compareClaims(a, b claim) int {
	rank := func(c claim) int {
		if c.runsAs {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.id.Type, b.id.Type), cmp.Compare(a.id.Value, b.id.Value), cmp.Compare(rank(a), rank(b)))
}

// imported are the names of an agent that a platform knows: "<platform>|<id>" itself, and what the platform's own connector calls it.
// Source: Okta's documented import sources; whose platform it is shows in its name, in more than one spelling.
func imported(external string) []claim {
	out := []claim{{id: events.Identifier{Type: events.IDExternal, Value: external}}}
	platform, id, _ := strings.Cut(external, "|")
	if platform = strings.ToUpper(platform); id == "" {
		return out
	}
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(platform, w) })
	}
	switch {
	case says("MICROSOFT", "ENTRA", "COPILOT"):
		out = append(out, claim{id: events.Identifier{Type: linkObject, Value: "entra|" + id}},
			claim{id: events.Identifier{Type: events.IDClient, Value: id}})
	case says("GOOGLE", "VERTEX"):
		out = append(out, claim{id: events.Identifier{Type: events.IDResource, Value: id}},
			claim{id: events.Identifier{Type: events.IDPrincipal, Value: id}})
	}
	return out
}

// nativeServiceAccount is what Google's connector calls a service account. An address is its own as long as it is there; a deleted one
// leaves its address to the next.
const nativeServiceAccount = "service_account"

// nativeOktaAgent is what Okta's connector calls an AI agent.
const nativeOktaAgent = "ai_agent"

func account(i *Identity, email string) []claim {
	id := events.Identifier{Type: linkRunsAs, Value: email}
	switch {
	case i.Agent.Native != nativeServiceAccount:
		return []claim{{id: id, runsAs: true}}
	case i.Agent.Status != events.StatusDeleted:
		return []claim{{id: id}}
	}
	return nil
}

// trusted is whom a federated credential trusts: an identity of a vendor's, by the id that is unique there whichever of its tenants issues
// the token, or a subject of anybody else's. A pattern names nobody.
func trusted(issuer, subject string) (events.IdentifierType, string) {
	if issuer == "" || subject == "" || strings.ContainsAny(subject, "*{") {
		return "", ""
	}
	host := strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(issuer, "https://"), "http://"))
	host, _, _ = strings.Cut(host, "/")
	of := func(domains ...string) bool {
		return slices.ContainsFunc(domains, func(d string) bool { return host == d || strings.HasSuffix(host, "."+d) })
	}
	switch {
	case of("login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us", "login.partner.microsoftonline.cn"):
		return linkObject, "entra|" + subject
	case of("accounts.google.com"):
		return linkObject, "google|" + subject
	case of("okta.com", "oktapreview.com", "okta-emea.com"):
		return events.IDClient, subject
	}
	return linkFederated, strings.TrimRight(issuer, "/") + "|" + subject
}
