package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/projections"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// BenchmarkRoster folds a log in memory into a view on NATS, flushed to the disk with each batch, and reports the time against
// that of writing the same final documents as raw batches.
func BenchmarkRoster(b *testing.B) {
	evs := story(2000)
	js := server(b)
	open := func(name string) *projections.Bucket {
		v, err := projections.OpenBucket(b.Context(), js, projections.BucketOptions{Name: name})
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	var folded, raw time.Duration
	for n := range b.N {
		v := open(fmt.Sprintf("folded-%d", n))
		began := time.Now()
		runUntil(b, newMemoryLog(evs...), v)
		folded += time.Since(began)
		var final []projections.Document
		for key, body := range documents(b, v, ">") {
			final = append(final, projections.Document{Key: key, Body: []byte(body)})
		}
		raw += write(b, open(fmt.Sprintf("raw-%d", n)), final)
	}
	b.ReportMetric(float64(len(evs)*b.N)/folded.Seconds(), "events/s")
	b.ReportMetric(folded.Seconds()/raw.Seconds(), "x-raw-batches")
}

func write(b *testing.B, v *projections.Bucket, final []projections.Document) time.Duration {
	began := time.Now()
	var c projections.Checkpoint
	for len(final) > 0 {
		n := min(len(final), projections.MaxBatch/2)
		var err error
		if c, err = v.Commit(b.Context(), c, at(1), final[:n]); err != nil {
			b.Fatal(err)
		}
		final = final[n:]
	}
	return time.Since(began)
}

// BenchmarkFold is the fold alone, without writing. It costs as much as an event's group is large.
func BenchmarkFold(b *testing.B) {
	l := newMemoryLog(story(2000)...)
	p := roster.New()
	n := 0
	for b.Loop() {
		if n == len(l.msgs) {
			p, n = roster.New(), 0
		}
		if err := p.Apply(l.msgs[n]); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
