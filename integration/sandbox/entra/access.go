package entra

import "net/http"

// Access is whether the tenant may use an API that not every tenant has.
type Access string

// The ways in which an API can be missing. The zero value lets it answer.
const (
	Unlicensed Access = "unlicensed" // 403: the tenant has not bought what the API is part of
	Absent     Access = "absent"     // 404: the API is not there, as before a preview reaches a tenant
)

// refuse is the answer of an API that the tenant cannot use; code is the vendor's own for a missing licence.
func (a Access) refuse(code, licence string) error {
	switch a {
	case Unlicensed:
		return &failure{status: http.StatusForbidden, code: code, message: "Neither tenant is B2C or tenant doesn't have " + licence + " license."}
	case Absent:
		return &failure{status: http.StatusNotFound, code: "ResourceNotFound", message: "Resource could not be discovered."}
	}
	return nil
}
