package google

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

const testSubscription = "projects/rc-sandbox/subscriptions/rollcall"

// subscriber is a follower whose log comes out of a queue: what is not acknowledged comes again.
type subscriber struct {
	*follower
	queued map[string]string // by acknowledgement id
	acked  []string
}

func subscribe(t *testing.T) *subscriber {
	t.Helper()
	s := &subscriber{follower: &follower{fake: company(t)}, queued: map[string]string{}}
	s.override["/pubsub/v1/"+testSubscription+":pull"] = func(w http.ResponseWriter, _ *http.Request) {
		var out []string
		for id, data := range s.queued {
			out = append(out, fmt.Sprintf(`{"ackId":%q,"message":{"data":%q,"messageId":"1"}}`, id, base64.StdEncoding.EncodeToString([]byte(data))))
		}
		slices.Sort(out)
		fmt.Fprintf(w, `{"receivedMessages":[%s]}`, strings.Join(out, ","))
	}
	s.override["/pubsub/v1/"+testSubscription+":acknowledge"] = func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ AckIds []string }
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
			t.Error(err)
		}
		for _, id := range ask.AckIds {
			delete(s.queued, id)
			s.acked = append(s.acked, id)
		}
		fmt.Fprint(w, `{}`)
	}
	s.now = follow(t, nil).now
	s.bodies[accountsPath+"/104857600000000000001"] = jsonAccount
	s.restart(t, map[string]string{"subscription": testSubscription})
	return s
}

func (s *subscriber) pull(t *testing.T, from connectors.Cursor) connectors.Page {
	t.Helper()
	p, err := s.c.feed(t, feedAuditLog).Pull(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestQueueAcknowledgesWhatWasStored, and nothing else: a page that was not stored comes again, and is told once.
func TestQueueAcknowledgesWhatWasStored(t *testing.T) {
	s := subscribe(t)
	first := s.pull(t, nil)
	s.queued["a1"] = s.entry("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	s.queued["a2"] = s.queued["a1"] // the sink has published it twice
	s.queued["a3"] = "You have successfully configured a feed"
	s.queued["a4"] = strings.ReplaceAll(s.entry("e2", "iam", "google.iam.admin.v1.GetServiceAccount", account1, nil), "%2Factivity", "%2Fdata_access")
	lost := s.pull(t, first.Next)
	again := s.pull(t, first.Next) // the page before was not stored
	if len(s.acked) != 0 || len(lost.Records) == 0 || len(again.Records) != len(lost.Records) {
		t.Fatalf("acknowledged %v; told %d records, then %d", s.acked, len(lost.Records), len(again.Records))
	}
	types := map[string]int{}
	for _, r := range again.Records {
		types[r.Type]++
	}
	if types[typeServiceAccount] != 1 || types[typeLogEntry] != 2 {
		t.Errorf("told %v, want the account once, its activity, and what was not understood", types)
	}
	p := s.pull(t, again.Next)
	if len(s.acked) != 4 || p.More {
		t.Errorf("acknowledged %v, more %v; want all four and no more", s.acked, p.More)
	}
	s.queued["a5"] = s.entry("e1", "iam", "google.iam.admin.v1.PatchServiceAccount", account1, nil)
	s.restart(t, map[string]string{"subscription": testSubscription})
	if p := s.pull(t, p.Next); len(p.Records) != 0 {
		t.Errorf("a message that came again told %d records", len(p.Records))
	}
}

func TestSubscriptionOption(t *testing.T) {
	if _, err := parseOptions(map[string]string{"subscription": "rollcall"}); err == nil || !strings.Contains(err.Error(), "projects/acme/subscriptions") {
		t.Errorf("%v, want an error that shows a name", err)
	}
	for _, f := range subscribe(t).c.Feeds() {
		if f.Name == feedAuditLog && f.Every != queueEvery {
			t.Errorf("the queue is asked every %v", f.Every)
		}
	}
}
