package entra

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// feedAudits is the feed that leads the sweeps: it tells of each change within minutes. An entry is a signal: what it names is read
// again, whatever the entry calls the deed, and told with the entry as evidence.
const feedAudits = "directory-audits"

func directoryAudits(c *client, o settings) connectors.Feed {
	f := &auditFeed{client: c, activities: o.activities != activitiesNone, failed: map[string]int{}}
	f.window = &window{client: c, feed: feedAudits, path: "/auditLogs/directoryAudits", stamp: "activityDateTime", most: 999,
		need: needAudits, bound: o.perMinute, take: f.take, follow: f.follow}
	return connectors.Feed{Name: feedAudits, Kinds: []events.Kind{events.KindActivity}, Every: time.Minute, Pull: f.window.pull}
}

type auditFeed struct {
	client     *client
	activities bool
	window     *window
	failed     map[string]int // how often an object has failed in a row
}

// signal is an object that entries have named and that is to be read again, and the last entry that is evidence for it.
type signal struct {
	ID    string        `json:"id"`
	LogID string        `json:"log"`
	At    time.Time     `json:"at"`
	Actor *events.Actor `json:"actor,omitzero"`
	Gone  bool          `json:"gone,omitzero"` // the entry says that it was deleted
	Hard  bool          `json:"hard,omitzero"` // for good
	Also  int           `json:"also,omitzero"` // earlier entries about the same
}

// add puts a signal on the list. An object is read once for all entries about it.
func (c *logCursor) add(s signal) {
	i := slices.IndexFunc(c.Todo, func(t signal) bool { return t.ID == s.ID })
	if i < 0 {
		c.Todo = append(c.Todo, s)
		return
	}
	old := c.Todo[i]
	if old.At.After(s.At) { // entries come in any order
		old, s = s, old
	}
	s.Also += old.Also + 1
	c.Todo[i] = s
}

// take reads one entry. One that concerns nothing that the log knows is passed over, and looked at again for as long as it is in
// the overlap: the deltas may have told of a new agent by then.
func (f *auditFeed) take(ctx context.Context, cur *logCursor, raw jsontext.Value, asked time.Time) ([]connectors.Record, error) {
	e, err := parseAudit(raw)
	if err != nil {
		if !cur.isNew(string(raw)) {
			return nil, nil
		}
		r, err := newRecord(recordAudit, raw, asked)
		return []connectors.Record{r}, err
	}
	var holders, named []string
	for _, id := range e.names() {
		switch {
		case isHolder(ctx, id):
			holders, named = append(holders, id), append(named, id)
		case e.Result == resultSuccess && connectors.IsKnown(ctx, events.Identity(events.KindPerson, id)):
			named = append(named, id)
		}
	}
	acting := e.actor()
	if acting != nil && isHolder(ctx, acting.ID) {
		holders = append(holders, acting.ID)
	}
	if holders = sorted(holders); len(holders)+len(named) == 0 || !cur.isNew(e.ID) {
		return nil, nil
	}
	if e.Result == resultSuccess {
		for _, id := range named {
			cur.add(e.signal(id))
		}
	}
	if !f.activities || len(holders) == 0 {
		return nil, nil
	}
	ok, records, err := f.window.allow(cur, e.At, asked)
	if err != nil || !ok {
		return records, err
	}
	r, err := e.record(holders, asked)
	return append(records, r), err
}

// mostFollowed bounds how many objects one page reads again.
const mostFollowed = 20

// follow reads again some of what entries have named.
func (f *auditFeed) follow(ctx context.Context, cur *logCursor, out *connectors.Page) error {
	n := min(len(cur.Todo), mostFollowed)
	for _, s := range cur.Todo[:n] {
		var got connectors.Page
		if err := f.reread(ctx, s, &got); err != nil {
			if !f.giveUp(ctx, s, err) {
				return err
			}
			out.Wakes = append(out.Wakes, sweepsOfAll...)
			continue
		}
		if err := s.prove(got.Records); err != nil {
			return err
		}
		out.Records, out.Wakes = append(out.Records, got.Records...), append(out.Wakes, got.Wakes...)
	}
	cur.Todo = slices.Clone(cur.Todo[n:])
	return nil
}

// mostTries is how often one object may fail before it is left to the sweeps: it must not hold up the log.
const mostTries = 3

// giveUp reports whether an object has failed too often. Limits and refusals of the whole connection do not count.
func (f *auditFeed) giveUp(ctx context.Context, s signal, err error) bool {
	if ctx.Err() != nil || connectors.AsFault(err) != nil {
		return false
	}
	if f.failed[s.ID]++; f.failed[s.ID] < mostTries {
		return false
	}
	delete(f.failed, s.ID)
	return true
}

// reread reads one object with all that hangs on it. What may not be read the feeds that list it say.
func (f *auditFeed) reread(ctx context.Context, s signal, out *connectors.Page) error {
	if !isHolder(ctx, s.ID) {
		records, _, err := f.client.people(ctx, []somebody{{id: s.ID}})
		out.Records = records
		return err
	}
	sorts := []sort{sortAgent, sortUser}
	if connectors.IsKnown(ctx, events.Identity(events.KindBlueprint, s.ID)) {
		sorts = []sort{sortBlueprint, sortPrincipal}
	}
	began := f.client.now()
	var paths []string
	for _, is := range sorts {
		paths = append(paths, is.path+s.ID+is.query)
	}
	answers, err := (&throttled{}).ask(ctx, f.client, "", paths, needDirectory)
	if err != nil {
		return err
	}
	for i, is := range sorts {
		a := answers[paths[i]]
		if a.status != http.StatusOK {
			continue
		}
		return f.rereadAs(ctx, is, s.ID, a, out)
	}
	nowhere := func(path string) bool { return answers[path].status == http.StatusNotFound }
	if !s.Gone || slices.ContainsFunc(paths, func(p string) bool { return !nowhere(p) }) {
		return nil
	}
	body, err := events.Marshal(gone{ID: s.ID, Restorable: !s.Hard, Agent: true})
	out.Records = append(out.Records, connectors.Record{Type: recordGone, Body: body, Asked: began})
	return err
}

// rereadAs makes a record of an object, and of all that hangs on it.
func (f *auditFeed) rereadAs(ctx context.Context, is sort, id string, a answer, out *connectors.Page) error {
	var it item
	if err := decode(a.body, &it); err != nil || it.ID != id {
		return f.client.strange(a, "the object that was asked for")
	}
	known := ""
	switch {
	case is.record != recordPrincipal:
	case is.kind == events.KindBlueprint:
		known = scopePrincipals
	default:
		known, is = scopeTagged, sortOf(is.record, it)
	}
	rec, err := newRecord(is.record, a.body, a.asked)
	if err != nil {
		return f.client.strange(a, "an object")
	}
	rec.Context = map[string]string{contextList: known}
	out.Records = append(out.Records, rec)
	f.client.family.note(it)
	if err := f.client.relations(ctx, &throttled{}, "", []string{id}, is.relations, out); err != nil {
		return err
	}
	if err := f.client.enrich(ctx, out); err != nil {
		return err
	}
	if is.kind != events.KindBlueprint {
		return nil
	}
	return f.client.heirsOf(ctx, id, out)
}

// deletion is what the log calls the deletion of an object, in lower case; the newer names are not published yet. Everything else may be
// called what it likes: what an entry names is read again.
var deletion = regexp.MustCompile(`^(hard delete|delete|remove) (service principal|application|user|agent identity|agent user|` +
	`agent identity blueprint|agent identity blueprint principal|blueprint)$`)

// signal is what leads to an object. Only what an entry is about can be gone by it, not what its properties name.
func (e *wireAudit) signal(id string) signal {
	s := signal{ID: id, LogID: e.ID, At: e.At, Actor: e.actor()}
	about := slices.ContainsFunc(e.Targets, func(t wireTarget) bool { return strings.EqualFold(t.ID, id) })
	if words := deletion.FindStringSubmatch(strings.ToLower(e.Deed)); words != nil && about {
		s.Gone, s.Hard = true, words[1] == "hard delete"
	}
	return s
}
