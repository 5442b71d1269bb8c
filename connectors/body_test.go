package connectors

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const (
	smallBody  = 50 << 10
	bodyBudget = 1 << 20
)

// endless answers /small with an ordinary page, and everything else without an end.
func endless() *Transport {
	return NewTransport(roundTrip(func(r *http.Request) (*http.Response, error) {
		resp := answer(200, strings.Repeat("x", smallBody))
		if r.URL.Path != "/small" {
			resp.Body = io.NopCloser(zeros{})
		}
		return resp, nil
	}), Limits{MaxBody: bodyBudget})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func opened(t *testing.T, tr *Transport) io.ReadCloser {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://acme.example/endless?token=s3cret", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp.Body
}

// TestTransportBoundsBodiesTogether reads answers without an end in turn, as feeds do that run in parallel. They all fail, and hold
// together little more than one may alone: what is given up is held until its reader reads on.
func TestTransportBoundsBodiesTogether(t *testing.T) {
	tr, held := endless(), map[io.ReadCloser]int{}
	for range 8 {
		held[opened(t, tr)] = 0
	}
	for piece := make([]byte, 4<<10); len(held) > 0; {
		for body := range held {
			n, err := body.Read(piece)
			held[body] += n
			if sum := total(held); sum > 2*bodyBudget {
				t.Fatalf("the answers hold %d bytes at once, and may hold %d", sum, bodyBudget)
			}
			if err == nil {
				continue
			}
			delete(held, body)
			if s := err.Error(); !strings.Contains(s, "more than 1048576 bytes") || !strings.Contains(s, "ask for smaller pages") ||
				strings.Contains(s, "s3cret") || AsFault(err) != nil {
				t.Errorf("an answer without an end: %v", err)
			}
		}
	}
}

func total(held map[io.ReadCloser]int) (sum int) {
	for _, n := range held {
		sum += n
	}
	return sum
}

// TestTransportSparesOrdinaryBodies reads ordinary answers in parallel beside some that have no end: they do not notice.
func TestTransportSparesOrdinaryBodies(t *testing.T) {
	tr := endless()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := get(t, tr, t.Context(), vendorURL); err == nil {
				t.Error("an answer without an end was read")
			}
		})
		all.Go(func() {
			for range 20 {
				if body, err := get(t, tr, t.Context(), "https://acme.example/small"); len(body) != smallBody || err != nil {
					t.Errorf("an ordinary answer: %d bytes, %v", len(body), err)
				}
			}
		})
	}
	all.Wait()
	tr.budget.mu.Lock()
	defer tr.budget.mu.Unlock()
	if tr.budget.sum != 0 || len(tr.budget.held) != 0 {
		t.Errorf("%d bytes of %d answers are still counted", tr.budget.sum, len(tr.budget.held))
	}
}

// TestTransportGivesUpLargest: what a stalled answer holds is given back for the answers that need it, and the largest alone pays.
func TestTransportGivesUpLargest(t *testing.T) {
	tr := endless()
	read := func(n int64) io.ReadCloser {
		body := opened(t, tr)
		if got, err := io.CopyN(io.Discard, body, n); got != n || err != nil {
			t.Fatalf("read %d bytes of %d, %v", got, n, err)
		}
		return body
	}
	large, first := read(600<<10), read(400<<10)
	second := read(300 << 10) // beyond the budget
	if _, err := large.Read(make([]byte, 100)); err == nil || !strings.Contains(err.Error(), "and this one the most") {
		t.Errorf("the largest answer goes on: %v", err)
	}
	for _, body := range []io.Reader{first, second} {
		if _, err := body.Read(make([]byte, 100)); err != nil {
			t.Errorf("a smaller answer fails: %v", err)
		}
	}
}
