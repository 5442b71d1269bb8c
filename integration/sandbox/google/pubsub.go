package google

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// sink is an aggregated sink of the organization's Admin Activity logs, its topic, and the one subscription to it. It has
// what was written since it was opened, and nothing from before.
type sink struct {
	Project  string // id of the project that the subscription is in
	Opened   time.Time
	Next     int // number of the next message
	Messages []*message
}

// message is one log entry on its way. It is kept until it is acknowledged.
type message struct {
	Number     int
	Data       []byte // the entry's JSON
	Event      string // time of the event
	Published  time.Time
	Deliveries int
	Until      time.Time // while the lease of the last delivery lasts; zero: not delivered yet, or given back
	Again      bool      // was acknowledged once, but comes again: delivery is at least once
}

// What Pub/Sub says of a subscription that nobody has configured.
const (
	ackDeadline      = 60 * time.Second
	messageRetention = 7 * 24 * time.Hour
	maxPull          = 1000
	subscriptionID   = "rollcall-audit"
)

func (k *sink) name() string { return "projects/" + k.Project + "/subscriptions/" + subscriptionID }

// publish hands an entry to the sink, for when it arrives.
func (k *sink) publish(l *logEntry) {
	b, err := json.Marshal(l.Entry)
	if err != nil { // plain fields
		panic(err)
	}
	k.Next++
	k.Messages = append(k.Messages, &message{Number: k.Next, Data: b, Event: l.Entry.Timestamp, Published: l.Visible})
	k.Messages = slices.DeleteFunc(k.Messages, func(m *message) bool { return l.Time.Sub(m.Published) > messageRetention })
}

// openSink makes the sink, the topic and the subscription.
func (c *change) openSink() (sandbox.Outcome, error) {
	if c.Sink != nil {
		return sandbox.Outcome{}, c.none("the sink is open already")
	}
	c.Sink = &sink{Project: c.Projects[governed].ProjectID, Opened: c.now}
	name := c.Sink.name()
	return c.outcome("", subscriptionID, name, c.now, "the organization's audit logs flow into %s", name)
}

// subscriptionJSON is a Subscription of pubsub/v1.
type subscriptionJSON struct {
	Name                     string            `json:"name"`
	Topic                    string            `json:"topic"`
	PushConfig               struct{}          `json:"pushConfig"`
	AckDeadlineSeconds       int               `json:"ackDeadlineSeconds"`
	MessageRetentionDuration string            `json:"messageRetentionDuration"`
	ExpirationPolicy         map[string]string `json:"expirationPolicy"`
	State                    string            `json:"state"`
}

type pulledJSON struct {
	AckID   string      `json:"ackId"`
	Message messageJSON `json:"message"`
}

type messageJSON struct {
	Data        []byte            `json:"data"` // base64
	Attributes  map[string]string `json:"attributes"`
	MessageID   string            `json:"messageId"`
	PublishTime string            `json:"publishTime"`
}

func (k *sink) json() subscriptionJSON {
	return subscriptionJSON{Name: k.name(), Topic: "projects/" + k.Project + "/topics/audit", AckDeadlineSeconds: int(ackDeadline.Seconds()),
		MessageRetentionDuration: delayText(messageRetention), ExpirationPolicy: map[string]string{"ttl": delayText(31 * 24 * time.Hour)},
		State: "ACTIVE"}
}

// subscription is the one that the path names.
func (c *call) subscription(permission string) (*sink, *apiError) {
	p, e := c.projectOf(permission)
	if e != nil {
		return nil, e
	}
	name := "projects/" + p.ProjectID + "/subscriptions/" + c.vars["subscription"]
	if c.Sink == nil || c.Sink.name() != name {
		return nil, notFound("Resource not found (resource=%s).", c.vars["subscription"])
	}
	return c.Sink, nil
}

func listSubscriptions(c *call) (any, *apiError) {
	p, e := c.projectOf("pubsub.subscriptions.list")
	if e != nil {
		return nil, e
	}
	var all []*sink
	if c.Sink != nil && c.Sink.Project == p.ProjectID {
		all = append(all, c.Sink)
	}
	found, next, e := page(c, list[*sink, subscriptionJSON]{pager: pager{fallback: 100, max: 1000}, all: all, key: (*sink).name, show: (*sink).json})
	return struct {
		Subscriptions []subscriptionJSON `json:"subscriptions,omitempty"`
		NextPageToken string             `json:"nextPageToken,omitempty"`
	}{found, next}, e
}

func getSubscription(c *call) (any, *apiError) {
	k, e := c.subscription("pubsub.subscriptions.get")
	if e != nil {
		return nil, e
	}
	return k.json(), nil
}

// pull leases messages to the caller, each for the deadline. It answers at once, whatever there is: a real server may keep
// the caller waiting for a message and then answer {} too.
func pull(c *call) (any, *apiError) {
	k, e := c.subscription("pubsub.subscriptions.consume")
	if e != nil {
		return nil, e
	}
	var body struct {
		MaxMessages       int  `json:"maxMessages"`
		ReturnImmediately bool `json:"returnImmediately"`
	}
	if e := c.decode(&body); e != nil {
		return nil, e
	}
	if body.MaxMessages <= 0 {
		return nil, invalid("max_messages", "The value for max_messages must be greater than zero.")
	}
	limit := min(body.MaxMessages, maxPull)
	if c.opt.PageSize > 0 {
		limit = min(limit, c.opt.PageSize)
	}
	waiting := slices.Clone(k.Messages)
	if c.opt.Unordered {
		slices.Reverse(waiting)
	}
	var out struct {
		ReceivedMessages []pulledJSON `json:"receivedMessages,omitempty"`
	}
	for _, m := range waiting {
		if len(out.ReceivedMessages) == limit {
			break
		}
		if c.now.Before(m.Published) || c.now.Before(m.Until) {
			continue
		}
		m.Deliveries++
		m.Until = c.now.Add(ackDeadline)
		out.ReceivedMessages = append(out.ReceivedMessages, pulledJSON{c.ackID(m), messageJSON{m.Data,
			map[string]string{"logging.googleapis.com/timestamp": m.Event}, strconv.Itoa(9_000_000 + m.Number), stamp(m.Published)}})
	}
	return out, nil
}

// ackID names one delivery of a message.
func (s *state) ackID(m *message) string {
	text := fmt.Sprintf("%d-%d", m.Number, m.Deliveries)
	return text + "-" + s.seal([]byte("ack"+text))
}

// delivered finds the message of a delivery; nil when it is acknowledged already. ok is false for an id that nobody gave out.
func (s *state) delivered(ackID string) (m *message, ok bool) {
	text, sum := cutLast(ackID, "-")
	if sum == "" || s.seal([]byte("ack"+text)) != sum {
		return nil, false
	}
	number, _, _ := strings.Cut(text, "-")
	return pick(s.Sink.Messages, func(m *message) bool { return strconv.Itoa(m.Number) == number }), true
}

// acknowledged are the messages of a request's ackIds, those left out that are acknowledged already.
func (c *call) acknowledged(ids []string) (out []*message, e *apiError) {
	if len(ids) == 0 {
		return nil, invalid("ack_ids", "No ack ids specified.")
	}
	for _, id := range ids {
		m, ok := c.delivered(id)
		if !ok {
			return nil, invalid("ack_ids", "You have passed an invalid ack ID to the service (ack_id=%s).", id)
		}
		if m != nil {
			out = append(out, m)
		}
	}
	return out, nil
}

// acknowledge forgets messages. Each nth comes once more all the same, when the options say so.
func acknowledge(c *call) (any, *apiError) {
	k, e := c.subscription("pubsub.subscriptions.consume")
	if e != nil {
		return nil, e
	}
	var body struct {
		AckIDs []string `json:"ackIds"`
	}
	if e := c.decode(&body); e != nil {
		return nil, e
	}
	messages, e := c.acknowledged(body.AckIDs)
	if e != nil {
		return nil, e
	}
	for _, m := range messages {
		if n := c.opt.RedeliverEvery; n > 0 && m.Number%n == 0 && !m.Again {
			m.Again, m.Until = true, time.Time{}
			continue
		}
		k.Messages = slices.DeleteFunc(k.Messages, func(x *message) bool { return x == m })
	}
	return struct{}{}, nil
}

// modifyAckDeadline makes leases longer or shorter; 0 seconds give the messages back.
func modifyAckDeadline(c *call) (any, *apiError) {
	if _, e := c.subscription("pubsub.subscriptions.consume"); e != nil {
		return nil, e
	}
	var body struct {
		AckIDs             []string `json:"ackIds"`
		AckDeadlineSeconds int      `json:"ackDeadlineSeconds"`
	}
	if e := c.decode(&body); e != nil {
		return nil, e
	}
	if s := body.AckDeadlineSeconds; s < 0 || s > 600 {
		return nil, invalid("ack_deadline_seconds", "Invalid ack deadline %d: it must be between 0 and 600 seconds.", s)
	}
	messages, e := c.acknowledged(body.AckIDs)
	for _, m := range messages {
		m.Until = c.now.Add(time.Duration(body.AckDeadlineSeconds) * time.Second)
	}
	return struct{}{}, e
}
