package google

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// logEntry is a LogEntry of logging/v2 with an AuditLog in it, as far as it is read. Which of an audit log's members are there
// differs from service to service, so that what is not needed to know the entry may have any shape.
type logEntry struct {
	InsertID  string `json:"insertId"`
	LogName   string `json:"logName"`
	Timestamp string `json:"timestamp"`
	Operation struct {
		ID    string `json:"id"`
		First bool   `json:"first"`
		Last  bool   `json:"last"`
	} `json:"operation"`
	Resource struct {
		Type   string         `json:"type"`
		Labels map[string]any `json:"labels"`
	} `json:"resource"`
	Audit struct {
		Service  string         `json:"serviceName"`
		Method   string         `json:"methodName"`
		Resource string         `json:"resourceName"`
		Status   jsontext.Value `json:"status"`
		Who      struct {
			Email   string `json:"principalEmail"`
			Subject string `json:"principalSubject"`
			Key     string `json:"serviceAccountKeyName"`
			Chain   []struct {
				Subject    string `json:"principalSubject"`
				FirstParty struct {
					Email string `json:"principalEmail"`
				} `json:"firstPartyPrincipal"`
			} `json:"serviceAccountDelegationInfo"`
		} `json:"authenticationInfo"`
		Caller struct {
			ID        string `json:"id"`
			Authority string `json:"authority"`
		} `json:"callerAgent"`
		Request  jsontext.Value `json:"request"`
		Response jsontext.Value `json:"response"`
		Data     jsontext.Value `json:"serviceData"`
		Metadata jsontext.Value `json:"metadata"`
	} `json:"protoPayload"`

	at time.Time
}

// parseEntry reads an entry. Without an id, a log, a time and a method it is none.
func parseEntry(item jsontext.Value) (*logEntry, error) {
	var e logEntry
	if err := json.Unmarshal(item, &e); err != nil {
		return nil, errors.New("it is of another shape than an entry of the audit log")
	}
	if e.at = when(e.Timestamp); e.at.IsZero() || e.InsertID == "" || e.LogName == "" || e.Audit.Method == "" {
		return nil, errors.New("it has no insertId, logName, timestamp or methodName")
	}
	return &e, nil
}

// isActivity reports whether the entry is of the Admin Activity log: others tell of reading, or of what Google did.
func (e *logEntry) isActivity() bool {
	return strings.HasSuffix(e.LogName, "/logs/cloudaudit.googleapis.com%2Factivity") || strings.HasSuffix(e.LogName, "/logs/cloudaudit.googleapis.com/activity")
}

// container is whose log the entry is in: projects/acme, folders/1, organizations/1.
func (e *logEntry) container() string {
	c, _, _ := strings.Cut(e.LogName, "/logs/")
	return c
}

// id names the entry: Google tells entries apart by log, time and insert id.
func (e *logEntry) id() string { return e.container() + "/" + e.InsertID + "@" + e.Timestamp }

// project is the project that the entry is about, by id or number; empty when it says none.
func (e *logEntry) project() string {
	if id := e.label("project_id"); id != "" {
		return id
	}
	id, ok := strings.CutPrefix(e.container(), "projects/")
	if !ok {
		return ""
	}
	return id
}

func (e *logEntry) label(name string) string {
	s, _ := e.Resource.Labels[name].(string)
	return s
}

// service is the service's short name: iam, cloudresourcemanager.
func (e *logEntry) service() string {
	s, _, _ := strings.Cut(e.Audit.Service, ".")
	return s
}

// method is the last part of the method's name in lower case: services differ in case, version and what comes before it.
func (e *logEntry) method() string {
	return strings.ToLower(e.Audit.Method[strings.LastIndexByte(e.Audit.Method, '.')+1:])
}

// failed reports whether the entry tells of an attempt that was refused or went wrong: nothing has changed then.
func (e *logEntry) failed() bool {
	var s struct {
		Code int `json:"code"`
	}
	return len(e.Audit.Status) > 0 && json.Unmarshal(e.Audit.Status, &s) == nil && s.Code != 0
}

// begun reports whether the entry tells only that a long-running call has begun: another tells of its end.
func (e *logEntry) begun() bool { return e.Operation.First && !e.Operation.Last }

// text is a member of an object, as a string, or empty.
func text(object jsontext.Value, members ...string) string {
	for _, m := range members {
		var o map[string]jsontext.Value
		if len(object) == 0 || json.Unmarshal(object, &o) != nil {
			return ""
		}
		object = o[m]
	}
	var s string
	if len(object) == 0 || json.Unmarshal(object, &s) != nil {
		return ""
	}
	return s
}

var (
	accountIn = regexp.MustCompile(`serviceAccounts/([^/:?]+)`)
	engineIn  = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/reasoningEngines/[^/:?]+`)

	geminiIn   = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/collections/[^/]+/engines/[^/]+/assistants/[^/]+/agents/[^/:?]+`)
	bindingIn  = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/bindings/[^/:?]+`)
	providerIn = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/authProviders/[^/:?]+`)
	serviceIn  = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/services/[^/:?]+`)
	appIn      = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/collections/[^/]+/engines/[^/:?]+`)
	poolIn     = regexp.MustCompile(`projects/[^/]+/locations/[^/]+/workloadIdentityPools/[^/:?]+`)
)

// runService is the name of the Cloud Run service that the entry is about. The older API names it by namespace, and leaves the
// place to the labels.
func (e *logEntry) runService() string {
	if s := e.named(serviceIn); s != "" {
		return s
	}
	service := e.label("service_name")
	if strings.HasPrefix(e.Audit.Resource, "namespaces/") {
		service = word(service, lastPart(e.Audit.Resource))
	}
	if service == "" || e.label("location") == "" || e.project() == "" {
		return ""
	}
	return "projects/" + e.project() + "/locations/" + e.label("location") + "/services/" + service
}

// account is the service account that the entry is about: its uniqueId where the entry tells it, else its email.
func (e *logEntry) account() string {
	for _, id := range []string{e.label("unique_id"), text(e.Audit.Response, "unique_id"), text(e.Audit.Response, "uniqueId")} {
		if id != "" {
			return id
		}
	}
	for _, s := range []string{e.Audit.Resource, text(e.Audit.Request, "name"), text(e.Audit.Response, "name")} {
		if m := accountIn.FindStringSubmatch(s); m != nil {
			if id, err := url.PathUnescape(m[1]); err == nil && id != "-" {
				return id
			}
		}
	}
	return e.label("email_id")
}

// named is the first resource name that fits: of the entry's resource, of the response, of the long-running call, or of the request.
func (e *logEntry) named(fits *regexp.Regexp) string {
	for _, s := range []string{e.Audit.Resource, text(e.Audit.Response, "name"), e.Operation.ID, text(e.Audit.Request, "name"),
		text(e.Audit.Request, "resource")} {
		if m := fits.FindString(s); m != "" {
			return m
		}
	}
	return ""
}

// delta is a change of one member's role in a policy.
type delta struct {
	Action    string     `json:"action"` // ADD, REMOVE
	Role      string     `json:"role"`
	Member    string     `json:"member"`
	Condition *condition `json:"condition,omitzero"`
}

// deltas are the changes of a policy, as far as the entry tells: IAM itself tells them in serviceData, BigQuery in metadata.
func (e *logEntry) deltas() []delta {
	var data struct {
		Delta struct {
			Bindings []delta `json:"bindingDeltas"`
		} `json:"policyDelta"`
		Dataset struct {
			Delta []delta `json:"bindingDeltas"`
		} `json:"datasetChange"`
	}
	for _, v := range []jsontext.Value{e.Audit.Data, e.Audit.Metadata} {
		if len(v) > 0 && json.Unmarshal(v, &data) != nil {
			return nil
		}
	}
	return append(data.Delta.Bindings, data.Dataset.Delta...)
}

// party is somebody in an entry's chain of who acted for whom.
type party struct {
	kind string // user, group, service_account, agent, principal
	id   string // an email, or a principal's spelling
}

// partyOf tells what somebody is by how the log spells them. Spelling is how IAM spells a member: serviceAccount:..., user:...,
// principal://...; or a plain email.
func partyOf(spelling string) party {
	if p, ok := canonicalPrincipal(spelling); ok {
		return party{"agent", p}
	}
	prefix, rest, ok := strings.Cut(spelling, ":")
	switch {
	case spelling == "":
		return party{}
	case strings.HasPrefix(spelling, "principal"):
		return party{"principal", spelling}
	case ok && prefix == "serviceAccount":
		return party{"service_account", strings.ToLower(rest)}
	case ok && (prefix == "user" || prefix == "group"):
		return party{prefix, strings.ToLower(rest)}
	case strings.HasSuffix(spelling, "gserviceaccount.com"):
		return party{"service_account", strings.ToLower(spelling)}
	case strings.Contains(spelling, "@") && !ok:
		return party{"user", strings.ToLower(spelling)}
	}
	return party{"principal", spelling}
}

// parties are who did it, the one who acted first, then for whom, as far as the entry tells.
func (e *logEntry) parties() []party {
	var out []party
	who := &e.Audit.Who
	if e.Audit.Caller.ID != "" {
		out = append(out, party{"agent", e.Audit.Caller.ID})
	}
	for _, s := range []string{who.Subject, who.Email} {
		if p := partyOf(s); p.id != "" {
			out = append(out, p)
			break
		}
	}
	for _, c := range who.Chain {
		if p := partyOf(word(c.Subject, c.FirstParty.Email)); p.id != "" {
			out = append(out, p)
		}
	}
	return out
}

// personID is the id of a person of whom Google tells nothing but an address. The address stands in the person's entity alone.
func personID(kind, email string) string {
	return kind + ":" + events.Digest("person", strings.ToLower(email))
}

// isPerson reports whether a party is a person or a group.
func (p party) isPerson() bool { return p.kind == "user" || p.kind == "group" }
