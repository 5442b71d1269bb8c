package entra

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcallhq/rollcall/connectors"
)

// redacted stands where a secret was.
const redacted = "[redacted]"

// secretMembers are the members of Graph's objects that hold a secret or a part of one, by the name of the member that they
// stand in; "" is anywhere. Graph does not send most of them; a record must be safe even when it does.
var secretMembers = map[string]string{
	"secretText":      "",
	"password":        "",
	"passwordProfile": "",
	"proof":           "",
	"clientState":     "",
	"hint":            "/passwordCredentials/", // the first characters of the secret
	"key":             "/keyCredentials/",
}

// redact copies a JSON value without its secrets. Everything else is as received.
func redact(v jsontext.Value) (jsontext.Value, error) {
	var out bytes.Buffer
	opts := []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}
	dec := jsontext.NewDecoder(bytes.NewReader(v), opts...)
	enc := jsontext.NewEncoder(&out, opts...)
	for {
		err := copyToken(enc, dec)
		if errors.Is(err, io.EOF) {
			return bytes.TrimSpace(out.Bytes()), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// copyToken copies one token, and a secret member with its value.
func copyToken(enc *jsontext.Encoder, dec *jsontext.Decoder) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	secret := isName(dec) && isSecret(tok.String(), string(dec.StackPointer()))
	if err := enc.WriteToken(tok); err != nil || !secret {
		return err
	}
	val, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if val.Kind() == 'n' {
		return enc.WriteValue(val)
	}
	return enc.WriteToken(jsontext.String(redacted))
}

// isName reports whether the token just read is the name of a member.
func isName(dec *jsontext.Decoder) bool {
	kind, length := dec.StackIndex(dec.StackDepth())
	return kind == '{' && length%2 == 1
}

func isSecret(name, pointer string) bool {
	for secret, in := range secretMembers {
		if strings.EqualFold(name, secret) {
			return strings.Contains(pointer, in)
		}
	}
	return false
}

// scrubber takes secrets out of what goes into an error.
type scrubber struct{ secrets []string }

// tokenLike is what looks like a token, wherever it comes from.
var tokenLike = regexp.MustCompile(`(?i)bearer\s+[\w.~+/=-]+|eyJ[\w-]+\.[\w.-]+`)

// publicAuth are the parameters of a login that are no secrets.
var publicAuth = map[string]bool{"method": true, "tenant_id": true, "client_id": true, "scope": true, "token_file": true, "send_chain": true}

func newScrubber(auth map[string]connectors.Secret, more ...connectors.Secret) scrubber {
	var s scrubber
	for _, v := range more {
		if v != "" {
			s.secrets = append(s.secrets, v.Reveal())
		}
	}
	for name, v := range auth {
		if v != "" && !publicAuth[name] {
			s.secrets = append(s.secrets, v.Reveal())
		}
	}
	return s
}

// line makes text one line of at most limit characters, without secrets.
func (s scrubber) line(text string, limit int) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	text = tokenLike.ReplaceAllString(text, redacted)
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
