package google

import (
	"context"
	"errors"
	"net/http"
	"testing"
)

// TestDirectoryIsReadOnce: while one feed reads the projects the others wait for it, and none longer than its context lets it.
func TestDirectoryIsReadOnce(t *testing.T) {
	const search = "/cloudresourcemanager/v3/projects:search"
	f := company(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	f.override[search] = func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Unlock()
		defer f.mu.Lock()
		asked <- struct{}{}
		<-answer
		w.Write([]byte(`{"projects":[{"name":"projects/444455556666","projectId":"rc-sandbox","state":"ACTIVE"}]}`))
	}
	c := f.connect(t, nil).client
	type spelling struct {
		as  string
		err error
	}
	got := make(chan spelling)
	for range 2 {
		go func() {
			as, err := c.dir.spell(context.Background(), "444455556666")
			got <- spelling{as, err}
		}()
	}
	<-asked
	hurried, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.dir.spell(hurried, "444455556666"); !errors.Is(err, context.Canceled) {
		t.Errorf("whoever may not wait gets %v", err)
	}
	if n := c.dir.number("rc-sandbox"); n != "rc-sandbox" {
		t.Errorf("the number is %q before any is known", n)
	}
	close(answer)
	for range 2 {
		if s := <-got; s.as != "rc-sandbox" || s.err != nil {
			t.Errorf("spelled %q, %v", s.as, s.err)
		}
	}
	if n := f.called(search); n != 1 || c.dir.number("rc-sandbox") != "444455556666" {
		t.Errorf("searched %d times, the number is %q", n, c.dir.number("rc-sandbox"))
	}
}
