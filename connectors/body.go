package connectors

import (
	"context"
	"fmt"
	"io"
)

// boundedBody is an answer's body that ends with an error beyond its limit, and frees the request's timer at its end. A body
// that nobody closes is closed by the timer.
type boundedBody struct {
	body   io.ReadCloser
	left   int64
	limit  int64
	place  string
	ctx    context.Context // the request's, to tell why reading failed
	cancel context.CancelFunc
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
	switch err {
	case nil:
		return n, nil
	case io.EOF:
		b.cancel()
		return n, err
	}
	return n, explain(b.ctx, err)
}

// Close closes the body and ends the request's timer.
func (b *boundedBody) Close() error {
	err := b.body.Close()
	b.cancel()
	return err
}
