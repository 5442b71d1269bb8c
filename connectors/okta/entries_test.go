package okta

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
	"github.com/rollcallhq/rollcall/events"
)

// entryFamilies are the files of log entries: a family of types each, with the nulls and the personal data that Okta sends.
func entryFamilies(t testing.TB) map[string][]jsontext.Value {
	t.Helper()
	files, err := filepath.Glob("testdata/entries/*.json")
	if err != nil {
		t.Fatal(err)
	}
	families := map[string][]jsontext.Value{}
	for _, f := range files {
		name, golden := strings.CutSuffix(f, ".golden.json")
		if golden {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var entries []jsontext.Value
		if err := json.Unmarshal(b, &entries); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		families[strings.TrimSuffix(name, ".json")] = entries
	}
	if len(families) == 0 {
		t.Fatal("there are no log entries in testdata/entries")
	}
	return families
}

// leftOut are a person's name, place and tokens as the entries hold them, and addresses of any kind.
var leftOut = regexp.MustCompile(`(?i)dana|roe\b|sam poe|lisbon|38\.7167|verysecret|hAsHoFaToKeN|mozilla|[^\s"]@[^\s"]|\b\d{1,3}(\.\d{1,3}){3}\b`)

// Every type of entries that Okta's catalogue has for what concerns agents is told what it leads to: which of the options asks
// for it, what is read again, and which activities it is. go test -update writes the golden files anew.
func TestEntries(t *testing.T) {
	for name, entries := range entryFamilies(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			var got bytes.Buffer
			for n, item := range entries {
				fmt.Fprintf(&got, "%s%s", map[bool]string{true: "[\n", false: ",\n"}[n == 0], entryGolden(t, item))
			}
			got.WriteString("\n]\n")
			if found := leftOut.FindString(got.String()); found != "" {
				t.Errorf("the golden file holds %q", found)
			}
			file := name + ".golden.json"
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Error("go test -update writes it anew:", d)
			}
		})
	}
}

// entryGolden is what one entry leads to, a line for each thing.
func entryGolden(t *testing.T, item jsontext.Value) string {
	t.Helper()
	e, err := parseEntry(item)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "{%s, %s,\n  %s", member("type", e.Type), member("message", e.Message), member("asked_with", askedWith(t, item)))
	if reads := e.signals(); len(reads) > 0 {
		fmt.Fprintf(&out, ",\n  %s", member("reads", readsOf(reads)))
	}
	if wakes := e.wakes(); len(wakes) > 0 {
		fmt.Fprintf(&out, ",\n  %s", member("wakes", wakes))
	}
	if activities := activitiesOf(t, &e); len(activities) > 0 {
		fmt.Fprintf(&out, ", %s,\n  \"activities\": [\n    %s]", member("told_with", toldWith(&e)), strings.Join(activities, ",\n    "))
	}
	return out.String() + "}"
}

func member(name string, value any) string {
	b, err := json.Marshal(value, json.Deterministic(true), json.OmitZeroStructFields(true))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%q: %s", name, b)
}

// readsOf writes what is read again: "agent wlp1 until ACTIVE".
func readsOf(reads []signal) (out []string) {
	for _, s := range reads {
		line := s.What + " " + s.ID
		if s.Want != "" {
			line += " until " + s.Want
		}
		if s.Gone {
			line += " until gone"
		}
		if s.ORN != "" {
			line += " by its ORN"
		}
		out = append(out, line)
	}
	return out
}

// optionsInOrder are the values of the option activities, from the fewest entries to the most.
var optionsInOrder = []string{activitiesNone, activitiesAdmin, activitiesAll}

// askedWith is the first option whose filter lets an entry through.
func askedWith(t *testing.T, item jsontext.Value) string {
	t.Helper()
	var e wireEntry
	if err := json.Unmarshal(item, &e); err != nil {
		t.Fatal(err)
	}
	for _, o := range optionsInOrder {
		f := filterText{rest: (&logOptions{activities: o}).filter(), entry: &e}
		if f.either() {
			return o
		}
		if f.rest != "" {
			t.Fatalf("the filter of %s is not understood from %q on", o, f.rest)
		}
	}
	return "never"
}

// toldWith is the first option with which the activities of an entry are published.
func toldWith(e *wireEntry) string {
	i := slices.IndexFunc(optionsInOrder, func(o string) bool { return (&logOptions{activities: o}).wants(e.activity()) })
	return optionsInOrder[i]
}

// activitiesOf are the activities that an entry is kept as, one line each, in an org where one app is a service app.
func activitiesOf(t *testing.T, e *wireEntry) (out []string) {
	t.Helper()
	c := &client{roll: newRoll()}
	c.roll.app("0oa9jjjjjjjjjjjj0g7", appRef{service: true})
	c.roll.app("0oa2wwwwwwwwwwww0g7", appRef{})
	holders, err := (&logFeed{client: c}).holders(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if len(holders) == 0 {
		return nil
	}
	r, err := entryRecord(&answer{}, e, holders)
	if err != nil {
		t.Fatal(err)
	}
	if found := leftOut.FindString(string(r.Body)); found != "" {
		t.Errorf("the record of %s holds %q: %s", e.Type, found, r.Body)
	}
	reading, err := normalize(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range reading.Activities {
		if a.Time.IsZero() || a.ID == "" || a.Native != string(e.Type) || a.Message != string(e.Message) {
			t.Errorf("%s: the activity lacks its time, id, type or message: %v", e.Type, a)
		}
		a.ID, a.Native, a.Message = "", "", ""
		out = append(out, strings.TrimPrefix(member("", a), `"": `))
	}
	return out
}

// filterText reads a filter of the log: comparisons by sw, and, or, parentheses.
type filterText struct {
	rest  string
	entry *wireEntry
}

func (f *filterText) word(s string) (ok bool) {
	f.rest, ok = strings.CutPrefix(strings.TrimLeft(f.rest, " "), s)
	return ok
}

func (f *filterText) either() bool {
	all := f.both()
	for f.word("or ") {
		next := f.both()
		all = all || next
	}
	return all
}

func (f *filterText) both() bool {
	all := f.one()
	for f.word("and ") {
		next := f.one()
		all = all && next
	}
	return all
}

func (f *filterText) one() bool {
	if f.word("(") {
		is := f.either()
		f.word(")")
		return is
	}
	var name, value string
	if n, err := fmt.Sscanf(f.rest, "%s sw %q", &name, &value); n != 2 || err != nil {
		return false
	}
	f.rest = f.rest[strings.Index(f.rest, `"`+value+`"`)+len(value)+2:]
	of := map[string]text{"eventType": f.entry.Type, "actor.id": f.entry.Actor.ID}
	return strings.HasPrefix(string(of[name]), value)
}

// Every type of the list has an entry, and every entry but those of types that nobody has heard of is of a type of the list.
func TestEveryTypeHasAnEntry(t *testing.T) {
	b, err := os.ReadFile("testdata/event_types.txt")
	if err != nil {
		t.Fatal(err)
	}
	lacks := map[string]bool{}
	for _, name := range strings.Fields(string(b)) {
		lacks[name] = true
	}
	if len(lacks) < 200 {
		t.Fatalf("only %d types are listed", len(lacks))
	}
	listed := func(name string) bool { _, ok := lacks[name]; return ok }
	for family, entries := range entryFamilies(t) {
		for _, item := range entries {
			e, err := parseEntry(item)
			if err != nil {
				t.Fatalf("%s: %v", family, err)
			}
			if name := string(e.Type); listed(name) {
				lacks[name] = false
			} else if e.activity() != activityUnknown {
				t.Errorf("%s: %s is not in testdata/event_types.txt", family, name)
			}
			if e.activity() == activityUnknown && listed(string(e.Type)) {
				t.Errorf("%s: %s is listed and not understood", family, e.Type)
			}
		}
	}
	for name, lacking := range lacks {
		if lacking {
			t.Errorf("%s has no entry in testdata/entries", name)
		}
	}
}

// What holds an address is dropped wherever it stands, and what only looks a little like one is kept.
func TestPersonal(t *testing.T) {
	for s, want := range map[string]bool{
		"dana.roe@acme.test": true, "by dana@acme in Lisbon": true, "203.0.113.7": true, "from 203.0.113.7:443": true, "2001:db8::7": true,
		"[2001:db8::7]:443": true, "fe80::1%eth0": true, "::ffff:203.0.113.7": true,
		"": false, "orn:okta:directory:00o1:workload-principals:ai-agents:wlp1": false, "2026-08-20T07:01:12.345Z": false, "@ all": false,
		"5b0f3f2e-8c11-11f1-9a55-0f1e2d3c4b5a": false, "app.oauth2.as.token.grant": false, "arn:aws:iam::123456789012:role/x": false, "1.2.3": false,
	} {
		if personal(s) != want {
			t.Errorf("%q: personal is %v", s, !want)
		}
	}
}

// FuzzEntry reads what may come as a log entry: nothing panics, nothing is addressed to nobody, and no address is kept.
func FuzzEntry(f *testing.F) {
	for _, entries := range entryFamilies(f) {
		for _, item := range entries {
			f.Add([]byte(item))
		}
	}
	f.Add([]byte(anEntry(time.Now(), "u1", "workload_principal.update", "SUCCESS", "wlp1", "sam.poe@acme.test", "from 203.0.113.7:443")))
	f.Fuzz(func(t *testing.T, item []byte) {
		e, err := parseEntry(item)
		if err != nil {
			return
		}
		for _, s := range e.signals() {
			if partNamed(s.What) == nil && s.What != readAgent && s.What != readApp || s.LogID == "" || s.At.IsZero() ||
				!slices.ContainsFunc([]string{"wlp", "0oa", "00T", "00u", "00g"}, func(kind string) bool { return isID(s.ID, kind) }) {
				t.Errorf("reads again %+v", s)
			}
		}
		agents, apps := e.named()
		by, clients := e.parties()
		holders := sortedOnce(slices.Concat(agents, apps, by, clients))
		if len(holders) == 0 {
			return
		}
		r, err := entryRecord(&answer{}, &e, holders)
		if err != nil {
			t.Fatal(err)
		}
		keepsNothingPersonal(t, r)
		reading, err := normalizeEntry(r)
		if err != nil || len(reading.Activities) != len(holders) {
			t.Fatalf("%d holders, %d activities, %v: %s", len(holders), len(reading.Activities), err, r.Body)
		}
		for n, a := range reading.Activities {
			ref := events.Ref{Kind: events.KindActivity, Holder: a.Holder, Key: a.Type}
			if err := ref.Check(); a.Holder != holders[n] || err != nil && len(a.Holder) < 600 {
				t.Errorf("activity %d of %v is about %q: %v", n, holders, a.Holder, err)
			}
		}
	})
}

// anAddress is an e-mail address or one of IP, of version 4 or in full of version 6.
var anAddress = regexp.MustCompile(`[^\s"]@[^\s"]|\b(\d{1,3}\.){3}\d{1,3}\b|\b([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b`)

// keepsNothingPersonal looks for addresses in every text of a record.
func keepsNothingPersonal(t *testing.T, r connectors.Record) {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewReader(r.Body))
	for {
		tok, err := d.ReadToken()
		if err != nil {
			return
		}
		if tok.Kind() == '"' && anAddress.MatchString(tok.String()) {
			t.Errorf("the record keeps %q: %s", tok.String(), r.Body)
		}
	}
}
