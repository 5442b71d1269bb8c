package eventlog

import (
	"context"
	"iter"

	"github.com/rollcallhq/rollcall/events"
)

// To verify and decode an event costs more than to read it. Where many are waiting, that is done ahead of who takes them, by several at once.
const (
	chunkSize   = 64 // records that are decoded in one go
	chunksAhead = 6  // that wait to be taken
)

// chunk is some records in their order, and what becomes of them.
type chunk struct {
	records []record
	last    error // that ends the reading behind them
	out     []decoded
	done    chan struct{} // closed when out is there
}

type decoded struct {
	events.Message
	err error
}

func (c *chunk) decode(l *Log) {
	defer close(c.done)
	c.out = make([]decoded, len(c.records))
	for i, r := range c.records {
		c.out[i].Message, c.out[i].err = l.message(r)
	}
}

// decoded yields a stretch's records, verified and decoded, in their order. Behind who takes them slowly, more than were pending come to wait.
func (l *Log) decoded(ctx context.Context, s stretch) iter.Seq2[events.Message, error] {
	return func(yield func(events.Message, error) bool) {
		reading, stop := context.WithCancel(ctx)
		chunks, left := make(chan *chunk, chunksAhead), make(chan struct{})
		go l.readAhead(reading, s, chunks, left)
		defer func() {
			close(left)
			stop()
			for range chunks { // until the reader has ended, too
			}
		}()
		for c := range chunks {
			<-c.done
			for i, d := range c.out {
				if i == len(c.out)-1 {
					d.Pending = max(d.Pending, uint64(len(chunks))) // those that have come since it was read
				}
				if !yield(d.Message, d.err) {
					return
				}
			}
			if c.last != nil {
				yield(events.Message{}, c.last)
				return
			}
		}
	}
}

// readAhead reads a stretch and has it decoded, until it is read or left. A chunk ends where no record is waiting, so that nobody waits for one
// that has come.
func (l *Log) readAhead(ctx context.Context, s stretch, chunks chan<- *chunk, left <-chan struct{}) {
	defer close(chunks)
	c := &chunk{done: make(chan struct{})}
	send := func() bool {
		if len(c.records) > 1 {
			go c.decode(l)
		} else {
			c.decode(l)
		}
		select {
		case chunks <- c:
		case <-left:
			return false
		}
		c = &chunk{done: make(chan struct{})}
		return true
	}
	for r, err := range l.records(ctx, s) {
		if err != nil {
			c.last = err
			send()
			return
		}
		c.records = append(c.records, r)
		if (r.pending == 0 || len(c.records) == chunkSize) && !send() {
			return
		}
	}
	if len(c.records) > 0 {
		send()
	}
}
