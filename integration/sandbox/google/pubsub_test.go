package google

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// queue is the subscription of a world.
type queue struct {
	*world
	path string
}

func (w *world) queue() queue {
	w.t.Helper()
	return queue{w, "/pubsub/v1/" + w.do(sandbox.Change{Op: sandbox.OpenSink}).Key}
}

// pull returns the entries that come, by their insert ids in order, and the ack ids.
func (q queue) pull(n string) (entries []object, ids []string) {
	q.t.Helper()
	list, _ := q.ok("POST", q.path+":pull", `{"maxMessages":`+n+`}`)["receivedMessages"].([]any)
	for _, x := range list {
		m := x.(object)["message"].(object)
		b, err := base64.StdEncoding.DecodeString(m["data"].(string))
		if err != nil {
			q.t.Fatal(err)
		}
		entries = append(entries, decodeObject(q.t, b))
		ids = append(ids, x.(object)["ackId"].(string))
	}
	return entries, ids
}

func (q queue) send(method string, ids []string, more object) {
	q.t.Helper()
	body := object{"ackIds": ids}
	for k, v := range more {
		body[k] = v
	}
	b, err := json.Marshal(body)
	if err != nil {
		q.t.Fatal(err)
	}
	q.ok("POST", q.path+":"+method, string(b))
}

// TestTheQueueHasWhatTheLogHas: one shape in both transports.
func TestTheQueueHasWhatTheLogHas(t *testing.T) {
	w := newWorld(t, 60, Options{})
	w.do(sandbox.Change{Op: sandbox.AddCredential}) // before the sink: it must not come
	w.clock.Advance(time.Minute)
	q, from := w.queue(), w.clock.Now()
	for _, c := range []sandbox.Change{{Op: sandbox.DisableAgent}, {Op: sandbox.AddBinding, Name: kindOrganization},
		{Op: sandbox.AddBinding, Name: kindFolder}, {Op: sandbox.CreateAgent, Native: nativeEngine}} {
		w.clock.Advance(time.Second)
		w.do(c)
	}
	w.clock.Advance(time.Second)
	pulled, ids := q.pull("100")
	names := []string{"organizations/" + w.Organization()}
	for _, p := range w.Projects() {
		names = append(names, "projects/"+p)
	}
	for _, f := range w.st.Folders {
		names = append(names, "folders/"+f.Number)
	}
	body, err := json.Marshal(object{"resourceNames": names, "filter": `timestamp>"` + stamp(from) + `"`})
	if err != nil {
		t.Fatal(err)
	}
	var logged []object
	for _, e := range w.ok("POST", "/logging/v2/entries:list", string(body))["entries"].([]any) {
		logged = append(logged, e.(object))
	}
	if diff := cmp.Diff(logged, pulled); diff != "" || len(pulled) != 5 {
		t.Errorf("%d messages; log (-) and queue (+):\n%s", len(pulled), diff)
	}
	q.send("acknowledge", ids, nil)
	w.clock.Advance(time.Hour)
	if rest, _ := q.pull("100"); len(rest) != 0 {
		t.Errorf("%d messages came again", len(rest))
	}
	if answer := w.ok("POST", q.path+":pull", `{"maxMessages":1}`); len(answer) != 0 {
		t.Errorf("an empty queue answers %v", answer)
	}
}

func TestLeases(t *testing.T) {
	w := newWorld(t, 30, Options{})
	q := w.queue()
	for range 3 {
		w.do(sandbox.Change{Op: sandbox.AddCredential})
	}
	first, ids := q.pull("2")
	if rest, _ := q.pull("2"); len(first) != 2 || len(rest) != 1 {
		t.Fatalf("%d and %d messages, want 2 and 1", len(first), len(rest))
	}
	q.send("modifyAckDeadline", ids[:1], object{"ackDeadlineSeconds": 0})
	back, again := q.pull("5")
	if diff := cmp.Diff(first[:1], back); diff != "" || slices.Equal(again, ids[:1]) {
		t.Errorf("given back:\n%s", diff)
	}
	q.send("modifyAckDeadline", ids[1:], object{"ackDeadlineSeconds": 600})
	w.clock.Advance(2 * time.Minute)
	if late, _ := q.pull("5"); len(late) != 2 {
		t.Errorf("%d leases ended after two minutes, want all but the long one", len(late))
	}
	q.send("acknowledge", ids, nil) // of deliveries whose leases are over: taken all the same
	q.send("acknowledge", ids, nil)
	w.clock.Advance(time.Hour)
	if rest, _ := q.pull("5"); len(rest) != 1 {
		t.Errorf("%d messages are left, want 1", len(rest))
	}
}

func TestMessagesComeAgainAndInAnyOrder(t *testing.T) {
	w := newWorld(t, 30, Options{RedeliverEvery: 2, Unordered: true})
	q := w.queue()
	for range 4 {
		w.clock.Advance(time.Second)
		w.do(sandbox.Change{Op: sandbox.AddCredential})
	}
	first, ids := q.pull("9")
	if len(first) != 4 || first[0]["timestamp"].(string) < first[3]["timestamp"].(string) {
		t.Errorf("%d messages, oldest first", len(first))
	}
	q.send("acknowledge", ids, nil)
	again, ids := q.pull("9")
	if len(again) != 2 {
		t.Errorf("%d messages came again, want 2", len(again))
	}
	q.send("acknowledge", ids, nil)
	if rest, _ := q.pull("9"); len(rest) != 0 {
		t.Errorf("%d messages came a third time", len(rest))
	}
}

func TestLateEntriesArePublishedLate(t *testing.T) {
	w := newWorld(t, 30, Options{LogDelay: time.Minute})
	q := w.queue()
	w.do(sandbox.Change{Op: sandbox.AddCredential})
	if early, _ := q.pull("9"); len(early) != 0 {
		t.Error("the message is there before the entry")
	}
	w.clock.Advance(time.Minute)
	if late, _ := q.pull("9"); len(late) != 1 {
		t.Error("the message does not come")
	}
	w.clock.Advance(8 * 24 * time.Hour)
	w.do(sandbox.Change{Op: sandbox.AddCredential})
	w.clock.Advance(time.Minute)
	if kept, _ := q.pull("9"); len(kept) != 1 {
		t.Errorf("%d messages are there, want only the one of the last seven days", len(kept))
	}
}

func TestQueueRequests(t *testing.T) {
	w := newWorld(t, 30, Options{})
	w.refused("POST", "/pubsub/v1/projects/tessellate-agents/subscriptions/rollcall-audit:pull", `{"maxMessages":1}`, 404, "NOT_FOUND")
	q := w.queue()
	for verb, bodies := range map[string][]string{
		"pull":              {`{}`, `{"maxMessages":0}`, `{"max":1}`},
		"acknowledge":       {`{}`, `{"ackIds":["x"]}`, `{"ackIds":["1-1-z"]}`},
		"modifyAckDeadline": {`{}`, `{"ackIds":["x"],"ackDeadlineSeconds":1}`, `{"ackIds":["x"],"ackDeadlineSeconds":601}`},
	} {
		for _, body := range bodies {
			w.refused("POST", q.path+":"+verb, body, 400, "INVALID_ARGUMENT")
		}
	}
	if _, err := w.Mutate(sandbox.Change{Op: sandbox.OpenSink}); err == nil {
		t.Error("the sink opened twice")
	}
}

// TestUnacknowledgedMessagesOutliveTheProcess: what another process has leased and not acknowledged comes again.
func TestUnacknowledgedMessagesOutliveTheProcess(t *testing.T) {
	w := newWorld(t, 30, Options{})
	q := w.queue()
	w.do(sandbox.Change{Op: sandbox.AddCredential})
	saved := snapshot(t, w.Sandbox)
	first, _ := q.pull("1")
	if err := w.Restore([]byte(saved)); err != nil {
		t.Fatal(err)
	}
	again, _ := q.pull("1")
	if diff := cmp.Diff(first, again); diff != "" || len(again) != 1 {
		t.Errorf("after a restart:\n%s", diff)
	}
}
