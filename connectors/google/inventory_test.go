package google

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/connectors"
)

const searchPath = "/cloudasset/v1/organizations/1:searchAllIamPolicies"

// stock is a project with many service accounts, most of which have an empty policy, and an inventory.
type stock struct {
	*fake
	c     *connector
	shows []string // what the inventory shows, by full names
}

const emptyPolicy, someMembers = `{"etag":"ACAB"}`, `{"etag":"BwYx","bindings":[{"role":"roles/iam.serviceAccountUser","members":["user:a@example.com"]}]}`

func stocked(t *testing.T, accounts int, options map[string]string) *stock {
	t.Helper()
	f := &stock{fake: newFake(t)}
	f.set("/cloudresourcemanager/v3/projects:search", `{"name":"projects/444455556666","projectId":"rc-sandbox","state":"ACTIVE"}`)
	for n := range accounts {
		f.add(n)
	}
	f.shows = []string{"//cloudresourcemanager.googleapis.com/projects/rc-sandbox"}
	f.override[searchPath] = func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); !slices.Equal(q["assetTypes"], []string{assetAccount, assetProject}) || !strings.Contains(q.Get("fields"), "nextPageToken") {
			t.Errorf("the inventory is asked for %v", q)
		}
		var out []string
		for _, name := range f.shows {
			kind := assetAccount
			if strings.Contains(name, "cloudresourcemanager") {
				kind = assetProject
			}
			out = append(out, fmt.Sprintf(`{"resource":%q,"assetType":%q,"project":"projects/444455556666"}`, name, kind))
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(out, ","))
	}
	all := map[string]string{"asset_inventory": "organizations/1"}
	for k, v := range options {
		all[k] = v
	}
	f.c = f.connect(t, all)
	return f
}

func uid(n int) string { return fmt.Sprintf("2%020d", n) }

func mail(n int) string { return fmt.Sprintf("bot%d@rc-sandbox.iam.gserviceaccount.com", n) }

func (f *stock) add(n int) {
	f.lists[accountsPath] = append(f.lists[accountsPath], encode(accountJSON{UniqueID: uid(n), Email: mail(n), DisplayName: "Bot"}))
	f.bodies[accountsPath+"/"+uid(n)+":getIamPolicy"] = emptyPolicy
}

func (f *stock) policy(n int, body string) { f.bodies[accountsPath+"/"+uid(n)+":getIamPolicy"] = body }

// round reads the accounts' policies, and returns whose.
func (f *stock) round(t *testing.T) (out []string) {
	t.Helper()
	for _, r := range records(round(t, f.c.feed(t, feedAccountPolicies))) {
		out = append(out, r.Context[ctxUniqueID])
	}
	return out
}

// TestInventoryNarrows what is read to what the inventory shows and what was not empty.
func TestInventoryNarrows(t *testing.T) {
	f := stocked(t, 250, nil)
	f.policy(3, someMembers)
	if got := f.round(t); len(got) != 250 || f.called(searchPath) != 0 {
		t.Fatalf("the first round reads %d policies, after %d searches", len(got), f.called(searchPath))
	}
	read := func(what string, want ...int) {
		t.Helper()
		var ids []string
		for _, n := range want {
			ids = append(ids, uid(n))
		}
		if diff := cmp.Diff(ids, f.round(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	f.calls = nil
	read("nothing is new", 3)
	if len(f.calls) > 10 {
		t.Errorf("a round costs %d calls: %v", len(f.calls), f.calls)
	}
	f.policy(7, someMembers)
	f.policy(9, someMembers)
	f.shows = append(f.shows, "//iam.googleapis.com/projects/rc-sandbox/serviceAccounts/"+uid(7), "//iam.googleapis.com/projects/rc-sandbox/serviceAccounts/"+mail(9))
	read("two policies are shown, by id and by address", 3, 7, 9)
	f.shows = f.shows[:1]
	read("what was not empty is read, shown or not", 3, 7, 9)
	f.policy(7, emptyPolicy)
	read("one is emptied", 3, 7, 9)
	f.add(250)
	read("the emptied one rests, a new one is read", 3, 9, 250)
	f.policy(11, someMembers) // of which the inventory does not know
	read("the new one rests too", 3, 9)
	if got := f.round(t); len(got) != 251 {
		t.Errorf("the seventh round after the first reads %d policies, want all", len(got))
	}
	read("what it found stays", 3, 9, 11)
}

// TestInventoryIsAHint: where it does not answer, or not for a project, all is read.
func TestInventoryIsAHint(t *testing.T) {
	for name, spoil := range map[string]func(f *stock){
		"forbidden": func(f *stock) { f.answer(searchPath, 403, jsonDenied) },
		"unsupported type": func(f *stock) {
			f.answer(searchPath, 400, `{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}`)
		},
		"empty": func(f *stock) { f.shows = nil },
		"other projects": func(f *stock) {
			f.shows = []string{"//cloudresourcemanager.googleapis.com/projects/beta"}
			f.override[searchPath] = beta
		},
		"nonsense":           func(f *stock) { f.answer(searchPath, 200, `{"results":[7]}`) },
		"an error of theirs": func(f *stock) { f.answer(searchPath, 500, `{}`) },
	} {
		f := stocked(t, 30, nil)
		f.round(t)
		spoil(f)
		if got := f.round(t); len(got) != 30 {
			t.Errorf("%s: %d policies are read, want 30", name, len(got))
		}
	}
	f := stocked(t, 30, map[string]string{"asset_inventory": ""})
	f.round(t)
	if got := f.round(t); len(got) != 30 || f.called(searchPath) != 0 {
		t.Errorf("off: %d policies are read after %d searches", len(got), f.called(searchPath))
	}
}

func beta(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, `{"results":[{"resource":"//cloudresourcemanager.googleapis.com/projects/beta","assetType":%q,"project":"projects/1"}]}`, assetProject)
}

// TestInventoryLosesNothing: a policy that was emptied is read again until its page was taken, and what refused is asked for again.
func TestInventoryLosesNothing(t *testing.T) {
	f := stocked(t, 30, nil)
	f.policy(3, someMembers)
	f.round(t)
	f.policy(3, emptyPolicy)
	f.policy(8, someMembers)
	f.shows = append(f.shows, "//iam.googleapis.com/projects/rc-sandbox/serviceAccounts/"+uid(8))
	broken := accountsPath + "/" + uid(8) + ":getIamPolicy"
	f.answer(broken, 500, `{"error":{"code":500,"message":"no","status":"INTERNAL"}}`)
	feed := f.c.feed(t, feedAccountPolicies)
	if _, err := feed.Pull(t.Context(), nil); err == nil {
		t.Fatal("a broken policy is passed over")
	}
	f.answer(broken, 0, "")
	if diff := cmp.Diff([]string{uid(3), uid(8)}, f.round(t)); diff != "" {
		t.Errorf("after a failure (-want +got):\n%s", diff)
	}
	f.answer(accountsPath+"/"+uid(9)+":getIamPolicy", 403, jsonDenied)
	f.shows = append(f.shows, "//iam.googleapis.com/projects/rc-sandbox/serviceAccounts/"+uid(9))
	f.round(t)
	f.shows = f.shows[:2]
	f.answer(accountsPath+"/"+uid(9)+":getIamPolicy", 0, "")
	if got := f.round(t); !slices.Contains(got, uid(9)) {
		t.Errorf("what refused is not asked for again: %v", got)
	}
}

// TestInventoryResumes: who goes on in the middle of a round passes nothing over.
func TestInventoryResumes(t *testing.T) {
	f := stocked(t, 250, nil)
	f.round(t)
	feed := f.c.feed(t, feedAccountPolicies)
	first, err := feed.Pull(t.Context(), nil)
	if err != nil || !first.More {
		t.Fatal(err)
	}
	f.c = f.connect(t, map[string]string{"asset_inventory": "organizations/1"})
	read := 0
	for cur := first.Next; ; {
		page, err := f.c.feed(t, feedAccountPolicies).Pull(t.Context(), cur)
		if err != nil {
			t.Fatal(err)
		}
		if read += len(page.Records); !page.More {
			break
		}
		cur = page.Next
	}
	if read != 150 {
		t.Errorf("%d policies are read of the 150 that are left", read)
	}
	if got := f.round(t); len(got) != 100 {
		t.Errorf("the round after reads %d, want the 100 that this process has not read", len(got))
	}
}

func TestInventoryOption(t *testing.T) {
	for value, good := range map[string]bool{"organizations/123": true, "folders/4": true, "projects/acme-prod": true, "": true, "acme": false,
		"organizations/acme": false, "projects/../x": false} {
		if _, err := parseOptions(map[string]string{"asset_inventory": value}); (err == nil) != good {
			t.Errorf("%q: %v", value, err)
		}
	}
	warned := warnings(connectors.Settings{Options: map[string]string{"asset_inventory": "organizations/1"}, Services: map[string]string{"cloudasset": "http://127.0.0.1:1"}})
	if len(warned) != 1 || !strings.Contains(warned[0], "given for cloudasset") {
		t.Errorf("warnings %v", warned)
	}
}
