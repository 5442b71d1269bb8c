package entra

import (
	"fmt"
	"time"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// password is a client secret of a blueprint, without the secret.
type password struct {
	KeyID string     `json:"keyId"`
	Name  string     `json:"displayName"`
	Start *time.Time `json:"startDateTime"`
	End   *time.Time `json:"endDateTime"`
}

// key is a certificate or key of a blueprint, without the key.
type key struct {
	password
	Type string `json:"type"`
}

// credentials adds the application's passwords and keys. Each of the two lists that the record shows replaces its scope.
func (a *application) credentials(out *connectors.Reading) error {
	if a.Passwords != nil {
		scope := "passwords/" + a.ID
		out.Replaces = append(out.Replaces, scope)
		for _, p := range *a.Passwords {
			if err := p.add(out, a.ID, scope, "secret"); err != nil {
				return err
			}
		}
	}
	if a.Keys != nil {
		scope := "keys/" + a.ID
		out.Replaces = append(out.Replaces, scope)
		for _, k := range *a.Keys {
			if err := k.add(out, a.ID, scope, k.kind()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *password) add(out *connectors.Reading, holder, scope, kind string) error {
	if p.KeyID == "" {
		return fmt.Errorf("a credential has no keyId")
	}
	out.Entities = append(out.Entities, events.Entity{
		Kind: events.KindCredential, Holder: holder, Key: p.KeyID, Scope: scope,
		Credential: &events.Credential{Type: kind, Name: p.Name, NotBefore: when(p.Start), Expires: when(p.End)},
	})
	return nil
}

// kind is the credential's type; what is not known stays the vendor's word.
func (k *key) kind() string {
	switch k.Type {
	case "AsymmetricX509Cert", "X509CertAndPassword":
		return "certificate"
	case "Symmetric", "":
		return "key"
	}
	return k.Type
}

type federated struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	Subject   string   `json:"subject"`
	Audiences []string `json:"audiences"`
}

func readFederated(r connectors.Record) (connectors.Reading, error) {
	holder, all, err := listOf[federated](r)
	if err != nil {
		return connectors.Reading{}, err
	}
	scope := "federated/" + holder
	out := connectors.Reading{Replaces: []string{scope}}
	for _, f := range all {
		if f.ID == "" {
			return connectors.Reading{}, fmt.Errorf("a federated identity credential has no id")
		}
		out.Entities = append(out.Entities, events.Entity{
			Kind: events.KindCredential, Holder: holder, Key: f.ID, Scope: scope,
			Credential: &events.Credential{
				Type: "federated", Name: f.Name, Issuer: f.Issuer, Subject: f.Subject, Audiences: sorted(f.Audiences),
			},
		})
	}
	return out, nil
}

// listOf reads a record that is the whole list of what hangs on one object.
func listOf[T any](r connectors.Record) (holder string, all []T, err error) {
	if holder = r.Context[contextHolder]; holder == "" {
		return "", nil, fmt.Errorf("the record does not say on what it hangs")
	}
	var body struct {
		Value *[]T `json:"value"`
	}
	if err := decodeBody(r, &body); err != nil {
		return "", nil, err
	}
	if body.Value == nil {
		return "", nil, fmt.Errorf(`the list has no "value"`)
	}
	return holder, *body.Value, nil
}
