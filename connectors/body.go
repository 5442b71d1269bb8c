package connectors

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// boundedBody is an answer's body that ends with an error beyond its limit, and frees the request's timer at its end. A body
// that nobody closes is closed by the timer.
type boundedBody struct {
	body   io.ReadCloser
	left   int64
	limit  int64
	place  string
	budget *budget
	ctx    context.Context // the request's, to tell why reading failed
	cancel context.CancelCauseFunc
}

// Read reads up to the limit. One byte more is an error that says so.
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if int64(n) > b.left {
		_ = b.Close() // what is read no further may break off as it likes
		return int(b.left), fmt.Errorf("%s: the answer has more than %d bytes: not read further; ask for smaller pages", b.place, b.limit)
	}
	b.left -= int64(n)
	if n > 0 && !b.budget.take(b, int64(n)) {
		_ = b.body.Close() // why is in the context
		return 0, context.Cause(b.ctx)
	}
	switch err {
	case nil:
		return n, nil
	case io.EOF:
		b.end()
		return n, err
	}
	return n, explain(b.ctx, err)
}

// Close closes the body and ends the request's timer.
func (b *boundedBody) Close() error {
	err := b.body.Close()
	b.end()
	return err
}

func (b *boundedBody) end() {
	b.budget.release(b)
	b.cancel(nil)
}

// giveUp ends the reading of a body for the sake of the others.
func (b *boundedBody) giveUp() {
	b.cancel(fmt.Errorf("%s: the answers that the connection reads at once have more than %d bytes, and this one the most: not read further; "+
		"ask for smaller pages", b.place, b.budget.limit))
}

// budget bounds what the answers that a connection reads at the same time hold together. None waits for another, since two that wait
// would do so for ever: the largest is given up, so that one without an end does not take the others with it.
type budget struct {
	limit int64

	mu   sync.Mutex
	sum  int64
	held map[*boundedBody]int64
}

// open begins to count a body. What nobody closes is released with its request's time.
func (g *budget) open(b *boundedBody) {
	g.mu.Lock()
	g.held[b] = 0
	g.mu.Unlock()
	context.AfterFunc(b.ctx, func() { g.release(b) })
}

// take counts n more bytes of a body. It returns false when the body has been given up, now or before.
func (g *budget) take(b *boundedBody, n int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, open := g.held[b]; !open {
		return false
	}
	g.held[b] += n
	g.sum += n
	for g.sum > g.limit {
		largest := b
		for other, n := range g.held {
			if n > g.held[largest] {
				largest = other
			}
		}
		largest.giveUp()
		g.drop(largest)
	}
	_, open := g.held[b]
	return open
}

// release forgets a body that has ended.
func (g *budget) release(b *boundedBody) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drop(b)
}

func (g *budget) drop(b *boundedBody) {
	g.sum -= g.held[b]
	delete(g.held, b)
}
