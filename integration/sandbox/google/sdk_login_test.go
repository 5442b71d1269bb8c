package google_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcallhq/rollcall/integration/sandbox"
	"github.com/rollcallhq/rollcall/integration/sandbox/google"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"
)

// federated writes the files that a client outside logs in with, for a subject and the account that it acts as, and lists.
func federated(t *testing.T, s *google.Sandbox, base, subject, email string) error {
	t.Helper()
	dir := t.TempDir()
	token, config := filepath.Join(dir, "token"), filepath.Join(dir, "config.json")
	b := must[[]byte](t)(s.Federation(base, token, email))
	if err := errors.Join(os.WriteFile(token, []byte(s.OutsideToken(subject)), 0o600), os.WriteFile(config, b, 0o600)); err != nil {
		t.Fatal(err)
	}
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), option.WithEndpoint(base+"/iam/"),
		option.WithAuthCredentialsFile(option.ExternalAccount, config)))
	_, err := svc.Projects.ServiceAccounts.List("projects/" + s.Projects()[0]).Do()
	return err
}

// TestSDKLogsInFromOutside: workload identity federation, as the pool's principal and as a service account whose policy says so.
func TestSDKLogsInFromOutside(t *testing.T) {
	s, _, base := serve(t)
	var account sandbox.TruthAgent
	for _, a := range s.Truth().Agents {
		if len(a.Federated) > 0 && a.Status == "active" {
			account = a
		}
	}
	if account.ID == "" {
		t.Fatal("no account may be acted as from outside; use more agents")
	}
	_, subject, _ := strings.Cut(account.Federated[0], "/subject/")
	email := ""
	for _, x := range account.Identifiers {
		if e, ok := strings.CutPrefix(x, "email="); ok {
			email = e
		}
	}
	if err := federated(t, s, base, subject, ""); err != nil {
		t.Errorf("as the pool's principal: %v", err)
	}
	if err := federated(t, s, base, subject, email); err != nil {
		t.Errorf("as the account: %v", err)
	}
	if err := federated(t, s, base, "repo:stranger/repo", email); err == nil {
		t.Error("a stranger acted as the account")
	}
	other := google.New(sandbox.NewCompany(3, 9), 4)
	if err := federated(t, other, base, subject, ""); err == nil {
		t.Error("another issuer's token was exchanged")
	}
}

func TestImpersonation(t *testing.T) {
	s, _, base := serve(t)
	out := must[sandbox.Outcome](t)(s.Mutate(sandbox.Change{Op: sandbox.DisableAgent}))
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), at(base, "iam", s.Token())...))
	email := must[*iam.ServiceAccount](t)(svc.Projects.ServiceAccounts.Get("projects/-/serviceAccounts/" + out.Agent).Do()).Email
	ask := func() string { return impersonate(t, s, base, email) }
	if got := ask(); !strings.Contains(got, "FAILED_PRECONDITION") {
		t.Errorf("a disabled account was acted as: %s", got)
	}
	must[sandbox.Outcome](t)(s.Mutate(sandbox.Change{Op: sandbox.EnableAgent, Agent: out.Agent}))
	if got := ask(); got != "" {
		t.Errorf("as an account: %s", got)
	}
}

// impersonate lists accounts with the token of another account, and says what went wrong.
func impersonate(t *testing.T, s *google.Sandbox, base, email string) string {
	t.Helper()
	token, wrong := generate(t, s, base, email)
	if wrong != "" {
		return wrong
	}
	svc := must[*iam.Service](t)(iam.NewService(t.Context(), at(base, "iam", token)...))
	_, err := svc.Projects.ServiceAccounts.List("projects/" + s.Projects()[0]).Do()
	var ge *googleapi.Error
	if errors.As(err, &ge) {
		return ge.Body
	} else if err != nil {
		return err.Error()
	}
	return ""
}

func generate(t *testing.T, s *google.Sandbox, base, email string) (token, wrong string) {
	t.Helper()
	svc := must[*iamcredentials.Service](t)(iamcredentials.NewService(t.Context(), at(base, "iamcredentials", s.Token())...))
	res, err := svc.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+email,
		&iamcredentials.GenerateAccessTokenRequest{Scope: []string{"https://www.googleapis.com/auth/cloud-platform"}, Lifetime: "600s"}).Do()
	var ge *googleapi.Error
	if errors.As(err, &ge) {
		return "", ge.Body
	}
	if err != nil {
		return "", err.Error()
	}
	return res.AccessToken, ""
}
