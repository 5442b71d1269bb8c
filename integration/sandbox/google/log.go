package google

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"sync"
	"time"
)

// maxLog bounds the log, since the whole state is saved after each change. The vendor keeps 400 days.
const maxLog = 5000

// logEntry is an entry with when it can be read.
type logEntry struct {
	In      string    // whose log it is in: projects/ID, folders/NUMBER or organizations/NUMBER
	Time    time.Time // of the event
	Visible time.Time // from when on a reader sees it
	Entry   entryJSON

	once    sync.Once
	generic map[string]any
}

// key sorts entries as the vendor does: by event time, then by insert id.
func (l *logEntry) key() string { return sortable(l.Time) + l.Entry.InsertID + l.In }

// entryJSON is a LogEntry of logging/v2.
type entryJSON struct {
	InsertID         string         `json:"insertId"`
	LogName          string         `json:"logName"`
	Timestamp        string         `json:"timestamp"`
	ReceiveTimestamp string         `json:"receiveTimestamp"`
	Severity         string         `json:"severity"`
	Resource         resourceJSON   `json:"resource"`
	Operation        *operationJSON `json:"operation,omitempty"`
	ProtoPayload     auditJSON      `json:"protoPayload"`
}

type resourceJSON struct {
	Type   string            `json:"type"`
	Labels map[string]string `json:"labels"`
}

type operationJSON struct {
	ID       string `json:"id"`
	Producer string `json:"producer"`
	First    bool   `json:"first,omitempty"`
	Last     bool   `json:"last,omitempty"`
}

// auditJSON is an AuditLog of google.cloud.audit. Requests and responses spell their fields in snake_case.
type auditJSON struct {
	Type               string                  `json:"@type"`
	Status             statusJSON              `json:"status"`
	AuthenticationInfo authenticationJSON      `json:"authenticationInfo"`
	RequestMetadata    requestMetadataJSON     `json:"requestMetadata"`
	ServiceName        string                  `json:"serviceName"`
	MethodName         string                  `json:"methodName"`
	AuthorizationInfo  []authorizationInfoJSON `json:"authorizationInfo"`
	ResourceName       string                  `json:"resourceName"`
	CallerAgent        *callerAgentJSON        `json:"callerAgent,omitempty"`
	Request            map[string]any          `json:"request,omitempty"`
	Response           map[string]any          `json:"response,omitempty"`
	ServiceData        map[string]any          `json:"serviceData,omitempty"`
}

// statusJSON is a google.rpc.Status: empty for what succeeded.
type statusJSON struct {
	Code    int    `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// authenticationJSON says who called. Agents have no e-mail.
type authenticationJSON struct {
	PrincipalEmail               string           `json:"principalEmail,omitempty"`
	PrincipalSubject             string           `json:"principalSubject,omitempty"`
	ServiceAccountKeyName        string           `json:"serviceAccountKeyName,omitempty"`
	ServiceAccountDelegationInfo []delegationJSON `json:"serviceAccountDelegationInfo,omitempty"`
}

// delegationJSON is one link of the chain of identities behind a service account.
type delegationJSON struct {
	PrincipalSubject string `json:"principalSubject"`
}

// callerAgentJSON names the agent that called, by its URN.
type callerAgentJSON struct {
	ID        string `json:"id"`
	Authority string `json:"authority"`
}

type requestMetadataJSON struct {
	CallerIP                string `json:"callerIp"`
	CallerSuppliedUserAgent string `json:"callerSuppliedUserAgent"`
}

type authorizationInfoJSON struct {
	Resource       string `json:"resource"`
	Permission     string `json:"permission"`
	Granted        bool   `json:"granted"`
	PermissionType string `json:"permissionType"`
}

// deed is what the log records about one administrative call.
type deed struct {
	in         string // whose log it goes into: projects/ID, folders/NUMBER or organizations/NUMBER
	service    string // prefix of the service
	method     string
	permission string
	name       string // resourceName
	resource   resourceJSON
	request    map[string]any
	response   map[string]any
	data       map[string]any // serviceData
	operation  string         // of a long-running call; empty for others
	by         *caller        // nil: whose turn it is, see [state.caller]
	status     statusJSON     // why it failed
}

// record writes a deed into the log: once, or twice for a long-running call, whose first entry knows no response yet.
func (s *state) record(opt Options, at time.Time, d deed) {
	if d.operation == "" {
		s.write(opt, at, d, nil)
		return
	}
	first, producer := d, d.service+".googleapis.com"
	first.response, first.status = nil, statusJSON{} // the call was taken; what becomes of it, the last entry says
	s.write(opt, at, first, &operationJSON{ID: d.operation, Producer: producer, First: true})
	s.write(opt, at.Add(max(opt.OperationLag, time.Microsecond)), d, &operationJSON{ID: d.operation, Producer: producer, Last: true})
}

func (s *state) write(opt Options, at time.Time, d deed, op *operationJSON) {
	s.Serial++
	visible := at.Add(opt.LogDelay)
	if opt.LateEvery > 0 && s.Serial%opt.LateEvery == 0 {
		visible = at.Add(opt.LateBy)
	}
	by, severity := d.by, "NOTICE"
	if by == nil {
		by = s.caller()
	}
	if d.status.Code != 0 {
		severity = "ERROR"
	}
	l := &logEntry{In: d.in, Time: at, Visible: visible, Entry: entryJSON{
		InsertID: s.insertID(), LogName: d.in + "/logs/cloudaudit.googleapis.com%2Factivity",
		Timestamp: stamp(at), ReceiveTimestamp: stamp(visible), Severity: severity, Resource: d.resource, Operation: op,
		ProtoPayload: auditJSON{
			Type: "type.googleapis.com/google.cloud.audit.AuditLog", Status: d.status,
			AuthenticationInfo: by.authentication, CallerAgent: by.agent,
			RequestMetadata: requestMetadataJSON{"203.0.113.7", by.client},
			ServiceName:     d.service + ".googleapis.com", MethodName: d.method,
			AuthorizationInfo: []authorizationInfoJSON{{d.name, d.permission, d.status.Code != permissionDenied, "ADMIN_WRITE"}},
			ResourceName:      d.name, Request: d.request, Response: d.response, ServiceData: d.data,
		}}}
	s.Log = append(s.Log, l)
	if s.Sink != nil {
		s.Sink.publish(l)
	}
	past := s.ix.log == nil
	if !past {
		s.ix.log = insert(s.ix.log, l.key(), l)
	}
	if len(s.Log) > maxLog+maxLog/4 { // seldom, since it copies
		s.Log = append([]*logEntry(nil), s.Log[len(s.Log)-maxLog:]...)
		if !past {
			s.indexLog()
		}
	}
}

// insertID is unique in the log and looks like one.
func (s *state) insertID() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d", s.Seed, s.Serial)
	return strconv.FormatUint(h.Sum64(), 36)
}
