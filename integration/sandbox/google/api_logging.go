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
	projects, e := c.containers(r)
	if e != nil {
		return nil, e
	}
	keep, e := entryFilter(r.Filter)
	if e != nil {
		return nil, e
	}
	if !slices.Contains([]string{"", "timestamp asc", "timestamp desc"}, r.OrderBy) {
		return nil, invalid("order_by", `Invalid orderBy %q: only "timestamp asc" and "timestamp desc" are permitted.`, r.OrderBy)
	}
	c.bound = strings.Join(r.ResourceNames, ",") + "\x00" + r.Filter + "\x00" + r.OrderBy
	found, next, e := page(c, list[*logEntry, *entryJSON]{
		pager: pager{fallback: 50, max: 1000, life: 24 * time.Hour, size: r.PageSize, token: r.PageToken, body: true},
		all:   c.Log,
		in: func(l *logEntry) bool {
			return slices.Contains(projects, l.Project) && !c.now.Before(l.Visible) && keep(l)
		},
		key:  (*logEntry).key,
		desc: r.OrderBy == "timestamp desc",
		show: func(l *logEntry) *entryJSON { return &l.Entry },
	})
	if e != nil {
		return nil, e
	}
	return struct {
		Entries       []*entryJSON `json:"entries,omitempty"`
		NextPageToken string       `json:"nextPageToken,omitempty"`
	}{found, next}, nil
}

// containers are the ids of the projects whose logs a request reads. The organization has a log of its own, which is
// empty: it does not contain its projects' logs.
func (c *call) containers(r entriesRequest) ([]string, *apiError) {
	names := slices.Clone(r.ResourceNames)
	for _, id := range r.ProjectIDs {
		names = append(names, "projects/"+id)
	}
	if len(names) == 0 || len(names) > maxResources {
		return nil, invalid("resource_names", "Between 1 and %d resource names are needed, got %d.", maxResources, len(names))
	}
	var out []string
	for _, name := range names {
		parts := strings.Split(name, "/")
		view := len(parts) == 8 && parts[2] == "locations" && parts[4] == "buckets" && parts[6] == "views"
		if len(parts) != 2 && !view {
			return nil, invalid("resource_names", "Invalid resource name %q: want projects/[PROJECT_ID], "+
				"organizations/[ORGANIZATION_ID] or the full name of a log view.", name)
		}
		if name == "organizations/"+c.Org {
			continue
		}
		p := c.project(parts[1])
		if parts[0] != "projects" || p == nil {
			return nil, denied(serviceLogging, "logging.logEntries.list", strings.Join(parts[:2], "/"))
		}
		if !view || parts[5] == "_Required" { // where Admin Activity entries are kept
			out = append(out, p.ProjectID)
		}
	}
	return out, nil
}

// entryFilter parses a filter in the Logging query language.
func entryFilter(text string) (func(*logEntry) bool, *apiError) {
	f, err := parseFilter(text, "log_id")
	if err != nil {
		return nil, invalid("filter", "Unparseable filter: %v.", err)
	}
	if f == nil {
		return func(*logEntry) bool { return true }, nil
	}
	for _, path := range f.fields() {
		first, _, _ := strings.Cut(path, ".")
		if first != "log_id()" && !slices.Contains(entryFields, snakeCase(first)) {
			return nil, invalid("filter", "Unparseable filter: Field not found: '%s'.", path)
		}
	}
	return func(l *logEntry) bool { return f.match(l.fields()) }, nil
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
