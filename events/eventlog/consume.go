package eventlog

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// reading is one run through a stretch. It outlives the consumers that it uses: when one is lost, with the connection or the
// server, the next goes on behind the last record yielded.
type reading struct {
	*stream
	want    stretch
	filters []string // of want, and of the barrier
	next    uint64   // first sequence to come
	end     uint64   // bounded: the stream's last sequence when the reading began
	barrier bool     // the record at end is among those asked for, and must be seen before the reading may end
	left    uint64   // how many records the consumer had when it was made and has not delivered
}

func (s *stream) read(ctx context.Context, st stretch) iter.Seq2[record, error] {
	if st.last && st.to > 0 {
		return s.readLastUpTo(ctx, st)
	}
	return func(yield func(record, error) bool) {
		r := &reading{stream: s, want: st, filters: st.filters, next: max(st.from, 1)}
		if err := r.prepare(ctx); err != nil {
			yield(record{}, err)
			return
		}
		if !r.want.follow && r.next > r.end {
			return
		}
		r.run(ctx, yield)
	}
}

// prepare finds where a bounded reading ends. With replicas, the consumer may live on a server that lags behind. So the reading asks
// for the record at the end as well, whatever its subject, and does not end before it has come.
func (r *reading) prepare(ctx context.Context) error {
	if r.want.follow {
		return nil
	}
	_, end, err := r.state(ctx)
	if err != nil {
		return err
	}
	r.end = end
	if r.want.to > 0 {
		r.end = min(r.end, r.want.to)
	}
	if r.replicas == 1 || r.end == 0 || r.next > r.end {
		return nil
	}
	at, ok, err := r.at(ctx, r.end)
	if err != nil || !ok {
		return err
	}
	r.barrier = true
	if !matchAny(r.filters, at.subject) {
		r.filters = slices.Concat(r.filters, []string{at.subject})
	}
	return nil
}

// run goes from consumer to consumer until the reading is done. After Options.Wait without progress a bounded reading gives up, and
// so does one that follows when all the while the server was there and refused.
func (r *reading) run(ctx context.Context, yield func(record, error) bool) {
	deadline, pause := time.Now().Add(r.opts.Wait), firstPause
	for {
		before := r.next
		done, err := r.session(ctx, yield)
		if done {
			return
		}
		refused := errors.As(err, new(*jetstream.APIError)) || errors.Is(err, jetstream.ErrStreamNotFound)
		if r.next > before || r.want.follow && !refused {
			deadline = time.Now().Add(r.opts.Wait)
		}
		if r.next > before {
			pause = firstPause
		}
		if time.Now().After(deadline) {
			yield(record{}, fmt.Errorf("stream %s could not be read for %s: %w", r.name, r.opts.Wait, err))
			return
		}
		if !wait(ctx, pause) {
			yield(record{}, context.Cause(ctx))
			return
		}
		pause = min(2*pause, lastPause)
	}
}

// How a consumer is used.
const (
	pullAhead    = 2000             // messages asked for at once
	heartbeat    = 2 * time.Second  // of the server while nothing comes; two missing end the consumer
	idleCheck    = time.Second      // after this silence a bounded reading asks whether there is more
	silence      = 2 * heartbeat    // after so much of it a bounded reading takes another consumer
	consumerLife = 5 * time.Minute  // of a consumer that nobody reads: a slow reader may pause so long
	pullExpiry   = 30 * time.Second // of one request for messages
)

// session reads with one consumer. It reports whether the reading is done; if not, err says what ended the consumer.
func (r *reading) session(ctx context.Context, yield func(record, error) bool) (done bool, err error) {
	ctx, cancel := r.whileConnected(ctx)
	defer cancel()
	asking, stop := context.WithTimeout(ctx, r.opts.AckWait)
	c, err := r.handle.CreateConsumer(asking, r.config())
	stop()
	if err != nil {
		return false, err
	}
	defer r.drop(c)
	r.left = c.CachedInfo().NumPending
	if r.complete(0, r.left) {
		return true, nil
	}
	msgs, err := c.Messages(jetstream.PullMaxMessages(pullAhead), jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry))
	if err != nil {
		return false, err
	}
	defer msgs.Stop()
	return r.drain(ctx, c, msgs, yield)
}

func (r *reading) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: consumerLife, FilterSubjects: r.filters,
		HeadersOnly:   r.want.bare,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.next,
	}
	if r.want.last {
		c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverLastPerSubjectPolicy, 0
	}
	return c
}

// drop takes the consumer away; without an answer the server does so after its life.
func (r *reading) drop(c jetstream.Consumer) {
	if !r.nc.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.handle.DeleteConsumer(ctx, c.CachedInfo().Name) // the server removes it by itself after a while
}

// drain yields what the consumer delivers. Its deliveries are numbered: a gap means that some were lost on the way.
func (r *reading) drain(ctx context.Context, c jetstream.Consumer, msgs jetstream.MessagesContext, yield func(record, error) bool) (bool, error) {
	for delivered := uint64(1); ; delivered++ {
		msg, err := r.nextMessage(ctx, c, msgs, delivered-1)
		if err != nil || msg == nil {
			return msg == nil && err == nil, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return false, err
		}
		if meta.Sequence.Consumer != delivered {
			return false, fmt.Errorf("consumer delivered %d after %d", meta.Sequence.Consumer, delivered-1)
		}
		seq := meta.Sequence.Stream
		if r.want.to > 0 && seq > r.want.to {
			return true, nil
		}
		if seq >= r.next && !r.yieldOne(msg, meta, yield) {
			return true, nil
		}
		r.next = max(r.next, seq+1)
		r.left -= min(r.left, 1)
		if r.complete(seq, meta.NumPending) {
			return true, nil
		}
	}
}

// yieldOne yields a message, unless it is only the barrier.
func (r *reading) yieldOne(msg jetstream.Msg, meta *jetstream.MsgMetadata, yield func(record, error) bool) bool {
	if r.barrier && !matchAny(r.want.filters, msg.Subject()) {
		return true
	}
	out := record{subject: msg.Subject(), body: msg.Data(), seq: meta.Sequence.Stream, time: meta.Timestamp, pending: meta.NumPending}
	out.read(msg.Headers())
	return yield(out, nil)
}

// complete reports whether a bounded reading has all: what the consumer found when it was made, or nothing left, and the barrier.
func (r *reading) complete(seq, pending uint64) bool {
	if r.want.follow || r.barrier && seq < r.end {
		return false
	}
	return r.left == 0 || pending == 0
}

// nextMessage waits for a message behind those that were delivered. A consumer that the server says nothing of any more, because
// its peer is gone or the request for messages was lost, is an error. To notice that, the client library counts from the call of
// Next, so that a reading which follows must not cut its calls short; a bounded one, which does, counts by itself.
func (r *reading) nextMessage(ctx context.Context, c jetstream.Consumer, msgs jetstream.MessagesContext, delivered uint64) (jetstream.Msg, error) {
	if r.want.follow {
		msg, err := msgs.Next(jetstream.NextContext(ctx))
		return msg, whyEnded(ctx, err)
	}
	for began := time.Now(); time.Since(began) < silence; {
		idle, cancel := context.WithTimeout(ctx, idleCheck)
		msg, err := msgs.Next(jetstream.NextContext(idle))
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, nats.ErrTimeout) {
			return msg, whyEnded(ctx, err)
		}
		if done, err := r.nothingLeft(ctx, c, delivered); done || err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the consumer sent nothing for %s", silence)
}

// whyEnded prefers the reason why ctx ended, if it has, to what the client library makes of it.
func whyEnded(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// nothingLeft reports whether the consumer has sent all that it has, and no more than was delivered: what was counted may have been
// removed meanwhile, but what was sent may also be on its way.
func (r *reading) nothingLeft(ctx context.Context, c jetstream.Consumer, delivered uint64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.AckWait)
	defer cancel()
	info, err := c.Info(ctx)
	if err != nil {
		return false, err
	}
	return !r.barrier && info.NumPending == 0 && info.Delivered.Consumer <= delivered, nil
}
