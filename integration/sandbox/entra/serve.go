package entra

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// contentType is what the service states for every JSON body.
const contentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// request is one call of the API, read as far as its path and its options go.
type request struct {
	*Sandbox
	method  string
	version string // v1.0 or beta
	base    string // scheme, host and version, without a slash at the end
	path    []string
	opt     options
	header  http.Header
	body    []byte
	admin   bool // the token may write
}

// plainText is a body that is not JSON: the number that a $count segment answers.
type plainText string

// ServeHTTP serves the token endpoint and Microsoft Graph.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s.login(r)
	if !ok {
		a = s.graph(r)
	}
	a.write(w)
}

func (a answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
}

// graph answers one call of Microsoft Graph.
func (s *Sandbox) graph(r *http.Request) answer {
	v, err := s.value(r)
	return s.pack(r, v, err)
}

func (s *Sandbox) value(r *http.Request) (any, error) {
	q, err := s.read(r)
	if err != nil {
		return nil, err
	}
	batch := len(q.path) == 1 && q.path[0] == "$batch"
	if err := q.admit(r, batch); err != nil {
		return nil, err
	}
	switch {
	case batch:
		return q.batch(r)
	case len(q.path) > 0 && q.path[0] == "subscriptions":
		return q.subscriptions(r.Context())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	v, err := q.resolve()
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case plainText, made:
		return v, nil
	}
	return encode(v) // while the lock is held: a value shares its maps with the state
}

// admit checks the token and, but for a batch, whose parts are charged one by one, the budget.
func (q *request) admit(r *http.Request, batch bool) error {
	wait, over, err := q.authorizeAndCharge(r, batch)
	if err == nil && over {
		err = q.throttled(r, wait)
	}
	return err
}

func (q *request) authorizeAndCharge(r *http.Request, batch bool) (wait time.Duration, over bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.admin, err = q.authorize(r); err != nil || batch {
		return 0, false, err
	}
	wait, over = q.charge(r)
	return wait, over, nil
}

// read splits the address into version, path segments and options.
func (s *Sandbox) read(r *http.Request) (*request, error) {
	segments := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	for i := range segments {
		plain, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, badQuery("Malformed uri: a segment of the path is not percent-encoded correctly.")
		}
		segments[i] = plain
	}
	version := segments[0]
	if version != "v1.0" && version != "beta" {
		return nil, &failure{status: http.StatusNotFound, code: "ResourceNotFound", message: fmt.Sprintf("Invalid version: %s", version)}
	}
	opt, err := parseOptions(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	body, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return &request{Sandbox: s, method: r.Method, version: version, base: scheme + "://" + r.Host + "/" + version,
		path: segments[1:], opt: opt, header: r.Header, body: body}, nil
}

// encode writes JSON as the service does, with & and < as they are.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("entra sandbox: encode an answer: %w", err)
	}
	return b.Bytes(), nil
}

// pack makes a response of a value or an error, with the headers that every answer has.
func (s *Sandbox) pack(r *http.Request, v any, err error) answer {
	id := s.requestID()
	h := http.Header{}
	set := func(name, value string) { h[http.CanonicalHeaderKey(name)] = []string{value} }
	set("request-id", id)
	set("client-request-id", clientID(r, id))
	set("Cache-Control", "no-cache")
	set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"1"}}`)
	if err != nil {
		return s.refusal(h, r, id, err)
	}
	set("OData-Version", "4.0")
	set("x-ms-resource-unit", cost(r))
	if p := s.pressure(r); p != "" {
		set("x-ms-throttle-limit-percentage", p)
	}
	if m, ok := v.(made); ok {
		if m.body != nil {
			set("Content-Type", contentType)
		}
		return answer{status: m.status, header: h, body: m.body}
	}
	if text, ok := v.(plainText); ok {
		set("Content-Type", "text/plain")
		return answer{status: http.StatusOK, header: h, body: []byte(text)}
	}
	set("Content-Type", contentType)
	b, ok := v.(json.RawMessage)
	if !ok {
		if b, err = encode(v); err != nil {
			return s.refusal(h, r, id, err)
		}
	}
	return answer{status: http.StatusOK, header: h, body: b}
}

func (s *Sandbox) refusal(h http.Header, r *http.Request, id string, err error) answer {
	f := broken(err.Error())
	errors.As(err, &f)
	for k, v := range f.header {
		h[k] = v
	}
	h["Content-Type"] = []string{"application/json"}
	b, _ := encode(map[string]any{"error": map[string]any{"code": f.code, "message": f.message, "innerError": map[string]any{
		"date": s.now().Format("2006-01-02T15:04:05"), "request-id": id, "client-request-id": clientID(r, id)}}})
	return answer{status: f.status, header: h, body: b}
}

func clientID(r *http.Request, id string) string {
	if c := r.Header.Get("client-request-id"); c != "" {
		return c
	}
	return id
}

// requestID numbers the requests in the form of a UUID. It does not touch the tenant's generator: reading changes nothing.
func (s *Sandbox) requestID() string {
	return fmt.Sprintf("5a4db0c5-0000-4000-8000-%012x", s.requests.Add(1))
}

// cost is what a read takes from the tenant's budget, by the published table.
func cost(r *http.Request) string {
	n, path := 1, r.URL.Path
	for _, dear := range []string{"/applications", "/users", "/oauth2PermissionGrants", "/appRoleAssignments"} {
		if strings.Contains(path, dear) {
			n = 2
		}
	}
	if strings.Contains(r.URL.RawQuery, "select=") && n > 1 {
		n--
	}
	return fmt.Sprint(n)
}

// instant is a time as a delta or list token carries it.
func instant(t time.Time) int64 { return t.Unix() }

// OnlyReads is false once after something was written, by whichever request. Tokens are proven by a signature, so handing one
// out changes nothing.
func (s *Sandbox) OnlyReads(*http.Request) bool { return !s.wrote.Swap(false) }
