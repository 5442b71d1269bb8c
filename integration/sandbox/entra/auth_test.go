package entra

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func decoded(t *testing.T, b []byte) jsonObject {
	t.Helper()
	var m jsonObject
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, b)
	}
	return m
}

// form is what a client posts to the token endpoint; the arguments replace fields of a correct request.
func (x *tenant) form(replace ...string) string {
	v := url.Values{"grant_type": {"client_credentials"}, "client_id": {x.ClientID()}, "client_secret": {x.ClientSecret()},
		"scope": {"https://graph.microsoft.com/.default"}}
	for i := 0; i+1 < len(replace); i += 2 {
		v.Set(replace[i], replace[i+1])
	}
	return v.Encode()
}

func (x *tenant) login(tenant, body string) reply {
	return x.call(http.MethodPost, "/"+tenant+"/oauth2/v2.0/token", body, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")
}

// token gets an access token as a client would.
func (x *tenant) token() string {
	x.t.Helper()
	r := x.login(x.TenantID(), x.form())
	s, _ := r.body["access_token"].(string)
	if r.status != http.StatusOK || s == "" || r.body["token_type"] != "Bearer" {
		x.t.Fatalf("the token endpoint answers %d %s", r.status, r.raw)
	}
	return s
}

func TestBearer(t *testing.T) {
	x := start(t)
	token := x.token()
	x.ok("/v1.0/organization", "Authorization", "Bearer "+token)
	for _, h := range []string{"", "Basic eDp5", "Bearer ", "Bearer wrong", "Bearer a.b.c", "Bearer " + token[:len(token)-3] + "AAA"} {
		r := x.refused(401, "InvalidAuthenticationToken", "/v1.0/organization", "Authorization", h)
		if r.header.Get("WWW-Authenticate") == "" || r.header.Get("request-id") == "" {
			t.Errorf("%q: the 401 lacks headers: %v", h, r.header)
		}
		if h != "" && len(h) > 8 && strings.Contains(string(r.raw), h[7:]) {
			t.Errorf("%q: the 401 repeats the token: %s", h, r.raw)
		}
	}
	x.refused(401, "InvalidAuthenticationToken", "/v1.0/nonsense", "Authorization", "")
	x.pass(time.Hour)
	x.refused(401, "InvalidAuthenticationToken", "/v1.0/organization", "Authorization", "Bearer "+token)
	if x.Token() == start(t).ClientSecret() || x.Token() != start(t).Token() {
		t.Error("the static token is not derived from the seed")
	}
}

func TestTokenEndpoint(t *testing.T) {
	x := start(t)
	for name, c := range map[string]struct {
		tenant, body, want string
		status             int
	}{
		"domain":        {x.st.Domain, x.form(), "", 200},
		"tenant":        {"nobody", x.form(), "invalid_request", 400},
		"grant":         {x.TenantID(), x.form("grant_type", "password"), "unsupported_grant_type", 400},
		"client":        {x.TenantID(), x.form("client_id", "x"), "unauthorized_client", 400},
		"secret":        {x.TenantID(), x.form("client_secret", "wrong-secret-value"), "invalid_client", 401},
		"scope":         {x.TenantID(), x.form("scope", "User.Read"), "invalid_scope", 400},
		"no form":       {x.TenantID(), "%", "invalid_request", 400},
		"several scope": {x.TenantID(), x.form("scope", "https://graph.microsoft.com/.default openid offline_access profile"), "", 200},
	} {
		r := x.login(c.tenant, c.body)
		got, _ := r.body["error"].(string)
		if r.status != c.status || got != c.want || strings.Contains(string(r.raw), "wrong-secret-value") {
			t.Errorf("%s: %d %s, want %d %s", name, r.status, r.raw, c.status, c.want)
		}
	}
	if r := x.get("/" + x.TenantID() + "/oauth2/v2.0/token"); r.status != 400 {
		t.Errorf("GET of the token endpoint = %d", r.status)
	}
}

func TestMetadata(t *testing.T) {
	x := start(t)
	m := x.ok("/"+x.TenantID()+"/v2.0/.well-known/openid-configuration", "Authorization", "").body
	if m["token_endpoint"] != x.url+"/"+x.TenantID()+"/oauth2/v2.0/token" || m["issuer"] != x.url+"/"+x.TenantID()+"/v2.0" || m["authorization_endpoint"] == nil {
		t.Errorf("the metadata is %s", compact(m))
	}
	if d := x.ok("/common/discovery/instance?api-version=1.1", "Authorization", "").body["tenant_discovery_endpoint"]; d == nil {
		t.Error("instance discovery names no endpoint")
	}
	x.ok("/common/discovery/v2.0/keys")
}
