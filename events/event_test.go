package events

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-json-experiment/json/jsontext"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

// everyKind is one event of each kind, with every field of its body set.
func everyKind() []Event {
	ids := []Identifier{{IDClient, "c1"}, {IDObject, "o1"}}
	bodies := []Entity{
		{Kind: KindAgent, Key: Self, Agent: &Agent{Native: "ai_agent", Name: "Invoice matcher", Description: "d", Status: StatusActive,
			NativeStatus: "ACTIVE", Class: ClassAgent, ClassReason: "an AI agent object", Models: []Model{ModelDelegated, ModelService},
			Platform: "AWS_BEDROCK", Blueprint: "b1", Identifiers: ids, Created: noon, DisabledBy: "admin", Labels: []string{"a", "b=c"}},
			Unknown: []Kind{KindStewardship}, Version: noon, Scope: "ai-agents"},
		{Kind: KindBlueprint, Key: Self, Blueprint: &Blueprint{Native: "agent_identity_blueprint", Name: "n", Description: "d", Status: StatusDisabled,
			NativeStatus: "x", Identifiers: ids, Publisher: "t1", Created: noon, DisabledBy: "microsoft", Labels: []string{"l"}}},
		{Kind: KindPerson, Key: Self, Person: &Person{Native: "user", Name: "Pat", Emails: []string{"pat@example.com"}, UserName: "pat",
			Status: StatusUnknown, NativeStatus: "LOCKED", Created: noon}},
		{Kind: KindStewardship, Key: "owner:p1", Stewardship: &Stewardship{Role: "owner", Person: "p1", Native: "user"}},
		{Kind: KindCredential, Key: "k1", Credential: &Credential{Type: "key", Name: "n", Issuer: "i", Subject: "s", Audiences: []string{"a"},
			Algorithm: "RS256", Status: StatusActive, NativeStatus: "ACTIVE", NotBefore: noon, Expires: noon, Created: noon}},
		{Kind: KindGrant, Key: "g1", Grant: &Grant{Type: "iam_role", Role: "roles/viewer", RoleName: "Viewer", Scopes: []string{"s"}, Resource: "r",
			ResourceName: "R", Condition: "c", Inherited: "b1", Status: StatusActive, NativeStatus: "ACTIVE", Created: noon, Expires: noon}},
		{Kind: KindDelegation, Key: "d1", Delegation: &Delegation{Person: Everyone, Source: "admin_consent", Scopes: []string{"s"}, Resource: "r",
			ResourceName: "R", Status: StatusActive, NativeStatus: "x", Created: noon, Expires: noon}},
		{Kind: KindRisk, Key: "r1", Risk: &Risk{Level: "high", State: "atRisk", Detail: "d", Detections: []string{"x"}, Updated: noon}},
		{Kind: KindCoverage, Key: "owners", Coverage: &Coverage{Feed: "owners", Kinds: []Kind{KindStewardship}, State: CoverageBlind, Reason: "403"}},
		{Kind: KindAssertion, Key: "same-1", Assertion: &Assertion{Says: SaysSame, Identities: []string{"entra/a", "okta/b"}, Identifier: Identifier{IDClient, "c1"},
			By: "ann", Why: "one bot", Time: noon}},
	}
	var out []Event
	for _, b := range bodies {
		b.Holder = "wlp1"
		out = append(out, New("acme", "okta-main", "okta", EntityType(b.Kind, Updated), noon, noon.Add(time.Second), Data{
			Entity: &b, Changed: map[string]jsontext.Value{"name": jsontext.Value(`"old"`), "labels": jsontext.Value("null")},
			Gone:     &Gone{Inferred: true, Reason: "r", After: noon, Before: noon, Restorable: true},
			Evidence: Evidence{Feed: "ai-agents", How: HowRead, Asked: noon, Record: "ai_agent", LogID: "l1", Note: "n", Cause: "c", Actor: &Actor{ID: "a", Type: "User", OnBehalf: &Actor{ID: "b"}}},
			Raw:      jsontext.Value(`{"id":"wlp1"}`), FirstSeen: FirstSeenSnapshot,
		}))
	}
	activity := &Activity{Holder: "wlp1", Type: "sign_in", ID: "u1", Native: "user.session.start", Actor: &Actor{ID: "a"}, Targets: []string{"t"},
		Outcome: "success", Message: "m", Details: map[string]string{"b": "2", "a": "1"}, Time: noon}
	return append(out, New("acme", "okta-main", "okta", ActivityType("sign_in"), noon, noon, Data{Activity: activity, Evidence: Evidence{Feed: "log", How: HowSeen}}))
}

func TestEveryKindIsCovered(t *testing.T) {
	seen := map[Kind]bool{}
	for _, e := range everyKind() {
		seen[e.Ref().Kind] = true
		if e.Data.Entity != nil {
			if err := e.Data.Entity.Check(); err != nil {
				t.Error(err)
			}
		}
	}
	for _, k := range append(EntityKinds, KindActivity) {
		if !seen[k] {
			t.Errorf("no event of kind %s is tested", k)
		}
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	for _, e := range everyKind() {
		sealed, err := Seal("", &e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(sealed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", e.Type, d)
		}
		again, err := Encode(&got)
		if err != nil || string(again) != string(sealed.Body) {
			t.Errorf("%s: encoded again it is %s, was %s", e.Type, again, sealed.Body)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := everyKind()[0]
	sealed, err := Seal("", &good)
	if err != nil {
		t.Fatal(err)
	}
	body := string(sealed.Body)
	for _, c := range []struct{ body, want string }{
		{"", "decoding"}, {"[]", "decoding"}, {body[:len(body)/2], "decoding"},
		{strings.Replace(body, `"schemaversion":1`, `"schemaversion":99`, 1), "version 99"},
		{strings.Replace(body, `"entity":`, `"entitty":`, 1), "either an entity or an activity or a finding"},
	} {
		if _, err := Decode([]byte(c.body)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Decode(%.40q) = %v, want an error with %q", c.body, err, c.want)
		}
	}
	if _, err := Decode([]byte(strings.Replace(body, `"data":{`, `"later_field":7,"data":{`, 1))); err != nil {
		t.Errorf("a field of a later version is refused: %v", err)
	}
}

// The chain shows a changed, a missing and a swapped event.
func TestChain(t *testing.T) {
	var sealed []Sealed
	prev := ""
	for _, e := range everyKind() {
		s, err := Seal(prev, &e)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.ID) != 32 || s.Prev != prev || s.Hash == prev {
			t.Fatalf("sealed %+v after %q", s, prev)
		}
		sealed, prev = append(sealed, s), s.Hash
	}
	head := func(chain []Sealed) string {
		h := ""
		for _, s := range chain {
			h = ChainHash(h, s.Body)
		}
		return h
	}
	if head(sealed) != prev {
		t.Error("the chain does not lead to its head")
	}
	changed := append([]Sealed{}, sealed...)
	changed[2].Body = []byte(strings.Replace(string(changed[2].Body), "Pat", "Pam", 1))
	swapped := append([]Sealed{}, sealed...)
	swapped[1], swapped[2] = swapped[2], swapped[1]
	for name, chain := range map[string][]Sealed{"changed": changed, "missing": sealed[1:], "swapped": swapped} {
		if head(chain) == prev {
			t.Errorf("a %s event leaves the head as it was", name)
		}
	}
	first, second := everyKind()[0], everyKind()[0]
	a, _ := Seal("", &first)
	b, _ := Seal(a.Hash, &second)
	if a.Event.ID == b.Event.ID {
		t.Error("the same fact told twice has one id")
	}
}

func TestEntityCheck(t *testing.T) {
	for want, e := range map[string]Entity{
		"no holder":        {Kind: KindAgent, Key: Self, Agent: &Agent{}},
		"no key":           {Kind: KindGrant, Holder: "h", Grant: &Grant{}},
		"unknown kind":     {Kind: "robot", Holder: "h", Key: "k"},
		"no agent body":    {Kind: KindAgent, Holder: "h", Key: Self, Person: &Person{}},
		"2 bodies":         {Kind: KindAgent, Holder: "h", Key: Self, Agent: &Agent{}, Person: &Person{}},
		"has the key":      {Kind: KindAgent, Holder: "h", Key: "k", Agent: &Agent{}},
		"digest as key":    {Kind: KindGrant, Holder: "h", Key: strings.Repeat("k", 601), Grant: &Grant{}},
		"only they, have":  {Kind: KindGrant, Holder: "h", Key: Self, Grant: &Grant{}},
		"holder of 601":    {Kind: KindAgent, Holder: strings.Repeat("h", 601), Key: Self, Agent: &Agent{}},
		"no activity body": {Kind: KindActivity, Holder: "h", Key: "k"},
	} {
		if err := e.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v, want an error with %q", err, want)
		}
	}
}

func TestPosition(t *testing.T) {
	p := Position{Epoch: "e1", Sequence: 42}
	if got, err := ParsePosition(p.String()); err != nil || got != p {
		t.Errorf("ParsePosition(%s) = %v, %v", p, got, err)
	}
	for _, bad := range []string{"", "42", ":42", "e1:", "e1:x", "e1:-1"} {
		if _, err := ParsePosition(bad); err == nil {
			t.Errorf("ParsePosition(%q) takes it", bad)
		}
	}
}
