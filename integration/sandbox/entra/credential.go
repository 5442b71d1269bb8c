package entra

import (
	"crypto/sha1"
	"encoding/base64"
	"time"
)

// secret is the metadata of a client secret as a read shows it: never the secret itself.
func (s *Sandbox) secret(name string, from, to time.Time) map[string]any {
	return map[string]any{
		"customKeyIdentifier": nil, "displayName": name, "endDateTime": stamp(to), "hint": s.st.Rand.Base62(3),
		"keyId": s.st.Rand.UUID(), "secretText": nil, "startDateTime": stamp(from),
	}
}

// certificate is the metadata of a certificate; customKeyIdentifier is its thumbprint, as when a portal uploads it.
func (s *Sandbox) certificate(name string, from, to time.Time) map[string]any {
	id := s.st.Rand.UUID()
	thumb := sha1.Sum([]byte(id))
	return map[string]any{
		"customKeyIdentifier": base64.StdEncoding.EncodeToString(thumb[:]), "displayName": name, "endDateTime": stamp(to),
		"key": nil, "keyId": id, "startDateTime": stamp(from), "type": "AsymmetricX509Cert", "usage": "Verify",
	}
}

// federated is trust in tokens of a managed identity of this tenant.
func (s *Sandbox) federated(name, subject string) map[string]any {
	return map[string]any{
		"audiences": []any{"api://AzureADTokenExchange"}, "description": nil, "id": s.st.Rand.UUID(),
		"issuer": "https://login.microsoftonline.com/" + s.st.Tenant + "/v2.0", "name": name, "subject": subject,
	}
}
