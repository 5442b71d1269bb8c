package integration

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// snapshot is a stream as `nats stream backup` keeps it.
type snapshot struct {
	stream string
	about  struct { // what the tool writes to backup.json
		Error  *apiError       `json:"error,omitempty"`
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	data []byte
}

type apiError struct {
	Code        int    `json:"code"`
	Description string `json:"description"`
}

// backup takes snapshots of streams by the requests that the nats tool makes.
func backup(t *testing.T, url string, streams ...string) (out []snapshot) {
	t.Helper()
	nc := dial(t, url)
	for _, name := range streams {
		s := snapshot{stream: name}
		chunks, err := nc.SubscribeSync(nc.NewInbox())
		if err != nil {
			t.Fatal(err)
		}
		ask(t, nc, "$JS.API.STREAM.SNAPSHOT."+name, map[string]any{"deliver_subject": chunks.Subject, "no_consumers": true, "jsck": true}, &s.about)
		if s.about.Error != nil {
			t.Fatalf("snapshot of %s: %+v", name, s.about.Error)
		}
		for {
			m, err := chunks.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Data) == 0 {
				if code := m.Header.Get("Status"); code != "" && code != "204" {
					t.Fatalf("snapshot of %s: %v", name, m.Header)
				}
				break
			}
			s.data = append(s.data, m.Data...)
			if m.Reply != "" {
				if err := m.Respond(nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = chunks.Unsubscribe() // it has ended
		out = append(out, s)
	}
	return out
}

// restore puts snapshots into a server that has no such streams, as `nats stream restore` does.
func restore(t *testing.T, url string, snapshots ...snapshot) {
	t.Helper()
	nc := dial(t, url)
	for _, s := range snapshots {
		var where struct {
			Error   *apiError `json:"error"`
			Subject string    `json:"deliver_subject"`
		}
		ask(t, nc, "$JS.API.STREAM.RESTORE."+s.stream, map[string]any{"config": s.about.Config, "state": s.about.State}, &where)
		if where.Error != nil {
			t.Fatalf("restoring %s: %+v", s.stream, where.Error)
		}
		for r := bytes.NewReader(s.data); r.Len() > 0; {
			chunk := make([]byte, min(r.Len(), 64<<10))
			_, _ = r.Read(chunk) // a reader of bytes gives what it has
			if m, err := nc.Request(where.Subject, chunk, 10*time.Second); err != nil || len(m.Data) > 0 {
				t.Fatalf("restoring %s: %v, %v", s.stream, m, err)
			}
		}
		m, err := nc.Request(where.Subject, nil, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		where.Error = nil
		if err := json.Unmarshal(m.Data, &where); err != nil || where.Error != nil {
			t.Fatalf("restoring %s: %s", s.stream, m.Data)
		}
	}
}

func dial(t *testing.T, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func ask(t *testing.T, nc *nats.Conn, subject string, what, answer any) {
	t.Helper()
	body, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	m, err := nc.Request(subject, body, 10*time.Second)
	if err != nil {
		t.Fatalf("%s: %v", subject, err)
	}
	if err := json.Unmarshal(m.Data, answer); err != nil {
		t.Fatal(err)
	}
}
