package okta

import (
	"fmt"
	"net/http"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// apiError is the error body of the management API. Only errorCode is a contract.
type apiError struct {
	Code    string  `json:"errorCode"`
	Summary string  `json:"errorSummary"`
	Link    string  `json:"errorLink"`
	ID      string  `json:"errorId"`
	Causes  []cause `json:"errorCauses"`
}

type cause struct {
	Summary string `json:"errorSummary"`
}

// oauthError is the error body of the OAuth endpoints.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func fault(status int, code, summary string, causes ...string) answer {
	e := apiError{
		Code: code, Summary: summary, Link: code, Causes: []cause{},
		ID: "oae" + sandbox.NewRand(0, code, summary).Base62(17),
	}
	for _, c := range causes {
		e.Causes = append(e.Causes, cause{c})
	}
	return answer{status: status, body: e}
}

// invalid is the answer to a parameter or field with a bad value.
func invalid(field, why string) answer {
	return fault(http.StatusBadRequest, "E0000001", "Api validation failed: "+field, field+": "+why)
}

func missing(parameter string) answer {
	return fault(http.StatusBadRequest, "E0000028", "The request is missing a required parameter: "+parameter)
}

func badCursor() answer {
	return fault(http.StatusBadRequest, "E0000054", "Invalid paging request.")
}

func notFound(id, kind string) answer {
	return fault(http.StatusNotFound, "E0000007", fmt.Sprintf("Not found: Resource not found: %s (%s)", id, kind))
}

func noPath(*call) answer {
	return fault(http.StatusNotFound, "E0000008", "The requested path was not found")
}

func unauthorized() answer {
	return fault(http.StatusUnauthorized, "E0000011", "Invalid token provided")
}

func forbidden() answer {
	return fault(http.StatusForbidden, "E0000006", "You do not have permission to perform the requested action")
}

func tooMany() answer {
	return fault(http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
}

func broken() answer {
	return fault(http.StatusInternalServerError, "E0000009", "Internal Server Error")
}
