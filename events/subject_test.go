package events

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var awkward = []string{"a", "", ".", "*", ">", "a.b", "ä", "%", "%41", "a b", "\x00", "projects/1/locations/x", "urn:agent:1", "self", "-_"}

func TestTokenRoundTrip(t *testing.T) {
	for _, s := range awkward {
		token := Token(s)
		if got, err := Untoken(token); err != nil || got != s {
			t.Errorf("Untoken(Token(%q) = %q) = %q, %v", s, token, got, err)
		}
	}
}

func TestUntokenRefusesOtherSpellings(t *testing.T) {
	for _, bad := range []string{"", "a.b", "%4", "%zz", "%41", "%2e", "ä", "%%"} {
		if got, err := Untoken(bad); err == nil {
			t.Errorf("Untoken(%q) = %q, want an error", bad, got)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range awkward {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token := Token(s)
		if token == "" || strings.ContainsAny(token, ".*> \t\r\n\x00") {
			t.Fatalf("Token(%q) = %q is no NATS token", s, token)
		}
		if got, err := Untoken(token); err != nil || got != s {
			t.Fatalf("Untoken(%q) = %q, %v, want %q", token, got, err, s)
		}
		if got, err := Untoken(s); err == nil && Token(got) != s {
			t.Fatalf("%q and %q are both tokens of %q", s, Token(got), got)
		}
	})
}

func FuzzParseSubject(f *testing.F) {
	f.Add(Subject("acme", "okta", Identity(KindAgent, "wlp1")))
	f.Add("rollcall.events.a.b.c.d")
	f.Add("rollcall.events.a.b.%.grant.k")
	f.Fuzz(func(t *testing.T, subject string) {
		tenant, connection, ref, err := ParseSubject(subject)
		if err != nil {
			return
		}
		if got := Subject(tenant, connection, ref); got != subject {
			t.Fatalf("%q parses to what is spelt %q", subject, got)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, e := range everyKind() {
		s, err := Seal("", &e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.Body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := Decode(body)
		if err != nil {
			return
		}
		once, err := Encode(&e)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		again, err := Decode(once)
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		twice, err := Encode(&again)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("encoding is not stable: %s, then %s (%v)", once, twice, err)
		}
	})
}

func TestSubjectRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.String(), rapid.SampledFrom(awkward))
		ref := Ref{Kind: rapid.SampledFrom(EntityKinds).Draw(t, "kind"), Holder: part.Draw(t, "holder"), Key: part.Draw(t, "key")}
		tenant, connection := part.Draw(t, "tenant"), part.Draw(t, "connection")
		gotTenant, gotConnection, got, err := ParseSubject(Subject(tenant, connection, ref))
		if err != nil || gotTenant != tenant || gotConnection != connection || got != ref {
			t.Fatalf("got %q %q %+v, %v", gotTenant, gotConnection, got, err)
		}
	})
}

// The subject filter must hold every event that the filter selects: what the server leaves out, nobody sees.
func TestFilterSubjectHoldsWhatMatches(t *testing.T) {
	filters := []Filter{
		{}, {Tenant: "acme"}, {Connection: "okta-main"}, {Holder: "wlp1"}, {Kind: KindGrant}, {Type: "agent.updated"},
		{Tenant: "acme", Kind: KindActivity}, {Type: "activity.sign_in"}, {Tenant: "other"}, {Type: "agent.deleted"},
	}
	for _, f := range filters {
		for _, e := range everyKind() {
			if f.Match(&e) && !subjectMatches(f.Subject(), e.NATSSubject()) {
				t.Errorf("filter %+v selects %s, its subject %s does not", f, e.NATSSubject(), f.Subject())
			}
		}
	}
	want := map[string]Filter{
		"rollcall.events.>":                           {},
		"rollcall.events.acme.*.*.grant.*":            {Tenant: "acme", Kind: KindGrant},
		"rollcall.events.*.*.urn%3Aa.*.*":             {Holder: "urn:a"},
		"rollcall.events.acme.okta.*.coverage.*":      {Tenant: "acme", Connection: "okta", Kind: KindCoverage},
		"rollcall.events.*.*.*.credential.*":          {Type: "credential.created"},
		"rollcall.events.a%2Eb.*.*.activity.*":        {Tenant: "a.b", Type: "activity.sign_in"},
		"rollcall.events.acme.okta.wlp1.delegation.*": {Tenant: "acme", Connection: "okta", Holder: "wlp1", Kind: KindDelegation},
	}
	for subject, f := range want {
		if got := f.Subject(); got != subject {
			t.Errorf("%+v has the subject %s, want %s", f, got, subject)
		}
	}
}

func subjectMatches(filter, subject string) bool {
	fs, ss := strings.Split(filter, "."), strings.Split(subject, ".")
	for i, f := range fs {
		switch {
		case f == ">":
			return len(ss) > i
		case i >= len(ss) || f != "*" && f != ss[i]:
			return false
		}
	}
	return len(fs) == len(ss)
}

func TestParseKind(t *testing.T) {
	if k, err := ParseKind("Agent"); err != nil || k != KindAgent {
		t.Errorf("ParseKind(Agent) = %v, %v", k, err)
	}
	if _, err := ParseKind("robot"); err == nil || !strings.Contains(err.Error(), "stewardship") {
		t.Errorf("ParseKind(robot) = %v, want an error that lists the kinds", err)
	}
}
