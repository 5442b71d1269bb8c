package okta

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
)

// TestTooManyAtOnce holds the org's lock, so that requests pile up, and lets go when there is one more than the org allows.
func TestTooManyAtOnce(t *testing.T) {
	o := start(t, Options{MaxConcurrent: 3})
	o.mu.Lock()
	answers := make(chan *httptest.ResponseRecorder, 4)
	for n := int64(1); n <= 4; n++ {
		go func() {
			r := httptest.NewRequest(http.MethodGet, agents, nil)
			r.Header.Set("Authorization", "SSWS "+o.Sandbox.Token())
			w := httptest.NewRecorder()
			o.ServeHTTP(w, r)
			answers <- w
		}()
		for o.inFlight.Load() < n {
			runtime.Gosched()
		}
	}
	o.mu.Unlock()
	statuses := map[int]int{}
	for range 4 {
		w := <-answers
		statuses[w.Code]++
		r := reply{w.Code, w.Header(), w.Body.Bytes()}
		if w.Code == 429 && (r.header.Get("X-Rate-Limit-Limit") != "0" || r.header.Get("X-Rate-Limit-Remaining") != "0" || r.code() != "E0000047" ||
			r.header.Get("X-Rate-Limit-Reset") == "" || r.header.Get("Date") == "") {
			t.Errorf("the refusal: %v %s", r.header, r.body)
		}
	}
	if statuses[200] != 3 || statuses[429] != 1 {
		t.Errorf("four at once where three are allowed: %v", statuses)
	}
	if n := len(o.entries(agents, "core.concurrency.org.limit.violation")); n != 1 {
		t.Errorf("%d entries about it in the log, want 1", n)
	}
	if r := o.get(agents); r.status != 200 {
		t.Errorf("alone again: %d", r.status)
	}
}
