package google

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query is a request's parameters, checked against what the method knows, by their camelCase names.
type query map[string][]string

// systemParameters may be sent to every method of every service.
var systemParameters = []string{"$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token",
	"prettyPrint", "quotaUser", "uploadType", "upload_protocol"}

// repeating are the parameters that may be sent more than once.
var repeating = []string{"keyTypes", "extraLocationTypes", "assetTypes"}

// parseQuery reads a raw query for a method that knows the allowed names. Like the vendor, it takes snake_case names for
// camelCase ones and refuses any other name, and any name twice that may not repeat.
func parseQuery(raw string, allowed []string) (query, *apiError) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("", "Invalid query string: %q.", raw)
	}
	q := query{}
	for name, vs := range values {
		if slices.Contains(systemParameters, strings.TrimPrefix(name, "$")) || name == "$.xgafv" {
			q[strings.TrimPrefix(name, "$")] = vs
			continue
		}
		camel := camelCase(name)
		if !slices.Contains(allowed, camel) {
			return nil, invalid("", "Invalid JSON payload received. Unknown name %q: Cannot bind query parameter. "+
				"Field '%s' could not be found in request message.", name, name)
		}
		q[camel] = append(q[camel], vs...)
		if len(q[camel]) > 1 && !slices.Contains(repeating, camel) {
			return nil, invalid(camel, "Invalid JSON payload received. Unknown name %q: Proto field is not repeating, "+
				"cannot start list.", name)
		}
	}
	return q, q.checkSystem()
}

// checkSystem refuses values of system parameters that the sandbox cannot honour, and that no client of ours sends.
func (q query) checkSystem() *apiError {
	if alt := q.get("alt"); alt != "" && alt != "json" {
		return invalid("alt", "Invalid value at 'alt': %q. This server speaks json only.", alt)
	}
	if pretty := q.get("prettyPrint"); pretty != "" && pretty != "true" && pretty != "false" {
		return invalid("prettyPrint", "Invalid value at 'prettyPrint' (TYPE_BOOL), %q", pretty)
	}
	return nil
}

func (q query) get(name string) string {
	if len(q[name]) == 0 {
		return ""
	}
	return q[name][0]
}

// number reads an int32 parameter; fallback when it was not sent.
func (q query) number(name string, fallback int) (int, *apiError) {
	text := q.get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalid(name, "Invalid value at '%s' (TYPE_INT32), %q", snakeCase(name), text)
	}
	return int(n), nil
}

// flag reads a boolean parameter; false when it was not sent.
func (q query) flag(name string) (bool, *apiError) {
	switch text := q.get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, invalid(name, "Invalid value at '%s' (TYPE_BOOL), %q", snakeCase(name), text)
	}
}

// camelCase turns page_size into pageSize; dots stay, as in options.requestedPolicyVersion.
func camelCase(s string) string {
	var b strings.Builder
	up := false
	for i, c := range s {
		switch {
		case c == '_' && i > 0:
			up = true
		case up:
			b.WriteString(strings.ToUpper(string(c)))
			up = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// snakeCase turns pageSize into page_size.
func snakeCase(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('_')
			c += 'a' - 'A'
		}
		b.WriteRune(c)
	}
	return b.String()
}
