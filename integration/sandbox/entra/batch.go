package entra

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// maxBatch is how many requests a batch may hold; maxBody bounds any request's body.
const (
	maxBatch = 20
	maxBody  = 4 << 20
)

// step is one request of a batch.
type step struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// result is the answer to one request of a batch.
type result struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// itemFault is a fault for the parts of a batch.
type itemFault struct {
	sandbox.Fault
	path *regexp.Regexp
	hit  int // matching parts so far
	left int
}

// InjectItem plays a fault on single parts of a batch; Path is matched against the part as if it came alone, for example
// "GET /v1.0/servicePrincipals/.*/owners". Only kinds with a form of the vendor's own are played: rate limit, server error,
// unauthorized, forbidden, expired, empty. A fault on the batch as a whole is injected at the chassis.
func (s *Sandbox) InjectItem(f sandbox.Fault) error {
	re, err := regexp.Compile(f.Path)
	if err != nil {
		return fmt.Errorf("path: not a regular expression: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, itemFault{Fault: f, path: re, left: f.Times})
	return nil
}

// ClearItems takes all faults of [Sandbox.InjectItem] away.
func (s *Sandbox) ClearItems() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = nil
}

func (s *Sandbox) takeItem(r *http.Request) (sandbox.Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.items {
		f := &s.items[i]
		if f.Times > 0 && f.left == 0 || !f.path.MatchString(r.Method+" "+r.URL.Path) {
			continue
		}
		if f.hit++; f.Every > 1 && f.hit%f.Every != 0 {
			continue
		}
		f.left--
		return f.Fault, true
	}
	return sandbox.Fault{}, false
}

// batch answers POST /$batch. The whole is 200 even when parts fail; a part whose dependency failed is 424.
func (q *request) batch(r *http.Request) (any, error) {
	if q.method != http.MethodPost {
		return nil, badQuery("The batch endpoint takes POST only.")
	}
	var ask struct {
		Requests []step `json:"requests"`
	}
	if err := json.Unmarshal(q.body, &ask); err != nil {
		return nil, badQuery("Unable to read JSON request payload. Please ensure payload is of valid JSON format.")
	}
	if err := checkBatch(ask.Requests); err != nil {
		return nil, err
	}
	out, failed := []result{}, map[string]bool{}
	for _, st := range ask.Requests {
		res := q.step(r, st, failed)
		failed[st.ID] = res.Status >= http.StatusBadRequest
		out = append(out, res)
	}
	return map[string]any{"responses": out}, nil
}

func checkBatch(steps []step) error {
	if len(steps) > maxBatch {
		return &failure{status: http.StatusBadRequest, code: "MaximumValueExceeded",
			message: fmt.Sprintf("Number of batch request steps exceeds the maximum value of %d.", maxBatch)}
	}
	if len(steps) == 0 {
		return badQuery("Invalid batch payload format: there are no requests.")
	}
	var seen []string
	for _, st := range steps {
		if st.ID == "" || st.Method == "" || st.URL == "" {
			return badQuery("Invalid batch payload format: a request needs 'id', 'method' and 'url'.")
		}
		if slices.Contains(seen, st.ID) {
			return badQuery("Invalid batch payload format: request id '%s' is not unique.", st.ID)
		}
		for _, d := range st.DependsOn {
			if !slices.Contains(seen, d) {
				return badQuery("Invalid batch payload format: '%s' depends on '%s', which is not an earlier request.", st.ID, d)
			}
		}
		seen = append(seen, st.ID)
	}
	return nil
}

// step answers one part, with the credentials of the whole.
func (q *request) step(outer *http.Request, st step, failed map[string]bool) result {
	if slices.ContainsFunc(st.DependsOn, func(d string) bool { return failed[d] }) {
		return part(st, q.pack(outer, nil, &failure{status: http.StatusFailedDependency, code: "FailedDependency",
			message: "A request that this one depends on has failed."}))
	}
	address := q.base + "/" + strings.TrimPrefix(st.URL, "/")
	r, err := http.NewRequestWithContext(outer.Context(), strings.ToUpper(st.Method), address, bytes.NewReader(st.Body))
	if err != nil || r.URL.Host != outer.Host || strings.HasSuffix(r.URL.Path, "/$batch") {
		return part(st, q.pack(outer, nil, badQuery("Invalid batch request url: it must be relative to the version, and no batch.")))
	}
	r.TLS = outer.TLS
	for k, v := range st.Headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("Authorization", outer.Header.Get("Authorization"))
	if f, ok := q.takeItem(r); ok {
		if a, ok := q.failing(r, f); ok {
			return part(st, a)
		}
	}
	return part(st, q.graph(r))
}

// part puts an answer into a batch: JSON as it is, anything else as text in base64.
func part(st step, a answer) result {
	res := result{ID: st.ID, Status: a.status, Headers: map[string]string{}}
	for _, h := range []string{"Content-Type", "Retry-After", "Location", "Cache-Control"} {
		if v := a.header.Get(h); v != "" {
			res.Headers[h] = v
		}
	}
	switch {
	case len(a.body) == 0:
	case json.Valid(a.body):
		res.Body = a.body
	default:
		res.Body, _ = json.Marshal(base64.StdEncoding.EncodeToString(a.body))
	}
	return res
}

// bodyOf reads a request's body, which the vendor's SDK may have compressed.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Method == http.MethodGet {
		return nil, nil
	}
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, badQuery("The request body is not gzip, as its Content-Encoding says.")
		}
		in = z
	}
	b, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err != nil || len(b) > maxBody {
		return nil, badQuery("The request body could not be read: it is broken or larger than %d bytes.", maxBody)
	}
	return b, nil
}
