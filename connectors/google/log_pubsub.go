package google

import (
	"context"
	"encoding/base64"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

const (
	// mostMessages is how many messages one request takes.
	mostMessages = 1000

	// queueRetention is how long a subscription keeps by default what nobody has taken.
	queueRetention = 7 * 24 * time.Hour
)

// subscriptionName is a Pub/Sub subscription's resource name.
var subscriptionName = regexp.MustCompile(`^projects/[A-Za-z0-9._:-]+/subscriptions/[A-Za-z0-9._~%+-]+$`)

// queue takes log entries that a sink hands out through Pub/Sub, in any order and at least once. A message is acknowledged when
// the page that it was told in has been stored: until then it comes again.
type queue struct {
	taken []string // acknowledgement ids of the last page's messages
	next  string   // that page's cursor: who goes on from it has stored the page
}

// receive takes some messages off the subscription.
func (f *auditLog) receive(ctx context.Context, cur *logCursor) (records []connectors.Record, more bool, err error) {
	asked := f.client.now()
	// Who waits for messages may wait for longer than an answer may take.
	a, err := f.client.fetch(ctx, f.subscribed("pull", map[string]any{"maxMessages": mostMessages, "returnImmediately": true}))
	if err != nil {
		return nil, false, err
	}
	if _, err := a.object(); err != nil {
		return nil, false, err
	}
	var got struct {
		Messages []struct {
			Ack     string `json:"ackId"`
			Message struct {
				Data string `json:"data"`
			} `json:"message"`
		} `json:"receivedMessages"`
	}
	if json.Unmarshal(a.body, &got) != nil {
		return nil, false, a.broken("messages of another shape than Pub/Sub's")
	}
	var items []jsontext.Value
	f.queue.taken = nil
	for _, m := range got.Messages {
		f.queue.taken = append(f.queue.taken, m.Ack)
		items = append(items, entryOf(m.Message.Data))
	}
	if records, err = f.take(ctx, cur, asked, items); err != nil {
		return nil, false, err
	}
	cur.Poll, cur.At = nil, asked.UTC()
	if left, over := cur.Minute.Close(asked, len(items) == 0); over {
		r, err := boundedRecord(feedAuditLog, left, f.client.log.perMinute, asked)
		return append(records, r), false, err
	}
	return records, len(items) > 0, nil
}

// entryOf is the entry in a message, secrets removed. What is no JSON is nothing that is understood.
func entryOf(data string) jsontext.Value {
	b, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return jsontext.Value(`null`)
	}
	v, err := redact(b)
	if err != nil || v.Kind() != '{' {
		quoted, err := jsontext.AppendQuote(nil, events.Digest(data))
		if err != nil {
			return jsontext.Value(`null`)
		}
		return quoted
	}
	return v
}

// subscribed is a call that asks something of the subscription, a method of pubsub/v1.
func (f *auditLog) subscribed(method string, body map[string]any) ask {
	return f.client.post("pubsub", "v1/"+f.client.subscription+":"+method, nil, body)
}

// acknowledge tells Pub/Sub that the last page's messages need not come again, if its cursor shows that it was stored.
func (f *auditLog) acknowledge(ctx context.Context, from connectors.Cursor) error {
	q := f.queue
	f.queue = queue{}
	if len(q.taken) == 0 || q.next != string(from) {
		return nil
	}
	_, err := f.client.fetch(ctx, f.subscribed("acknowledge", map[string]any{"ackIds": q.taken}))
	return err
}
