package connectors

import (
	"fmt"
	"strconv"

	"github.com/rollcallhq/rollcall/events"
)

// refuse replaces an event that the log cannot take. A tombstone is tried again without its entity's body; anything else
// becomes an unknown activity that says how large it was.
func (p *plan) refuse(tooLarge *events.TooLargeError) error {
	if tooLarge.Index < 0 || tooLarge.Index >= len(p.events) {
		return tooLarge
	}
	old := p.events[tooLarge.Index]
	ref := old.Ref()
	if old.Data.Gone != nil && (len(old.Data.Changed) > 0 || old.Data.Evidence.Note != bareNote) {
		data := events.Data{Entity: bare(ref), Gone: old.Data.Gone, Evidence: events.Evidence{Feed: p.feed.Name, How: old.Data.Evidence.How, Note: bareNote}}
		data.Entity.SetStatus(events.StatusDeleted)
		p.events[tooLarge.Index] = events.New(old.Tenant, old.Connection, old.Vendor, old.Type, old.Time, old.RecordedTime, data)
		return nil
	}
	if a := old.Data.Activity; a != nil && a.Type == events.ActivityUnknown {
		return fmt.Errorf("the log refuses even the note that an event was too large: %w", tooLarge)
	}
	p.unknown++
	id := p.forget(ref, &old)
	known, err := p.isPublished(events.Ref{Kind: events.KindActivity, Holder: ref.Holder, Key: events.ActivityUnknown}, id)
	if err != nil {
		return err
	}
	if known {
		p.events = append(p.events[:tooLarge.Index], p.events[tooLarge.Index+1:]...)
		return nil
	}
	a := events.Activity{
		Holder: ref.Holder, Type: events.ActivityUnknown, ID: id, Native: old.Data.Evidence.Record,
		Message: fmt.Sprintf("an event of type %s was left out: it has %d bytes, more than the %d that the server takes",
			old.Type, tooLarge.Size, tooLarge.Limit),
		Details: map[string]string{"kind": string(ref.Kind), "bytes": strconv.Itoa(tooLarge.Size), "limit": strconv.Itoa(tooLarge.Limit)},
	}
	data := events.Data{Activity: &a, Evidence: events.Evidence{Feed: p.feed.Name, How: events.HowSeen, Record: old.Data.Evidence.Record}}
	p.events[tooLarge.Index] = events.New(old.Tenant, old.Connection, old.Vendor, events.ActivityType(a.Type), old.Time, old.RecordedTime, data)
	return nil
}

// bareNote says that a tombstone lacks its entity's last state.
const bareNote = "the entity's last state was too large to be repeated"

// forget takes back what the plan has made of an event's entity, and remembers its content so that the next reading of the
// same is not tried again. It returns an id for the activity that stands for it.
func (p *plan) forget(ref events.Ref, ev *events.Event) string {
	if ev.Data.Activity != nil {
		return events.Digest("too large", ev.Data.Activity.ID)
	}
	d := p.drafts[ref]
	if d == nil {
		return events.Digest("too large", ref.String())
	}
	h := d.hash
	p.refused[ref] = h
	if d.was != nil {
		asked, shown := d.asked, d.shown
		d.entity, d.to = *d.was, d.was.scope.String()
		d.asked, d.shown = asked, shown
	} else {
		d.hash = digest{}
	}
	return events.Digest("too large", ref.String(), string(h[:]))
}
