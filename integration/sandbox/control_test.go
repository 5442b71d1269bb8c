package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestControl(t *testing.T) {
	f, s, url := start(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // part of the answer
	}{
		{"GET", "health", "", 200, `"vendor":"fake"`},
		{"GET", "truth", "", 200, `"id":"one"`},
		{"POST", "mutate", `{"op":"agent.create","name":"four"}`, 200, `"agent":"four"`},
		{"POST", "mutate", `{"op":"agent.purge"}`, 409, "nothing at the vendor fits"},
		{"POST", "mutate", `{"op":"agent.burn"}`, 400, "op: "},
		{"POST", "mutate", `{"op":"person.rename"}`, 409, "nothing at the vendor fits"},
		{"POST", "mutate", `{"op":7}`, 400, "op: a JSON number"},
		{"POST", "mutate", `{"op":"agent.create","colour":"red"}`, 400, "colour"},
		{"POST", "mutate", ``, 400, "body: empty"},
		{"POST", "mutate", `{"op":"agent.create"} {}`, 400, "follows after"},
		{"POST", "faults", `{"kind":"rate_limit","times":1}`, 204, ""},
		{"POST", "faults", `{"kind":"flood"}`, 400, "kind: "},
		{"POST", "faults", `{"kind":"slow","path":"("}`, 400, "path: "},
		{"POST", "faults", `{"kind":"slow","times":-1}`, 400, "times: "},
		{"POST", "faults", `{"kind":"slow","every":-1}`, 400, "every: "},
		{"POST", "faults", `{"kind":"slow","retry_after":-1}`, 400, "retry_after: "},
		{"DELETE", "faults", "", 204, ""},
		{"POST", "expire", "", 204, ""},
		{"GET", "calls", "", 200, `"calls":{}`},
		{"GET", "nothing", "", 404, "not part of the control API"},
	} {
		res, err := call(t, c.method, url+"/_control/"+c.path, c.body)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != c.status || !strings.Contains(string(b), c.want) {
			t.Errorf("%s %s %s: %d %s; want %d and %q", c.method, c.path, c.body, res.StatusCode, b, c.status, c.want)
		}
	}
	if f.expired != 1 {
		t.Errorf("cursors expired %d times, want 1", f.expired)
	}
	if status, _, _ := get(t, url+"/list"); status != http.StatusOK {
		t.Errorf("status %d after DELETE faults, want 200", status)
	}
	if n := len(s.Fired()); n != 0 {
		t.Errorf("%d faults fired, want none", n)
	}
}

func TestStoreSavesEachChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fake.json")
	st, err := Open(&fake{names: []string{"seeded"}}, file)
	if err != nil {
		t.Fatal(err)
	}
	saved := func() (names []string) {
		b, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(b, &names)
		}
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if diff := cmp.Diff([]string{"seeded"}, saved()); diff != "" {
		t.Errorf("after Open (-want +got):\n%s", diff)
	}
	if _, err := st.Mutate(Change{Op: CreateAgent, Name: "changed"}); err != nil {
		t.Fatal(err)
	}
	s := serveStore(t, st)
	want := []string{"seeded", "changed"}
	for _, r := range []struct{ path, body, name string }{
		{"/list?name=posted", "", "posted"},
		{"/_control/mutate", `{"op":"agent.create","name":"controlled"}`, "controlled"},
	} {
		if res, err := call(t, "POST", s+r.path, r.body); err != nil || res.StatusCode != 200 {
			t.Fatalf("POST %s: %v %v", r.path, res, err)
		}
		want = append(want, r.name)
		if diff := cmp.Diff(want, saved()); diff != "" {
			t.Errorf("saved after POST %s (-want +got):\n%s", r.path, diff)
		}
	}
	again := &fake{}
	if _, err := Open(again, file); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again.names); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("temporary files left behind: %v", left)
	}
}

// reading says that its API never changes anything.
type reading struct{ *fake }

func (reading) OnlyReads(*http.Request) bool { return true }

// What only reads is not followed by a save, whatever its method: writing down a large state costs more than all else.
func TestStoreSavesNothingAfterReading(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	st, err := Open(reading{&fake{}}, file)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := call(t, "POST", serveStore(t, st)+"/list?name=posted", ""); err != nil || res.StatusCode != 200 {
		t.Fatalf("POST: %v %v", res, err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("saved %s, %v", after, err)
	}
}

// closing is a vendor that does something by itself until it is closed.
type closing struct {
	fake
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	c.names = append(c.names, "written while closing")
	return nil
}

func TestStoreClosesItsVendor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fake.json")
	v := &closing{}
	st, err := Open(v, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil || !v.closed {
		t.Errorf("closed %t, %v", v.closed, err)
	}
	if b, _ := os.ReadFile(file); !strings.Contains(string(b), "written while closing") {
		t.Errorf("what the vendor did while it was closed is not saved: %s", b)
	}
	plain, err := Open(&fake{}, filepath.Join(t.TempDir(), "plain.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Close(); err != nil {
		t.Errorf("closing a vendor that needs no closing: %v", err)
	}
}

func TestStoreKeepsTheVendorsForms(t *testing.T) {
	st, err := Open(&fake{}, filepath.Join(t.TempDir(), "fake.json"))
	if err != nil {
		t.Fatal(err)
	}
	url := serveStore(t, st)
	if _, err := call(t, "POST", url+"/_control/faults", `{"kind":"rate_limit"}`); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := get(t, url+"/list"); status != http.StatusTooManyRequests {
		t.Errorf("status %d, want the vendor's 429 through the store", status)
	}
}

func TestStoreWritesOnlyWhatChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fake.json")
	f := &fake{}
	st, err := Open(f, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := st.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("an unchanged state was written again")
	}
	f.names = append(f.names, "new")
	if err := st.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("a changed state was not written: %v", err)
	}
}

func TestStoreSaysWhySavingFailed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	st, err := Open(&fake{}, filepath.Join(dir, "fake.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	out, err := st.Mutate(Change{Op: CreateAgent, Name: "unsaved"})
	if err == nil || out.Name != "unsaved" || st.Err() == nil {
		t.Errorf("%+v, %v, %v: want the outcome, and why it was not saved", out, err, st.Err())
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fake.json")
	if err := os.WriteFile(file, []byte("{torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(&fake{}, file); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("got %v, want an error that names the cure", err)
	}
	if _, err := Open(&fake{}, filepath.Join(file, "no", "folder")); err == nil {
		t.Error("a folder that is missing gives no error")
	}
}
