package entra

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// budget is what calls of one class may use within a window.
type budget struct {
	class  string
	window time.Duration
	limit  int
	silent bool // the 429 says nothing of when to come back
}

// usage is what was used of a budget.
type usage struct {
	since time.Time
	used  int
}

// budgetOf finds the published budget of a call. That of the directory grows with the number of users.
func (s *Sandbox) budgetOf(r *http.Request) (b budget, units int) {
	switch {
	case strings.Contains(r.URL.Path, "/identityProtection/"):
		return budget{"protection", time.Second, 1, true}, 1
	case strings.Contains(r.URL.Path, "/auditLogs/"):
		return budget{"reports", 10 * time.Second, 5, false}, 1
	}
	b = budget{"directory", 10 * time.Second, 3500, false}
	switch n := len(s.ix.upns); {
	case n > 500:
		b.limit = 8000
	case n >= 50:
		b.limit = 5000
	}
	if s.Nature.ResourceUnits > 0 {
		b.limit = s.Nature.ResourceUnits
	}
	units, _ = strconv.Atoi(cost(r))
	return b, units
}

// charge books a call on its budget and reports, when that is used up, how long it lasts until the next one begins. Calls that
// are refused are booked too. The caller holds the lock.
func (s *Sandbox) charge(r *http.Request) (wait time.Duration, over bool) {
	if !s.Nature.EnforceLimits {
		return 0, false
	}
	b, units := s.budgetOf(r)
	now := s.now()
	u := s.used[b.class]
	if now.Sub(u.since) >= b.window {
		u = usage{since: now}
	}
	u.used += units
	if s.used == nil {
		s.used = map[string]usage{}
	}
	s.used[b.class] = u
	if u.used <= b.limit {
		return 0, false
	}
	if b.silent {
		return 0, true
	}
	return max(b.window-now.Sub(u.since), time.Second), true
}

// pressure is how full a call's budget is, as the vendor states it: from 0.8 to 1.8, and nothing below.
func (s *Sandbox) pressure(r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Nature.EnforceLimits {
		return ""
	}
	b, _ := s.budgetOf(r)
	share := float64(s.used[b.class].used) / float64(b.limit)
	if b.class != "directory" || share < 0.8 {
		return ""
	}
	return strconv.FormatFloat(min(share, 1.8), 'f', 1, 64)
}
