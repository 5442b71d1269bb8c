package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody is more than any request that the imitated methods take.
const maxBody = 1 << 20

// call is one request on its way through a method.
type call struct {
	*state
	opt    Options
	route  *route
	vars   map[string]string
	query  query
	body   []byte
	caller string // e-mail or principal of whom the access token was issued to; empty for the static one
	bound  string // what a POST list's page token is bound to besides the path
	now    time.Time
}

// ServeHTTP serves every service under its prefix, and POST /token.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" && r.Method == http.MethodPost {
		s.serveToken(w, r)
		return
	}
	if r.URL.Path == "/sts/v1/token" && r.Method == http.MethodPost {
		s.serveExchange(w, r)
		return
	}
	route, vars := find(r.Method, r.URL.EscapedPath())
	if route == nil {
		writeNoURL(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeError(w, tooLarge(err))
		return
	}
	out, e := s.answer(r, route, vars, body)
	if e != nil {
		writeError(w, e)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// answer checks who asks, and how often, and runs the method. The state is locked until the answer is bytes.
func (s *Sandbox) answer(r *http.Request, route *route, vars map[string]string, body []byte) ([]byte, *apiError) {
	if route.writes() {
		s.mu.Lock()
		defer s.mu.Unlock()
	} else {
		s.mu.RLock()
		defer s.mu.RUnlock()
	}
	now := s.now()
	if reason := s.st.refuse(r, now); reason != "" {
		return nil, unauthorized(route.service, route.method, reason)
	}
	if e := s.spend(r, route.service, now); e != nil {
		return nil, e
	}
	if route.service == serviceAdmin && !s.st.delegated(r) {
		return nil, legacy(401, "Access denied. You are not authorized to read activity records.", "authError", "global")
	}
	if p := s.st.project(vars["project"]); p != nil && slices.Contains(s.Options.Disabled, route.service+"@"+p.ProjectID) {
		return nil, disabled(route.service, p.Number)
	}
	q, e := parseQuery(r.URL.RawQuery, route.params)
	if e != nil {
		return nil, e
	}
	c := &call{state: s.st, opt: s.Options, route: route, vars: vars, query: q, body: body, now: now, caller: s.st.callerOf(r)}
	v, e := route.handle(c)
	if e != nil {
		return nil, e
	}
	return render(v, q)
}

// render turns an answer into JSON, reduced to the fields that were asked for.
func render(v any, q query) ([]byte, *apiError) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, &apiError{Code: 500, Status: "INTERNAL", Message: "Internal error encountered."}
	}
	if mask := q.get("fields"); mask != "" {
		if b, err = selectFields(b, mask); err != nil {
			return nil, invalid("fields", "Invalid field selection %s: %v", mask, err)
		}
	}
	if q.get("prettyPrint") == "false" {
		return b, nil
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, b, "", "  "); err != nil {
		return nil, &apiError{Code: 500, Status: "INTERNAL", Message: "Internal error encountered."}
	}
	pretty.WriteByte('\n')
	return pretty.Bytes(), nil
}

func tooLarge(err error) *apiError {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return &apiError{Code: 413, Status: "INVALID_ARGUMENT",
			Message: "Request payload size exceeds the limit: " + strconv.Itoa(maxBody) + " bytes."}
	}
	return invalid("", "The request body could not be read.")
}

// decode reads a JSON body into v and refuses names that v does not have. No body is an empty message.
func (c *call) decode(v any) *apiError {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid("", "Invalid JSON payload received. %s", err)
	}
	if d.More() {
		return invalid("", "Invalid JSON payload received. Expected end of input.")
	}
	return nil
}

// projectOf is the project that the path names; permission is what a caller would need there.
func (c *call) projectOf(permission string) (*project, *apiError) {
	if p := c.project(c.vars["project"]); p != nil {
		return p, nil
	}
	resource := "projects/" + c.vars["project"]
	if l := c.vars["location"]; l != "" {
		resource += "/locations/" + l
	}
	return nil, denied(c.route.service, permission, resource)
}

// OnlyReads is true for all requests but those for a token, those that acknowledge messages and those that change service accounts:
// other changes come from [Sandbox.Mutate] alone, and what was only leased may come again.
func (s *Sandbox) OnlyReads(r *http.Request) bool {
	route, _ := find(r.Method, r.URL.EscapedPath())
	return (route == nil || !route.writesAccounts()) && !strings.HasSuffix(r.URL.Path, "/token") && !strings.HasSuffix(r.URL.Path, ":generateAccessToken") && !strings.HasSuffix(r.URL.Path, ":acknowledge")
}
