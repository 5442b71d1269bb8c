package okta

import (
	"net/http"
	"strconv"
	"time"
)

// limits are calls per minute of each class: the last defaults that Okta printed, for Workforce orgs. Okta publishes none
// for workload and governance; 60 is what the specification's sample headers show.
var limits = map[string]int{
	"apps": 100, "app": 500, "groups": 500, "users": 600, "user": 2000, "logs": 120, "clients": 100, "other": 1200,
	"workload": 60, "governance": 60, "token": 300,
}

// generous multiplies the limits while they are not enforced, so that a client which paces itself by the headers has no
// reason to wait.
const generous = 1000

// bucket is one class of calls within its current minute. Okta's minutes begin with the first call, not on the clock.
type bucket struct {
	begun time.Time
	used  int
}

func (s *Sandbox) limit(class string) int {
	n, set := s.opt.Limits[class]
	if !set {
		n = limits[class]
	}
	if !s.opt.EnforceLimits {
		n *= generous
	}
	return n
}

func (s *Sandbox) bucket(class string, now time.Time) *bucket {
	b := s.buckets[class]
	if b == nil || now.Sub(b.begun) >= time.Minute {
		b = &bucket{begun: now}
		s.buckets[class] = b
	}
	return b
}

// drain takes one call out of its bucket, or returns the 429 of an empty one.
func (c *call) drain(class string) (answer, bool) {
	b := c.bucket(class, c.now)
	if c.opt.EnforceLimits && b.used >= c.limit(class) {
		return tooMany(), true
	}
	b.used++
	return answer{}, false
}

func (s *Sandbox) rateHeaders(h http.Header, class string, now time.Time) {
	b, n := s.bucket(class, now), s.limit(class)
	setRate(h, n, max(n-b.used, 0), b.begun.Add(time.Minute))
}

// setRate writes the three headers. Okta states the reset in whole seconds, and rounding down would promise too early.
func setRate(h http.Header, limit, remaining int, reset time.Time) {
	unix := reset.Unix()
	if reset.Nanosecond() > 0 {
		unix++
	}
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Rate-Limit-Reset", strconv.FormatInt(unix, 10))
}
