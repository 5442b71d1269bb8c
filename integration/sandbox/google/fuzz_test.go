package google

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// FuzzFilter: no filter breaks the parser or the matcher, and what is negated matches the opposite.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{`a="b" AND (c:d OR NOT e>=f)`, `log_id("x") timestamp>"2026-01-01T00:00:00Z"`, `a=~"x.*" "y"`, `((`, `a=("b" OR`, "'\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := parseFilter(s, "log_id")
		if err != nil || parsed == nil {
			return
		}
		parsed.fields()
		if (not{parsed}).match(sample) == parsed.match(sample) {
			t.Errorf("%q and its negation agree", s)
		}
	})
}

// FuzzFields: a mask that parses keeps a part of the answer, and applying it twice changes nothing more.
func FuzzFields(f *testing.F) {
	for _, s := range []string{"a,b", "a(b,c/d),e", "*", "a(*)", "a(b", "a//b", "((((", "a/b(c(d))"} {
		f.Add(s)
	}
	body := []byte(`{"a":[{"b":1,"c":{"d":"x","e":2}},{"b":3}],"e":{"f":null},"g":12345678901234567890}`)
	f.Fuzz(func(t *testing.T, mask string) {
		once, err := selectFields(body, mask)
		if err != nil {
			return
		}
		twice, err := selectFields(once, mask)
		if err != nil || !json.Valid(once) || string(once) != string(twice) {
			t.Errorf("%q: %s, then %s, %v", mask, once, twice, err)
		}
	})
}

// FuzzToken: only tokens that the sandbox made are taken, and those come back as they were.
func FuzzToken(f *testing.F) {
	s := NewWith(sandbox.NewCompany(1, 6), 1, Layout{At: seedTime}).st
	good := s.token(place{Query: "q", After: "a", Issued: seedTime})
	for _, t := range []string{good, good[:len(good)-2], good + "\n", "", "e30=", "Lnt9"} {
		f.Add(t, "x")
	}
	f.Fuzz(func(t *testing.T, token, after string) {
		if p, ok := s.place(token); ok && s.token(p) != token {
			t.Errorf("%q was taken", token)
		}
		want := place{Query: "q", After: strings.ToValidUTF8(after, "?"), Blank: true, Issued: time.Unix(7, 0).UTC()}
		got, ok := s.place(s.token(want))
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%v\n%s", ok, diff)
		}
	})
}

// FuzzRequest: whatever is asked, the answer is one of Google's forms, and never an internal error.
func FuzzRequest(f *testing.F) {
	s := NewWith(sandbox.NewCompany(1, 12), 1, Layout{At: seedTime})
	s.Now = (&clock{now: seedTime}).Now
	sink, err := s.Mutate(sandbox.Change{Op: sandbox.OpenSink})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(true, "pubsub/v1/"+sink.Key+":pull", "", `{"maxMessages":2}`)
	f.Add(true, "pubsub/v1/"+sink.Key+":acknowledge", "", `{"ackIds":["1-1-x","--"]}`)
	f.Add(false, "cloudasset/v1/organizations/"+s.Organization()+":searchAllIamPolicies", "query=policy:x&assetTypes=y", "")
	f.Add(false, "admin/admin/reports/v1/activity/users/all/applications/token", "agentInfoFilter=%28&startTime=x&maxResults=3", "")
	for _, r := range routes {
		path := strings.NewReplacer("{project}", "tessellate-agents", "{location}", "us-central1").Replace(r.pattern)
		f.Add(r.verb == "POST", r.service+"/"+path, "pageSize=1&pageToken=x", `{"pageSize":1}`)
	}
	f.Add(true, "token", "", "grant_type=x&assertion=a.b.c")
	f.Add(false, "iam/v1/projects/%2F/serviceAccounts/a:b", "fields=a(b)&filter=%28", "")
	f.Fuzz(func(t *testing.T, post bool, path, query, body string) {
		req := httptest.NewRequestWithContext(t.Context(), map[bool]string{true: "POST", false: "GET"}[post], "/", strings.NewReader(body))
		u, err := req.URL.Parse("/" + strings.TrimLeft(path, "/"))
		if err != nil {
			return
		}
		req.URL.Path, req.URL.RawPath, req.URL.RawQuery = u.Path, u.RawPath, query
		req.Header.Set("Authorization", "Bearer "+s.Token())
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		html := strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html")
		if rec.Code >= http.StatusInternalServerError || !html && !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%v /%s?%s: %d %s", post, path, query, rec.Code, rec.Body)
		}
	})
}
