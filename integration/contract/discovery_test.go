package contract

import (
	"net/http"
	"net/url"
	"testing"
)

// smallService is a small service with one of each thing that is looked at.
const smallService = `{"parameters":{"alt":{"type":"string","location":"query","enum":["json","media"]}},
"schemas":{"Thing":{"type":"object","properties":{"name":{"type":"string"},"state":{"type":"string","enum":["ON","OFF"]},"made":{"type":"string","format":"google-datetime"},
 "n":{"type":"integer"},"size":{"type":"string","format":"int64"},"raw":{"type":"string","format":"byte"},"on":{"type":"boolean"},"free":{"type":"any"},
 "labels":{"type":"object","additionalProperties":{"type":"string"}}}},
 "Things":{"type":"object","properties":{"things":{"type":"array","items":{"$ref":"Thing"}},"lost":{"$ref":"Nowhere"}}}},
"resources":{"things":{"methods":{
 "list":{"httpMethod":"GET","flatPath":"v1/places/{placesId}/things","response":{"$ref":"Things"},"parameters":{"placesId":{"location":"path"},
  "size":{"type":"integer","location":"query","minimum":"1","maximum":"10"},"deep":{"type":"boolean","location":"query"},"kinds":{"type":"string","location":"query","repeated":true}}},
 "make":{"httpMethod":"POST","flatPath":"v1/places/{placesId}/things","request":{"$ref":"Thing"},"response":{"$ref":"Thing"}},
 "stop":{"httpMethod":"POST","flatPath":"v1/places/{placesId}/things/{thingsId}:stop"}},
 "resources":{"parts":{"methods":{"get":{"httpMethod":"GET","path":"v1/places/{placesId}/things/{thingsId}","response":{"$ref":"Thing"}},
  "query":{"httpMethod":"GET","flatPath":"v1/places/{placesId}/things/any","response":{"$ref":"Things"}}}}}}}}`

func small(t *testing.T) *Discovery {
	t.Helper()
	d, err := loadDiscovery([]byte(smallService))
	if err != nil {
		t.Fatal(err)
	}
	return &Discovery{services: map[string]*discoveryDocument{"box": d}, held: map[string]int{}}
}

// asked is a request to a URL of Google's, or to a path of an imitation's.
func asked(t *testing.T, method, target string) *http.Request {
	t.Helper()
	r := request(t, method, "/")
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = u
	return r
}

func TestDiscoveryRequests(t *testing.T) {
	g := small(t)
	for _, c := range []struct{ method, target, body, op, want string }{
		{"GET", "/box/v1/places/a/things", "", "GET /box/v1/places/{placesId}/things", ""},
		{"GET", "https://box.googleapis.com/v1/places/a/things?alt=json", "", "GET /box/v1/places/{placesId}/things", ""},
		{"GET", "https://us-central1-box.googleapis.com/v1/places/a/things", "", "GET /box/v1/places/{placesId}/things", ""},
		{"GET", "https://box.us.rep.googleapis.com/v1/places/a/things", "", "GET /box/v1/places/{placesId}/things", ""},
		{"GET", "/box/v1/places/a/things/b", "", "GET /box/v1/places/{placesId}/things/{thingsId}", ""},
		{"GET", "/box/v1/places/a/things/any", "", "GET /box/v1/places/{placesId}/things/any", ""},
		{"POST", "/box/v1/places/a/things/b:stop", "", "POST /box/v1/places/{placesId}/things/{thingsId}:stop", ""},
		{"POST", "/box/v1/places/a/things/b:go", "", "", "in no discovery document"},
		{"GET", "/box/v1/places//things", "", "", "in no discovery document"},
		{"GET", "/bag/v1/places/a/things", "", "", "in no discovery document"},
		{"GET", "/box/v1/places/a/things?size=10&deep=true&kinds=x&kinds=y", "", "GET /box/v1/places/{placesId}/things", ""},
		{"GET", "/box/v1/places/a/things?size=11", "", "GET /box/v1/places/{placesId}/things", "out of its bounds"},
		{"GET", "/box/v1/places/a/things?size=x", "", "GET /box/v1/places/{placesId}/things", "no integer"},
		{"GET", "/box/v1/places/a/things?deep=1", "", "GET /box/v1/places/{placesId}/things", "no boolean"},
		{"GET", "/box/v1/places/a/things?alt=proto", "", "GET /box/v1/places/{placesId}/things", "none of the values"},
		{"GET", "/box/v1/places/a/things?placesId=a", "", "GET /box/v1/places/{placesId}/things", "unknown"},
		{"GET", "/box/v1/places/a/things?size=1&size=2", "", "GET /box/v1/places/{placesId}/things", "2 times"},
		{"POST", "/box/v1/places/a/things", `{"name":"x"}`, "POST /box/v1/places/{placesId}/things", ""},
		{"POST", "/box/v1/places/a/things", `{"nick":"x"}`, "POST /box/v1/places/{placesId}/things", "no property nick"},
		{"POST", "/box/v1/places/a/things", `x`, "POST /box/v1/places/{placesId}/things", "no JSON"},
		{"POST", "/box/v1/places/a/things/b:stop", "{}", "POST /box/v1/places/{placesId}/things/{thingsId}:stop", "takes none"},
	} {
		r := asked(t, c.method, c.target)
		op, known := g.Operation(r)
		if known != (c.op != "") || op != c.op {
			t.Errorf("%s is %q, %v; want %q", c.target, op, known, c.op)
		}
		t.Run(c.method+" "+c.target, func(t *testing.T) { found(t, g.Request(r, []byte(c.body)), c.want) })
	}
	bare := asked(t, http.MethodGet, "/box/v1/places/a/things")
	bare.Header.Del("Authorization")
	found(t, g.Request(bare, nil), "no header Authorization")
}

func TestDiscoveryAnswers(t *testing.T) {
	g := small(t)
	for _, c := range []struct {
		target string
		status int
		body   string
		want   string
	}{
		{"/box/v1/places/a/things", 200, `{"things":[{"name":"x","state":"ON","made":"2026-05-06T07:08:09.5Z","n":7,"size":"7","raw":"AA==","on":true,"free":{"a":1},"labels":{"a":"b"}}]}`, ""},
		{"/box/v1/places/a/things/b", 404, `{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}`, ""},
		{"/box/v1/places/a/things/b", 404, `{"error":{"code":403,"message":"no"}}`, "not an error in Google's form"},
		{"/box/v1/places/a/things/b", 404, `<html>`, "no JSON"},
		{"/box/v1/places/a/things", 200, `{"things":{}}`, "is an object, not an array"},
		{"/box/v1/places/a/things", 200, `{"things":[null]}`, "is null, not an object"},
		{"/box/v1/places/a/things", 200, `{"lost":{}}`, "no schema Nowhere"},
		{"/box/v1/places/a/things/b", 200, `{"nick":"x"}`, "has no property nick"},
		{"/box/v1/places/a/things/b", 200, `{"name":1}`, "is a number, not of the type string"},
		{"/box/v1/places/a/things/b", 200, `{"n":1.5}`, "not of the type integer"},
		{"/box/v1/places/a/things/b", 200, `{"state":"HALF"}`, "is HALF, which the document does not have"},
		{"/box/v1/places/a/things/b", 200, `{"state":"ada@acme.example"}`, "is something, which"},
		{"/box/v1/places/a/things/b", 200, `{"made":"yesterday"}`, "is no google-datetime"},
		{"/box/v1/places/a/things/b", 200, `{"size":"much"}`, "is no int64"},
		{"/box/v1/places/a/things/b", 200, `{"raw":"?"}`, "is no byte"},
		{"/box/v1/places/a/things/b", 200, `{"labels":{"ada":1}}`, ".labels.{} is a number"},
		{"/bag/v1/things", 200, `{"items":[]}`, ""},
	} {
		t.Run(c.target+" "+c.want, func(t *testing.T) {
			found(t, g.Answer(asked(t, http.MethodGet, c.target), c.status, nil, []byte(c.body)), c.want)
		})
	}
	if g.Held("GET /box/v1/places/{placesId}/things") != 4 || g.Held("GET /bag/v1/things") != 0 {
		t.Errorf("held %v", g.held)
	}
}

// The documents themselves can be read, and have what the connector asks for.
func TestGoogleDocuments(t *testing.T) {
	g := Google(t)
	for target, op := range map[string]string{
		"https://iam.googleapis.com/v1/projects/acme/serviceAccounts":                                           "GET /iam/v1/projects/{projectsId}/serviceAccounts",
		"https://us-central1-aiplatform.googleapis.com/v1/projects/acme/locations/us-central1/reasoningEngines": "GET /aiplatform/v1/projects/{projectsId}/locations/{locationsId}/reasoningEngines",
		"/admin/admin/reports/v1/activity/users/all/applications/token":                                         "GET /admin/admin/reports/v1/activity/users/{userKey}/applications/{applicationName}",
		"/cloudasset/v1/organizations/1:searchAllIamPolicies":                                                   "GET /cloudasset/v1/{v1Id}/{v1Id1}:searchAllIamPolicies",
	} {
		if got, _ := g.Operation(asked(t, http.MethodGet, target)); got != op {
			t.Errorf("%s is %q, want %q", target, got, op)
		}
	}
}
