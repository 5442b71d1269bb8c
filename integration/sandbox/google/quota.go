package google

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// quotas counts requests per service and project in windows of a minute. It is not part of the state: the vendor forgets it as
// fast.
type quotas struct {
	mu     sync.Mutex
	window time.Time
	spent  map[string]int
}

// DocumentedQuotas are the reads a minute that Google lets a project make, by service, where its documentation says so.
func DocumentedQuotas() map[string]int {
	return map[string]int{serviceLogging: 60, serviceRegistry: 1200, serviceIAM: 6000, serviceResource: 600, serviceAsset: 400, serviceAdmin: 2400}
}

// spend counts a request and answers 429 when the project's limit for this minute is used up. A request is charged to the
// project that its header names, or to that of its credentials, which is the first one for the static token.
func (s *Sandbox) spend(r *http.Request, service string, now time.Time) *apiError {
	limit := s.Options.ReadsPerMinute
	if n, ok := s.Options.Quotas[service]; ok {
		limit = n
	}
	if limit <= 0 {
		return nil
	}
	consumer := s.st.Projects[governed]
	if p := s.st.project(r.Header.Get("X-Goog-User-Project")); p != nil {
		consumer = p
	}
	q, key := &s.quotas, service+"@"+consumer.Number
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := now.Truncate(time.Minute); !w.Equal(q.window) {
		q.window, q.spent = w, map[string]int{}
	}
	if q.spent[key] >= limit {
		wait := q.window.Add(time.Minute).Sub(now)
		if s.Options.NoRetryInfo {
			wait = 0
		}
		return overQuota(service, consumer.Number, limit, wait)
	}
	q.spent[key]++
	return nil
}

// overQuota is the 429 of a service, with ErrorInfo, and with RetryInfo when wait is positive. Google states the wait in
// the body; it sends no rate headers. Workspace answers in the older form, with 403.
func overQuota(service, number string, limit int, wait time.Duration) *apiError {
	if service == serviceAdmin {
		return legacy(403, "Quota exceeded", "rateLimitExceeded", "usageLimits")
	}
	metadata := map[string]string{
		"service":           service + ".googleapis.com",
		"consumer":          "projects/" + number,
		"quota_metric":      service + ".googleapis.com/read_requests",
		"quota_limit":       "ReadRequestsPerMinutePerProject",
		"quota_limit_value": strconv.Itoa(limit),
		"quota_location":    "global",
	}
	e := &apiError{Code: 429, Status: "RESOURCE_EXHAUSTED",
		Message: fmt.Sprintf("Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of "+
			"service '%s.googleapis.com' for consumer 'project_number:%s'.", service, number),
		Details: []any{info("RATE_LIMIT_EXCEEDED", "googleapis.com", metadata)}}
	if wait > 0 {
		e.Details = append(e.Details, retryInfo{"type.googleapis.com/google.rpc.RetryInfo", delayText(wait)})
	}
	return e
}

// delayText writes a duration as JSON does in Google's APIs: seconds with an s, as in 7s or 0.250s.
func delayText(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
}
