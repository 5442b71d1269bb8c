package okta

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

const secretValue = "sandbox-secret-of-the-hook"

// hookBody is what a client writes to have deliveries at an address.
func hookBody(uri string, types ...string) string {
	items, _ := json.Marshal(types)
	return fmt.Sprintf(`{"name":"Hub","events":{"type":"EVENT_TYPE","items":%s},"channel":{"type":"HTTP","version":"1.0.0","config":{"uri":%q,
		"headers":[{"key":"X-From","value":"okta"}],"authScheme":{"type":"HEADER","key":"Authorization","value":%q}}}}`, items, uri, secretValue)
}

// receiver is a server that returns challenges and keeps deliveries.
func receiver(t *testing.T) (uri string, got chan *http.Request, bodies chan []byte) {
	t.Helper()
	got, bodies = make(chan *http.Request, 100), make(chan []byte, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := r.Header.Get("x-okta-verification-challenge"); c != "" && r.Method == http.MethodGet {
			_ = json.NewEncoder(w).Encode(map[string]string{"verification": c})
			return
		}
		b, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusNoContent)
		got <- r
		bodies <- b
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook", got, bodies
}

// hooked makes a hook over the API.
func (o *org) hooked(uri string, types ...string) (v eventHook) {
	o.t.Helper()
	r := o.do("POST", eventHooks, plainJSON, hookBody(uri, types...))
	if r.status != http.StatusOK {
		o.t.Fatalf("%d %s", r.status, r.body)
	}
	mustDecode(o.t, r.body, &v)
	return v
}

// writeHooks makes one of each write to event hooks and checks that it shows.
func (o *org) writeHooks() {
	t := o.t
	uri, _, _ := receiver(t)
	v := o.hooked(uri, "workload_principal.register")
	at := eventHooks + "/" + v.ID
	if v.ID[:3] != "who" || v.Status != "ACTIVE" || v.Verification != "UNVERIFIED" || v.CreatedBy != o.st.Admin || v.Channel.Config.Method != "POST" {
		t.Errorf("a new hook: %+v", v)
	}
	o.expect("POST", at+"/lifecycle/verify", "", "", 200, "")
	o.expect("DELETE", at, "", "", 400, "E0000001")
	o.read(at, &v)
	if v.Verification != "VERIFIED" || v.Links["deactivate"] == nil {
		t.Errorf("a verified hook: %+v", v)
	}
	o.expect("POST", at+"/lifecycle/deactivate", "", "", 200, "")
	o.read(at, &v)
	if v.Status != "INACTIVE" || v.Links["activate"] == nil {
		t.Errorf("a hook that was switched off: %+v", v)
	}
	o.expect("POST", at+"/lifecycle/activate", "", "", 200, "")
	o.expect("PUT", at, plainJSON, hookBody(uri, "user.lifecycle.suspend"), 200, "")
	var list []eventHook
	o.read(eventHooks, &list)
	if len(list) != 1 || list[0].Events.Items[0] != "user.lifecycle.suspend" || list[0].Verification != "VERIFIED" {
		t.Errorf("a replaced hook on the same channel: %+v", list)
	}
	o.expect("POST", at+"/lifecycle/deactivate", "", "", 200, "")
	o.expect("DELETE", at, "", "", 204, "")
	for _, method := range []string{"GET", "DELETE"} {
		o.expect(method, at, "", "", 404, "E0000007")
	}
	for _, verb := range []string{"activate", "deactivate", "verify"} {
		o.expect("POST", at+"/lifecycle/"+verb, "", "", 404, "E0000007")
	}
	types := each(o.st.Log, func(e *logEntry) string { return e.Event.EventType })
	for _, verb := range []string{"created", "verified", "deactivated", "activated", "updated", "deleted"} {
		if !slices.Contains(types, "event_hook."+verb) {
			t.Errorf("no event_hook.%s in the log", verb)
		}
	}
}

func TestHooksOverTheAPI(t *testing.T) { start(t, Options{}).writeHooks() }

func TestANewChannelMustBeVerifiedAgain(t *testing.T) {
	o := start(t, Options{})
	uri, _, _ := receiver(t)
	v := o.hooked(uri, "workload_principal.register")
	at := eventHooks + "/" + v.ID
	same := hookBody(uri, "workload_principal.register")
	for name, body := range map[string]string{
		"another address": strings.Replace(same, uri, uri+"2", 1),
		"another secret":  strings.Replace(same, secretValue, "sandbox-secret-2", 1),
		"another key":     strings.Replace(same, `"Authorization"`, `"X-Secret"`, 1),
		"another header":  strings.Replace(same, "X-From", "X-Sender", 1),
	} {
		o.expect("PUT", at, plainJSON, same, 200, "")
		o.expect("POST", at+"/lifecycle/verify", "", "", 200, "")
		o.do("PUT", at, plainJSON, body)
		if o.read(at, &v); v.Verification != "UNVERIFIED" {
			t.Errorf("%s: %s", name, v.Verification)
		}
	}
	o.expect("PUT", at, plainJSON, same, 200, "")
	o.expect("POST", at+"/lifecycle/verify", "", "", 200, "")
	o.expect("PUT", at, plainJSON, strings.Replace(same, `,"value":"`+secretValue+`"`, "", 1), 200, "")
	if o.read(at, &v); v.Verification != "VERIFIED" || o.st.hook(v.ID).Secret != secretValue {
		t.Error("a replacement that leaves the secret out must keep it")
	}
}

func TestTheHooksSecretIsNeverShown(t *testing.T) {
	o := start(t, Options{})
	uri, _, _ := receiver(t)
	created := o.do("POST", eventHooks, plainJSON, hookBody(uri, "workload_principal.register"))
	var v eventHook
	mustDecode(t, created.body, &v)
	at := eventHooks + "/" + v.ID
	all := []reply{
		created, o.get(at), o.get(eventHooks), o.do("POST", at+"/lifecycle/verify", "", ""), o.do("POST", at+"/lifecycle/deactivate", "", ""),
		o.do("PUT", at, plainJSON, hookBody(uri, "workload_principal.update")), o.get("/api/v1/logs?limit=1000"),
	}
	for _, r := range all {
		if r.status != 200 || strings.Contains(string(r.body), secretValue) {
			t.Errorf("%d, and the secret in %s", r.status, r.body)
		}
	}
	if v.Channel.Config.Auth == nil || v.Channel.Config.Auth.Key != "Authorization" || v.Channel.Config.Headers[0].Key != "X-From" {
		t.Errorf("what is no secret must be shown: %+v", v.Channel.Config)
	}
}

func TestRefusedHooks(t *testing.T) {
	o := start(t, Options{})
	good := hookBody("https://hub.example/hook", "workload_principal.register")
	o.expect("POST", eventHooks, plainJSON, hookBody("https://hub.example/hook", "not.logged.here"), 200, "") // it may wait for ever
	for name, body := range map[string]string{
		"http elsewhere":  hookBody("http://hub.example/hook", "workload_principal.register"),
		"no host":         hookBody("https:///hook", "workload_principal.register"),
		"no address":      hookBody("%zz", "workload_principal.register"),
		"ineligible":      hookBody("https://hub.example/hook", "workload_principal.register", "app.oauth2.client.lifecycle.create"),
		"no types":        hookBody("https://hub.example/hook"),
		"too many types":  hookBody("https://hub.example/hook", slices.Repeat([]string{"x"}, 301)...),
		"no name":         strings.Replace(good, `"Hub"`, `""`, 1),
		"other events":    strings.Replace(good, "EVENT_TYPE", "FLOW_EVENT", 1),
		"other channel":   strings.Replace(good, `"HTTP"`, `"SMTP"`, 1),
		"other scheme":    strings.Replace(good, "HEADER", "QUERY", 1),
		"a filter":        strings.Replace(good, `"items"`, `"filter":{},"items"`, 1),
		"a known version": strings.Replace(good, "1.0.0", "2.0.0", 1),
	} {
		if r := o.do("POST", eventHooks, plainJSON, body); r.status != 400 || r.code() != "E0000001" {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	for _, uri := range []string{"http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]:2/x"} {
		o.expect("POST", eventHooks, plainJSON, hookBody(uri, "workload_principal.register"), 200, "")
	}
	for range 21 {
		o.expect("POST", eventHooks, plainJSON, good, 200, "")
	}
	o.expect("POST", eventHooks, plainJSON, good, 400, "E0000001")
	if _, err := o.RegisterHook("https://hub.example/hook", secretValue); err == nil {
		t.Error("a twenty-sixth hook is registered")
	}
	first := eventHooks + "/" + o.st.Hooks[0].ID
	o.expect("POST", first+"/lifecycle/deactivate", "", "", 200, "")
	o.expect("POST", eventHooks, plainJSON, good, 200, "")
	o.expect("POST", first+"/lifecycle/activate", "", "", 400, "E0000001")
}

func TestVerificationFails(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"nothing":           func(http.ResponseWriter, *http.Request) {},
		"another challenge": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"verification":"x"}`) },
		"plain text": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Header.Get("x-okta-verification-challenge"))
		},
		"201": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]string{"verification": r.Header.Get("x-okta-verification-challenge")})
		},
	} {
		s := httptest.NewServer(answer)
		o := start(t, Options{})
		v := o.hooked(s.URL, "workload_principal.register")
		o.expect("POST", eventHooks+"/"+v.ID+"/lifecycle/verify", "", "", 400, "E0000001")
		if e := o.entries(v.ID, "event_hook.verified"); len(e) != 1 || e[0].Outcome.Result != "FAILURE" || o.st.hook(v.ID).Verified {
			t.Errorf("%s: log %+v", name, e)
		}
		if _, err := o.RegisterHook(s.URL, secretValue); err == nil || strings.Contains(err.Error(), secretValue) || len(o.st.Hooks) != 1 {
			t.Errorf("%s: registered, or left behind: %v, %d hooks", name, err, len(o.st.Hooks))
		}
		s.Close()
	}
}

// TestRegisteredHook goes all the way over a network, and the receiver asks the org back, which it could not while the org's
// lock is held.
func TestRegisteredHook(t *testing.T) {
	o := start(t, Options{})
	t.Cleanup(func() { _ = o.Close() })
	bodies := make(chan envelope, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.Truth()
		if r.Method == http.MethodGet {
			_ = json.NewEncoder(w).Encode(map[string]string{"verification": r.Header.Get("x-okta-verification-challenge")})
			return
		}
		var e envelope
		if r.Header.Get("Authorization") == secretValue && json.NewDecoder(r.Body).Decode(&e) == nil {
			bodies <- e
		}
	}))
	t.Cleanup(s.Close)
	id, err := o.RegisterHook(s.URL, secretValue)
	if err != nil {
		t.Fatal(err)
	}
	out := o.must(sandbox.Change{Op: sandbox.DisableAgent, Native: "ai_agent"})
	select {
	case e := <-bodies:
		if !strings.HasSuffix(e.Source, eventHooks+"/"+id) || len(e.Data.Events) != 1 || e.Data.Events[0].Target[0].ID != out.Agent {
			t.Errorf("delivery %+v, want the one about %s", e, out.Agent)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was delivered")
	}
	if _, err := o.RegisterHook("http://hub.example", secretValue); err == nil {
		t.Error("http is let pass")
	}
}

func TestHooksSurviveARestart(t *testing.T) {
	a, b := start(t, Options{}), start(t, Options{})
	uri, got, _ := receiver(t)
	id, err := a.RegisterHook(uri, secretValue)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(a.snapshot()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if diff := cmp.Diff(a.st.hook(id), b.st.hook(id)); diff != "" {
		t.Errorf("the restored hook differs:\n%s", diff)
	}
	b.must(sandbox.Change{Op: sandbox.DisableAgent, Native: "ai_agent"})
	select {
	case r := <-got:
		if r.Header.Get("Authorization") != secretValue {
			t.Error("a delivery without the secret")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the restored org delivers nothing")
	}
}
