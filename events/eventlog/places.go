package eventlog

import (
	"context"
	"fmt"
	"strings"

	"github.com/rollcallhq/rollcall/events"
)

// Places are the places of all feeds as the log keeps them, in the order in which they were written. Events that the beginning of a
// torn batch has left are not counted in.
func (l *Log) Places(ctx context.Context) ([]events.Place, error) {
	var out []events.Place
	for r, err := range l.records(ctx, stretch{filters: []string{events.CursorsPrefix + ".>"}, last: true}) {
		if err != nil {
			return nil, err
		}
		p, err := decodePlace(r)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func decodePlace(r record) (p events.Place, err error) {
	parts := strings.Split(strings.TrimPrefix(r.subject, events.CursorsPrefix+"."), ".")
	if len(parts) != 3 {
		return p, fmt.Errorf("message %d lies on %s, which is no feed's", r.seq, r.subject)
	}
	for i, to := range []*string{&p.Tenant, &p.Connection, &p.Feed} {
		if *to, err = events.Untoken(parts[i]); err != nil {
			return p, fmt.Errorf("message %d on %s: %w", r.seq, r.subject, err)
		}
	}
	p.Saved, err = decodeSaved(r)
	return p, err
}
