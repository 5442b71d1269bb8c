package google

import (
	"errors"
	"net/http"
	"strings"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"github.com/go-json-experiment/json"

	"github.com/rollcallhq/rollcall/connectors"
)

// reportsScope is the one scope of Workspace's reports, which only reads.
const reportsScope = "https://www.googleapis.com/auth/admin.reports.audit.readonly"

// errCannotSign is that credentials have no key of their own to sign with, and nobody was named to sign as.
var errCannotSign = errors.New("the machine's credentials have no key to sign with in an administrator's name")

// newWorkspaceLogin makes the credentials that act for a Workspace administrator, by domain-wide delegation: a service account signs
// that it does, with its key, or through the IAM credentials API (signJwt) where somebody else holds its key. A static token is
// sent as it is. s was checked by newLogin, whose credentials own are.
func newWorkspaceLogin(s map[string]connectors.Secret, o workspaceOptions, own login, base http.RoundTripper) login {
	method, account, key := s["method"].Reveal(), o.account, s["key"].Reveal()
	if method == authImpersonation {
		own = sourceOf(key, base)
		if account == "" {
			account = s["target"].Reveal()
		}
	}
	withKey := func(file []byte) (*auth.Credentials, error) {
		return credentials.NewCredentialsFromJSON(credentials.ServiceAccount, file, &credentials.DetectOptions{
			Scopes: []string{reportsScope}, Subject: o.admin, Client: &http.Client{Transport: base}})
	}
	return func() (*auth.Credentials, error) {
		switch {
		case account != "":
			return impersonation(account, o.admin, reportsScope, own, base)()
		case method == authBearer:
			return own()
		case key != "":
			return withKey([]byte(key))
		}
		creds, err := own()
		if err != nil {
			return nil, err
		}
		var file struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(creds.JSON(), &file) != nil || file.Type != string(credentials.ServiceAccount) {
			return nil, errCannotSign
		}
		return withKey(creds.JSON())
	}
}

// workspaceFault words why reports may not be read. Whatever it is, it is about reports alone: the connection's other feeds go on.
func (c *client) workspaceFault(err error) error {
	f := connectors.AsFault(err)
	if f == nil || f.Kind != connectors.Unauthorized && f.Kind != connectors.Forbidden || errors.Is(err, errCannotSign) {
		return err
	}
	out := *f
	out.Kind = connectors.Forbidden
	switch {
	case strings.HasPrefix(f.Cure, "enable "): // the API is off
	case isStatus(err, http.StatusBadRequest):
		out.Cure = "leave the application out of the option workspace_applications: Reports does not know it, or not for this edition of Workspace"
	case c.method == authBearer && c.workspace.account == "":
		out.Cure = "give a token in auth.token that an administrator of Workspace got with the scope " + reportsScope +
			", or use a method that can sign: service_account_key or impersonation"
	default:
		out.Cure = "in the Admin console (Security, API controls, domain-wide delegation) give the service account's client id the scope " + reportsScope +
			", check that the option workspace_admin is an administrator with the privilege Reports, and, where another account signs, grant it " +
			"roles/iam.serviceAccountTokenCreator on that account and enable iamcredentials.googleapis.com"
	}
	return &out
}
