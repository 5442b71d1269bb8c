package entra

import (
	"regexp"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

func TestProbe(t *testing.T) {
	denied := canned{status: 403, body: errorBody("Authorization_RequestDenied")}
	none := canned{body: `{"value":[]}`}
	some := canned{body: `{"value":[` + itemOther + `]}`}
	for _, c := range []struct {
		name    string
		answers map[string]canned
		kind    connectors.FaultKind
	}{
		{"sees the directory", map[string]canned{"/servicePrincipals": some}, 0},
		{"sees agents alone", map[string]canned{"/servicePrincipals": denied, castAgentIdentity: none}, 0},
		{"sees nothing", map[string]canned{castAgentIdentity: denied, "/servicePrincipals": denied}, connectors.Forbidden},
		{"is shown nothing", map[string]canned{"/servicePrincipals": none, castAgentIdentity: none}, connectors.Forbidden},
		{"bad token", map[string]canned{"/servicePrincipals": {status: 401, body: errorBody("InvalidAuthenticationToken")}}, connectors.Unauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := newGraph(t, c.answers).connector().Probe(t.Context())
			if c.kind == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFault(t, err, c.kind)
		})
	}
	var _ connectors.Prober = (*Connector)(nil)
}

func TestFeedsAreStable(t *testing.T) {
	c := newGraph(t, nil).connector()
	name := regexp.MustCompile(`^[a-z0-9-]+$`)
	want := []string{"service-principals", "applications", "users", "oauth2-grants", "directory-audits", "stewards", "grants",
		"federated-credentials", "inherited-permissions", "people", "deleted-items", "risk"}
	if len(c.Feeds()) != len(want) {
		t.Fatalf("%d feeds", len(c.Feeds()))
	}
	for i, f := range c.Feeds() {
		if f.Name != want[i] || !name.MatchString(f.Name) || len(f.Kinds) == 0 || f.Every <= 0 {
			t.Errorf("feed %d: %+v", i, f)
		}
	}
}
