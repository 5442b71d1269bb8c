package entra

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// tokenDays is how long a delta token can be used.
const tokenDays = 7

// cursor is what a page token or a delta token says. Tokens carry all of it, signed, so that the tenant need not remember
// those that it handed out: a restored snapshot knows them all.
type cursor struct {
	Use    string   `json:"u"`           // list, page (inside a delta round) or delta
	Of     string   `json:"o"`           // what it is a place in
	Gen    int      `json:"g"`           // see state.Generation
	Issued int64    `json:"t"`           // Unix seconds
	Select []string `json:"s,omitempty"` // delta: options of the first call
	IDs    []string `json:"i,omitempty"`
	All    bool     `json:"a,omitempty"` // delta: a first round, in the order of creation
	Mark   uint64   `json:"m,omitempty"` // delta: the change number when the first round began
	Base   uint64   `json:"b,omitempty"` // delta: the change number that the round started from
	Pos    uint64   `json:"p,omitempty"` // the last thing on the page before
	Keys   []any    `json:"k,omitempty"` // list: its sort keys
	Blank  bool     `json:"e,omitempty"` // the empty page before this one was served
}

// seal makes a token of a cursor.
func (s *Sandbox) seal(c cursor) string {
	c.Gen, c.Issued = s.st.Generation, instant(s.now())
	b, _ := json.Marshal(c) // strings and numbers only: it cannot fail
	return base64.RawURLEncoding.EncodeToString(append(s.sign("cursor", b), b...))
}

// signLen is how many bytes of signature a token begins with.
const signLen = 12

func (s *Sandbox) sign(use string, b []byte) []byte {
	m := hmac.New(sha256.New, []byte(use+s.st.Key))
	m.Write(b)
	return m.Sum(nil)[:signLen]
}

// open reads a token back. A token of something else, or one that was not handed out here, is badly formed.
func (s *Sandbox) open(token, of string, uses ...string) (cursor, error) {
	var c cursor
	b, err := unbase64(token)
	if err != nil || len(b) <= signLen || !hmac.Equal(b[:signLen], s.sign("cursor", b[signLen:])) ||
		json.Unmarshal(b[signLen:], &c) != nil || c.Of != of {
		return c, bad("Badly formed token.")
	}
	for _, u := range uses {
		if c.Use == u {
			return c, s.fresh(c)
		}
	}
	return c, bad("Badly formed token.")
}

// unbase64 reads base64 in its one canonical form; the library's decoder also takes line breaks and stray last bits.
func unbase64(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && base64.RawURLEncoding.EncodeToString(b) != text {
		err = errors.New("not canonical base64")
	}
	return b, err
}

// fresh refuses a token that is too old or was expired by hand.
func (s *Sandbox) fresh(c cursor) error {
	old := s.now().Sub(time.Unix(c.Issued, 0)) > tokenDays*24*time.Hour
	if !old && c.Gen == s.st.Generation {
		return nil
	}
	if c.Use == "list" {
		return expiredPage()
	}
	if !old && s.st.Generation%2 == 0 {
		return resync()
	}
	return stateNotFound()
}

func stateNotFound() *failure {
	return &failure{status: http.StatusBadRequest, code: "syncStateNotFound",
		message: "The sync state generation is not found; use a new delta query without a token to resynchronize."}
}

func resync() *failure {
	return &failure{status: http.StatusGone, code: "resyncRequired", message: "Resync required."}
}

func expiredPage() *failure {
	return &failure{status: http.StatusBadRequest, code: "Directory_ExpiredPageToken",
		message: "The specified page token value has expired and can no longer be included in your request."}
}
