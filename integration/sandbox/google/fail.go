package google

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// Fail answers a request with Google's form of a fault. It leaves alone what has no such form: an expired cursor where
// none was sent, an empty list where none was asked for, and requests that no service would have taken anyway.
func (s *Sandbox) Fail(w http.ResponseWriter, r *http.Request, f sandbox.Fault) bool {
	if (r.URL.Path == "/token" || r.URL.Path == "/sts/v1/token") && r.Method == http.MethodPost {
		return failToken(w, f)
	}
	route, vars := find(r.Method, r.URL.EscapedPath())
	if route == nil {
		return false
	}
	e := s.fault(w, r, route, vars, f)
	if e == nil {
		return false
	}
	if e.Code == http.StatusOK {
		writeJSON(w, http.StatusOK, []byte("{}\n"))
		return true
	}
	writeError(w, e)
	return true
}

// fault is the error that stands for a fault; nil when there is none, code 200 for an empty list.
func (s *Sandbox) fault(w http.ResponseWriter, r *http.Request, route *route, vars map[string]string, f sandbox.Fault) *apiError {
	switch f.Kind {
	case sandbox.RateLimit:
		s.mu.RLock()
		defer s.mu.RUnlock()
		return overQuota(route.service, s.st.Projects[governed].Number, 60, f.After)
	case sandbox.ServerError:
		return &apiError{Code: 500, Status: "INTERNAL", Message: "Internal error encountered."}
	case sandbox.Unauthorized:
		return unauthorized(route.service, route.method, "ACCESS_TOKEN_EXPIRED")
	case sandbox.Forbidden:
		return denied(route.service, route.permission(), resourceOf(vars))
	case sandbox.Expired:
		if pageToken(r) != "" {
			return invalid("page_token", "Invalid page token. It must be the nextPageToken of a call with the same parameters.")
		}
	case sandbox.EmptyOK:
		if route.lists() {
			return &apiError{Code: http.StatusOK}
		}
	}
	return nil
}

// resourceOf is what a path is about, as far as errors name it.
func resourceOf(vars map[string]string) string {
	for _, kind := range []string{"organization", "folder"} {
		if id := vars[kind]; id != "" {
			return kind + "s/" + id
		}
	}
	resource := "projects/" + vars["project"]
	if l := vars["location"]; l != "" {
		resource += "/locations/" + l
	}
	return resource
}

// failToken has the token endpoint's forms of the faults that it may meet.
func failToken(w http.ResponseWriter, f sandbox.Fault) bool {
	switch f.Kind {
	case sandbox.Unauthorized, sandbox.Forbidden:
		writeTokenError(w, "invalid_grant", "Invalid JWT Signature.")
	case sandbox.ServerError:
		writeJSON(w, http.StatusInternalServerError, []byte(`{"error":"internal_failure","error_description":"Backend Error"}`))
	case sandbox.RateLimit:
		writeJSON(w, http.StatusTooManyRequests, []byte(`{"error":"rate_limit_exceeded","error_description":"Rate limit exceeded"}`))
	default:
		return false
	}
	return true
}

// lists reports whether the method answers with a list, for which {} is the empty one.
func (r *route) lists() bool {
	_, method := cutLast(r.method, ".")
	return strings.HasPrefix(method, "List") || strings.HasPrefix(method, "Search") || strings.HasPrefix(method, "Query") || method == "Pull"
}

// permission is what a caller needs for the method, for example iam.serviceAccounts.list.
func (r *route) permission() string {
	path, custom, found := strings.Cut(r.pattern, ":")
	verb := custom
	if !found {
		verb = map[bool]string{true: "list", false: "get"}[r.lists()]
	}
	collection := ""
	for _, segment := range strings.Split(path, "/") {
		if !strings.HasPrefix(segment, "{") {
			collection = segment
		}
	}
	switch {
	case r.service == serviceLogging:
		return "logging.logEntries.list"
	case r.service == serviceAsset:
		return "cloudasset.assets." + custom
	case r.service == serviceResource:
		return "resourcemanager." + collection + "." + strings.Replace(verb, "search", "get", 1)
	case r.service == serviceIAM && collection == "keys":
		collection = "serviceAccountKeys"
	}
	return r.service + "." + collection + "." + verb
}

func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	return s[:max(i, 0)], s[i+1:]
}

// pageToken is the token that a request has, in its query or in its body, which stays readable.
func pageToken(r *http.Request) string {
	q := r.URL.Query()
	if t := q.Get("pageToken") + q.Get("page_token"); t != "" || r.Method != http.MethodPost {
		return t
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b), r.Body))
	var body struct {
		PageToken string `json:"pageToken"`
	}
	if err != nil || json.Unmarshal(b, &body) != nil {
		return ""
	}
	return body.PageToken
}
