package contract

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// metadata is a small Graph with one of each thing that is looked at.
const metadata = `{"enums":{"microsoft.graph.kind":["one","two"]},"types":{
"microsoft.graph.directoryObject":{"properties":{"id":{"type":"Edm.String"}}},
"microsoft.graph.user":{"base":"microsoft.graph.directoryObject","properties":{"displayName":{"type":"Edm.String","nullable":true},"accountEnabled":{"type":"Edm.Boolean"}},
 "navigation":{"manager":"microsoft.graph.directoryObject","sponsors":"Collection(microsoft.graph.directoryObject)"}},
"microsoft.graph.agentUser":{"base":"microsoft.graph.user","properties":{"kind":{"type":"microsoft.graph.kind"},"tags":{"type":"Collection(Edm.String)"},
 "at":{"type":"Edm.DateTimeOffset"},"n":{"type":"Edm.Int32"},"key":{"type":"Edm.Guid"},"raw":{"type":"Edm.Binary"}}},
"microsoft.graph.subscription":{"properties":{"id":{"type":"Edm.String"},"resource":{"type":"Edm.String"}}}}}`

func graph(t *testing.T) *Graph {
	t.Helper()
	g, err := LoadGraph([]byte(metadata))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func found(t *testing.T, all []string, want string) {
	t.Helper()
	if got := strings.Join(all, "; "); (want == "") != (got == "") || !strings.Contains(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestGraphRequests(t *testing.T) {
	g := graph(t)
	for _, c := range []struct{ method, target, body, op, want string }{
		{"GET", "/v1.0/users", "", "GET /v1.0/users", ""},
		{"GET", "/v1.0/users/delta?$select=id,displayName", "", "GET /v1.0/users/delta", ""},
		{"GET", "/v1.0/users/microsoft.graph.delta()?$skiptoken=x", "", "GET /v1.0/users/delta", ""},
		{"GET", "/v1.0/users/microsoft.graph.agentUser?$select=kind&$top=100", "", "GET /v1.0/users/microsoft.graph.agentUser", ""},
		{"GET", "/v1.0/users/u1/manager?$select=id", "", "GET /v1.0/users/{id}/manager", ""},
		{"GET", "/v1.0/users/u1/microsoft.graph.agentUser/sponsors", "", "GET /v1.0/users/{id}/microsoft.graph.agentUser/sponsors", ""},
		{"GET", "/v1.0/users(mail='a')/sponsors", "", "GET /v1.0/users(mail={mail})/sponsors", ""},
		{"GET", "/v1.0/users/u1/owners", "", "", ""},
		{"GET", "/v1.0/users/microsoft.graph.subscription", "", "", ""},
		{"GET", "/v1.0/elsewhere", "", "", ""},
		{"GET", "/beta/users", "", "", ""},
		{"GET", "/v1.0/users?$select=kind", "", "GET /v1.0/users", "names kind, which"},
		{"GET", "/v1.0/users?$filter=" + url.QueryEscape("nick eq 'x'"), "", "GET /v1.0/users", "names nick"},
		{"GET", "/v1.0/users?$filter=" + url.QueryEscape("displayName eq 'x'"), "", "GET /v1.0/users", ""},
		{"GET", "/v1.0/users?$filter=true", "", "GET /v1.0/users", "compares no property"},
		{"GET", "/v1.0/users?$top=1000", "", "GET /v1.0/users", "$top=1000"},
		{"GET", "/v1.0/users/u1?$top=1", "", "GET /v1.0/users/{id}", "$top=1"},
		{"GET", "/v1.0/users?limit=1", "", "GET /v1.0/users", "limit is an option"},
		{"GET", "/v1.0/users?$top=1&$top=2", "", "GET /v1.0/users", "more than once"},
		{"POST", "/v1.0/subscriptions", `{"resource":"users"}`, "POST /v1.0/subscriptions", ""},
		{"POST", "/v1.0/subscriptions", `{"wish":"users"}`, "POST /v1.0/subscriptions", "no property wish"},
		{"POST", "/v1.0/subscriptions", `x`, "POST /v1.0/subscriptions", "no JSON object"},
	} {
		r := request(t, c.method, c.target)
		op, known := g.Operation(r)
		if known != (c.op != "") || known && op != c.op {
			t.Errorf("%s is %q, %v; want %q", c.target, op, known, c.op)
		}
		t.Run(c.target, func(t *testing.T) { found(t, g.Request(r, []byte(c.body)), c.want) })
	}
}

func TestGraphAnswers(t *testing.T) {
	g := graph(t)
	for _, c := range []struct {
		target string
		status int
		body   string
		want   string
	}{
		{"/v1.0/users", 200, `{"@odata.nextLink":"x","value":[{"id":"1","displayName":null,"accountEnabled":true},{"id":"2","@removed":{"reason":"deleted"}}]}`, ""},
		{"/v1.0/users", 200, `{"value":[{"@odata.type":"#microsoft.graph.agentUser","kind":"two","tags":["a"],"at":"2026-05-06T07:08:09Z","n":7,
			"key":"a1a1a1a1-0001-4000-8000-000000000001","raw":"AA==","manager":{"id":"3"}}]}`, ""},
		{"/v1.0/users/u1", 200, `{"id":"1"}`, ""},
		{"/v1.0/users/u1", 404, `{"error":{"code":"Request_ResourceNotFound"}}`, ""},
		{"/v1.0/users/u1", 404, `{"message":"no"}`, "not an error in Graph's form"},
		{"/v1.0/users", 200, `{"items":[]}`, "a list without value"},
		{"/v1.0/users", 200, `<html>`, "no JSON object"},
		{"/v1.0/users/u1", 200, `{"id":1}`, "1 is no Edm.String"},
		{"/v1.0/users/u1", 200, `{"accountEnabled":null}`, "does not allow"},
		{"/v1.0/users/u1", 200, `{"nick":"x"}`, "no property nick"},
		{"/v1.0/users/u1", 200, `{"@odata.type":"#microsoft.graph.subscription"}`, "is not a microsoft.graph.user"},
		{"/v1.0/users/u1", 200, `{"@odata.type":"#microsoft.graph.agentUser","kind":"three"}`, "not one of"},
		{"/v1.0/users/u1", 200, `{"@odata.type":"#microsoft.graph.agentUser","tags":"a"}`, "is no list"},
		{"/v1.0/users/u1", 200, `{"@odata.type":"#microsoft.graph.agentUser","at":"yesterday"}`, "Edm.DateTimeOffset"},
		{"/v1.0/users/u1", 200, `{"@odata.type":"#microsoft.graph.agentUser","n":1.5}`, "Edm.Int32"},
		{"/v1.0/users/u1", 200, `{"manager":"ada"}`, "is no object"},
		{"/beta/users", 200, `{"items":[]}`, ""},
	} {
		t.Run(c.target+" "+c.want, func(t *testing.T) {
			found(t, g.Answer(request(t, http.MethodGet, c.target), c.status, nil, []byte(c.body)), c.want)
		})
	}
	if g.Held("GET /v1.0/users") == 0 || g.Seen("microsoft.graph.agentUser") == 0 || g.Seen("microsoft.graph.subscription") == 0 {
		t.Errorf("held %v, seen %v", g.held, g.seen)
	}
}

func TestParts(t *testing.T) {
	x := Exchange{Request: request(t, http.MethodPost, "/v1.0/$batch"), Status: 200,
		Sent: []byte(`{"requests":[{"id":"0","method":"GET","url":"/users/u1?$select=id"},{"id":"1","method":"GET","url":"/users/u2/manager"}]}`),
		Body: []byte(`{"responses":[{"id":"1","status":404,"body":{"error":{"code":"x"}}},{"id":"0","status":200,"body":{"id":"u1"}}]}`)}
	var got []string
	for _, p := range Parts(x) {
		op, _ := graph(t).Operation(p.Request)
		got = append(got, op+" "+p.Request.URL.RawQuery+" "+string(p.Body))
	}
	if want := []string{`GET /v1.0/users/{id}/manager  {"error":{"code":"x"}}`, `GET /v1.0/users/{id} $select=id {"id":"u1"}`}; !slices.Equal(got, want) {
		t.Errorf("parts are %q, want %q", got, want)
	}
	alone := Exchange{Request: request(t, http.MethodGet, "/v1.0/users")}
	if p := Parts(alone); len(p) != 1 || p[0].Request != alone.Request {
		t.Errorf("a request alone is %v", p)
	}
}
