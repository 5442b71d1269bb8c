package events

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// oneKey are the keys of a store that has one, or says why it has none.
type oneKey struct {
	key Key
	err error
}

func (k oneKey) Key(PersonID, string) (Key, error) { return k.key, k.err }

func pat() Event {
	e := Entity{Kind: KindPerson, Holder: "u1", Key: Self, Person: &Person{Native: "user", Name: "Pat Doe", Emails: []string{"pat@example.com"},
		UserName: "pdoe", Status: StatusActive, Created: noon}}
	return New("acme", "okta-main", "okta", EntityType(KindPerson, Updated), noon, noon, Data{
		Entity: &e, Evidence: Evidence{Feed: "people", How: HowRead}, Raw: jsontext.Value(`{"displayName":"Pat Doe"}`),
		Changed: map[string]jsontext.Value{"name": jsontext.Value(`"Pat Roe"`), "user_name": jsontext.Value("null"), "status": jsontext.Value(`"disabled"`)},
	})
}

// stored is what the log keeps of an event whose person is sealed.
func stored(t interface {
	Fatal(...any)
	Helper()
}, e Event, k Key) Stored {
	t.Helper()
	out, err := SealPerson(&e, k)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Seal("", &out)
	if err != nil {
		t.Fatal(err)
	}
	return Stored{Subject: e.NATSSubject(), Body: s.Body, Hash: s.Hash}
}

// What is sealed shows nothing of the person but what is not personal, and opens to what it was.
func TestSealPerson(t *testing.T) {
	k, e := NewKey(), pat()
	s := stored(t, e, k)
	for _, secret := range []string{"Pat", "Doe", "Roe", "example.com", "pdoe", "displayName"} {
		if bytes.Contains(s.Body, []byte(secret)) {
			t.Errorf("%q stands in %s", secret, s.Body)
		}
	}
	if e.Data.Entity.Person.Name == "" || len(e.Data.Changed) != 3 || e.Data.Sealed != nil {
		t.Errorf("sealing has changed the event itself: %+v", e.Data)
	}
	closed, err := s.Message()
	if err != nil {
		t.Fatal(err)
	}
	if p := closed.Event.Data.Entity.Person; p.Withheld != WithheldSealed || p.Status != StatusActive || closed.Event.SchemaVersion != 2 ||
		len(closed.Event.Data.Changed) != 1 {
		t.Errorf("without a key it reads %+v", closed.Event)
	}
	s.Keys = oneKey{key: k}
	open, err := s.Message()
	if err != nil {
		t.Fatal(err)
	}
	e.ID, e.SchemaVersion = open.Event.ID, 2
	if d := cmp.Diff(e, open.Event); d != "" {
		t.Errorf("opened it is not what it was (-want +got):\n%s", d)
	}
	shown, err := s.Opened()
	if err != nil || !bytes.Contains(shown.Body, []byte("Pat Doe")) || !strings.HasPrefix(string(shown.Body), `{"specversion"`) {
		t.Errorf("for a person to see it is %s, %v", shown.Body, err)
	}
}

// Any fields come back as they were, and are the same bytes each time.
func TestSealPersonRoundTrip(t *testing.T) {
	k := NewKey()
	rapid.Check(t, func(t *rapid.T) {
		e := pat()
		p := e.Data.Entity.Person
		p.Name, p.UserName = rapid.String().Draw(t, "name"), rapid.String().Draw(t, "user name")
		p.Emails = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "emails")
		if len(p.Emails) == 0 {
			p.Emails = nil
		}
		e.Data.Changed = nil
		for _, f := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"name", "emails", "status", "scope"}), rapid.ID).Draw(t, "changed") {
			if e.Data.Changed == nil {
				e.Data.Changed = map[string]jsontext.Value{}
			}
			e.Data.Changed[f] = jsontext.Value(`"was"`)
		}
		s := stored(t, e, k)
		if again := stored(t, e, k); !bytes.Equal(s.Body, again.Body) {
			t.Fatalf("sealed twice it is\n%s\n%s", s.Body, again.Body)
		}
		s.Keys = oneKey{key: k}
		open, err := s.Message()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e.Data, open.Event.Data); d != "" {
			t.Fatalf("(-want +got)\n%s", d)
		}
	})
}

// Who has no key learns why, and nothing else.
func TestOpenPersonWithoutItsKey(t *testing.T) {
	k := NewKey()
	s := stored(t, pat(), k)
	unreachable := errors.New("no answer")
	for _, c := range []struct {
		name string
		keys Keys
		want Withheld
		err  error
	}{
		{"the key is destroyed", oneKey{err: fmt.Errorf("asked: %w", ErrErased)}, WithheldErased, nil},
		{"there is no key", oneKey{err: ErrNoKey}, WithheldSealed, nil},
		{"the key is another", oneKey{key: NewKey()}, WithheldSealed, nil},
		{"the keys cannot be asked", oneKey{err: unreachable}, "", unreachable},
	} {
		s.Keys = c.keys
		m, err := s.Message()
		if !errors.Is(err, c.err) || Damaged(err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
		if err != nil {
			continue
		}
		p := m.Event.Data.Entity.Person
		if p.Withheld != c.want || p.Name+p.UserName+strings.Join(p.Emails, "") != "" || m.Event.Data.Raw != nil || len(m.Event.Data.Changed) != 1 {
			t.Errorf("%s: %+v", c.name, m.Event.Data)
		}
		if erased := c.want == WithheldErased; erased != (m.Event.Data.Sealed == nil) {
			t.Errorf("%s: what is left of the sealed fields is %v", c.name, m.Event.Data.Sealed)
		}
	}
}

// Sealed fields that were altered, or put into another person's event, are damage.
func TestSealedFieldsAreBound(t *testing.T) {
	k := NewKey()
	sealed, err := SealPerson(new(pat()), k)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Event){
		"of another person":     func(e *Event) { e.Data.Entity.Holder = "u2" },
		"of another connection": func(e *Event) { e.Connection = "entra" },
		"of another tenant":     func(e *Event) { e.Tenant = "umbrella" },
		"with a flipped bit":    func(e *Event) { e.Data.Sealed.Text[20] ^= 1 },
		"cut short":             func(e *Event) { e.Data.Sealed.Text = e.Data.Sealed.Text[:7] },
	} {
		e := sealed
		entity, fields := *sealed.Data.Entity, *sealed.Data.Sealed
		fields.Text = bytes.Clone(fields.Text)
		e.Data.Entity, e.Data.Sealed = &entity, &fields
		spoil(&e)
		s, err := Seal("", &e)
		if err != nil {
			t.Fatal(err)
		}
		m := Stored{Body: s.Body, Keys: oneKey{key: k}}
		if _, err := m.Message(); !errors.Is(err, ErrAltered) || !Damaged(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is personal is known wherever it stands.
func TestIsPersonal(t *testing.T) {
	for want, e := range map[bool][]Event{
		true: {personal1(func(p *Person, d *Data) { p.Name = "n" }), personal1(func(p *Person, d *Data) { p.Emails = []string{"e"} }),
			personal1(func(p *Person, d *Data) { p.UserName = "u" }), personal1(func(p *Person, d *Data) { d.Raw = jsontext.Value("{}") }),
			personal1(func(p *Person, d *Data) { d.Changed = map[string]jsontext.Value{"emails": jsontext.Value(`["e"]`)} })},
		false: {personal1(func(p *Person, d *Data) {}), personal1(func(p *Person, d *Data) {
			d.Changed = map[string]jsontext.Value{"name": jsontext.Value("null"), "status": jsontext.Value(`"active"`)}
		}), everyKind()[0]},
	} {
		for _, e := range e {
			if e.IsPersonal() != want {
				t.Errorf("IsPersonal of %+v is %v", e.Data, !want)
			}
			if _, ok := e.PersonID(); ok && e.IsPersonal() {
				if bare := e.Bare(WithheldErased); bare.IsPersonal() {
					t.Errorf("bare it is still personal: %+v", bare.Data)
				}
			}
		}
	}
}

func personal1(set func(*Person, *Data)) Event {
	e := pat()
	e.Data.Entity.Person = &Person{Native: "user", Status: StatusActive}
	e.Data.Changed, e.Data.Raw = nil, nil
	set(e.Data.Entity.Person, &e.Data)
	return e
}

// A key is not told by accident.
func TestKeyIsNotPrinted(t *testing.T) {
	k := NewKey()
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
		if strings.Contains(text, fmt.Sprint(k.Secret[:3])[1:8]) || !strings.Contains(text, k.ID) {
			t.Errorf("it prints as %s", text)
		}
	}
}

// Whatever stands in the place of sealed fields, it opens to what was sealed, or is damage.
func FuzzOpenPerson(f *testing.F) {
	k := Key{ID: "k1"}
	e := pat()
	sealed, err := SealPerson(&e, k)
	if err != nil {
		f.Fatal(err)
	}
	good := sealed.Data.Sealed.Text
	f.Add("k1", good)
	f.Add("k2", good)
	f.Add("k1", good[:11])
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, id string, text []byte) {
		e := sealed
		e.Data.Sealed = &SealedFields{Key: id, Text: text}
		err := OpenPerson(&e, oneKey{key: k})
		opened := e.Data.Entity.Person.Withheld == ""
		switch {
		case opened && (err != nil || id != "k1" || !bytes.Equal(text, good)):
			t.Errorf("%q %x opens, %v", id, text, err)
		case err != nil && !errors.Is(err, ErrAltered):
			t.Error(err)
		}
	})
}

// What reading a person's event costs, in plain and sealed; most events are of no person.
func BenchmarkMessage(b *testing.B) {
	k, e := NewKey(), pat()
	plain, err := Seal("", &e)
	if err != nil {
		b.Fatal(err)
	}
	for name, s := range map[string]Stored{"plain": {Body: plain.Body}, "sealed": stored(b, pat(), k)} {
		s.Keys = oneKey{key: k}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Message(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
