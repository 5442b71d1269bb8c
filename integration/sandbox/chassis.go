package sandbox

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// ErrNoTarget is returned by [Vendor.Mutate] when nothing at the vendor fits the change: no such agent, an operation that
// the vendor does not have, an agent that is in the wanted state already. Test for it with errors.Is.
var ErrNoTarget = errors.New("nothing at the vendor fits the change")

// ControlPrefix is where the control API lies. A vendor never sees a request below it.
const ControlPrefix = "/_control/"

// Server is a vendor with the faults and the control API in front of it. It is an http.Handler, safe for concurrent use.
type Server struct {
	vendor  Vendor
	control http.Handler

	mu     sync.Mutex
	faults []*fault
	calls  map[string]int
	fired  map[FaultKind]int
}

// Serve puts the faults and the control API (/_control/...) in front of a vendor. Serve a [Store] instead of the vendor
// itself where the state shall outlive the process.
func Serve(v Vendor) *Server {
	s := &Server{vendor: v, calls: map[string]int{}, fired: map[FaultKind]int{}}
	s.control = s.controls()
	return s
}

// ServeHTTP answers the control API itself, plays the first fault that fits, and leaves all else to the vendor.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, ControlPrefix) {
		s.control.ServeHTTP(w, r)
		return
	}
	s.count(r)
	f := s.take(r)
	if f == nil {
		s.vendor.ServeHTTP(w, r)
		return
	}
	// The fault is booked before it is played, since the client may have its answer before a deferred count runs.
	s.book(f.Kind, 1)
	if !s.play(w, r, f.Fault) {
		s.book(f.Kind, -1)
		s.giveBack(f)
		s.vendor.ServeHTTP(w, r)
	}
}

// Calls returns how often each kind of request came since the start, by method and path with ids replaced, for example
// "GET /api/v1/apps/{id}/grants". Requests that a fault answered count; those of the control API do not.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Fired returns how often each fault was really played. A test of robustness should check that it is not zero.
func (s *Server) Fired() map[FaultKind]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.fired)
}

func (s *Server) count(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[r.Method+" "+Pattern(r.URL.Path)]++
}

func (s *Server) book(k FaultKind, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fired[k] += n
	if s.fired[k] == 0 {
		delete(s.fired, k)
	}
}

// ids are what a path segment may hold that names one object: a UUID, a quoted key, a number, an address, or a long token
// with a digit in it.
var (
	quoted = regexp.MustCompile(`'[^']*'`)
	digit  = regexp.MustCompile(`[0-9]`)
	number = regexp.MustCompile(`^[0-9]{5,}$`)
)

// Pattern replaces the ids in a path by {id}, so that calls of one kind can be counted together. A custom method after a
// colon (:query, :disable) stays.
func Pattern(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		s = quoted.ReplaceAllString(s, "'{id}'")
		name, verb, found := strings.Cut(s, ":")
		if isID(name) {
			name = "{id}"
		}
		if found {
			name += ":" + verb
		}
		segments[i] = name
	}
	return strings.Join(segments, "/")
}

func isID(s string) bool {
	return number.MatchString(s) || strings.Contains(s, "@") || len(s) >= 16 && digit.MatchString(s)
}
