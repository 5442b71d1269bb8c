package google

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// entriesRequest is ListLogEntriesRequest of logging/v2.
type entriesRequest struct {
	ResourceNames []string `json:"resourceNames"`
	ProjectIDs    []string `json:"projectIds"`
	Filter        string   `json:"filter"`
	OrderBy       string   `json:"orderBy"`
	PageSize      int      `json:"pageSize"`
	PageToken     string   `json:"pageToken"`
}

// maxResources is how many resource names one request may have.
const maxResources = 100

// entryFields are the fields of a LogEntry that a filter may begin with.
var entryFields = []string{"insert_id", "log_name", "timestamp", "receive_timestamp", "severity", "resource", "operation",
	"proto_payload", "json_payload", "text_payload", "labels", "trace", "span_id", "http_request", "source_location"}

// listEntries reads the audit log: by event time, whatever the time of arrival.
func listEntries(c *call) (any, *apiError) {
	var r entriesRequest
	if e := c.decode(&r); e != nil {
		return nil, e
	}
	containers, e := c.containers(r)
	if e != nil {
		return nil, e
	}
	keep, floor, e := entryFilter(r.Filter)
	if e != nil {
		return nil, e
	}
	if !slices.Contains([]string{"", "timestamp asc", "timestamp desc"}, r.OrderBy) {
		return nil, invalid("order_by", `Invalid orderBy %q: only "timestamp asc" and "timestamp desc" are permitted.`, r.OrderBy)
	}
	c.bound = strings.Join(r.ResourceNames, ",") + "\x00" + r.Filter + "\x00" + r.OrderBy
	found, next, e := page(c, list[*logEntry, *entryJSON]{
		pager: pager{fallback: 50, max: 1000, life: 24 * time.Hour, size: r.PageSize, token: r.PageToken, body: true},
		shelf: c.ix.log,
		floor: floor,
		in:    func(l *logEntry) bool { return containers[l.In] && !c.now.Before(l.Visible) && keep(l) },
		desc:  r.OrderBy == "timestamp desc",
		show:  func(l *logEntry) *entryJSON { return &l.Entry },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Entries       []*entryJSON `json:"entries,omitempty"`
		NextPageToken string       `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// containers are the projects, folders and organization whose logs a request reads. Each has a log of its own: a folder or
// the organization does not contain what lies below it.
func (c *call) containers(r entriesRequest) (map[string]bool, *apiError) {
	names := slices.Clone(r.ResourceNames)
	for _, id := range r.ProjectIDs {
		names = append(names, "projects/"+id)
	}
	if len(names) == 0 || len(names) > maxResources {
		return nil, invalid("resource_names", "Between 1 and %d resource names are needed, got %d.", maxResources, len(names))
	}
	out := map[string]bool{}
	for _, name := range names {
		parts := strings.Split(name, "/")
		view := len(parts) == 8 && parts[2] == "locations" && parts[4] == "buckets" && parts[6] == "views"
		if len(parts) != 2 && !view {
			return nil, invalid("resource_names", "Invalid resource name %q: want projects/[PROJECT_ID], "+
				"folders/[FOLDER_ID], organizations/[ORGANIZATION_ID] or the full name of a log view.", name)
		}
		in := c.container(parts[0], parts[1])
		if in == "" {
			return nil, denied(serviceLogging, "logging.logEntries.list", strings.Join(parts[:2], "/"))
		}
		if !view || parts[5] == "_Required" { // where Admin Activity entries are kept
			out[in] = true
		}
	}
	return out, nil
}

// container is the name by which the log knows a project, a folder or the organization; empty when there is none such.
func (s *state) container(kind, id string) string {
	switch p := s.project(id); {
	case kind == "projects" && p != nil:
		return "projects/" + p.ProjectID
	case kind == "folders" && s.folder(id) != nil, kind == "organizations" && id == s.Org:
		return kind + "/" + id
	}
	return ""
}

// entryFilter parses a filter in the Logging query language. floor is the least key of an entry that can fit, so that what
// is older than a filter asks for costs nothing.
func entryFilter(text string) (keep func(*logEntry) bool, floor string, e *apiError) {
	f, err := parseFilter(text, "log_id")
	if err != nil {
		return nil, "", invalid("filter", "Unparseable filter: %v.", err)
	}
	if f == nil {
		return func(*logEntry) bool { return true }, "", nil
	}
	for _, path := range f.fields() {
		first, _, _ := strings.Cut(path, ".")
		if first != "log_id()" && !slices.Contains(entryFields, snakeCase(first)) {
			return nil, "", invalid("filter", "Unparseable filter: Field not found: '%s'.", path)
		}
	}
	return func(l *logEntry) bool { return f.match(l.fields()) }, floorOf(f), nil
}

// floorOf looks for a restriction of the timestamp that everything must meet.
func floorOf(f filter) (floor string) {
	parts, ok := f.(all)
	if !ok {
		parts = all{f}
	}
	for _, part := range parts {
		c, ok := part.(comparison)
		if !ok || c.path != "timestamp" || c.op != ">=" && c.op != ">" || len(c.values) != 1 {
			continue
		}
		if t, err := time.Parse(time.RFC3339Nano, c.values[0]); err == nil {
			floor = max(floor, sortable(t))
		}
	}
	return floor
}

// fields is what a filter sees of the entry: its JSON, and its log id for log_id(…).
func (l *logEntry) fields() map[string]any {
	l.once.Do(func() {
		l.generic = generic(l.Entry)
		_, id, _ := strings.Cut(l.Entry.LogName, "/logs/")
		if plain, err := url.PathUnescape(id); err == nil {
			id = plain
		}
		l.generic["log_id()"] = id
	})
	return l.generic
}
