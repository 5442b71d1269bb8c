package okta

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

func TestStrip(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"client secret":      {`{"a":{"client_secret":"x","id":"0oa1"}}`, `{"a":{"client_secret":"[redacted]","id":"0oa1"}}`},
		"camel case":         {`[{"clientSecret":"x","secret_hash":"y"}]`, `[{"clientSecret":"[redacted]","secret_hash":"[redacted]"}]`},
		"null stays null":    {`{"client_secret":null}`, `{"client_secret":null}`},
		"method is none":     {`{"token_endpoint_auth_method":"client_secret_basic"}`, `{"token_endpoint_auth_method":"client_secret_basic"}`},
		"described secret":   {`{"secret":{"orn":"orn:1","value":"v","password":"p"}}`, `{"secret":{"orn":"orn:1","password":"[redacted]","value":"v"}}`},
		"private key parts":  {`{"kty":"RSA","n":"n","d":"d","p":"p","oth":[{"r":"r"}]}`, `{"d":"[redacted]","kty":"RSA","n":"n","oth":"[redacted]","p":"[redacted]"}`},
		"no key, no parts":   {`{"d":"d","p":1}`, `{"d":"d","p":1}`},
		"numbers as written": {`{"n":1.50,"big":12345678901234567890}`, `{"big":12345678901234567890,"n":1.50}`},
	} {
		got, err := strip(jsontext.Value(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, error %v, want %s", name, got, err, c.want)
		}
	}
}

// Deep nesting costs what it is long, not its square.
func TestStripDeep(t *testing.T) {
	const depth = 9000
	in := strings.Repeat(`{"a":[`, depth/2) + `{"client_secret":"SHH"}` + strings.Repeat(`]}`, depth/2)
	got, err := strip(jsontext.Value(in))
	if err != nil || len(got) < len(in) || strings.Contains(string(got), "SHH") {
		t.Errorf("got %d bytes, error %v", len(got), err)
	}
}

// What the vendor sends by mistake reaches neither a record nor an error.
func TestSecretsStayOutOfRecords(t *testing.T) {
	o := newOrg(t)
	const app = `{"id":"0oa1","status":"ACTIVE","signOnMode":"OPENID_CONNECT","credentials":{"oauthClient":{"client_id":"0oa1",` +
		`"client_secret":"SHH1","token_endpoint_auth_method":"client_secret_basic"}},"settings":{"oauthClient":{"application_type":"service",` +
		`"grant_types":[],"jwks":{"keys":[{"kty":"RSA","kid":"k","n":"n","d":"SHH2"}]}}}}`
	o.on(agentsPath, bodyPaged(1, anAgent("wlp1", "one", `"secret":"SHH3",`)))
	o.on(appsPath, linkPaged(1, app))
	o.on(agentsPath+"/wlp1/credentials/jwks", fixed(200, `{"data":[{"id":"pks1","kty":"EC","d":"SHH4"}]}`))
	o.on(agentsPath+"/wlp1/connections", fixed(200, `{"data":[{"id":"mcn1","secret":{"orn":"orn:s","name":"n","secretHash":"SHH5"},"clientAuthSettings":{"clientSecret":"SHH6"}}]}`))
	o.on(ownersPath, fixed(200, `{"data":[`+anOwner("wlp1", "00u1")+`]}`))
	o.on(agentsPath+"/wlp1", fixed(200, anAgent("wlp1", "one", `"secret":"SHH7",`)))
	log := &tail{}
	o.on(logsPath, func(w http.ResponseWriter, r *http.Request) {
		if !r.URL.Query().Has("after") {
			log.raw(strings.Replace(anEntry(time.Now(), "u1", "workload_principal.update", "SUCCESS", "wlp1"), "verysecret", "SHH8", 1))
		}
		log.serve(w, r)
	})
	o.on(appsPath+"/0oa1", fixed(200, app))
	o.on(appsPath+"/0oa1/credentials/jwks", fixed(200, `[{"id":"pks2","kid":"k","kty":"RSA","d":"SHH9"}]`))
	o.on(appsPath+"/0oa1/credentials/secrets", fixed(200, `[{"id":"ocs1","client_secret":"SHH10","secret_hash":"SHH11","status":"ACTIVE"}]`))
	o.on(appsPath+"/0oa1/grants", fixed(200, `[{"id":"oag1","scopeId":"s","status":"ACTIVE","access_token":"SHH12"}]`))
	o.on(clientsPath+"/0oa1/roles", fixed(200, `[{"id":"ra1","type":"SUPER_ADMIN","password":"SHH13"}]`))
	o.on(tokensPath, fixed(200, `[{"id":"00T1","name":"n","userId":"00u1","token":"SHH14"}]`))
	o.on(usersPath+"/00u1", fixed(200, `{"id":"00u1","status":"ACTIVE","credentials":{"password":{"value":"SHH15"}},"profile":{"secret":"SHH16"}}`))
	c := o.connect(t, func(s *connectors.Settings) { s.Options = map[string]string{"client_secrets": "true"} })
	for _, f := range c.Feeds() {
		p := readAll(t, c, f.Name)
		all := mustMarshal(t, p.pages) + mustMarshal(t, p.readings)
		for _, page := range p.pages {
			all += string(page.Next)
			for _, r := range page.Records {
				all += string(r.Body)
			}
		}
		if strings.Contains(all, "SHH") || strings.Contains(all, testToken) {
			t.Errorf("feed %s lets a secret through", f.Name)
		}
	}
}

func TestShorten(t *testing.T) {
	got := shorten("a\n\tb " + strings.Repeat("ä", 100) + "\xff")
	if utf8.RuneCountInString(got) != maxShown || !strings.HasPrefix(got, "a b ") || !utf8.ValidString(got) {
		t.Errorf("got %q", got)
	}
	for _, secret := range []string{"Bearer abc123", "SSWS 00abc", `"client_secret" : "abc`, `"d":"abc"`, strings.Repeat("a1", 25)} {
		if got := shorten("x " + secret + " y"); strings.Contains(got, "abc") || strings.Contains(got, "a1a1") {
			t.Errorf("%q is shown as %q", secret, got)
		}
	}
}
