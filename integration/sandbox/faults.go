package sandbox

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// kinds are all the faults there are.
var kinds = []FaultKind{
	RateLimit, ServerError, BadGateway, Unauthorized, Forbidden, Expired, Slow, Truncated, Reset, EmptyOK,
}

// fault is an injected fault with what is left of it.
type fault struct {
	Fault
	path *regexp.Regexp
	left int // how many more requests it hits; meaningful only when Times is set
	seen int // matching requests so far, for Every
}

// Inject adds a fault. Of several that fit one request, the one injected first is played. It fails when the fault makes no
// sense: an unknown kind, a path that is no regular expression, a negative number; the error names the field.
func (s *Server) Inject(f Fault) error {
	switch {
	case !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("kind: %q is not a fault; use one of %v", f.Kind, kinds)
	case f.Times < 0:
		return fmt.Errorf("times: %d is negative; 0 means until cleared", f.Times)
	case f.Every < 0:
		return fmt.Errorf("every: %d is negative; 0 means each request", f.Every)
	case f.After < 0:
		return fmt.Errorf("retry_after: %s is negative", f.After)
	}
	re, err := regexp.Compile(f.Path)
	if err != nil {
		return fmt.Errorf("path: not a regular expression: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{Fault: f, path: re, left: f.Times})
	return nil
}

// Clear takes all faults away. What was counted so far stays.
func (s *Server) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// take finds the fault to play for a request and uses one of its times up.
func (s *Server) take(r *http.Request) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times > 0 && f.left == 0 || !f.path.MatchString(r.Method+" "+r.URL.Path) {
			continue
		}
		f.seen++
		if f.Every > 1 && f.seen%f.Every != 0 {
			continue
		}
		f.left--
		return f
	}
	return nil
}

// giveBack returns what take took, for a fault that the vendor does not have on this request.
func (s *Server) giveBack(f *fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.left++
}

// play answers a request with a fault and reports whether it did. A vendor that has no form for the fault on this request
// (an expired cursor where none was sent, an empty list where there is no list) says so, and then nothing is played.
func (s *Server) play(w http.ResponseWriter, r *http.Request, f Fault) bool {
	switch f.Kind {
	case Slow:
		return s.late(w, r, f.After)
	case BadGateway:
		return badGateway(w)
	case Truncated:
		s.record(r).cut(w)
		return true
	case Reset:
		s.record(r).breakOff(w)
		return true
	}
	v, ok := s.vendor.(Failer)
	return ok && v.Fail(w, r, f)
}

func (s *Server) late(w http.ResponseWriter, r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		s.vendor.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
	return true
}

func badGateway(w http.ResponseWriter) bool {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write([]byte("<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n" +
		"<center><h1>502 Bad Gateway</h1></center>\n</body>\n</html>\n"))
	return true
}

// recorded is a whole answer, held back.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (s *Server) record(r *http.Request) *recorded {
	rec := &recorded{header: http.Header{}}
	s.vendor.ServeHTTP(rec, r)
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return rec
}

func (r *recorded) Header() http.Header { return r.header }

func (r *recorded) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorded) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// send writes the head with a stated length, and the first half of the body.
func (r *recorded) send(w http.ResponseWriter, length int) {
	maps.Copy(w.Header(), r.header)
	if r.status != http.StatusNoContent && r.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body.Bytes()[:r.body.Len()/2])
}

// cut sends the first half as if it were all: HTTP ends cleanly, only the JSON does not.
func (r *recorded) cut(w http.ResponseWriter) { r.send(w, r.body.Len()/2) }

// breakOff promises the whole body, sends half and closes the connection. The panic is net/http's own way to do so; it
// logs nothing and works on every version of HTTP.
func (r *recorded) breakOff(w http.ResponseWriter) {
	r.send(w, r.body.Len())
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
