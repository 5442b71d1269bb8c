package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// graphSets are the lists of v1.0 and the types of what is in them. Lists of types that the excerpt of the metadata lacks are not here.
var graphSets = map[string]string{
	"servicePrincipals": "servicePrincipal", "applications": "application", "users": "user", "groups": "group",
	"oauth2PermissionGrants": "oAuth2PermissionGrant", "directoryObjects": "directoryObject", "subscriptions": "subscription",
	"auditLogs/directoryAudits": "directoryAudit", "directory/deletedItems": "directoryObject",
	"roleManagement/directory/roleAssignments": "unifiedRoleAssignment",
}

// graphPlace is what a path of Graph's leads to.
type graphPlace struct {
	name string // the operation's path
	typ  string // full name; empty: the path leads nowhere that the types know
	list bool
}

// place follows a path, segment by segment.
func (g *Graph) place(path string) (p graphPlace) {
	rest, ok := strings.CutPrefix(path, "/v1.0/")
	if !ok {
		return p
	}
	var set string
	for s := range graphSets {
		if (rest == s || strings.HasPrefix(rest, s+"/") || strings.HasPrefix(rest, s+"(")) && len(s) > len(set) {
			set = s
		}
	}
	if set == "" {
		return p
	}
	p = graphPlace{name: "/v1.0/" + set, typ: Namespace + graphSets[set], list: true}
	rest = rest[len(set):]
	if key := alternateKey.FindStringSubmatch(rest); key != nil {
		p.name, p.list, rest = p.name+"("+key[1]+"={"+key[1]+"})", false, rest[len(key[0]):]
	}
	for segment := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		if segment != "" && p.typ != "" {
			p = g.step(p, segment)
		}
	}
	return p
}

// alternateKey is the key in parentheses by which an object is found without its id.
var alternateKey = regexp.MustCompile(`^\((\w+)='[^']*'\)`)

// step follows one segment: a cast, the function delta, the id of something in a list, or a relation.
func (g *Graph) step(p graphPlace, segment string) graphPlace {
	name := p.name + "/" + segment
	cast := Namespace + segment[strings.LastIndexByte(segment, '.')+1:]
	function := strings.TrimPrefix(strings.TrimSuffix(segment, "()"), Namespace)
	switch {
	case p.list && function == "delta":
		return graphPlace{p.name + "/delta", p.typ, true}
	case strings.Contains(segment, "."):
		if !g.derives(cast, p.typ) {
			return graphPlace{}
		}
		return graphPlace{p.name + "/" + cast, cast, p.list}
	case p.list:
		return graphPlace{p.name + "/{id}", p.typ, false}
	}
	to, ok := g.Navigation(p.typ, segment)
	if !ok {
		return graphPlace{}
	}
	inner, many := strings.CutPrefix(to, "Collection(")
	return graphPlace{name, strings.TrimSuffix(inner, ")"), many}
}

// Operation names what a request asks for, if the types know it: a method and a path in which what names one object is {id}.
func (g *Graph) Operation(r *http.Request) (string, bool) {
	p := g.place(r.URL.Path)
	return r.Method + " " + p.name, p.typ != ""
}

// Request holds a request's options and body to the types.
func (g *Graph) Request(r *http.Request, body []byte) (found []string) {
	p := g.place(r.URL.Path)
	if p.typ == "" {
		return nil
	}
	op := r.Method + " " + p.name
	for name, values := range r.URL.Query() {
		found = append(found, prefixed(op, g.option(p, name, values))...)
	}
	if r.Method == http.MethodGet {
		return found
	}
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		return append(found, op+": the body is no JSON object")
	}
	return append(found, prefixed(op, g.Object("the body", p.typ, m))...)
}

// compared is a property that a filter compares, with what it is compared to.
var compared = regexp.MustCompile(`(\w+) (?:eq|ne|ge|le|gt|lt) `)

// option holds a query option to the type of what is asked for.
func (g *Graph) option(p graphPlace, name string, values []string) (found []string) {
	if len(values) > 1 {
		found = append(found, name+" is given more than once")
	}
	var props []string
	switch value := values[0]; name {
	case "$select":
		props = strings.Split(value, ",")
	case "$filter":
		for _, m := range compared.FindAllStringSubmatch(value, -1) {
			props = append(props, m[1])
		}
		if len(props) == 0 {
			found = append(found, "$filter compares no property")
		}
	case "$top":
		if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 999 || !p.list {
			found = append(found, "$top="+value+" is no number from 1 to 999, or not of a list")
		}
	case "$skiptoken", "$deltatoken": // the vendor's own
	default:
		found = append(found, name+" is an option that no connector of this project is to send")
	}
	for _, prop := range props {
		if _, _, ok := g.Property(p.typ, prop); !ok {
			found = append(found, fmt.Sprintf("%s names %s, which %s does not have", name, prop, p.typ))
		}
	}
	return found
}

// Answer holds an answer to the types.
func (g *Graph) Answer(r *http.Request, status int, _ http.Header, body []byte) []string {
	p := g.place(r.URL.Path)
	if p.typ == "" {
		return nil
	}
	op := r.Method + " " + p.name
	g.count(g.held, op)
	if status == http.StatusNoContent {
		return nil
	}
	var m map[string]any
	if err := json.Unmarshal(body, &m); err != nil {
		return []string{fmt.Sprintf("%s %d: the body is no JSON object", op, status)}
	}
	return prefixed(fmt.Sprintf("%s %d", op, status), g.answer(p, status, m))
}

func (g *Graph) answer(p graphPlace, status int, m map[string]any) (found []string) {
	if status >= http.StatusBadRequest {
		e, _ := m["error"].(map[string]any)
		if code, _ := e["code"].(string); code == "" {
			found = []string{"not an error in Graph's form"}
		}
		return found
	}
	if !p.list || status == http.StatusCreated {
		return g.Object("the object", p.typ, m)
	}
	items, ok := m["value"].([]any)
	if !ok {
		return []string{"a list without value"}
	}
	for _, item := range items {
		found = append(found, g.Value("value[]", p.typ, item)...)
	}
	return found
}

// Held is how many answers of an operation were held to the types.
func (g *Graph) Held(op string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held[op]
}

// Parts are the exchanges that a $batch is made of; of anything else the exchange alone.
func Parts(x Exchange) []Exchange {
	version, isBatch := strings.CutSuffix(x.Request.URL.Path, "/$batch")
	var asked struct {
		Requests []struct {
			ID, Method, URL string
			Body            json.RawMessage
		}
	}
	var answered struct {
		Responses []struct {
			ID     string
			Status int
			Body   json.RawMessage
		}
	}
	if !isBatch || json.Unmarshal(x.Sent, &asked) != nil || json.Unmarshal(x.Body, &answered) != nil {
		return []Exchange{x}
	}
	var out []Exchange
	for _, part := range answered.Responses {
		for _, q := range asked.Requests {
			u, err := url.Parse(version + q.URL)
			if q.ID == part.ID && err == nil {
				out = append(out, Exchange{Request: &http.Request{Method: q.Method, URL: u}, Sent: q.Body, Status: part.Status,
					Header: http.Header{}, Body: slices.Clip([]byte(part.Body))})
			}
		}
	}
	return out
}
