package google

import (
	"encoding/pem"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// The writing methods of service accounts, for clients that try a whole life of one. Each writes the log as a change of
// [Sandbox.Mutate] does.

// accountIDForm is what the part before the @ may look like.
var accountIDForm = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)

// changing is the change that a writing call makes.
func (c *call) changing() *change { return &change{state: c.state, opt: c.opt, now: c.now} }

func createAccount(c *call) (any, *apiError) {
	p, e := c.projectOf("iam.serviceAccounts.create")
	var body struct {
		AccountID string `json:"accountId"`
		Account   struct {
			DisplayName string `json:"displayName"`
			Description string `json:"description"`
		} `json:"serviceAccount"`
	}
	if e == nil {
		e = c.decode(&body)
	}
	if e != nil {
		return nil, e
	}
	email := body.AccountID + "@" + p.ProjectID + ".iam.gserviceaccount.com"
	switch old := c.account(email); {
	case !accountIDForm.MatchString(body.AccountID):
		return nil, invalid("account_id", "The account ID %q does not have a length between 6 and 30, or is not of lower case letters, digits and dashes.", body.AccountID)
	case len(body.Account.DisplayName) > 100 || len(body.Account.Description) > 256:
		return nil, invalid("service_account", "The display name or the description is too long.")
	case old != nil && old.Deleted.IsZero():
		return nil, &apiError{Code: 409, Status: "ALREADY_EXISTS", Message: "Service account " + body.AccountID + " already exists within project projects/" + p.ProjectID + "."}
	}
	a := &account{Project: p.ProjectID, UniqueID: "1" + c.Rand.Digits(20), Email: email, Title: body.Account.DisplayName,
		Description: body.Account.Description, Created: c.now}
	return c.addAccount(c.opt, c.now, a).json(), nil
}

func deleteAccount(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccounts.delete")
	if e == nil {
		c.changing().deleteAccount(a)
	}
	return struct{}{}, e
}

func disableAccount(c *call) (any, *apiError) { return c.switchAccount("disable", true) }

func enableAccount(c *call) (any, *apiError) { return c.switchAccount("enable", false) }

func (c *call) switchAccount(verb string, off bool) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccounts." + verb)
	if e == nil {
		e = c.decode(&struct{}{})
	}
	if e != nil {
		return nil, e
	}
	a.Disabled = off
	c.accountDeed(c.opt, c.now, a, strings.ToUpper(verb[:1])+verb[1:]+"ServiceAccount", "serviceAccounts."+verb, nil)
	return struct{}{}, nil
}

// undeleteAccount takes the unique id alone: the e-mail may be another account's by now.
func undeleteAccount(c *call) (any, *apiError) {
	id := c.vars["account"]
	a := c.account(id)
	if a == nil || a.UniqueID != id || a.Deleted.IsZero() || c.now.Sub(a.Deleted) >= retention {
		return nil, notFound("Unknown service account")
	}
	if c.account(a.Email) != a {
		return nil, &apiError{Code: 409, Status: "ALREADY_EXISTS", Message: "Another service account has the e-mail of this one."}
	}
	was := a.member()
	a.Deleted = time.Time{}
	c.ix.add(a)
	c.changing().renameMember(was, a.member())
	c.accountDeed(c.opt, c.now, a, "UndeleteServiceAccount", "serviceAccounts.undelete", nil)
	return map[string]accountJSON{"restoredAccount": a.json()}, nil
}

// uploadKey takes a public key in a certificate. Keys that Google would make, with a private half in the answer, are not imitated.
func uploadKey(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccountKeys.create")
	var body struct {
		Certificate []byte `json:"publicKeyData"`
	}
	if e == nil {
		e = c.decode(&body)
	}
	if e != nil {
		return nil, e
	}
	if block, _ := pem.Decode(body.Certificate); block == nil || block.Type != "CERTIFICATE" {
		return nil, invalid("public_key_data", "Invalid public key data: want an RSA public key in an X.509 v3 certificate.")
	}
	if len(a.Keys) >= maxKeys {
		return nil, &apiError{Code: 429, Status: "RESOURCE_EXHAUSTED", Message: "Maximum number of keys on account reached."}
	}
	k := &accountKey{ID: c.hexadecimal(40), Origin: "USER_PROVIDED", After: c.now.Truncate(time.Second), Before: never}
	a.Keys = append(a.Keys, k)
	c.keyDeed(c.opt, c.now, a, k, "UploadServiceAccountKey", "serviceAccountKeys.create")
	return a.keys(c.now)[len(a.Keys)-1], nil
}

func deleteKey(c *call) (any, *apiError) {
	a, e := c.accountOf("iam.serviceAccountKeys.delete")
	if e != nil {
		return nil, e
	}
	for i, k := range a.Keys {
		if k.ID == c.vars["key"] {
			a.Keys = append(a.Keys[:i:i], a.Keys[i+1:]...)
			c.keyDeed(c.opt, c.now, a, k, "DeleteServiceAccountKey", "serviceAccountKeys.delete")
			return struct{}{}, nil
		}
	}
	return nil, notFound("Service account key %s does not exist.", c.vars["key"])
}

// writesAccounts reports whether a method is one of those above.
func (r *route) writesAccounts() bool {
	return r.service == serviceIAM && (r.verb == http.MethodDelete || r.verb == http.MethodPost && !strings.HasSuffix(r.pattern, ":getIamPolicy"))
}
