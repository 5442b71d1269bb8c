package okta

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdk "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// connect makes a client of the vendor's own SDK.
func (o *org) connect(more ...sdk.ConfigSetter) *sdk.Client {
	o.t.Helper()
	setters := append([]sdk.ConfigSetter{
		sdk.WithOrgUrl(o.url), sdk.WithTestingDisableHttpsCheck(true), sdk.WithCache(false), sdk.WithRateLimitMaxRetries(0),
	}, more...)
	_, client, err := sdk.NewClient(o.t.Context(), setters...)
	if err != nil {
		o.t.Fatal(err)
	}
	return client
}

func TestTheVendorsSDKReadsTheOrg(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	client := o.connect(sdk.WithAuthorizationMode("SSWS"), sdk.WithToken(o.Token()))
	apps, res, err := client.Application.ListApplications(t.Context(), query.NewQueryParams(query.WithIncludeNonDeleted(true)))
	for err == nil && res.HasNextPage() {
		var more []sdk.App
		var raw []*sdk.Application
		if res, err = res.Next(t.Context(), &raw); err == nil {
			for _, a := range raw {
				more = append(more, a)
			}
			apps = append(apps, more...)
		}
	}
	if err != nil || len(apps) != len(o.st.Apps) {
		t.Errorf("%d apps, %v; want %d", len(apps), err, len(o.st.Apps))
	}
	if u, _, err := client.User.GetUser(t.Context(), o.st.Users[0].ID); err != nil || u.Id != o.st.Users[0].ID {
		t.Errorf("user %+v, %v", u, err)
	}
	if gs, _, err := client.Group.ListGroups(t.Context(), nil); err != nil || len(gs) != 3 {
		t.Errorf("%d groups on the first page, %v", len(gs), err)
	}
	var refused *sdk.Error
	if _, res, err := client.User.GetUser(t.Context(), "nobody"); !errors.As(err, &refused) || res.StatusCode != 404 || refused.ErrorCode != "E0000007" {
		t.Errorf("a missing user: %v", err)
	}
}

func TestTheVendorsSDKReadsAgentsRaw(t *testing.T) {
	o := start(t, Options{PageSize: 3})
	client := o.connect(sdk.WithAuthorizationMode("Bearer"), sdk.WithToken(o.Token()))
	var ids []string
	for path := agents + "?limit=200"; path != ""; {
		rq := client.CloneRequestExecutor()
		req, err := rq.WithAccept("application/json").NewRequest("GET", path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var raw json.RawMessage
		res, err := rq.Do(t.Context(), req, &raw)
		if err != nil {
			t.Fatal(err)
		}
		r := reply{res.StatusCode, res.Header, raw}
		ids = append(ids, r.ids(t)...)
		if path = r.next(); path != "" {
			path = path[len(o.url):]
		}
	}
	want := each(o.st.Agents, func(a *agent) string { return a.ID })
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("agents (-org +SDK):\n%s", diff)
	}
}

func TestTheVendorsSDKPollsTheLog(t *testing.T) {
	o := start(t, Options{})
	client := o.connect(sdk.WithAuthorizationMode("SSWS"), sdk.WithToken(o.Token()))
	out := o.must(sandbox.Change{Op: sandbox.DisableAgent, Native: "ai_agent"})
	events, res, err := client.LogEvent.GetLogs(t.Context(), query.NewQueryParams(
		query.WithSince(stamp(o.clock.Now())), query.WithFilter(`eventType sw "workload_principal."`), query.WithLimit(10)))
	if err != nil || len(events) != 1 || events[0].Target[0].Id != out.Agent || !res.HasNextPage() {
		t.Errorf("events %v, %v; want the one about %s and a next page", events, err, out.Agent)
	}
}

func TestTheVendorsSDKSignsInWithAPrivateKey(t *testing.T) {
	o := start(t, Options{Now: time.Now}) // the SDK dates its assertions by the real clock
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.AddClientKey("sdk", key.Public()); err != nil {
		t.Fatal(err)
	}
	id, _, _ := o.Client()
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	client := o.connect(sdk.WithAuthorizationMode("PrivateKey"), sdk.WithClientId(id), sdk.WithScopes([]string{"okta.users.read"}),
		sdk.WithPrivateKey(string(block)), sdk.WithPrivateKeyId("sdk"))
	if _, _, err := client.User.GetUser(t.Context(), o.st.Users[0].ID); err != nil {
		t.Errorf("with a private key: %v", err)
	}
	if _, _, err := client.Group.ListGroups(t.Context(), nil); err == nil {
		t.Error("groups without their scope: no error")
	}
}
