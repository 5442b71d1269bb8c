package google

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// quotas counts requests per service in windows of a minute. It is not part of the state: the vendor forgets it as fast.
type quotas struct {
	mu     sync.Mutex
	window time.Time
	spent  map[string]int
}

// spend counts a request and answers 429 when the service's limit for this minute is used up. limit 0 means none.
func (q *quotas) spend(service string, s *state, limit int, now time.Time) *apiError {
	if limit <= 0 {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if w := now.Truncate(time.Minute); !w.Equal(q.window) {
		q.window, q.spent = w, map[string]int{}
	}
	if q.spent[service] >= limit {
		return overQuota(service, s, limit, q.window.Add(time.Minute).Sub(now))
	}
	q.spent[service]++
	return nil
}

// overQuota is the 429 of a service, with ErrorInfo, and with RetryInfo when wait is positive. Google states the wait in
// the body; it sends no rate headers.
func overQuota(service string, s *state, limit int, wait time.Duration) *apiError {
	number := s.Projects[0].Number
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
