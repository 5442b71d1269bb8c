package google

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
)

// apiError is an answer in Google's error form: {"error":{"code":…,"message":…,"status":…,"details":[…]}}.
type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Status  string `json:"status"`
	Details []any  `json:"details,omitempty"`

	Errors []legacyJSON `json:"errors,omitempty"` // of the older APIs
}

// legacyJSON is how the older APIs, such as Workspace's, say the reason.
type legacyJSON struct {
	Message string `json:"message"`
	Domain  string `json:"domain"`
	Reason  string `json:"reason"`
}

// legacy is an error of an older API.
func legacy(code int, text, reason, domain string) *apiError {
	status := map[int]string{400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}[code]
	return &apiError{Code: code, Message: text, Status: status, Errors: []legacyJSON{{text, domain, reason}}}
}

// disabled is the 403 of a project that does not use the service.
func disabled(service, number string) *apiError {
	return &apiError{Code: 403, Status: "PERMISSION_DENIED",
		Message: fmt.Sprintf("%s.googleapis.com has not been used in project %s before or it is disabled.", service, number),
		Details: []any{info("SERVICE_DISABLED", "googleapis.com",
			map[string]string{"service": service + ".googleapis.com", "consumer": "projects/" + number})}}
}

func (e *apiError) Error() string { return e.Status + ": " + e.Message }

// errorInfo is google.rpc.ErrorInfo.
type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// retryInfo is google.rpc.RetryInfo.
type retryInfo struct {
	Type  string `json:"@type"`
	Delay string `json:"retryDelay"`
}

// badRequest is google.rpc.BadRequest.
type badRequest struct {
	Type       string           `json:"@type"`
	Violations []fieldViolation `json:"fieldViolations"`
}

type fieldViolation struct {
	Field       string `json:"field,omitempty"`
	Description string `json:"description"`
}

func info(reason, domain string, metadata map[string]string) errorInfo {
	return errorInfo{"type.googleapis.com/google.rpc.ErrorInfo", reason, domain, metadata}
}

// invalid is a 400 for a request that the vendor does not take.
func invalid(field, format string, args ...any) *apiError {
	text := fmt.Sprintf(format, args...)
	e := &apiError{Code: 400, Message: text, Status: "INVALID_ARGUMENT"}
	if field != "" {
		e.Details = []any{badRequest{"type.googleapis.com/google.rpc.BadRequest", []fieldViolation{{field, text}}}}
	}
	return e
}

func notFound(format string, args ...any) *apiError {
	return &apiError{Code: 404, Message: fmt.Sprintf(format, args...), Status: "NOT_FOUND"}
}

// denied is the 403 that stands for "no permission" and for "does not exist" alike.
func denied(service, permission, resource string) *apiError {
	return &apiError{
		Code:   403,
		Status: "PERMISSION_DENIED",
		Message: fmt.Sprintf("Permission '%s' denied on resource '//%s.googleapis.com/%s' (or it may not exist).",
			permission, service, resource),
		Details: []any{info("IAM_PERMISSION_DENIED", "iam.googleapis.com",
			map[string]string{"permission": permission, "resource": resource})},
	}
}

// noLocation is the 403 of services that know their locations.
func noLocation(location string) *apiError {
	return &apiError{Code: 403, Status: "PERMISSION_DENIED",
		Message: fmt.Sprintf("Location %s is not found or access is unauthorized.", location)}
}

func unauthorized(service, method, reason string) *apiError {
	text := "Request had invalid authentication credentials. "
	if reason == "CREDENTIALS_MISSING" {
		text = "Request is missing required authentication credential. "
	}
	metadata := map[string]string{"service": service + ".googleapis.com"}
	if method != "" {
		metadata["method"] = method
	}
	return &apiError{Code: 401, Status: "UNAUTHENTICATED",
		Message: text + "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
			"See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		Details: []any{info(reason, "googleapis.com", metadata)}}
}

// writeError writes the error with the headers that belong to it.
func writeError(w http.ResponseWriter, e *apiError) {
	if e.Code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	}
	b, err := json.MarshalIndent(map[string]*apiError{"error": e}, "", "  ")
	if err != nil { // every detail is one of the structs above
		panic(err)
	}
	writeJSON(w, e.Code, append(b, '\n'))
}

// writeJSON writes a body with the headers of Google's API servers.
func writeJSON(w http.ResponseWriter, code int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Cache-Control", "private")
	h.Set("Server", "ESF")
	h.Set("X-Content-Type-Options", "nosniff")
	h["Vary"] = []string{"Origin", "X-Origin", "Referer"}
	w.WriteHeader(code)
	_, _ = w.Write(body) // the reader may have gone; nothing is to be done about it
}

// writeNoURL answers a path that no service has: Google's front end does so in HTML, whatever the client accepts.
func writeNoURL(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 404 (Not Found)!!1</title>\n"+
		"  <p><b>404.</b> <ins>That’s an error.</ins>\n  <p>The requested URL <code>%s</code> was not found on this server."+
		"  <ins>That’s all we know.</ins>\n", html.EscapeString(r.URL.Path))
}
