package google

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// redacted stands where a secret stood.
const redacted = "[redacted]"

// secrets are the members that hold a secret in some message of Google's APIs, in lower case without underscores. Most are never
// sent by what is read here; agent cards and other free forms may hold any.
var secrets = map[string]bool{
	"privatekeydata": true, "privatekey": true, "clientsecret": true, "apikey": true, "accesstoken": true, "refreshtoken": true,
	"idtoken": true, "password": true, "secret": true,
}

// redact copies a JSON value with every secret replaced by a marker. It fails on what is no JSON.
func redact(v jsontext.Value) (jsontext.Value, error) {
	var out bytes.Buffer
	dec, enc := jsontext.NewDecoder(bytes.NewReader(v)), jsontext.NewEncoder(&out)
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return bytes.TrimSpace(out.Bytes()), nil
		}
		if err != nil {
			return nil, err
		}
		isName := isMemberName(dec)
		secret := isName && tok.Kind() == '"' && secrets[plainName(tok.String())]
		if err := enc.WriteToken(tok); err != nil {
			return nil, err
		}
		if kind := dec.PeekKind(); !secret || kind != '"' && kind != '0' && kind != '[' {
			continue // an object is walked into, and null, true and false are no secrets
		}
		if err := dec.SkipValue(); err != nil {
			return nil, err
		}
		if err := enc.WriteToken(jsontext.String(redacted)); err != nil {
			return nil, err
		}
	}
}

// isMemberName reports whether the token just read is the name of an object's member.
func isMemberName(dec *jsontext.Decoder) bool {
	kind, length := dec.StackIndex(dec.StackDepth())
	return kind == '{' && length%2 == 1
}

func plainName(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
