package connectors

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
)

// While the log stores what one feed has read, which takes as long as its disk does, another may ask what is known: a page of a vendor's log
// asks hundreds of times.
func TestWhoAsksWaitsForNoAppend(t *testing.T) {
	v, log := &fakeVendor{}, newMemLog()
	asking, done := make(chan context.Context, 1), make(chan struct{})
	v.feeds = append(v.feeds, Feed{Name: "asks", Every: time.Hour, Pull: func(ctx context.Context, _ Cursor) (Page, error) {
		asking <- ctx
		<-ctx.Done()
		return Page{}, ctx.Err()
	}})
	v.list("agents", time.Hour, func() ([]events.Entity, error) { return agents(1), nil })
	var once sync.Once
	log.before = func(events.Append) error {
		once.Do(func() {
			ctx, answered := <-asking, make(chan struct{})
			go func() {
				IsKnown(ctx, events.Identity(events.KindAgent, "a000"))
				Known(ctx, events.KindAgent)
				close(answered)
			}()
			select {
			case <-answered:
			case <-time.After(10 * time.Second):
				t.Error("who asks waits until the log has stored a page")
			}
			close(done)
		})
		return nil
	}
	x := start(t, v, log)
	<-done
	x.end()
}
