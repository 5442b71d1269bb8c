package events

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"

	"github.com/go-json-experiment/json/jsontext"
)

// Withheld says why a person's name and addresses are not told.
type Withheld string

// The reasons. A person of whom they are told, as far as the vendor does, has none.
const (
	WithheldErased Withheld = "erased" // erased on request: nobody can read them any more
	WithheldSealed Withheld = "sealed" // sealed with a key that the reader does not have
)

// PersonID says whose fields a key seals: a person at one connection.
type PersonID struct {
	Tenant     string `json:"tenant"`
	Connection string `json:"connection"`
	ID         string `json:"id"` // the vendor's
}

func (p PersonID) String() string { return p.Tenant + "/" + p.Connection + "/" + p.ID }

// Key seals the fields of one person. To destroy it is to erase them wherever they lie.
type Key struct {
	ID     string // 16 hex digits
	Secret [32]byte
}

// String keeps the secret out of logs and errors.
func (k Key) String() string { return "key " + k.ID }

// GoString is [Key.String].
func (k Key) GoString() string { return k.String() }

// NewKey makes a key by chance.
func NewKey() Key {
	var b [8]byte
	rand.Read(b[:])
	k := Key{ID: hex.EncodeToString(b[:])}
	rand.Read(k.Secret[:])
	return k
}

// Keys are the keys of persons. Its methods may be called at the same time.
type Keys interface {
	// Key is the person's key of that id, or the one in force where the id is empty. It fails with [ErrErased] or [ErrNoKey]; any other
	// error means that it could not be found out.
	Key(p PersonID, id string) (Key, error)
}

// The errors of [Keys] that say that a person's fields stay sealed.
var (
	ErrErased = errors.New("the person was erased: the key is destroyed")
	ErrNoKey  = errors.New("there is no key of the person, or it may not be read")
)

// SealedFields are what an event tells of its person alone, as only the person's key can read it.
type SealedFields struct {
	Key  string `json:"key"`  // the key's id
	Text []byte `json:"text"` // 12 bytes of nonce, then AES-256-GCM over the JSON of the fields
}

// personal are the fields that are sealed: a person's own, their former values, and the record that they came in.
type personal struct {
	Name     string                    `json:"name,omitzero"`
	Emails   []string                  `json:"emails,omitzero"`
	UserName string                    `json:"user_name,omitzero"`
	Changed  map[string]jsontext.Value `json:"changed,omitzero"`
	Raw      jsontext.Value            `json:"raw,omitzero"`
}

// personalFields are the members of a person's body that are sealed.
var personalFields = []string{"name", "emails", "user_name"}

// PersonID is the person that e is about; false: it is about something else.
func (e *Event) PersonID() (PersonID, bool) {
	if e.Data.Entity == nil || e.Data.Entity.Kind != KindPerson || e.Data.Entity.Person == nil {
		return PersonID{}, false
	}
	return PersonID{e.Tenant, e.Connection, e.Data.Entity.Holder}, true
}

// IsPersonal reports whether e tells in plain what is to be sealed.
func (e *Event) IsPersonal() bool {
	if _, ok := e.PersonID(); !ok {
		return false
	}
	p := e.Data.Entity.Person
	if p.Name != "" || len(p.Emails) > 0 || p.UserName != "" || e.Data.Raw != nil {
		return true
	}
	for _, name := range personalFields {
		if v, ok := e.Data.Changed[name]; ok && string(v) != "null" {
			return true
		}
	}
	return false
}

// Without is the person without name and addresses, for the reason given. It does not change p.
func (p *Person) Without(why Withheld) *Person {
	bare := *p
	bare.Name, bare.Emails, bare.UserName, bare.Withheld = "", nil, "", why
	return &bare
}

// Bare is the event without what is to be sealed, for the reason given. It shares what is left with e, and does not change e.
func (e *Event) Bare(why Withheld) Event {
	out := *e
	entity := *e.Data.Entity
	entity.Person = entity.Person.Without(why)
	out.Data.Entity, out.Data.Sealed, out.Data.Raw = &entity, nil, nil
	if out.Data.Changed = maps.Clone(e.Data.Changed); out.Data.Changed != nil {
		for _, name := range personalFields {
			delete(out.Data.Changed, name)
		}
		if len(out.Data.Changed) == 0 {
			out.Data.Changed = nil
		}
	}
	out.SchemaVersion = SchemaVersion
	return out
}

// SealPerson is the event with its person's fields sealed, as it is stored. It does not change e. The same event and key give the same
// bytes, so that a batch that is sent twice is one.
func SealPerson(e *Event, k Key) (Event, error) {
	p := e.Data.Entity.Person
	inner := personal{Name: p.Name, Emails: p.Emails, UserName: p.UserName, Raw: e.Data.Raw}
	for _, name := range personalFields {
		if v, ok := e.Data.Changed[name]; ok {
			if inner.Changed == nil {
				inner.Changed = map[string]jsontext.Value{}
			}
			inner.Changed[name] = v
		}
	}
	plain, err := Marshal(inner)
	if err != nil {
		return Event{}, fmt.Errorf("sealing event %s of %s: %w", e.Type, e.Subject, err)
	}
	out := e.Bare(WithheldSealed)
	out.Data.Sealed = &SealedFields{Key: k.ID, Text: k.seal(plain, out.sealedFor(k.ID))}
	return out, nil
}

// OpenPerson puts the sealed fields of an event back to where they belong. Where they cannot be read it says why in the person's
// Withheld. It fails where keys could not be asked, and with [ErrAltered] where the fields are not what was sealed.
func OpenPerson(e *Event, keys Keys) error {
	id, ok := e.PersonID()
	if !ok || e.Data.Sealed == nil {
		return nil
	}
	k, err := keys.Key(id, e.Data.Sealed.Key)
	switch {
	case errors.Is(err, ErrErased):
		*e = e.Bare(WithheldErased)
		return nil
	case errors.Is(err, ErrNoKey), err == nil && k.ID != e.Data.Sealed.Key:
		return nil
	case err != nil:
		return fmt.Errorf("reading the key of person %s: %w", id, err)
	}
	plain, err := k.open(e.Data.Sealed.Text, e.sealedFor(k.ID))
	if err != nil {
		return err
	}
	var inner personal
	if err := Unmarshal(plain, &inner); err != nil {
		return fmt.Errorf("%w: %w", ErrAltered, err)
	}
	p := *e.Data.Entity.Person
	p.Name, p.Emails, p.UserName, p.Withheld = inner.Name, inner.Emails, inner.UserName, ""
	entity := *e.Data.Entity
	entity.Person = &p
	e.Data.Entity, e.Data.Sealed, e.Data.Raw = &entity, nil, inner.Raw
	if len(inner.Changed) > 0 {
		changed := maps.Clone(inner.Changed)
		maps.Copy(changed, e.Data.Changed)
		e.Data.Changed = changed
	}
	return nil
}

// ErrAltered says that sealed fields are not what was sealed with the key, for this person.
var ErrAltered = errors.New("its sealed fields do not open with the key that they name: they were altered, or moved from elsewhere")

// sealedFor is what the fields are bound to: nobody can put them into another person's event.
func (e *Event) sealedFor(key string) []byte {
	return []byte(Token(e.Tenant) + "/" + Token(e.Connection) + "/" + e.Ref().String() + "/" + key)
}

// seal makes the nonce of the content, so that equal content is equal bytes. Two contents share a nonce by chance alone: one in 2^96.
func (k *Key) seal(plain, bound []byte) []byte {
	mac := hmac.New(sha256.New, k.derive("nonce"))
	fmt.Fprintf(mac, "%d:", len(bound))
	mac.Write(bound)
	mac.Write(plain)
	gcm := k.gcm()
	nonce := mac.Sum(nil)[:gcm.NonceSize()]
	return gcm.Seal(nonce, nonce, plain, bound)
}

func (k *Key) open(text, bound []byte) ([]byte, error) {
	gcm := k.gcm()
	if len(text) < gcm.NonceSize() {
		return nil, ErrAltered
	}
	plain, err := gcm.Open(nil, text[:gcm.NonceSize()], text[gcm.NonceSize():], bound)
	if err != nil {
		return nil, ErrAltered
	}
	return plain, nil
}

// derive makes a key of its own for one use.
func (k *Key) derive(use string) []byte {
	mac := hmac.New(sha256.New, k.Secret[:])
	mac.Write([]byte("rollcall person " + use))
	return mac.Sum(nil)
}

func (k *Key) gcm() cipher.AEAD {
	block, err := aes.NewCipher(k.derive("text"))
	if err != nil {
		panic(err) // a key of 32 bytes is a key
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has blocks of 16 bytes
	}
	return gcm
}
