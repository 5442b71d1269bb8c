package eventlog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rollcallhq/rollcall/events"
)

// SettingsError says that a stream is not set up to keep the log's promises. Nothing was altered.
type SettingsError struct {
	Stream   string
	Settings []Setting
}

// Setting is one setting that is not as it must be.
type Setting struct {
	Name string // as in the stream's JSON configuration
	Is   string
	Must string
	Why  string
	Cure string // what a person does about it
}

func (e *SettingsError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stream %s cannot keep the log's promises:", e.Stream)
	for _, s := range e.Settings {
		fmt.Fprintf(&b, "\n  %s is %s and must be %s: %s; %s", s.Name, s.Is, s.Must, s.Why, s.Cure)
	}
	return b.String()
}

var subjects = []string{events.EventsPrefix + ".>", events.CursorsPrefix + ".>", events.ClaimsPrefix + ".>", events.EpochsSubject}

// settings is how the log's stream is made.
func settings(o Options) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: o.Stream, Description: "Rollcall's log: identity events, and beside them cursors, claims and epochs",
		Subjects: subjects, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		Replicas: max(o.Replicas, 1), MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1, MaxConsumers: -1,
		AllowDirect: true, AllowAtomicPublish: true, AllowRollup: true, DenyDelete: true, AllowMsgTTL: true,
	}
}

// checker collects the settings that are not as they must be.
type checker struct {
	stream string
	wrong  []Setting
}

func (c *checker) must(ok bool, name string, is any, must, why, flag string) {
	if ok {
		return
	}
	cure := "make a new stream: this setting of an existing one cannot be changed"
	if flag != "" {
		cure = fmt.Sprintf("run: nats stream edit %s %s", c.stream, flag)
	}
	c.wrong = append(c.wrong, Setting{Name: name, Is: fmt.Sprint(is), Must: must, Why: why, Cure: cure})
}

// checkSettings compares a stream with what the log needs.
func checkSettings(is jetstream.StreamConfig, o Options) error {
	c := &checker{stream: is.Name}
	c.storage(is, o)
	c.limits(is)
	c.permissions(is)
	if len(c.wrong) == 0 {
		return nil
	}
	return &SettingsError{Stream: is.Name, Settings: c.wrong}
}

// CheckLimits returns a *[SettingsError] for a stream that drops messages by itself. A hub refuses to open one; whoever only reads may want to
// say what that means.
func CheckLimits(is jetstream.StreamConfig) error {
	c := &checker{stream: is.Name}
	if c.limits(is); len(c.wrong) == 0 {
		return nil
	}
	return &SettingsError{Stream: is.Name, Settings: c.wrong}
}

func (c *checker) storage(is jetstream.StreamConfig, o Options) {
	var missing []string
	for _, s := range subjects {
		if !slices.Contains(is.Subjects, s) {
			missing = append(missing, s)
		}
	}
	all := slices.Concat(is.Subjects, missing)
	c.must(len(missing) == 0, "subjects", is.Subjects, "all of "+strings.Join(subjects, " "), "the log writes to them",
		"--subjects "+strings.Join(all, ","))
	c.must(is.Storage == jetstream.FileStorage, "storage", is.Storage, "file", "memory is lost with the server", "")
	c.must(o.Replicas == 0 || is.Replicas == o.Replicas, "num_replicas", is.Replicas, strconv.Itoa(o.Replicas), "the configuration says so",
		fmt.Sprintf("--replicas %d, or set the configuration's replicas to %d", o.Replicas, is.Replicas))
	c.must(is.Mirror == nil, "mirror", "set", "unset", "a mirror takes no appends", "")
	c.must(len(is.Sources) == 0, "sources", "set", "unset", "others would write into the log", "")
	c.must(is.SubjectTransform == nil, "subject_transform", "set", "unset", "subjects are addresses", "--no-transform")
	c.must(!is.Sealed, "sealed", is.Sealed, "false", "a sealed stream takes no appends", "")
	c.must(!is.NoAck, "no_ack", is.NoAck, "false", "an append must be acknowledged", "--ack")
}

func (c *checker) limits(is jetstream.StreamConfig) {
	const why = "the log is history, and must drop nothing"
	c.must(is.Retention == jetstream.LimitsPolicy, "retention", is.Retention, "limits", why, "")
	c.must(is.MaxMsgs <= 0, "max_msgs", is.MaxMsgs, "-1", why, "--max-msgs=-1")
	c.must(is.MaxMsgsPerSubject <= 0, "max_msgs_per_subject", is.MaxMsgsPerSubject, "-1", why, "--max-msgs-per-subject=-1")
	c.must(is.MaxAge == 0, "max_age", is.MaxAge, "0", why, "--max-age=0")
	c.must(is.MaxBytes <= 0 || is.Discard == jetstream.DiscardNew, "discard", is.Discard, "new, where max_bytes is set", why, "--discard=new")
	c.must(!is.AllowMsgCounter, "allow_msg_counter", is.AllowMsgCounter, "false", "events are no counters", "")
}

func (c *checker) permissions(is jetstream.StreamConfig) {
	c.must(is.AllowAtomicPublish, "allow_atomic", is.AllowAtomicPublish, "true", "events and cursor are stored together or not at all",
		"--allow-batch")
	c.must(is.AllowRollup, "allow_rollup_hdrs", is.AllowRollup, "true", "a cursor replaces the one before it", "--allow-rollup")
	c.must(!is.DenyPurge, "deny_purge", is.DenyPurge, "false", "rolling up needs it; keep purge to operators by permissions", "")
	c.must(is.AllowDirect, "allow_direct", is.AllowDirect, "true", "states are looked up one by one", "--allow-direct")
	c.must(is.DenyDelete, "deny_delete", is.DenyDelete, "true", "a message taken out leaves no trace", "--deny-delete")
	c.must(is.AllowMsgTTL, "allow_msg_ttl", is.AllowMsgTTL, "true", "activities may be kept for a time only", "--allow-msg-ttl")
}
