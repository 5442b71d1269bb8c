package show

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/events"
	"github.com/rollcallhq/rollcall/projections/roster"
)

// answer is one in which everything may be called by the given name.
func answer(name string) *roster.Answer {
	return &roster.Answer{
		About: []roster.Subject{{Kind: "resource", Tenant: "acme", Connection: "okta", ID: name, Name: name}},
		Access: []roster.Access{{Tenant: "acme", Connection: "okta", Name: name, Holder: name, Role: name, RoleName: name, Scopes: []string{name}, Resource: name,
			Level: roster.LevelAdmin, OnBehalf: "p1", Source: name, Condition: name, Via: []roster.Hop{{How: roster.HowMember, Holder: name, Condition: name}}}},
		Unknown: []roster.Doubt{{Tenant: "acme", Connection: "okta", Kind: events.KindGrant, Why: name, Identities: 2}},
	}
}

func TestAccess(t *testing.T) {
	_, names, _ := company("Invoice matcher")
	row := func(x roster.Access) roster.Access {
		x.Tenant, x.Connection, x.Name, x.Holder, x.HolderKind = "acme", "okta", "Invoice matcher", "wlp1", events.KindAgent
		return x
	}
	set := roster.Access{Tenant: "acme", Connection: "okta", Holder: "principalSet://agents.global/attribute.x/aiplatform/projects/9", Role: "roles/viewer", Level: roster.LevelRead,
		Status: events.StatusUnknown, Resource: "//cloudresourcemanager.googleapis.com/projects/p"}
	a := roster.Answer{
		About: []roster.Subject{{Kind: "resource", Tenant: "acme", Connection: "okta", ID: "r1", Name: "Ledger"}},
		Access: []roster.Access{
			row(roster.Access{Level: roster.LevelAdmin, Privileged: true, Role: "roles/owner", Status: events.StatusDisabled, Until: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)}),
			row(roster.Access{Level: roster.LevelWrite, Scopes: []string{"a", "b"}, ResourceName: "Ledger", OnBehalf: events.Everyone, Source: "admin_consent", ConsentedBy: "p1", Inherited: "b1"}),
			set,
			row(roster.Access{Level: roster.LevelUnknown, Type: "app_role", Role: "00000000-1111-4222-8333-444444444444", OnBehalf: "p1", Source: "user_consent", Condition: "x > 1", GrantStatus: events.StatusDisabled,
				Via: []roster.Hop{{How: roster.HowImpersonates, Holder: "sa1", Name: "night", Status: events.StatusDisabled, Condition: "y"}}}),
		},
		Unknown: []roster.Doubt{
			{Connection: "okta", Kind: events.KindGrant, Why: "feed x is blind: no", Identities: 3},
			{Connection: "okta", Kind: events.KindDelegation, Why: "nothing tells", Identities: 1},
		},
		NoLevel: 3,
	}
	var b bytes.Buffer
	(&Paper{Writer: &b}).Access(&a, 4, names)
	want := `Ledger  okta r1

LEVEL    WHO                                 MAY                                                      ON          FOR                         BY WAY OF                     CONSENT  LIMITS
admin!   Invoice matcher, disabled           owner                                                                                                                                   until 2027-01-02
write    Invoice matcher                     a b                                                      Ledger      everyone                    from Finance  admin by Invoice matcher (disabled)
read     principalSet …/projects/9           viewer                                                   projects/p
unknown  Invoice matcher                     app role 00000000-1111-4222-8333-444444444444, disabled              Invoice matcher (disabled)  as night, disabled if y       user     if x > 1

1 admin, 1 write, 1 read, 1 of unknown level; 1 privileged (!); of 2 more the level is unknown; 2 of other levels are not shown
  unknown      okta: there may be more grants of 3 identities: feed x is blind: no
  unknown      okta: there may be more delegations: nothing tells
`
	if diff := cmp.Diff(squeeze(want), squeeze(b.String())); diff != "" {
		t.Error(diff)
	}
	b.Reset()
	(&Paper{Writer: &b}).Access(&roster.Answer{About: a.About}, 0, names)
	if got := b.String(); got != "Ledger  okta r1\n\nnothing is known\n" {
		t.Errorf("an empty answer is %q", got)
	}
}

// squeeze takes the padding of tables out.
func squeeze(s string) string {
	var out []byte
	for i := range len(s) {
		if s[i] != ' ' || len(out) > 0 && out[len(out)-1] != ' ' {
			out = append(out, s[i])
		}
	}
	return string(out)
}
