package events

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// emptyToken stands for the empty string, since a NATS token cannot be empty. No other string is encoded so.
const emptyToken = "%"

// Token encodes any string as one NATS token: every byte outside [A-Za-z0-9_-] becomes %XX. [Untoken] reverses it.
func Token(s string) string {
	if s == "" {
		return emptyToken
	}
	n := 0
	for i := range len(s) {
		if !plain(s[i]) {
			n++
		}
	}
	if n == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*n)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// Untoken decodes what [Token] encoded. It refuses every other spelling, so that one string has one token.
func Untoken(token string) (string, error) {
	if token == emptyToken {
		return "", nil
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		c := token[i]
		if c == '%' {
			if i+2 >= len(token) {
				return "", fmt.Errorf("token %q ends inside an escape", token)
			}
			hi, lo := strings.IndexByte(upperHex, token[i+1]), strings.IndexByte(upperHex, token[i+2])
			if hi < 0 || lo < 0 {
				return "", fmt.Errorf("token %q has a bad escape at %d", token, i)
			}
			c, i = byte(hi<<4|lo), i+2
			if plain(c) {
				return "", fmt.Errorf("token %q escapes %q, which needs none", token, c)
			}
		} else if !plain(c) {
			return "", fmt.Errorf("token %q has the character %q, which must be escaped", token, c)
		}
		b.WriteByte(c)
	}
	if b.Len() == 0 {
		return "", fmt.Errorf("token is empty")
	}
	return b.String(), nil
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// Digest makes a short stable key (32 hex digits) of parts that together are too long, or too many, to be one.
func Digest(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(append(strconv.AppendInt(b, int64(len(p)), 10), ':'), p...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
