package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stream is a store on JetStream.
type stream struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	handle   jetstream.Stream
	name     string
	opts     Options
	replicas int
	async    bool // stored without waiting for the disk
	maxSize  int  // the stream's own limit of a message; 0: none

	mu     sync.Mutex
	away   uint64        // how often the connection was lost
	lost   chan struct{} // closed and replaced when it is
	status chan nats.Status
	ended  chan struct{}
	marks  jetstream.KeyValue // nil: there is none, and none may be made
}

// openStream makes or checks the stream.
func openStream(ctx context.Context, nc *nats.Conn, o Options) (*stream, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(o.AckWait))
	if err != nil {
		return nil, err
	}
	s := &stream{nc: nc, js: js, name: o.Stream, opts: o, lost: make(chan struct{}), ended: make(chan struct{})}
	if err := s.patiently(ctx, o.AckWait, s.find); err != nil {
		return nil, err
	}
	cfg := s.handle.CachedInfo().Config
	if !o.ReadOnly {
		if err := checkSettings(cfg, o); err != nil {
			return nil, err
		}
	}
	s.replicas, s.async, s.maxSize = cfg.Replicas, cfg.PersistMode == jetstream.AsyncPersistMode, int(max(cfg.MaxMsgSize, 0))
	if err := s.patiently(ctx, o.AckWait, s.openMarks); err != nil {
		return nil, err
	}
	s.status = nc.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	go s.listen()
	return s, nil
}

// find gets hold of the stream, and makes it if it may.
func (s *stream) find(ctx context.Context) error {
	var err error
	s.handle, err = s.js.Stream(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) && s.opts.Create && !s.opts.ReadOnly {
		s.handle, err = s.js.CreateStream(ctx, settings(s.opts))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another hub was quicker
			s.handle, err = s.js.Stream(ctx, s.name)
		}
	}
	return s.explain(err)
}

// explain adds a cure to the errors that a person meets when opening.
func (s *stream) explain(err error) error {
	url := s.nc.ConnectedUrlRedacted()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return fmt.Errorf("the NATS server %s has no stream %s: start a hub, which makes it, or name the right stream: %w", url, s.name, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("the NATS server %s has no JetStream for this account: enable it, or use another account: %w", url, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("the NATS server %s did not answer about stream %s: is it up, and may this user use $JS.API.>? %w", url, s.name, err)
	}
	return fmt.Errorf("stream %s on the NATS server %s: %w", s.name, url, err)
}

// patiently repeats what fails because a cluster has no leader yet, or what was made a moment ago is not there yet.
func (s *stream) patiently(ctx context.Context, each time.Duration, try func(context.Context) error) error {
	deadline := time.Now().Add(s.opts.Wait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		asking, stop := context.WithTimeout(ctx, each)
		err := try(asking)
		stop()
		var refusal *jetstream.APIError
		passing := errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, nats.ErrTimeout) ||
			errors.Is(err, context.DeadlineExceeded) || errors.As(err, &refusal) && refusal.Code >= 500 && refusal.ErrorCode != jetstream.JSErrCodeJetStreamNotEnabledForAccount &&
			refusal.ErrorCode != jetstream.JSErrCodeJetStreamNotEnabled
		if !passing || time.Now().After(deadline) || !wait(ctx, pause) {
			return err
		}
	}
}

// listen notes when the connection is lost.
func (s *stream) listen() {
	defer close(s.ended)
	for st := range s.status {
		if st == nats.CONNECTED {
			continue
		}
		s.mu.Lock()
		s.away++
		close(s.lost)
		s.lost = make(chan struct{})
		s.mu.Unlock()
	}
}

func (s *stream) outages() (uint64, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.away, s.lost
}

func (s *stream) close() {
	s.nc.RemoveStatusListener(s.status)
	<-s.ended
}

// api is the subject of a JetStream request, with the account's prefix.
func (s *stream) api(request string) string {
	o := s.js.Options()
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API." + request
	case o.APIPrefix != "":
		return o.APIPrefix + request
	}
	return "$JS.API." + request
}

// asking bounds one request: by AckWait, and by the connection, since an answer is lost with it.
func (s *stream) asking(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := s.whileConnected(ctx)
	ctx, cancel := context.WithTimeout(ctx, s.opts.AckWait)
	return ctx, func() { cancel(); end() }
}

// whileConnected derives a context that ends when the connection is lost.
func (s *stream) whileConnected(ctx context.Context) (context.Context, context.CancelFunc) {
	_, lost := s.outages()
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-lost:
			cancel(errUnanswered)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// blame says that the connection was lost where a request was given up for that: who asked has not cancelled it.
func blame(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errUnanswered) {
		return cause
	}
	return err
}

// getResponse is the server's answer to STREAM.MSG.GET.
type getResponse struct {
	Error   *jetstream.APIError `json:"error"`
	Message *struct {
		Subject  string    `json:"subject"`
		Sequence uint64    `json:"seq"`
		Header   []byte    `json:"hdrs"`
		Data     []byte    `json:"data"`
		Time     time.Time `json:"time"`
	} `json:"message"`
}

// last asks the stream's leader: a follower, which direct gets may reach, can lag behind an acknowledged append.
func (s *stream) last(ctx context.Context, subject string) (record, bool, error) {
	return s.get(ctx, map[string]any{"last_by_subj": subject})
}

func (s *stream) at(ctx context.Context, seq uint64) (record, bool, error) {
	return s.get(ctx, map[string]any{"seq": seq})
}

func (s *stream) get(ctx context.Context, what map[string]any) (record, bool, error) {
	ask, err := json.Marshal(what)
	if err != nil {
		return record{}, false, err
	}
	ctx, cancel := s.asking(ctx)
	defer cancel()
	msg, err := s.nc.RequestWithContext(ctx, s.api("STREAM.MSG.GET."+s.name), ask)
	if err != nil {
		return record{}, false, fmt.Errorf("asking stream %s: %w", s.name, blame(ctx, err))
	}
	var got getResponse
	if err := json.Unmarshal(msg.Data, &got); err != nil {
		return record{}, false, fmt.Errorf("stream %s gave an answer that is no JSON: %w", s.name, err)
	}
	switch {
	case got.Error != nil && got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return record{}, false, nil
	case got.Error != nil:
		return record{}, false, fmt.Errorf("stream %s: %w", s.name, got.Error)
	case got.Message == nil:
		return record{}, false, fmt.Errorf("stream %s gave an answer without a message", s.name)
	}
	r := record{subject: got.Message.Subject, body: got.Message.Data, seq: got.Message.Sequence, time: got.Message.Time}
	if len(got.Message.Header) > 0 {
		h, err := nats.DecodeHeadersMsg(got.Message.Header)
		if err != nil {
			return record{}, false, fmt.Errorf("message %d of stream %s has broken headers: %w", r.seq, s.name, err)
		}
		r.read(h)
	}
	return r, true, nil
}

func (s *stream) state(ctx context.Context) (first, last uint64, err error) {
	ctx, cancel := s.asking(ctx)
	defer cancel()
	info, err := s.handle.Info(ctx)
	if err != nil {
		return 0, 0, s.explain(blame(ctx, err))
	}
	return info.State.FirstSeq, info.State.LastSeq, nil
}

// replicaLag bounds how long a new leader may lack what its predecessor acknowledged.
const replicaLag = 10 * time.Second

func (s *stream) lag() time.Duration {
	if s.replicas > 1 {
		return replicaLag
	}
	return 0
}

func (s *stream) limit() int {
	n := int(s.nc.MaxPayload())
	for _, other := range []int{s.maxSize, s.opts.MaxPayload} {
		if other > 0 {
			n = min(n, other)
		}
	}
	return n
}

func (s *stream) size(r *record) int { return size(r) }
