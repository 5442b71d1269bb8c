// Package events is Rollcall's vocabulary: what an identity event says, how it is addressed and how it is written down.
//
// Read it in this order:
//
//   - [Kind], [Verb] and [Type] name what can happen: "agent.disabled".
//   - [Ref] addresses one entity inside a connection: the holder that it hangs on, its kind and its key.
//   - [Entity] is the normalized thing itself, with one body per kind ([Agent], [Grant], ...).
//   - [Event] is one fact about an entity, or an [Activity], in a CloudEvents 1.0 envelope.
//   - [Subject] maps an event's address to a NATS subject and back; [Filter] selects by the same parts.
//   - [Claim], [Saved] and [Append] are the words in which a hub speaks to the log, [Position] a place in it.
//
// The package does no I/O and imports nothing of Rollcall's. Everything that is stored or sent is encoded by [Encode] and read
// by [Decode], so that there is one place for the JSON options and one for old versions.
package events
