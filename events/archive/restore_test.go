package archive_test

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/events/archive"
	"github.com/rollcallhq/rollcall/events/archive/archivetest"
)

// tape is a log that can be restored to an earlier state: its messages, and how far each of its epochs survived.
type tape struct {
	messages []events.Stored
	epoch    string
	survived map[string]uint64
}

// restored is the tape as it was at a sequence, in a new epoch, with n messages more.
func (l *tape) restored(to uint64, epoch string, n int) *tape {
	next := &tape{epoch: epoch, survived: map[string]uint64{}}
	for e, upTo := range l.survived {
		next.survived[e] = min(upTo, to)
	}
	next.survived[epoch] = math.MaxUint64
	next.messages = append(next.messages, l.messages[:min(to, uint64(len(l.messages)))]...)
	for range n {
		seq := uint64(len(next.messages)) + 1
		body := fmt.Sprintf(`{"type":"agent.updated","epoch":"%s","n":%d}`, epoch, seq)
		next.messages = append(next.messages, events.Stored{
			Position: events.Position{Sequence: seq}, Time: time.Unix(int64(seq), 0).UTC(), Subject: fmt.Sprintf("rollcall.events.acme.okta.a%d.agent.self", seq%3),
			Feed: "agents", Hash: events.ChainHash("", []byte(body)), Body: []byte(body),
		})
	}
	for i := range next.messages {
		next.messages[i].Position.Epoch = epoch
	}
	return next
}

func (l *tape) End(context.Context) (events.Position, error) {
	return events.Position{Epoch: l.epoch, Sequence: uint64(len(l.messages))}, nil
}

func (l *tape) Survived(_ context.Context, epoch string) (uint64, bool, error) {
	upTo, ok := l.survived[epoch]
	return upTo, ok, nil
}

func (l *tape) Stored(_ context.Context, q events.Query) iter.Seq2[events.Stored, error] {
	return func(yield func(events.Stored, error) bool) {
		for i, m := range l.messages {
			m.Pending = uint64(len(l.messages) - i - 1)
			if seq := m.Position.Sequence; seq >= q.From && (q.To == 0 || seq <= q.To) && !yield(m, nil) {
				return
			}
		}
	}
}

func (l *tape) Read(context.Context, events.Query) iter.Seq2[events.Message, error] { return nil }
func (l *tape) Keys() events.Keys                                                   { return nil }
func (l *tape) Places(context.Context) ([]events.Place, error)                      { return nil, nil }
func (l *tape) Count(context.Context) (uint64, error)                               { return uint64(len(l.messages)), nil }

// After a restore the archive goes on with the log's new life, and keeps what the log has lost without reading it as the log.
func TestRestore(t *testing.T) {
	for _, c := range []struct{ archived, lost, resumed, more, again int }{
		{100, 100, 80, 40, 0}, // restored to before the archive's end, within a segment
		{100, 100, 60, 40, 0}, // at the end of one
		{100, 100, 5, 4, 0},   // almost all lost
		{100, 100, 0, 4, 0},   // all
		{60, 100, 80, 40, 0},  // to behind the archive's end
		{100, 100, 80, 40, 90},
		{100, 100, 80, 40, 70}, // twice, before what the first has left
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			s := archivetest.NewMemory()
			log := (&tape{}).restored(0, "a", c.archived)
			write(t, s, log, archive.Options{Events: 30})
			log = log.restored(uint64(c.archived), "a", c.lost-c.archived)
			log = log.restored(uint64(c.resumed), "b", c.more)
			if c.again > 0 {
				if c.again == 70 { // the archive has seen the first restore
					write(t, s, log, archive.Options{Events: 30})
				}
				log = log.restored(uint64(c.again), "c", 25)
			}
			h, err := archive.Join(t.Context(), log, open(t, s))
			if err != nil {
				t.Fatal(err)
			}
			archivetest.Same(t, log, h, events.Query{})
			gone := &tape{messages: slices.DeleteFunc(slices.Clone(log.messages), func(m events.Stored) bool { return m.Position.Sequence <= 3 }), epoch: log.epoch, survived: log.survived}
			if h, err = archive.Join(t.Context(), &longer{gone, log}, open(t, s)); err != nil {
				t.Fatal(err)
			}
			if c.resumed >= 3 {
				archivetest.Same(t, log, h, events.Query{})
			}
			write(t, s, log, archive.Options{Events: 30})
			sound(t, s)
			archivetest.Same(t, log, open(t, s), events.Query{})
			if h, err = archive.Join(t.Context(), &longer{gone, log}, open(t, s)); err != nil {
				t.Fatal(err)
			}
			archivetest.Same(t, log, h, events.Query{})
		})
	}
}

// longer is a log that lacks its first messages, and ends where the whole one does.
type longer struct {
	*tape
	whole *tape
}

func (l *longer) End(ctx context.Context) (events.Position, error) { return l.whole.End(ctx) }

// A log that was restored without a hub to notice is not archived.
func TestRestoredUnnoticed(t *testing.T) {
	s := archivetest.NewMemory()
	log := (&tape{}).restored(0, "a", 100)
	write(t, s, log, archive.Options{Events: 30})
	short := log.restored(80, "a", 0)
	if _, err := open(t, s).Write(t.Context(), short, archive.Options{}); err == nil || !strings.Contains(err.Error(), "it was restored. Start a hub") {
		t.Errorf("writing: %v", err)
	}
	// One that grew again to where it was, but with other events, shows at the archive's end.
	other := short.restored(80, "a", 0)
	other.messages = append(other.messages, log.restored(80, "x", 30).messages[80:]...)
	if _, err := open(t, s).Write(t.Context(), other, archive.Options{}); err == nil || !strings.Contains(err.Error(), "at 100 the log holds") {
		t.Errorf("writing: %v", err)
	}
}
