package connectors

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// result is a record and what it says.
type result struct {
	record  Record
	reading Reading
	err     error // why nothing understood the record
	dark    bool  // part of it could not be understood
}

// normalize reads a page's records, the earliest asked first and else in the vendor's order. A record without Asked was asked
// for when the pull began.
func normalize(c Connector, records []Record, began time.Time) []result {
	out := make([]result, len(records))
	for i, rec := range records {
		if rec.Asked.IsZero() {
			rec.Asked = began
		}
		out[i] = result{record: rec}
		out[i].reading, out[i].err = contained(c, rec)
	}
	slices.SortStableFunc(out, func(a, b result) int { return a.record.Asked.Compare(b.record.Asked) })
	return out
}

// contained calls Normalize and makes an error of a panic.
func contained(c Connector, rec Record) (r Reading, err error) {
	defer func() {
		if v := recover(); v != nil {
			r, err = Reading{}, fmt.Errorf("the connector panicked on it: %v", v)
		}
	}()
	return c.Normalize(rec)
}

// misread publishes a record that nothing understood as an unknown activity, once. The body itself is not published, since it
// may hold secrets: its digest, its size and its field names are.
func (p *plan) misread(r *result, why error) error {
	p.unknown++
	r.dark = true
	p.darken()
	id := events.Digest(r.record.Type, string(r.record.Body))
	return p.strange(r, id, why, map[string]string{
		"record": r.record.Type, "bytes": strconv.Itoa(len(r.record.Body)), "fields": fieldNames(r.record.Body),
	})
}

// strange publishes an unknown activity, unless the log or this process has it.
func (p *plan) strange(r *result, id string, why error, details map[string]string) error {
	holder := r.record.Context["holder"]
	ref := events.Ref{Kind: events.KindActivity, Holder: holder, Key: events.ActivityUnknown}
	if ref.Check() != nil {
		ref.Holder = events.ConnectionHolder
	}
	if known, err := p.isPublished(ref, id); known || err != nil {
		return err
	}
	ev := p.evidence(r)
	ev.Note = clip(p.src.scrub(why.Error()), 500)
	p.publish(events.Activity{Holder: ref.Holder, Type: events.ActivityUnknown, ID: id, Native: r.record.Type, Details: details},
		ev, p.now)
	return nil
}

// isPublished reports whether an unknown activity was published in this process, or is the last of its holder in the log.
func (p *plan) isPublished(ref events.Ref, id string) (bool, error) {
	if p.ids[id] || p.st.recent.has(id) {
		return true, nil
	}
	m, ok, err := p.src.log.Last(p.ctx, p.src.tenant, p.src.connection, ref)
	if err != nil {
		return false, fmt.Errorf("reading the last unknown activity of %s: %w", ref.Holder, err)
	}
	if ok && m.Event.Data.Activity != nil && m.Event.Data.Activity.ID == id {
		p.st.recent.add(id)
		return true, nil
	}
	return false, nil
}

// activity publishes something that happened, unless it was published before.
func (p *plan) activity(r *result, a events.Activity) error {
	if a.Holder == "" {
		a.Holder = events.ConnectionHolder
	}
	ref := events.Ref{Kind: events.KindActivity, Holder: a.Holder, Key: a.Type}
	b, err := events.Marshal(a)
	if err = errors.Join(err, ref.Check()); err != nil {
		return p.misread(r, err)
	}
	if a.ID == "" {
		a.ID = events.Digest(string(b))
	}
	if p.ids[a.ID] || p.st.recent.has(a.ID) {
		return nil
	}
	ev := p.evidence(r)
	if ev.How == events.HowRead {
		ev.How = events.HowSeen
	}
	p.publish(a, ev, firstTime(a.Time, r.reading.At, p.now))
	return nil
}

func (p *plan) publish(a events.Activity, ev events.Evidence, at time.Time) {
	p.ids[a.ID] = true
	data := events.Data{Activity: &a, Evidence: ev}
	p.events = append(p.events, events.New(p.src.tenant, p.src.connection, p.src.vendor, events.ActivityType(a.Type), at, p.now, data))
}

// fieldNames lists the names of an object's members, without their values.
func fieldNames(body jsontext.Value) string {
	var m map[string]jsontext.Value
	if events.Unmarshal(body, &m) != nil {
		return ""
	}
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return clip(fmt.Sprint(names), 500)
}

// clip bounds a text, in bytes, at a whole character, and drops what is not UTF-8.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return string([]rune(s))
}
