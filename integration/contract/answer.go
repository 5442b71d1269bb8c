package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3filter"
)

// Answer holds an answer to the contract of its request and returns what is wrong with it. Nothing is wrong with an answer to
// what the contract does not have; see [Contract.Operation]. A status that the contract leaves out is taken only as a refusal in
// Okta's common form.
func (c *Contract) Answer(r *http.Request, status int, header http.Header, body []byte) []string {
	route, params := c.route(r)
	if route == nil {
		return nil
	}
	op := name(route)
	c.count(op)
	if route.Operation.Responses.Status(status) == nil {
		return undeclared(op, status, body)
	}
	err := openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 status, Header: header, Body: io.NopCloser(bytes.NewReader(withoutNulls(route.Path, body))),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	return prefixed(fmt.Sprintf("%s %d", op, status), reasons(err))
}

// undeclared takes a status that the contract leaves out only as a refusal in the common form of errors.
func undeclared(op string, status int, body []byte) []string {
	var e struct {
		Code string `json:"errorCode"`
		ID   string `json:"errorId"`
	}
	if err := json.Unmarshal(body, &e); status < 400 || err != nil || e.Code == "" || e.ID == "" {
		return []string{fmt.Sprintf("%s %d: neither declared by the contract nor an error in Okta's form", op, status)}
	}
	return nil
}

// withoutNulls drops the nulls of log entries. The live API sends them where the contract has no null.
func withoutNulls(path string, body []byte) []byte {
	var v any
	if !strings.HasPrefix(path, "/api/v1/logs") || json.Unmarshal(body, &v) != nil {
		return body
	}
	b, err := json.Marshal(dropNulls(v))
	if err != nil {
		return body
	}
	return b
}

func dropNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if m == nil {
				delete(v, k)
			} else {
				v[k] = dropNulls(m)
			}
		}
	case []any:
		for i := range v {
			v[i] = dropNulls(v[i])
		}
	}
	return v
}
