// Package eventlog is Rollcall's log on NATS JetStream: one stream with all events, and beside them each feed's cursor, each
// connection's claim and the log's epochs. README.md describes the wire format.
//
// [Open] checks the stream and returns a [Log]. A hub takes a connection with [Log.Claim], reads where its feeds stood with
// [Log.Cursor] and what it last said with [Log.States], and then adds page after page with [Log.Append], in which the events and the
// feed's next cursor are stored together or not at all. [Log.Read] reads any stretch of the log, [Log.Last] one entity.
//
// What the log promises, and by which means:
//
//   - Exactly once: an append is one atomic batch that checks the claim and the cursor. An append whose acknowledgement is lost is
//     looked up; one that arrives late or twice is refused whole.
//   - Fencing: who has lost the claim gets [events.ErrFenced] and has stored nothing.
//   - Loss and damage are found: each event carries its hash and that of the event before it in its feed.
//   - A log that comes back shorter than it was seen gets a new epoch, and every feed starts anew.
//
// [NewMemory] makes a log without a server, which keeps the same promises as long as its process lives.
package eventlog
