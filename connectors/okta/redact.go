package okta

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/events"
)

// redacted stands in a record where the vendor sent a secret.
const redacted = "[redacted]"

// secretNames are the endings of names whose text is a secret, in small letters without marks: client_secret, clientSecret.
// An object under such a name is none (a connection's "secret" describes one): it is searched like any other.
var secretNames = []string{"secret", "secrethash", "password", "privatekey", "apikey", "token", "assertion", "passphrase"}

// keyParts are the members of a JWK that only its owner may know.
var keyParts = map[string]bool{"d": true, "p": true, "q": true, "dp": true, "dq": true, "qi": true, "k": true, "oth": true}

// strip takes the secrets out of a record on receipt. The rest keeps its values, numbers as they are written, but not the order
// of its members.
func strip(v jsontext.Value) (jsontext.Value, error) {
	if kind := v.Kind(); kind != '{' && kind != '[' {
		return v, nil
	}
	var tree any
	if err := json.Unmarshal(v, &tree, keepNumbers); err != nil {
		return nil, err
	}
	stripTree(tree)
	return events.Marshal(tree)
}

// keepNumbers leaves numbers in a tree of any as they are written.
var keepNumbers = json.WithUnmarshalers(json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported // not this function's: decode as ever
	}
	n, err := d.ReadValue()
	*v = n.Clone()
	return err
}))

func stripTree(tree any) {
	switch tree := tree.(type) {
	case []any:
		for _, item := range tree {
			stripTree(item)
		}
	case map[string]any:
		_, isKey := tree["kty"]
		for name, value := range tree {
			_, isText := value.(string)
			if secretName(name) && isText || isKey && keyParts[name] {
				tree[name] = redacted
			} else {
				stripTree(value)
			}
		}
	}
}

func secretName(name string) bool {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
	for _, s := range secretNames {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}

// Patterns of secrets in a text that is not known to be JSON.
var (
	secretMember = regexp.MustCompile(`(?i)("[^"]*(?:secret|password|token|assertion|key|hash)[^"]*"\s*:\s*)"[^"]*"?`)
	secretPart   = regexp.MustCompile(`("(?:d|p|q|dp|dq|qi|k)"\s*:\s*)"[^"]*"?`)
	secretScheme = regexp.MustCompile(`(?i)\b(bearer|ssws|dpop|basic)[ =]+[^\s"'<>,;]+`)
	secretJWT    = regexp.MustCompile(`eyJ[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]*)*`)
	secretLong   = regexp.MustCompile(`[A-Za-z0-9_+/=-]{40,}`)
)

// maxShown is how much of a foreign text an error shows, in characters.
const maxShown = 80

// shorten makes a foreign text fit for an error: no secrets, one line, 80 characters.
func shorten(s string) string {
	s = secretMember.ReplaceAllString(s, `$1"[redacted]"`)
	s = secretPart.ReplaceAllString(s, `$1"[redacted]"`)
	s = secretScheme.ReplaceAllString(s, "$1 [redacted]")
	s = secretJWT.ReplaceAllString(s, "[redacted]")
	s = secretLong.ReplaceAllString(s, "[redacted]")
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s)[:maxShown])
	}
	return s
}
