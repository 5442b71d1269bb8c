package entra

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcallhq/rollcall/connectors"
)

// The ways to log in.
const (
	methodBearer           = "bearer"
	methodClientSecret     = "client_secret"
	methodCertificate      = "certificate"
	methodWorkloadIdentity = "workload_identity"
	methodManagedIdentity  = "managed_identity"
)

// methods are all ways, the best first: those without a secret that could leak.
var methods = []string{methodManagedIdentity, methodWorkloadIdentity, methodCertificate, methodClientSecret, methodBearer}

// parameters are what each method takes beside "method" and "scope"; those that it cannot do without come first, and needed
// counts them.
var parameters = map[string]struct {
	names  []string
	needed int
}{
	methodBearer:           {[]string{"token"}, 1},
	methodClientSecret:     {[]string{"tenant_id", "client_id", "client_secret"}, 3},
	methodCertificate:      {[]string{"tenant_id", "client_id", "certificate", "certificate_password", "send_chain"}, 3},
	methodWorkloadIdentity: {[]string{"tenant_id", "client_id", "token_file"}, 2},
	methodManagedIdentity:  {[]string{"client_id"}, 0},
}

// newCredential makes the connection's way to get a token. It does no network I/O.
func newCredential(s connectors.Settings) (azcore.TokenCredential, error) {
	auth, err := checkAuth(s.Auth)
	if err != nil {
		return nil, err
	}
	if auth["method"] == methodBearer {
		return staticToken(auth["token"]), nil
	}
	options, err := clientOptions(s)
	if err != nil {
		return nil, err
	}
	inner, err := azureCredential(auth, options)
	if err != nil {
		return nil, fmt.Errorf("entra: auth: %s", newScrubber(s.Auth).line(err.Error(), 300))
	}
	return credential{inner: inner, file: auth["token_file"], scrub: newScrubber(s.Auth)}, nil
}

func checkAuth(in map[string]connectors.Secret) (map[string]string, error) {
	method := in["method"].Reveal()
	p, ok := parameters[method]
	if !ok {
		return nil, fmt.Errorf("entra: auth.method is missing or unknown: use one of %s", strings.Join(methods, ", "))
	}
	auth := map[string]string{}
	for name, v := range in {
		if name != "method" && name != "scope" && !slices.Contains(p.names, name) {
			return nil, fmt.Errorf("entra: auth.%s is not taken by the method %s: it takes %s", name, method, strings.Join(p.names, ", "))
		}
		auth[name] = v.Reveal()
	}
	for _, name := range p.names[:p.needed] {
		if auth[name] == "" {
			return nil, errMissing("auth."+name, "the method "+method+" needs it")
		}
	}
	return auth, nil
}

func azureCredential(auth map[string]string, o azcore.ClientOptions) (azcore.TokenCredential, error) {
	tenant, id := auth["tenant_id"], auth["client_id"]
	// Asking the public cloud whether an authority exists would fail behind a firewall, and for any imitation.
	const noDiscovery = true
	switch auth["method"] {
	case methodClientSecret:
		return azidentity.NewClientSecretCredential(tenant, id, auth["client_secret"],
			&azidentity.ClientSecretCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: noDiscovery})
	case methodCertificate:
		certs, key, err := azidentity.ParseCertificates([]byte(auth["certificate"]), []byte(auth["certificate_password"]))
		if err != nil {
			return nil, fmt.Errorf("certificate is not the text of a PEM or the bytes of a PKCS #12 file with certificate and "+
				"private key, or certificate_password is wrong: %w", err)
		}
		return azidentity.NewClientCertificateCredential(tenant, id, certs, key, &azidentity.ClientCertificateCredentialOptions{
			ClientOptions: o, DisableInstanceDiscovery: noDiscovery, SendCertificateChain: auth["send_chain"] == "true"})
	case methodWorkloadIdentity:
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: o, DisableInstanceDiscovery: noDiscovery, TenantID: tenant, ClientID: id, TokenFilePath: auth["token_file"]})
	}
	managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o}
	if id != "" {
		managed.ID = azidentity.ClientID(id)
	}
	return azidentity.NewManagedIdentityCredential(managed)
}

// clientOptions send logins through the connection's transport, once, to the configured authority.
func clientOptions(s connectors.Settings) (azcore.ClientOptions, error) {
	client := &http.Client{Transport: s.Transport, CheckRedirect: noRedirects}
	o := azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}}
	text := s.Services[serviceLogin]
	if text == "" {
		return o, nil
	}
	u, err := baseURL("services."+serviceLogin, text)
	if err != nil {
		return o, err
	}
	if u.Scheme == "http" {
		o.Transport = plainLogin{client: client, host: u.Host}
	}
	o.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: "https://" + u.Host + u.Path}
	return o, nil
}

// nationalClouds have audiences of their own; elsewhere the token is for the global one, through whatever host it is reached.
var nationalClouds = []string{"graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}

func tokenScope(s connectors.Settings, base *url.URL) string {
	if scope := s.Auth["scope"]; scope != "" {
		return scope.Reveal()
	}
	if slices.Contains(nationalClouds, base.Hostname()) {
		return "https://" + base.Hostname() + "/.default"
	}
	return graphEndpoint + "/.default"
}

// staticToken is the method bearer: a token that somebody else got.
type staticToken string

// GetToken returns the token. How long it is good is not known; it is sent until Graph refuses it.
func (t staticToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}
