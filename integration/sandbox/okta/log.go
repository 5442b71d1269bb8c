package okta

import (
	"sort"
	"time"
)

// logEntry is one entry of the System Log with the time at which it arrived there, which orders polling.
type logEntry struct {
	Arrived   time.Time
	Published time.Time
	Seq       int64
	Event     logEvent
}

// logEvent is a LogEvent as Okta sends it, nulls included.
type logEvent struct {
	UUID            string            `json:"uuid"`
	Published       string            `json:"published"`
	EventType       string            `json:"eventType"`
	Version         string            `json:"version"`
	Severity        string            `json:"severity"`
	LegacyEventType *string           `json:"legacyEventType"`
	DisplayMessage  string            `json:"displayMessage"`
	Actor           logActor          `json:"actor"`
	Client          logClient         `json:"client"`
	Device          *string           `json:"device"`
	Outcome         logOutcome        `json:"outcome"`
	Target          []logTarget       `json:"target"`
	Transaction     logTransaction    `json:"transaction"`
	DebugContext    logDebug          `json:"debugContext"`
	Authentication  logAuthentication `json:"authenticationContext"`
	Security        logSecurity       `json:"securityContext"`
	Request         logRequest        `json:"request"`
}

type logActor struct {
	ID          string         `json:"id"`
	Type        string         `json:"type"`
	AlternateID string         `json:"alternateId"`
	DisplayName string         `json:"displayName"`
	DetailEntry map[string]any `json:"detailEntry"`
}

type logClient struct {
	ID                  *string       `json:"id"`
	IPAddress           string        `json:"ipAddress"`
	Device              string        `json:"device"`
	Zone                string        `json:"zone"`
	UserAgent           *logUserAgent `json:"userAgent"`
	GeographicalContext *string       `json:"geographicalContext"`
}

type logUserAgent struct {
	Raw     string `json:"rawUserAgent"`
	OS      string `json:"os"`
	Browser string `json:"browser"`
}

type logOutcome struct {
	Result string  `json:"result"`
	Reason *string `json:"reason"`
}

type logTarget struct {
	ID            string         `json:"id"`
	Type          string         `json:"type"`
	AlternateID   string         `json:"alternateId"`
	DisplayName   string         `json:"displayName"`
	DetailEntry   map[string]any `json:"detailEntry"`
	ChangeDetails *logChange     `json:"changeDetails,omitempty"`
}

type logChange struct {
	From map[string]any `json:"from"`
	To   map[string]any `json:"to"`
}

type logTransaction struct {
	Type   string         `json:"type"`
	ID     string         `json:"id"`
	Detail map[string]any `json:"detail"`
}

type logDebug struct {
	Data map[string]any `json:"debugData"`
}

type logAuthentication struct {
	Step            int     `json:"authenticationStep"`
	ExternalSession string  `json:"externalSessionId"`
	RootSession     string  `json:"rootSessionId"`
	CredentialType  *string `json:"credentialType"`
	Issuer          *string `json:"issuer"`
}

type logSecurity struct {
	ASNumber *int    `json:"asNumber"`
	ASOrg    *string `json:"asOrg"`
	ISP      *string `json:"isp"`
	Domain   *string `json:"domain"`
	IsProxy  *bool   `json:"isProxy"`
}

type logRequest struct {
	IPChain []string `json:"ipChain"`
}

// messages are the catalogue's texts for what the sandbox logs.
var messages = map[string]string{
	"workload_principal.register":                       "Register workload principal",
	"workload_principal.update":                         "Update workload principal",
	"workload_principal.activate":                       "Activate workload principal",
	"workload_principal.deactivate":                     "Deactivate workload principal",
	"workload_principal.delete":                         "Delete workload principal",
	"workload_principal.ai_agent.credential.create":     "Create an AI agent credential",
	"workload_principal.ai_agent.credential.activate":   "Activate an AI agent credential",
	"workload_principal.ai_agent.credential.deactivate": "Deactivate an AI agent credential",
	"workload_principal.ai_agent.credential.delete":     "Delete an AI agent credential",
	"workload_principal.resource_connection.create":     "Workload principal resource connection creation",
	"workload_principal.resource_connection.update":     "Workload principal resource connection update",
	"workload_principal.resource_connection.activate":   "Workload principal resource connection activation",
	"workload_principal.resource_connection.deactivate": "Workload principal resource connection deactivation",
	"workload_principal.resource_connection.delete":     "Workload principal resource connection deletion",
	"workload_principal.delegation_link.create":         "Create a workload principal delegation link",
	"workload_principal.delegation_link.delete":         "Delete a workload principal delegation link",
	"resource.owner.update":                             "Update resource owners",
	"application.lifecycle.create":                      "Create application",
	"application.lifecycle.update":                      "Update application",
	"application.lifecycle.activate":                    "Activate application",
	"application.lifecycle.deactivate":                  "Deactivate application",
	"application.lifecycle.delete":                      "Delete application",
	"app.oauth2.client.lifecycle.create":                "Create OAuth client",
	"app.oauth2.client.lifecycle.update":                "Update OAuth client",
	"app.oauth2.client.lifecycle.activate":              "Activate OAuth client",
	"app.oauth2.client.lifecycle.deactivate":            "Deactivate OAuth client",
	"app.oauth2.client.lifecycle.delete":                "Delete OAuth client",
	"app.oauth2.client.read_client_secret":              "Read OAuth client secret",
	"app.oauth2.client.privilege.grant":                 "Grant OAuth 2.0 client app's admin privilege",
	"app.oauth2.client.privilege.revoke":                "Revoke all OAuth 2.0 client app's admin privileges",
	"app.oauth2.credentials.lifecycle.create":           "Add OAuth client credentials",
	"app.oauth2.credentials.lifecycle.delete":           "Delete OAuth client credentials",
	"app.oauth2.admin.consent.grant":                    "Grant administrator consent for scope",
	"app.oauth2.admin.consent.revoke":                   "Revoke administrator consent for scope",
	"user.session.start":                                "User login to Okta",
}

// betaNames are the spellings that Okta will rename five events to.
var betaNames = map[string]string{
	"workload_principal.register":   "workload_principal.ai_agent.register",
	"workload_principal.update":     "workload_principal.ai_agent.update",
	"workload_principal.activate":   "workload_principal.ai_agent.activate",
	"workload_principal.deactivate": "workload_principal.ai_agent.deactivate",
	"workload_principal.delete":     "workload_principal.ai_agent.delete",
}

// log writes an entry that is published now.
func (s *Sandbox) log(eventType string, by *user, targets ...logTarget) {
	message := messages[eventType]
	if beta := betaNames[eventType]; s.opt.BetaEventTypes && beta != "" {
		eventType = beta
	}
	s.st.log(s.st.Clock, s.opt.LogLate, eventType, message, by, targets)
}

// log writes an entry. Every fourth is late by the given time; it then stands behind those that were published after it
// and before its arrival.
func (st *state) log(at time.Time, late time.Duration, eventType, message string, by *user, targets []logTarget) {
	st.Logged++
	arrived := at
	if st.Logged%4 == 0 {
		arrived = at.Add(late)
	}
	for i := range targets {
		if targets[i].AlternateID == "" {
			targets[i].AlternateID = "unknown"
		}
	}
	e := &logEntry{Arrived: arrived, Published: at, Seq: st.next(), Event: logEvent{
		UUID: st.Noise.UUID(), Published: stamp(at), EventType: eventType, Version: "0", Severity: "INFO", DisplayMessage: message,
		Actor: logActor{ID: by.ID, Type: "User", AlternateID: by.Email, DisplayName: by.First + " " + by.Last},
		Client: logClient{IPAddress: "203.0.113.7", Device: "Computer", Zone: "null",
			UserAgent: &logUserAgent{Raw: "Mozilla/5.0", OS: "Linux", Browser: "FIREFOX"}},
		Outcome: logOutcome{Result: "SUCCESS"}, Target: targets,
		Transaction:    logTransaction{Type: "WEB", ID: st.Noise.Base62(20), Detail: map[string]any{}},
		DebugContext:   logDebug{Data: map[string]any{"requestUri": "/api/internal"}},
		Authentication: logAuthentication{ExternalSession: "idx" + st.Noise.Base62(20), RootSession: "idx" + st.Noise.Base62(20)},
		Request:        logRequest{IPChain: []string{}},
	}}
	i := sort.Search(len(st.Log), func(i int) bool { return st.Log[i].Arrived.After(arrived) })
	st.Log = append(st.Log, nil)
	copy(st.Log[i+1:], st.Log[i:])
	st.Log[i] = e
}

func (s *Sandbox) logAgent(eventType string, a *agent, by *user, more ...logTarget) {
	s.log(eventType, by, append([]logTarget{s.st.agentTarget(a.ID, a.Name)}, more...)...)
}

func (st *state) agentTarget(id, name string) logTarget {
	return logTarget{ID: id, Type: "WorkloadPrincipal", DisplayName: name, DetailEntry: map[string]any{"orn": st.agentORN(id)}}
}

func (s *Sandbox) logApp(eventType string, a *app, by *user, more ...logTarget) {
	s.log(eventType, by, append([]logTarget{appTarget(a)}, more...)...)
}

func appTarget(a *app) logTarget {
	t := logTarget{ID: a.ID, Type: "AppInstance", AlternateID: a.Label, DisplayName: "OpenID Connect Client"}
	if a.SignOn != "OPENID_CONNECT" {
		t.DisplayName = a.Label
	}
	return t
}

// logOperation logs a write to an agent when it is asked for.
func (s *Sandbox) logOperation(op *operation, by *user) {
	name, from := "", ""
	if a := s.st.agent(op.Agent); a != nil {
		name, from = a.Name, a.Status
	}
	if op.New != nil {
		name = op.New.Name
	}
	t := s.st.agentTarget(op.Agent, name)
	status := func(to string) {
		t.ChangeDetails = &logChange{map[string]any{"status": from}, map[string]any{"status": to}}
	}
	switch op.Type {
	case "ai-agent:Register":
		s.log("workload_principal.register", by, t)
	case "ai-agent:Activate":
		status("ACTIVE")
		s.log("workload_principal.activate", by, t)
	case "ai-agent:Deactivate":
		status("INACTIVE")
		s.log("workload_principal.deactivate", by, t)
	case "ai-agent:Delete":
		s.log("workload_principal.delete", by, t)
	default:
		if op.Name != nil && *op.Name != name {
			t.ChangeDetails = &logChange{map[string]any{"name": name}, map[string]any{"name": *op.Name}}
		}
		s.log("workload_principal.update", by, t)
	}
}
