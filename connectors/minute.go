package connectors

import "time"

// Minute counts the activities of one minute of the vendor's, and those that were left out of it, for a feed that bounds what it
// tells: it stands in the feed's cursor, and what was left out is told.
type Minute struct {
	Start time.Time `json:"start,omitzero"`
	Kept  int       `json:"kept,omitzero"`
	Left  int       `json:"left,omitzero"`
}

// Move goes on to the minute of an entry, and returns the former one. over reports whether something was left out of that.
func (m *Minute) Move(to time.Time) (former Minute, over bool) {
	start := to.UTC().Truncate(time.Minute)
	if start.Equal(m.Start) {
		return Minute{}, false
	}
	former = *m
	*m = Minute{Start: start}
	return former, former.Left > 0
}

// Close ends a minute out of which something was left, when it is over and quiet: nothing more of it comes.
func (m *Minute) Close(now time.Time, quiet bool) (former Minute, over bool) {
	if !quiet || m.Left == 0 || now.Before(m.Start.Add(time.Minute)) {
		return Minute{}, false
	}
	former = *m
	*m = Minute{}
	return former, true
}

// Count counts an activity, and reports whether a bound of so many lets it through.
func (m *Minute) Count(most int) bool {
	if m.Kept >= most {
		m.Left++
		return false
	}
	m.Kept++
	return true
}
