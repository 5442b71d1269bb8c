package connectortest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// planted is a chaos vendor whose connector breaks the contract in one way.
type planted struct {
	*Chaos
	pull      func(feed string, page connectors.Page, err error) (connectors.Page, error)
	normalize func(connectors.Record, connectors.Reading) connectors.Reading
	secrets   []string
}

func (p *planted) Secrets() []string { return append(p.secrets, p.Chaos.Secrets()...) }

func (p *planted) Feeds() []connectors.Feed {
	feeds := p.Chaos.Feeds()
	for i := range feeds {
		name, pull := feeds[i].Name, feeds[i].Pull
		feeds[i].Pull = func(ctx context.Context, from connectors.Cursor) (connectors.Page, error) {
			page, err := pull(ctx, from)
			if p.pull != nil {
				return p.pull(name, page, err)
			}
			return page, err
		}
	}
	return feeds
}

func (p *planted) Normalize(rec connectors.Record) (connectors.Reading, error) {
	r, err := p.Chaos.Normalize(rec)
	if err == nil && p.normalize != nil {
		r = p.normalize(rec, r)
	}
	return r, err
}

// violation is a way to break the contract, the case that must notice, and a word of what it must say.
type violation struct {
	name, check, says string
	plant             func(*planted)
}

var violationsPlanted = []violation{
	{"seals a broken listing", "Faults", "", func(p *planted) {
		p.pull = func(feed string, page connectors.Page, err error) (connectors.Page, error) {
			if feed == "agents" && err != nil {
				return connectors.Page{Opens: []string{"agents"}, Seals: []string{"agents"}}, nil
			}
			return page, err
		}
	}},
	{"seals what it never opens", "FirstPassIsTruth", "not opened", func(p *planted) {
		p.pull = func(_ string, page connectors.Page, err error) (connectors.Page, error) {
			page.Opens = nil
			return page, err
		}
	}},
	{"takes no answer for an empty one", "EmptyAnswerDeletesNobody", "tombstones", func(p *planted) {
		p.Chaos.sees = true
	}},
	{"leaks a secret into an event", "FirstPassIsTruth", "holds a secret", func(p *planted) {
		p.normalize = func(_ connectors.Record, r connectors.Reading) connectors.Reading {
			for i := range r.Entities {
				if a := r.Entities[i].Agent; a != nil {
					a.Description = "token chaos-s3cret-token"
				}
			}
			return r
		}
	}},
	{"leaks a secret into a cursor", "FirstPassIsTruth", "cursor", func(p *planted) {
		p.secrets = []string{"0/agent-"}
	}},
	{"leaks a secret into an error", "Faults", "error of Pull", func(p *planted) {
		p.pull = func(_ string, page connectors.Page, err error) (connectors.Page, error) {
			if err != nil {
				err = fmt.Errorf("GET /?token=chaos-s3cret-token: %w", err)
			}
			return page, err
		}
	}},
	{"normalizes by the clock", "FirstPassIsTruth", "two readings", func(p *planted) {
		p.normalize = func(_ connectors.Record, r connectors.Reading) connectors.Reading {
			r.At = time.Now()
			return r
		}
	}},
	{"writes into its record", "FirstPassIsTruth", "changes its record", func(p *planted) {
		p.normalize = func(rec connectors.Record, r connectors.Reading) connectors.Reading {
			rec.Body[0] = ' '
			return r
		}
	}},
	{"forgets when it asked", "FirstPassIsTruth", "asked for", func(p *planted) {
		p.pull = func(_ string, page connectors.Page, err error) (connectors.Page, error) {
			for i := range page.Records {
				page.Records[i].Asked = time.Time{}
			}
			return page, err
		}
	}},
	{"shows what it read at random", "UnchangedAppendsNothing", "yet appended", func(p *planted) {
		n := 0
		p.pull = func(feed string, page connectors.Page, err error) (connectors.Page, error) {
			for i, rec := range page.Records {
				if feed == "agents" {
					n++
					page.Records[i].Body = []byte(strings.Replace(string(rec.Body), `"Agent `, fmt.Sprintf(`"Agent %d `, n), 1))
				}
			}
			return page, err
		}
	}},
	{"loses the last item of a page", "FirstPassIsTruth", "becomes what the vendor has", func(p *planted) {
		p.pull = func(feed string, page connectors.Page, err error) (connectors.Page, error) {
			if feed == "agents" && page.More {
				page.Records = page.Records[:len(page.Records)-1]
			}
			return page, err
		}
	}},
	{"does not notice a cursor that has expired", "ExpiredCursor", "", func(p *planted) {
		p.pull = func(_ string, page connectors.Page, err error) (connectors.Page, error) {
			if f := connectors.AsFault(err); f != nil && f.Kind == connectors.CursorExpired {
				return page, fmt.Errorf("status 410")
			}
			return page, err
		}
	}},
	{"goes on when it is cancelled", "CancelDuringPull", "cancelled", func(p *planted) { p.Chaos.deaf = true }},
	{"does not see that an agent is disabled", "Changes", "becomes what the vendor has", func(p *planted) {
		p.normalize = func(_ connectors.Record, r connectors.Reading) connectors.Reading {
			for i := range r.Entities {
				r.Entities[i].SetStatus(events.StatusActive)
			}
			return r
		}
	}},
	{"does not see that an agent is deleted", "DeleteAndRestore", "becomes what the vendor has", func(p *planted) {
		p.pull = func(_ string, page connectors.Page, err error) (connectors.Page, error) {
			page.Opens, page.Seals = nil, nil
			return page, err
		}
		p.normalize = func(_ connectors.Record, r connectors.Reading) connectors.Reading {
			r.Tombstones = nil
			return r
		}
	}},
	{"tells the same otherwise after a restart", "ResumeAfterEveryPage", "not the first event", func(p *planted) {
		n := 0
		p.pull = func(feed string, page connectors.Page, err error) (connectors.Page, error) {
			if feed == "agents" && n < 8 {
				n++
				for i, rec := range page.Records {
					page.Records[i].Body = []byte(strings.Replace(string(rec.Body), `"Agent `, fmt.Sprintf(`"Agent %d `, n), 1))
				}
			}
			return page, err
		}
	}},
	{"does not see who came later", "ChangeDuringListing", "becomes what the vendor has", func(p *planted) {
		known := p.Chaos.ids()
		p.normalize = func(_ connectors.Record, r connectors.Reading) connectors.Reading {
			r.Entities = slices.DeleteFunc(r.Entities, func(e events.Entity) bool { return e.Agent != nil && !slices.Contains(known, e.Holder) })
			return r
		}
	}},
	{"yields a wrong entity", "FirstPassIsTruth", "wrong entity", func(p *planted) {
		p.normalize = func(_ connectors.Record, r connectors.Reading) connectors.Reading {
			for i := range r.Entities {
				if r.Entities[i].Kind == events.KindStewardship {
					r.Entities[i].Key = ""
				}
			}
			return r
		}
	}},
}

// Each violation is noticed by the case that is there for it, and each case has one: the suite can fail.
func TestPlantedViolations(t *testing.T) {
	planted := map[string]bool{}
	for _, v := range violationsPlanted {
		planted[v.check] = true
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			v.mustBeNoticed(t)
		})
	}
	for _, c := range checks {
		if !planted[c.name] {
			t.Errorf("no planted violation makes %s fail", c.name)
		}
	}
}

func (v violation) mustBeNoticed(t *testing.T) {
	h := Harness{Patience: time.Second, New: func(*testing.T) (connectors.Connector, Control) {
		p := &planted{Chaos: NewChaos(1, 8)}
		v.plant(p)
		return p, p
	}}
	i := slices.IndexFunc(checks, func(c check) bool { return c.name == v.check })
	got := violations(t, h, checks[i])
	if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), v.says) {
		t.Errorf("%s said %q: nothing of %q", v.check, got, v.says)
	}
}
