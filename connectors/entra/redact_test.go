package entra

import (
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/connectors"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		`{"passwordCredentials":[{"keyId":"1","secretText":"s3cret","hint":"s3c"}]}`: `{"passwordCredentials":[{"keyId":"1","secretText":"[redacted]","hint":"[redacted]"}]}`,
		`{"keyCredentials":[{"key":"MIIC","type":"X"}],"key":"kept","hint":"kept"}`:  `{"keyCredentials":[{"key":"[redacted]","type":"X"}],"key":"kept","hint":"kept"}`,
		`{"keyCredentials":[{"key":null}],"secretText":null}`:                        `{"keyCredentials":[{"key":null}],"secretText":null}`,
		`{"passwordProfile":{"password":"x"},"SECRETTEXT":["x"]}`:                    `{"passwordProfile":"[redacted]","SECRETTEXT":"[redacted]"}`,
		`{"value":[{"a":1.0,"n":9007199254740993,"s":"secretText"}]}`:                `{"value":[{"a":1.0,"n":9007199254740993,"s":"secretText"}]}`,
		`null`: `null`,
		`[]`:   `[]`,
	} {
		got, err := redact([]byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", in, got, err, want)
		}
	}
	for _, in := range []string{``, `{`, `{"a"`, `nul`, `"\`} {
		if got, err := redact([]byte(in)); err == nil && in != "" {
			t.Errorf("%s became %s", in, got)
		}
	}
}

// TestNameCutInsideACharacter: Graph cuts long names by UTF-16 units, which can leave half a character.
func TestNameCutInsideACharacter(t *testing.T) {
	body, err := redact([]byte(`{"id":"a1","servicePrincipalType":"ServiceIdentity","displayName":"half \ud83d","accountEnabled":true}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := normalize(connectors.Record{Type: recordPrincipal, Body: body})
	if err != nil || len(r.Entities) != 1 || !strings.HasPrefix(r.Entities[0].Agent.Name, "half ") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestNoSecretAnywhere: secrets that Graph should not send, but could, reach no record, cursor or error.
func TestNoSecretAnywhere(t *testing.T) {
	const secret = "v3ry-s3cret-value"
	app := `{"@odata.type":"#microsoft.graph.agentIdentityBlueprint","id":"b0","passwordCredentials":[{"keyId":"1","secretText":"` + secret + `"}],
		"keyCredentials":[{"keyId":"2","key":"` + secret + `"}]}`
	g := newGraph(t, map[string]canned{
		"/applications/delta": {body: `{"@odata.deltaLink":"{{self}}/applications/delta()?$deltatoken=A","value":[` + app + `]}`},
		"/users/delta":        {status: 403, body: `{"error":{"code":"X","message":"the token ` + testToken + ` and Bearer ` + secret + ` are no good"}}`},
	})
	pages, next := round(t, g.feed("applications"), nil)
	seen := string(next)
	for _, r := range pages[0].Records {
		seen += string(r.Body)
		reading, err := normalize(r)
		if err != nil || len(reading.Entities) != 3 {
			t.Errorf("%+v, %v", reading, err)
		}
	}
	seen += pullError(t, g.feed("users"), nil).Error()
	if strings.Contains(seen, secret) || strings.Contains(seen, testToken) {
		t.Errorf("a secret is in %s", seen)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add([]byte(`{"passwordCredentials":[{"secretText":"s3cr3t!"}],"keyCredentials":[{"key":"s3cr3t!"}]}`))
	f.Add([]byte(`{"secretText":{"a":["s3cr3t!"]},"secrettext":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := redact(b); err == nil && strings.Contains(string(got), `"secretText":"s3cr3t!`) {
			t.Errorf("%s became %s", b, got)
		}
	})
}
