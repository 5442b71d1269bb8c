package okta

import (
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

func TestAPITokens(t *testing.T) {
	o := start(t, Options{})
	holder := o.st.Users[2]
	out := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "api_token", Name: "Nightly export", Person: holder.Key})
	at := "/api/v1/api-tokens/" + out.Agent
	var v tokenMetadata
	o.read(at, &v)
	if v.ID != out.Agent || v.ID[:3] != "00T" || v.Name != "Nightly export" || v.UserID != holder.ID || v.ExpiresAt != stamp(o.clock.Now().Add(30*day)) {
		t.Errorf("token %+v", v)
	}
	if e := o.entries(out.Agent, "system.api_token.create"); len(e) != 1 || e[0].Actor.ID != o.st.Admin || e[0].Target[0].DisplayName != "Nightly export" {
		t.Errorf("log of the creation: %+v", e)
	}
	a, _ := o.truth(out.Agent)
	if a.Native != "api_token" || a.Status != "active" || len(a.Stewards) != 1 || a.Stewards[0] != "owner:"+holder.ID ||
		len(a.Credentials) != 1 || a.Credentials[0] != out.Agent || len(a.Grants) != 0 {
		t.Errorf("truth %+v", a)
	}
	o.expect("PUT", at, plainJSON, "{}", 405, "E0000022")
	o.expect("DELETE", at, "", "", 204, "")
	o.expect("GET", at, "", "", 404, "E0000007")
	o.expect("DELETE", at, "", "", 404, "E0000007")
	if _, there := o.truth(out.Agent); there || len(o.entries(out.Agent, "system.api_token.revoke")) != 1 {
		t.Error("the revoked token is in the truth, or nobody logged that it was revoked")
	}
}

// TestUnusedTokensVanish moves the clock; one token is used meanwhile.
func TestUnusedTokensVanish(t *testing.T) {
	o := start(t, Options{})
	used := o.st.Tokens[3]
	o.must(sandbox.Change{Op: sandbox.ActAgent, Agent: used.ID})
	logged := len(o.st.Log)
	o.clock.advance(29 * day)
	o.compare("after 29 days")
	if n := len(o.get("/api/v1/api-tokens").ids(t)); n != 2 {
		t.Errorf("%d tokens after 29 days, want the newest and the used one", n)
	}
	o.clock.advance(2 * day)
	if ids := o.get("/api/v1/api-tokens").ids(t); len(ids) != 0 {
		t.Errorf("tokens after 31 days: %v", ids)
	}
	o.expect("GET", "/api/v1/api-tokens/"+used.ID, "", "", 404, "E0000007")
	o.compare("after 31 days")
	if len(o.st.Log) != logged {
		t.Error("a token that dies of old age is logged")
	}
	for range 40 { // a dead token is drawn no more
		if out := o.must(sandbox.Change{Op: sandbox.CreateAgent, Native: "api_token"}); !o.clock.Now().Add(time.Second).After(out.At) {
			t.Errorf("outcome %+v", out)
		}
		o.must(sandbox.Change{Op: sandbox.DeleteAgent, Native: "api_token"})
	}
}
