package contract

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// document is a small API with one of each thing that is looked at.
const document = `{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{
"/things":{"get":{"security":[{"oauth2":[]}],"parameters":[
   {"in":"query","name":"limit","schema":{"type":"integer","minimum":1,"maximum":200,"default":20}},
   {"in":"query","name":"filter","required":true,"schema":{"type":"string"},"x-scim-filter":{"status":{"operators":["eq"]},"at":{"operators":["gt"]}}}],
  "responses":{"200":{"description":"","content":{"application/json":{"schema":{"type":"array","items":{"type":"object","required":["id"],
   "properties":{"id":{"type":"string"},"n":{"type":"integer"}}}}}}}}}},
"/things/{id}":{"parameters":[{"in":"path","name":"id","required":true,"schema":{"type":"string"}}],
 "patch":{"requestBody":{"required":true,"content":{"application/merge-patch+json":{"schema":{"type":"object","properties":{"name":{"type":"string"}}}}}},
  "responses":{"202":{"description":""}}}}},
"components":{"securitySchemes":{"oauth2":{"type":"oauth2","flows":{"clientCredentials":{"tokenUrl":"/t","scopes":{}}}}}}}`

func load(t *testing.T) *Contract {
	t.Helper()
	file := filepath.Join(t.TempDir(), "api.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(t *testing.T, method, target string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://any.example"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer x")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		name string
		r    *http.Request
		body string
		want string // part of the only finding; empty: none
	}{
		{"right", request(t, "GET", "/things?limit=5&filter=status%20eq%20%22a%20ne%20b%22"), "", ""},
		{"right with a proof", request(t, "GET", "/things?filter=at+gt+1", "Authorization", "DPoP x", "DPoP", "y"), "", ""},
		{"another path", request(t, "GET", "/thing"), "", "not in the contract"},
		{"another method", request(t, "PUT", "/things"), "", "not in the contract"},
		{"unknown parameter", request(t, "GET", "/things?filter=&color=red"), "", `"color" is unknown`},
		{"a parameter twice", request(t, "GET", "/things?filter=x&filter=y"), "", `"filter" stands there 2 times`},
		{"another type", request(t, "GET", "/things?filter=x&limit=many"), "", "parameter limit"},
		{"out of bounds", request(t, "GET", "/things?filter=x&limit=201"), "", "parameter limit"},
		{"a required one is missing", request(t, "GET", "/things"), "", "parameter filter"},
		{"unknown attribute", request(t, "GET", "/things?filter=color+eq+1"), "", "compares color eq"},
		{"unknown operator", request(t, "GET", "/things?filter=status+eq+1+or+status+sw+1"), "", "compares status sw"},
		{"no credentials", request(t, "GET", "/things?filter=x", "Authorization", "Basic x"), "", "Authorization"},
		{"no proof", request(t, "GET", "/things?filter=x", "Authorization", "DPoP x"), "", "header DPoP"},
		{"no JSON", request(t, "GET", "/things?filter=x", "Accept", "text/html"), "", "Accept"},
		{"a body", request(t, "GET", "/things?filter=x"), "{}", "body not allowed"},
		{"right patch", request(t, "PATCH", "/things/1", "Content-Type", "application/merge-patch+json"), `{"name":"n"}`, ""},
		{"another shape", request(t, "PATCH", "/things/1", "Content-Type", "application/merge-patch+json"), `{"name":7}`, "at /name"},
		{"another media type", request(t, "PATCH", "/things/1", "Content-Type", "application/json"), `{"name":"n"}`, "Content-Type"},
	} {
		got := load(t).Request(c.r, []byte(c.body))
		if (c.want == "") != (len(got) == 0) || len(got) > 1 || c.want != "" && !strings.Contains(got[0], c.want) {
			t.Errorf("%s: findings are %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{200, `[{"id":"a"}]`, ""},
		{200, `[{"id":"a","more":1}]`, ""},
		{200, `[{"id":"dana@example.org","n":"verysecret"}]`, "at /0/n"},
		{200, `{}`, "at /"},
		{200, `[{}]`, "id"},
		{403, `{"errorCode":"E0000006","errorId":"oae1"}`, ""},
		{403, `{"error":"no"}`, "neither declared"},
		{204, ``, "neither declared"},
	} {
		k := load(t)
		got := k.Answer(request(t, "GET", "/things?filter=x"), c.status, http.Header{"Content-Type": {"application/json"}}, []byte(c.body))
		text := strings.Join(got, "\n")
		if (c.want == "") != (len(got) == 0) || !strings.Contains(text, c.want) {
			t.Errorf("%d %s: findings are %q, want %q", c.status, c.body, got, c.want)
		}
		if strings.Contains(text, "verysecret") || strings.Contains(text, "dana@") {
			t.Errorf("a finding shows what was answered: %s", text)
		}
		if k.Held("GET /things") != 1 {
			t.Errorf("%d %s was not counted", c.status, c.body)
		}
	}
}

func TestFolder(t *testing.T) {
	for _, c := range []struct {
		value      string
		ci         bool
		dir        string
		skip, fail bool
	}{
		{"/specs", true, "/specs", false, false},
		{"specs", false, "specs", false, false},
		{"", false, filepath.Join("..", "shared", "specs"), false, false},
		{"skip", false, "", true, false},
		{"", true, "", false, true},
		{"skip", true, "", false, true},
	} {
		dir, skip, err := folder(c.value, c.ci)
		want := c.dir
		if want != "" && !filepath.IsAbs(want) {
			root, _ := repository()
			want = filepath.Join(root, want)
		}
		if dir != want || skip != c.skip || (err != nil) != c.fail {
			t.Errorf("%s=%q in CI %v: %q %v %v", Variable, c.value, c.ci, dir, skip, err)
		}
	}
}
