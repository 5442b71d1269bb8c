package okta

import (
	"net/http"
	"time"
)

// ServeHTTP serves the org's API.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	if s.opt.MaxConcurrent > 0 && n > int64(s.opt.MaxConcurrent) {
		s.tooManyAtOnce(w, r)
		return
	}
	s.routes.ServeHTTP(w, r)
}

// tooManyAtOnce refuses a request that is one too many at the same time. Such a 429 states a limit of zero, and when it is over
// is a guess, so a client that divides by the limit or trusts the reset has a problem.
func (s *Sandbox) tooManyAtOnce(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c := &call{Sandbox: s, r: r, now: s.tick(), base: baseURL(r)}
	s.record(entry("core.concurrency.org.limit.violation", s.st.system(), logTarget{ID: r.URL.Path, Type: "URL Pattern", DisplayName: r.URL.Path}).failed("concurrency_limit"))
	header := s.heading(c, "other")
	setRate(header, 0, 0, c.now.Add(time.Minute))
	a := tooMany()
	s.mu.Unlock()
	write(w, a, header, a.encode())
}
