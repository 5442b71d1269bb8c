package eventlog

// Sync is how a NATS server flushes what it stores to its disk. A client cannot ask for it: who runs the server knows.
type Sync int

// The ways of flushing.
const (
	SyncUnknown  Sync = iota
	SyncAlways        // before each acknowledgement: "sync_interval: always" in the server's configuration
	SyncInterval      // now and then; by default every two minutes
)

// Kind is a promise about what survives.
type Kind string

// The promises, the best first.
const (
	FlushedOnQuorum Kind = "flushed on a quorum"
	FlushedOnDisk   Kind = "flushed on this disk"
	InMemory        Kind = "in memory for up to two minutes"
	Unknown         Kind = "unknown"
	InProcess       Kind = "in this process only" // of NewMemory
)

// Durability is the promise that is in force for an acknowledged append.
type Durability struct {
	Kind     Kind
	Replicas int
}

// Durability says what an acknowledged append survives.
func (l *Log) Durability() Durability { return l.promise }

func durability(replicas int, async bool, s Sync) Durability {
	d := Durability{Kind: Unknown, Replicas: replicas}
	switch {
	case async || s == SyncInterval:
		d.Kind = InMemory
	case s == SyncAlways && replicas >= 3:
		d.Kind = FlushedOnQuorum
	case s == SyncAlways:
		d.Kind = FlushedOnDisk
	}
	return d
}

// String is one sentence for a person: what holds, and how to get more.
func (d Durability) String() string {
	switch d.Kind {
	case FlushedOnQuorum:
		return "Acknowledged events are flushed on a quorum of servers: they survive a power failure, and the loss of a server's disk."
	case FlushedOnDisk:
		return "Acknowledged events are flushed on this disk: they survive a power failure, but not the loss of the disk."
	case InMemory:
		if d.Replicas >= 3 {
			return "Acknowledged events are in the memory of a quorum of servers for up to two minutes: they survive the loss of one server, " +
				"but not a power failure of all; set sync_interval: always in the servers' jetstream configuration."
		}
		return "Acknowledged events are in the server's memory for up to two minutes: a power failure loses them; " +
			"set sync_interval: always in the server's jetstream configuration."
	case InProcess:
		return "Events are in this process's memory only and end with it."
	}
	return "Whether acknowledged events are flushed to a disk is unknown, since a client cannot ask the server: " +
		"set sync_interval: always in its jetstream configuration, and then sync: always in Rollcall's."
}
