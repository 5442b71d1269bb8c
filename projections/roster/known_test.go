package roster

import (
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/events"
)

func cover(connection, feed, state string, kinds ...events.Kind) Coverage {
	return Coverage{Tenant: "acme", Connection: connection, Coverage: events.Coverage{Feed: feed, Kinds: kinds, State: state, Reason: "grant it"}}
}

func TestUnknownIsNeverNone(t *testing.T) {
	const k = events.KindStewardship
	whole := cover("okta", "owners", events.CoverageComplete, events.KindPerson, k)
	for name, c := range map[string]struct {
		coverage []Coverage
		unknown  []events.Kind
		why      string // part of it; empty: known
	}{
		"a source that sees all":                {[]Coverage{whole}, nil, ""},
		"nothing is said yet":                   {nil, nil, "no feed of connection okta tells of stewardships"},
		"feeds, but none is a source":           {[]Coverage{cover("okta", "agents", events.CoverageComplete, events.KindAgent)}, nil, "no feed"},
		"another connection's source":           {[]Coverage{cover("entra", "owners", events.CoverageComplete, k)}, nil, "no feed"},
		"a blind source":                        {[]Coverage{cover("okta", "owners", events.CoverageBlind, k)}, nil, "feed owners is blind: grant it"},
		"a partial source":                      {[]Coverage{cover("okta", "owners", events.CoveragePartial, k)}, nil, "feed owners is partial"},
		"one of two sources is blind":           {[]Coverage{whole, cover("okta", "managers", events.CoverageBlind, k)}, nil, "feed managers is blind"},
		"a blind feed that is no source":        {[]Coverage{whole, cover("okta", "keys", events.CoverageBlind, events.KindCredential)}, nil, ""},
		"the identity's own could not be read":  {[]Coverage{whole}, []events.Kind{k}, "could not be read"},
		"something else of it could not be":     {[]Coverage{whole}, []events.Kind{events.KindCredential}, ""},
		"the same connection of another tenant": {[]Coverage{{Tenant: "other", Connection: "okta", Coverage: whole.Coverage}}, nil, "no feed"},
	} {
		t.Run(name, func(t *testing.T) {
			i := Identity{Tenant: "acme", Connection: "okta", Unknown: c.unknown}
			why := Unknown(c.coverage, &i, k)
			if (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
				t.Errorf("Unknown = %q, want %q in it", why, c.why)
			}
		})
	}
}

func TestWhoAnswers(t *testing.T) {
	coverage := []Coverage{cover("okta", "owners", events.CoverageComplete, events.KindStewardship)}
	okta := Identity{Tenant: "acme", Connection: "okta"}
	google := Identity{Tenant: "acme", Connection: "google"}
	owned := okta
	owned.Stewards = []Item[events.Stewardship]{{Key: "owner:p1"}}
	for name, c := range map[string]struct {
		identities []Identity
		want       Answered
	}{
		"known to have none":             {[]Identity{okta}, AnsweredByNobody},
		"nothing reads its stewards":     {[]Identity{google}, AnsweredUnknown},
		"one of two identities is known": {[]Identity{okta, google}, AnsweredUnknown},
		"somebody at one is enough":      {[]Identity{google, owned}, AnsweredBySomebody},
	} {
		if got := WhoAnswers(coverage, &Agent{Identities: c.identities}); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
