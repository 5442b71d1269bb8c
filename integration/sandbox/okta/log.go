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
	IPAddress           *string       `json:"ipAddress"`
	Device              *string       `json:"device"`
	Zone                *string       `json:"zone"`
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

// entry begins an entry about something that went well, done over the web.
func entry(eventType string, by logActor, targets ...logTarget) logEvent {
	for i := range targets {
		if targets[i].AlternateID == "" {
			targets[i].AlternateID = "unknown"
		}
	}
	return logEvent{
		EventType: eventType, Version: "0", Severity: "INFO", DisplayMessage: catalogue[eventType].message, Actor: by,
		Client: logClient{IPAddress: new("203.0.113.7"), Device: new("Computer"), Zone: new("null"),
			UserAgent: &logUserAgent{Raw: "Mozilla/5.0", OS: "Linux", Browser: "FIREFOX"}},
		Outcome: logOutcome{Result: "SUCCESS"}, Target: targets,
		Transaction:  logTransaction{Type: "WEB", Detail: map[string]any{}},
		DebugContext: logDebug{Data: map[string]any{"requestUri": "/api/internal"}},
		Request:      logRequest{IPChain: []string{}},
	}
}

// asJob turns an entry into one about something that Okta did by itself, without any client.
func (e logEvent) asJob() logEvent {
	e.Client, e.Transaction.Type, e.DebugContext = logClient{}, "JOB", logDebug{Data: map[string]any{}}
	return e
}

// failed turns an entry into one about something that did not come to pass.
func (e logEvent) failed(reason string) logEvent {
	e.Severity, e.Outcome = "WARN", logOutcome{"FAILURE", &reason}
	return e
}

// log writes an entry that is published now.
func (s *Sandbox) log(eventType string, by *user, targets ...logTarget) {
	s.record(entry(eventType, by.actor(), targets...))
}

// record writes an entry that is published now, and tells the event hooks.
func (s *Sandbox) record(e logEvent) *logEntry {
	if beta := betaNames[e.EventType]; s.opt.BetaEventTypes && beta != "" {
		e.EventType = beta
	}
	written := s.st.write(s.st.Clock, s.opt.LogLate, e)
	s.announce(written.Event)
	return written
}

// write gives an entry its ids and its place in the log. Every fourth is late by the given time; it then stands behind those
// that were published after it and before its arrival.
func (st *state) write(at time.Time, late time.Duration, event logEvent) *logEntry {
	st.Logged++
	arrived := at
	if st.Logged%4 == 0 {
		arrived = at.Add(late)
	}
	event.UUID, event.Published, event.Transaction.ID = st.Noise.UUID(), stamp(at), st.Noise.Base62(20)
	event.Authentication.ExternalSession, event.Authentication.RootSession = "idx"+st.Noise.Base62(20), "idx"+st.Noise.Base62(20)
	e := &logEntry{Arrived: arrived, Published: at, Seq: st.next(), Event: event}
	i := sort.Search(len(st.Log), func(i int) bool { return st.Log[i].Arrived.After(arrived) })
	st.Log = append(st.Log, nil)
	copy(st.Log[i+1:], st.Log[i:])
	st.Log[i] = e
	return e
}

func (u *user) actor() logActor {
	return logActor{ID: u.ID, Type: "User", AlternateID: u.Email, DisplayName: u.name()}
}

func (u *user) target() logTarget {
	return logTarget{ID: u.ID, Type: "User", AlternateID: u.Email, DisplayName: u.name()}
}

// system is Okta itself as an actor.
func (st *state) system() logActor {
	return logActor{ID: "spr" + st.Org[3:], Type: "SystemPrincipal", AlternateID: "system@okta.com", DisplayName: "Okta System"}
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
