package show

import (
	"github.com/rollcallhq/rollcall/events"
)

// StoredJSON writes one event as [Paper.EventJSON] does, in the bytes that the log holds but for what is sealed of a person, which
// is opened where that can be done.
func (p *Paper) StoredJSON(s *events.Stored) error {
	return p.stored(s, s.Position.Member())
}

// StoredCloudEvent writes one event as one line of a CloudEvent, with its position in the extension attributes sequence and epoch.
func (p *Paper) StoredCloudEvent(s *events.Stored) error {
	return p.stored(s, s.Position.Extensions())
}

func (p *Paper) stored(s *events.Stored, members string) error {
	open, err := s.Opened()
	if err != nil {
		return err
	}
	b, err := open.With(members)
	if err != nil {
		return err
	}
	_, err = p.Write(append(b, '\n'))
	return err
}
