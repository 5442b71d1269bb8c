package replay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// Chains is what VerifyChains reads.
type Chains interface {
	Log
	Places(ctx context.Context) ([]events.Place, error)
	End(ctx context.Context) (events.Position, error)
}

// Head stands for all that the log holds up to an event: who keeps it elsewhere can prove later that nothing of it was altered.
type Head struct {
	Sequence uint64 // of the event
	Digest   string // SHA-256 in hex over a line per feed, "<tenant>.<connection>.<feed> <hash>\n", sorted; parts are tokens
}

// String is "<sequence>:<digest>".
func (h Head) String() string { return strconv.FormatUint(h.Sequence, 10) + ":" + h.Digest }

// ParseHead reads what String wrote.
func ParseHead(s string) (Head, error) {
	seq, digest, ok := strings.Cut(strings.TrimSpace(s), ":")
	n, err := strconv.ParseUint(seq, 10, 64)
	raw, bad := hex.DecodeString(digest)
	if !ok || err != nil || bad != nil || len(raw) != sha256.Size {
		return Head{}, fmt.Errorf("%q is no head: `rollcall log head` prints one, such as 1204:9f86d0…", s)
	}
	return Head{Sequence: n, Digest: strings.ToLower(digest)}, nil
}

// FeedHead is the end of one feed's chain.
type FeedHead struct {
	Tenant     string `json:"tenant"`
	Connection string `json:"connection"`
	Feed       string `json:"feed"`
	Events     uint64 `json:"events"`
	Hash       string `json:"hash"` // of its last event
}

// Fault is something that was lost or altered.
type Fault struct {
	Sequence uint64 `json:"sequence"` // of the message that shows it; 0: none does
	Text     string `json:"text"`
}

// ChainReport is what VerifyChains found. Without Faults the log is sound.
type ChainReport struct {
	Head   Head
	Events uint64
	Feeds  []FeedHead // by tenant, connection and feed
	Faults []Fault
}

// VerifyChains walks the chain of every feed from its first event to its last and holds each event against its hash, each hash
// against the one before it in its feed, and each feed's end against its place. With a pinned head it holds the chains as they
// were there against its digest. progress, if set, is told after each message how many are still to come.
func VerifyChains(ctx context.Context, log Chains, pinned Head, progress func(pending uint64)) (ChainReport, error) {
	w := &chainWalk{pinned: pinned, feeds: map[feedID]*FeedHead{}, places: map[feedID]*placeCheck{}}
	places, err := log.Places(ctx) // before the log's end is looked up, so that what they speak of lies before it
	if err != nil {
		return w.report, err
	}
	for _, p := range places {
		w.places[feedID{p.Tenant, p.Connection, p.Feed}] = &placeCheck{head: p.Head, events: p.Events}
	}
	end, err := log.End(ctx)
	if err != nil || end.Sequence == 0 {
		return w.report, err
	}
	for s, err := range log.Stored(ctx, events.Query{To: end.Sequence}) {
		if err != nil && !events.Damaged(err) {
			return w.report, err
		}
		w.take(&s, err)
		if progress != nil {
			progress(s.Pending)
		}
	}
	w.end()
	return w.report, nil
}

type feedID struct{ tenant, connection, feed string }

// placeCheck is what a feed's place says, and whether the chain has come there.
type placeCheck struct {
	head    string
	events  uint64
	reached bool
	counted uint64
}

type chainWalk struct {
	pinned Head
	proved bool // the pinned head was compared
	feeds  map[feedID]*FeedHead
	places map[feedID]*placeCheck
	report ChainReport
}

func (w *chainWalk) fault(seq uint64, format string, args ...any) {
	w.report.Faults = append(w.report.Faults, Fault{seq, fmt.Sprintf(format, args...)})
}

func (w *chainWalk) take(s *events.Stored, damage error) {
	seq := s.Position.Sequence
	if !w.proved && w.pinned.Digest != "" && seq > w.pinned.Sequence {
		w.prove()
	}
	w.report.Events++
	w.report.Head.Sequence = seq
	if damage != nil {
		w.fault(seq, "%v", damage)
	}
	tenant, connection, _, err := events.ParseSubject(s.Subject)
	if err != nil || s.Feed == "" {
		w.fault(seq, "message %d (%s) names no feed that appended it", seq, s.Subject)
		return
	}
	id := feedID{tenant, connection, s.Feed}
	f := w.feeds[id]
	if f == nil {
		f = &FeedHead{Tenant: tenant, Connection: connection, Feed: s.Feed}
		w.feeds[id] = f
	}
	if s.Prev != f.Hash {
		w.fault(seq, "message %d goes on from the event with the hash %s, but before it in the feed %s of connection %s comes %s: events between them "+
			"were lost, altered, or put elsewhere", seq, short(s.Prev), s.Feed, connection, short(f.Hash))
	}
	f.Hash, f.Events = s.Hash, f.Events+1
	if p := w.places[id]; p != nil && p.head == s.Hash {
		p.reached, p.counted = true, f.Events
	}
}

// end compares the ends of the chains with what the feeds' places say, and what is left to compare with the pinned head.
func (w *chainWalk) end() {
	switch {
	case w.pinned.Digest == "" || w.proved:
	case w.report.Head.Sequence < w.pinned.Sequence:
		w.fault(0, "the log ends with the event at %d, before the pinned head at %d: events were lost, or the log was restored", w.report.Head.Sequence, w.pinned.Sequence)
	default:
		w.prove()
	}
	for id, p := range w.places {
		switch {
		case p.head == "":
		case !p.reached:
			w.fault(0, "the place of feed %s of connection %s (tenant %s) says that its %d events end with the hash %s, which the log does not have: "+
				"its last events were lost or altered", id.feed, id.connection, id.tenant, p.events, short(p.head))
		case p.counted != p.events:
			w.fault(0, "the place of feed %s of connection %s (tenant %s) counts %d events, and the log has %d of them", id.feed, id.connection, id.tenant, p.events, p.counted)
		}
	}
	faults := w.report.Faults
	sort.Slice(faults, func(i, j int) bool {
		a, b := &faults[i], &faults[j]
		return cmp.Or(cmp.Compare(a.Sequence-1, b.Sequence-1), cmp.Compare(a.Text, b.Text)) < 0 // those without a sequence come last
	})
	ordered := slices.SortedFunc(maps.Values(w.feeds), func(a, b *FeedHead) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Feed, b.Feed))
	})
	for _, f := range ordered {
		w.report.Feeds = append(w.report.Feeds, *f)
	}
	w.report.Head.Digest = w.digest()
}

func (w *chainWalk) prove() {
	w.proved = true
	if got := w.digest(); got != w.pinned.Digest {
		w.fault(w.pinned.Sequence, "the chains up to %d have the digest %s, and the pinned head has %s: what lies there is not what was pinned",
			w.pinned.Sequence, got, w.pinned.Digest)
	}
}

func (w *chainWalk) digest() string {
	lines := make([]string, 0, len(w.feeds))
	for _, f := range w.feeds {
		lines = append(lines, events.Token(f.Tenant)+"."+events.Token(f.Connection)+"."+events.Token(f.Feed)+" "+f.Hash+"\n")
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}

func short(hash string) string {
	if hash == "" {
		return "none"
	}
	return hash[:min(12, len(hash))] + "…"
}

// Err is nil for a log that is sound, and else says how much is not.
func (r *ChainReport) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	noun := "faults"
	if len(r.Faults) == 1 {
		noun = "fault"
	}
	return errors.New("the log is not sound: " + strconv.Itoa(len(r.Faults)) + " " + noun)
}
