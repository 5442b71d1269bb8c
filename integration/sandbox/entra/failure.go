package entra

import (
	"fmt"
	"net/http"
)

// failure is an answer in the vendor's error form.
type failure struct {
	status  int
	code    string
	message string
	header  http.Header
}

func (f *failure) Error() string { return fmt.Sprintf("%d %s: %s", f.status, f.code, f.message) }

// bad refuses a request of a directory object.
func bad(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_BadRequest", message: fmt.Sprintf(format, args...)}
}

// badQuery refuses what the gateway's own OData parser refuses.
func badQuery(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "BadRequest", message: fmt.Sprintf(format, args...)}
}

// unsupported refuses an advanced query without the header that such queries need.
func unsupported(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", message: fmt.Sprintf(format, args...)}
}

// noProperty refuses a name in $select, $expand, $filter or $orderby that the type does not have.
func noProperty(clause, name string, k kind) *failure {
	return badQuery("%s: Could not find a property named '%s' on type '%s%s'.", clause, name, namespace, k.name)
}

// broken is a fault inside the service.
func broken(message string) *failure {
	return &failure{status: http.StatusInternalServerError, code: "UnknownError", message: message}
}

// noSegment answers a path that the service does not have; at this vendor that is a 400.
func noSegment(segment string) *failure {
	return badQuery("Resource not found for the segment '%s'.", segment)
}

// notFound answers for an object that does not exist, or not any more, or not yet.
func notFound(id string) *failure {
	return &failure{status: http.StatusNotFound, code: "Request_ResourceNotFound",
		message: fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)}
}

// denied answers for what the token's permissions do not cover; every write is among it.
func denied() *failure {
	return &failure{status: http.StatusForbidden, code: "Authorization_RequestDenied",
		message: "Insufficient privileges to complete the operation."}
}

// unauthorized answers for a token that is missing or wrong.
func unauthorized(message string) *failure {
	challenge := fmt.Sprintf("Bearer realm=%q, authorization_uri=%q, client_id=%q",
		"", "https://login.microsoftonline.com/common/oauth2/authorize", graphAppID)
	return &failure{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message,
		header: http.Header{"Www-Authenticate": {challenge}}}
}
