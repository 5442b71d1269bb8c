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
	Project string    // whose log it is in
	Time    time.Time // of the event
	Visible time.Time // from when on a reader sees it
	Entry   entryJSON

	once    sync.Once
	generic map[string]any
}

// key sorts entries as the vendor does: by event time, then by insert id.
func (l *logEntry) key() string { return sortable(l.Time) + l.Entry.InsertID + l.Project }

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
	Status             struct{}                `json:"status"`
	AuthenticationInfo authenticationJSON      `json:"authenticationInfo"`
	RequestMetadata    requestMetadataJSON     `json:"requestMetadata"`
	ServiceName        string                  `json:"serviceName"`
	MethodName         string                  `json:"methodName"`
	AuthorizationInfo  []authorizationInfoJSON `json:"authorizationInfo"`
	ResourceName       string                  `json:"resourceName"`
	Request            map[string]any          `json:"request,omitempty"`
	Response           map[string]any          `json:"response,omitempty"`
	ServiceData        map[string]any          `json:"serviceData,omitempty"`
}

type authenticationJSON struct {
	PrincipalEmail   string `json:"principalEmail"`
	PrincipalSubject string `json:"principalSubject"`
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
	project    string
	service    string // prefix of the service
	method     string
	permission string
	name       string // resourceName
	resource   resourceJSON
	request    map[string]any
	response   map[string]any
	data       map[string]any // serviceData
	operation  string         // of a long-running call; empty for others
}

// record writes a deed into the log: once, or twice for a long-running call, whose first entry knows no response yet.
func (s *state) record(opt Options, at time.Time, d deed) {
	if d.operation == "" {
		s.write(opt, at, d, nil)
		return
	}
	first, producer := d, d.service+".googleapis.com"
	first.response = nil
	s.write(opt, at, first, &operationJSON{ID: d.operation, Producer: producer, First: true})
	s.write(opt, at.Add(time.Microsecond), d, &operationJSON{ID: d.operation, Producer: producer, Last: true})
}

func (s *state) write(opt Options, at time.Time, d deed, op *operationJSON) {
	s.Serial++
	visible := at.Add(opt.LogDelay)
	if opt.LateEvery > 0 && s.Serial%opt.LateEvery == 0 {
		visible = at.Add(opt.LateBy)
	}
	s.Log = append(s.Log, &logEntry{Project: d.project, Time: at, Visible: visible, Entry: entryJSON{
		InsertID: s.insertID(), LogName: "projects/" + d.project + "/logs/cloudaudit.googleapis.com%2Factivity",
		Timestamp: stamp(at), ReceiveTimestamp: stamp(visible), Severity: "NOTICE", Resource: d.resource, Operation: op,
		ProtoPayload: auditJSON{
			Type:               "type.googleapis.com/google.cloud.audit.AuditLog",
			AuthenticationInfo: authenticationJSON{s.Admin, "user:" + s.Admin},
			RequestMetadata:    requestMetadataJSON{"203.0.113.7", "google-cloud-sdk gcloud/541.0.0"},
			ServiceName:        d.service + ".googleapis.com", MethodName: d.method,
			AuthorizationInfo: []authorizationInfoJSON{{d.name, d.permission, true, "ADMIN_WRITE"}},
			ResourceName:      d.name, Request: d.request, Response: d.response, ServiceData: d.data,
		}}})
	if len(s.Log) > maxLog+maxLog/4 { // seldom, since it copies
		s.Log = append([]*logEntry(nil), s.Log[len(s.Log)-maxLog:]...)
	}
}

// insertID is unique in the log and looks like one.
func (s *state) insertID() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d", s.Seed, s.Serial)
	return strconv.FormatUint(h.Sum64(), 36)
}
