package entra

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// happening is something that only a report tells, in the vendor's own form. Numbers in Props are float64, as JSON has them.
type happening struct {
	Seq   uint64         `json:"seq"`
	At    time.Time      `json:"at"`
	Shown time.Time      `json:"shown"` // when the report begins to tell
	Props map[string]any `json:"props"`
}

// happened adds something to a report, which tells it at once or after the log lag; what is past retention goes.
func (s *Sandbox) happened(report []*happening, now time.Time, props map[string]any) []*happening {
	old := now.AddDate(0, 0, -auditDays)
	report = slices.DeleteFunc(report, func(h *happening) bool { return h.At.Before(old) })
	s.st.Seq++
	return append(report, &happening{Seq: s.st.Seq, At: now, Shown: now.Add(s.logLag()), Props: props})
}

// report lists what a report tells by now.
func (q *request) report(k kind, context string, all []*happening, fits func(map[string]any) bool) source {
	now := q.now()
	return source{kind: k, context: context, rows: func(after uint64) iter.Seq[row] {
		return func(yield func(row) bool) {
			for _, h := range all {
				if h.Seq > after && !h.Shown.After(now) && fits(h.Props) && !yield(row{h.Seq, h.Props, nil}) {
					return
				}
			}
		}
	}}
}

// interactive is the one sort of sign-in that is listed unless a filter asks for others.
const interactive = "interactiveUser"

// signIns answers /auditLogs/signIns, newest first. Only beta tells which agent signed in.
func (q *request) signIns(rest []string) (any, error) {
	if err := q.Nature.SignIns.refuse("Authentication_RequestFromNonPremiumTenantOrB2CTenant", "premium"); err != nil {
		return nil, err
	}
	f := q.opt.filter
	all := f != nil && slices.Contains(f.props, "signInEventTypes") || len(rest) > 0
	k := kindOf("signIn")
	if q.version == "beta" {
		k.defaults = append(slices.Clone(k.defaults), k.more...)
	}
	src := q.report(k, "auditLogs/signIns", q.st.SignIns, func(m map[string]any) bool {
		types, _ := m["signInEventTypes"].([]any)
		return all && q.version == "beta" || slices.Contains(types, any(interactive))
	})
	src.size, src.order = k.max(), []order{{"createdDateTime", true}}
	switch len(rest) {
	case 0:
		return q.list(src)
	case 1:
		return q.within(src, rest[0])
	}
	return nil, noSegment(rest[1])
}

// act lets an agent sign in: by itself, or on behalf of Person, if there is one. Name may be "alone" or "on behalf",
// otherwise it is drawn. An agent user always signs in as itself, through its identity. One time in six it is refused.
func (s *Sandbox) act(c sandbox.Change, now time.Time) (sandbox.Outcome, error) {
	if !slices.Contains([]string{"", "alone", "on behalf"}, c.Name) || c.Name == "alone" && c.Person != "" {
		return sandbox.Outcome{}, none(c, "Name must be \"alone\" or \"on behalf\", and \"on behalf\" with a Person")
	}
	o, err := s.target(c, func(o *object) bool { return o.live() && status(o) == "active" && s.identityOf(o).live() })
	if err != nil {
		return sandbox.Outcome{}, err
	}
	subject, err := s.subject(c, o)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	res := s.reached(o)
	m := s.signIn(now, s.identityOf(o), subject, res)
	s.st.SignIns = s.happened(s.st.SignIns, now, m)
	if subject != nil && subject.Type == "user" {
		s.st.SignIns = s.happened(s.st.SignIns, now, s.ownSignIn(now, subject))
	}
	id, _ := m["id"].(string)
	out, _ := outcome(o, id, "agent %s signed in to %s%s", shown(o), shown(res), behalf(o, subject))
	out.At = now.Add(s.logLag())
	return out, nil
}

func behalf(o, subject *object) string {
	if subject == nil || subject == o {
		return ""
	}
	return " on behalf of " + subject.text("displayName")
}

// identityOf is the agent identity that signs in for an agent; nil for a user whose identity is gone.
func (s *Sandbox) identityOf(o *object) *object {
	if o.Type == "agentUser" {
		return s.ix.byID[o.text("identityParentId")]
	}
	return o
}

// subject is as whom an agent signs in: nobody, a person, or an agent user.
func (s *Sandbox) subject(c sandbox.Change, o *object) (*object, error) {
	switch {
	case o.Type == "agentUser":
		return o, nil
	case c.Person == "" && (c.Name == "alone" || c.Name == "" && s.st.Rand.Chance(0.5)):
		return nil, nil
	}
	return s.person(c, (*object).enabled)
}

// reached is a resource that an agent has a grant for, or Microsoft Graph.
func (s *Sandbox) reached(o *object) *object {
	if all := s.grantsOf(o); len(all) > 0 {
		return s.ix.byID[all[s.st.Rand.Pick(len(all))].text("resourceId")]
	}
	return s.byApp("servicePrincipal", graphAppID)
}

// signIn is a sign-in by an agent identity, in the form of beta.
func (s *Sandbox) signIn(now time.Time, identity, subject, res *object) map[string]any {
	m := s.plainSignIn(now, res)
	m["appId"], m["appDisplayName"] = identity.text("appId"), identity.text("displayName")
	m["servicePrincipalId"], m["servicePrincipalName"] = identity.ID, identity.text("displayName")
	m["federatedCredentialId"], m["servicePrincipalCredentialKeyId"] = s.usedCredential(identity)
	agent := map[string]any{"agentType": "agentIdentity", "parentAppId": identity.text("agentIdentityBlueprintId"),
		"agentSubjectType": "notAgentic", "agentSubjectParentId": nil}
	m["agent"] = agent
	if subject != nil {
		m["signInEventTypes"] = []any{"nonInteractiveUser"}
		nameUser(m, subject)
	}
	if subject != nil && subject.Type == "agentUser" {
		agent["agentSubjectType"], agent["agentSubjectParentId"] = "agentIDuser", identity.ID
	}
	if s.st.Rand.Chance(1.0 / 6) {
		m["status"] = map[string]any{"errorCode": float64(53003), "failureReason": "Blocked by Conditional Access.", "additionalDetails": nil}
		m["conditionalAccessStatus"] = "failure"
	}
	return m
}

// ownSignIn is how the person signed in for whom an agent acts then: no agent has part in it.
func (s *Sandbox) ownSignIn(now time.Time, u *object) map[string]any {
	m := s.plainSignIn(now, s.byApp("servicePrincipal", graphAppID))
	m["signInEventTypes"], m["isInteractive"], m["clientAppUsed"] = []any{interactive}, true, "Browser"
	nameUser(m, u)
	m["agent"] = map[string]any{"agentType": "notAgentic", "parentAppId": nil, "agentSubjectType": "notAgentic", "agentSubjectParentId": nil}
	return m
}

func nameUser(m map[string]any, u *object) {
	m["userId"], m["userDisplayName"], m["userPrincipalName"] = u.ID, u.text("displayName"), u.text("userPrincipalName")
}

func (s *Sandbox) plainSignIn(now time.Time, res *object) map[string]any {
	r := s.st.Rand
	return map[string]any{
		"id": r.UUID(), "createdDateTime": stamp(now), "correlationId": r.UUID(), "uniqueTokenIdentifier": r.Base62(22),
		"sessionId": r.UUID(), "ipAddress": "203.0.113." + r.Digits(2), "clientAppUsed": nil, "isInteractive": false,
		"conditionalAccessStatus": "success", "signInEventTypes": []any{"servicePrincipal"}, "userId": "", "userDisplayName": nil,
		"userPrincipalName": nil, "resourceId": res.text("appId"), "resourceDisplayName": res.text("displayName"),
		"resourceServicePrincipalId": res.ID, "appId": graphAppID, "appDisplayName": "Microsoft Office",
		"status": map[string]any{"errorCode": float64(0), "failureReason": "Other.", "additionalDetails": nil},
	}
}

// usedCredential is the credential of the blueprint that made the sign-in possible: a federated one, or else a key.
func (s *Sandbox) usedCredential(identity *object) (federated, key any) {
	app := s.blueprintOf(identity)
	if app == nil {
		return nil, nil
	}
	if f := app.Parts["federatedIdentityCredentials"]; len(f) > 0 {
		return f[0]["id"], nil
	}
	if all := credentialIDs(app); len(all) > 0 {
		return nil, all[0]
	}
	return nil, nil
}

// logLag is how late a report is now: the lag, and up to the jitter more.
func (s *Sandbox) logLag() time.Duration {
	lag := s.Nature.LogLag
	if j := int(s.Nature.LogJitter / time.Second); j > 0 {
		lag += time.Duration(s.st.Rand.Pick(j+1)) * time.Second
	}
	return lag
}

// agentType is how audits and risk reports classify an object, by its type.
func agentType(o *object) string {
	if o == nil {
		return "notAgentic"
	}
	return cmp.Or(map[string]string{"agentIdentity": "agenticAppInstance", "agentIdentityBlueprint": "agenticApp",
		"agentIdentityBlueprintPrincipal": "agentIdentityBlueprintPrincipal", "agentUser": "agentIDuser"}[o.Type], "notAgentic")
}

// blueprintID is the object id of an agent's blueprint, which the log names where directory objects name its application id;
// nil for what has none, and for a blueprint of another tenant.
func (s *Sandbox) blueprintID(o *object) any {
	if o == nil {
		return nil
	}
	appID := cmp.Or(o.text("agentIdentityBlueprintId"), o.text("appId"))
	if o.Type == "agentUser" {
		appID = ""
		if i := s.identityOf(o); i != nil {
			appID = i.text("agentIdentityBlueprintId")
		}
	}
	if !strings.HasPrefix(o.Type, "agent") {
		return nil
	}
	for _, x := range s.ix.byApp[appID] {
		if x.Type == "agentIdentityBlueprint" {
			return x.ID
		}
	}
	return nil
}
