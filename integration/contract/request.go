package contract

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Request holds a request to the contract and returns what is wrong with it: path and method, parameters that the contract does
// not know or that have another type, filters by attributes that the vendor does not filter by, headers, and the body, which is
// given apart. It changes nothing of the request.
func (c *Contract) Request(r *http.Request, body []byte) []string {
	route, params := c.route(r)
	if route == nil {
		return []string{fmt.Sprintf("%s %s is not in the contract", r.Method, r.URL.Path)}
	}
	found := slices.Concat(query(r, route), filters(r, route), headers(r, route))
	copied := r.Clone(r.Context())
	copied.Body, copied.ContentLength, copied.GetBody = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	err := openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, Route: route, Options: &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		},
	})
	return prefixed(name(route), append(found, reasons(err)...))
}

func prefixed(op string, found []string) []string {
	for i := range found {
		found[i] = op + ": " + found[i]
	}
	return found
}

// query finds parameters that the contract does not know, and those that stand there twice.
func query(r *http.Request, route *routers.Route) (found []string) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return []string{"the query cannot be parsed"}
	}
	for _, p := range slices.Sorted(maps.Keys(q)) {
		known := parameter(route, p)
		switch {
		case known == nil:
			found = append(found, fmt.Sprintf("the query parameter %q is unknown", p))
		case len(q[p]) > 1 && (known.Schema == nil || !known.Schema.Value.Type.Is("array")):
			found = append(found, fmt.Sprintf("the query parameter %q stands there %d times", p, len(q[p])))
		}
	}
	return found
}

func parameter(route *routers.Route, name string) *openapi3.Parameter {
	if p := route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name); p != nil {
		return p
	}
	return route.PathItem.Parameters.GetByInAndName(openapi3.ParameterInQuery, name)
}

// comparison is one comparison of a SCIM filter: attribute, operator, value.
var comparison = regexp.MustCompile(`([A-Za-z][\w.]*) (eq|ne|co|sw|ew|gt|ge|lt|le|pr)\b`)

// filters finds comparisons that the vendor does not make, where the contract says which it makes (x-scim-filter).
func filters(r *http.Request, route *routers.Route) (found []string) {
	for _, ref := range route.Operation.Parameters {
		knows, ok := ref.Value.Extensions["x-scim-filter"].(map[string]any)
		if !ok {
			continue
		}
		for _, m := range comparison.FindAllStringSubmatch(unquoted(r.URL.Query().Get(ref.Value.Name)), -1) {
			about, _ := knows[m[1]].(map[string]any)
			operators, _ := about["operators"].([]any)
			if !slices.Contains(operators, any(m[2])) {
				found = append(found, fmt.Sprintf("the parameter %q compares %s %s, which the vendor does not", ref.Value.Name, m[1], m[2]))
			}
		}
	}
	return found
}

var quotedValue = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// unquoted is a filter without its values.
func unquoted(filter string) string { return quotedValue.ReplaceAllString(filter, `""`) }

// headers finds a request without the credentials that its operation needs, or that does not take JSON.
func headers(r *http.Request, route *routers.Route) (found []string) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	needed := route.Operation.Security != nil && len(*route.Operation.Security) > 0
	switch {
	case needed && !slices.Contains([]string{"SSWS", "Bearer", "DPoP"}, scheme):
		found = append(found, "the header Authorization has none of the schemes SSWS, Bearer, DPoP")
	case scheme == "DPoP" && r.Header.Get("DPoP") == "":
		found = append(found, "a DPoP token without the header DPoP")
	}
	if accept := r.Header.Get("Accept"); accept != "" && !strings.Contains(accept, "application/json") && !strings.Contains(accept, "*/*") {
		found = append(found, "the header Accept does not take application/json")
	}
	return found
}

// reasons are what a validation complains of, one line each, without the values, which may be anybody's.
func reasons(err error) []string {
	var many openapi3.MultiError
	var request *openapi3filter.RequestError
	var response *openapi3filter.ResponseError
	var schema *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many) && isMany(err):
		var all []string
		for _, e := range many {
			all = append(all, reasons(e)...)
		}
		return all
	case errors.As(err, &request) && request.Parameter != nil:
		return prefixed(request.Parameter.In+" parameter "+request.Parameter.Name, inner(request.Err, request.Reason))
	case errors.As(err, &request):
		return prefixed("body", inner(request.Err, request.Reason))
	case errors.As(err, &response):
		return inner(response.Err, response.Reason)
	case errors.As(err, &schema):
		return []string{"at /" + strings.Join(schema.JSONPointer(), "/") + ": " + schema.Reason}
	}
	return []string{err.Error()}
}

// isMany reports whether err itself, not something that it wraps, is a list of errors.
func isMany(err error) bool {
	_, ok := err.(openapi3.MultiError) //nolint:errorlint // what it wraps is looked at one by one
	return ok
}

func inner(err error, reason string) []string {
	if err == nil {
		return []string{reason}
	}
	return reasons(err)
}
