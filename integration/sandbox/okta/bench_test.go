package okta

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/rollcallhq/rollcall/integration/sandbox"
)

// large is an org of ten thousand.
func large() *Sandbox {
	now := time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)
	c := sandbox.NewCompanyAt(1, "okta", map[string]int{"ai_agent": 7000, "service_app": 3000})
	return NewWith(c, 1, Options{Now: func() time.Time { return now }})
}

// ask calls an org in this process.
func ask(tb testing.TB, s *Sandbox, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Authorization", "SSWS "+s.Token())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		tb.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	return w
}

// requests of a reader, at the far end of an org's lists, where a linear search shows most.
func requests(s *Sandbox) map[string]string {
	a, p := s.st.Agents[len(s.st.Agents)-1], s.st.Apps[len(s.st.Apps)-1]
	orn := func(attr string) string { return url.QueryEscape(attr + ` eq "` + s.st.agentORN(a.ID) + `"`) }
	half := cursor{list: "agents", key: s.st.Agents[len(s.st.Agents)/2].Seq}
	return map[string]string{
		"agent":       agents + "/" + a.ID,
		"keys":        agents + "/" + a.ID + "/credentials/jwks",
		"connections": agents + "/" + a.ID + "/connections",
		"links":       delegationLinks + "?filter=" + orn("to.resourceOrn"),
		"owners":      ownersPath + orn("parentResourceOrn"),
		"app":         "/api/v1/apps/" + p.ID,
		"grants":      "/api/v1/apps/" + p.ID + "/grants",
		"roles":       "/oauth2/v1/clients/" + p.ID + "/roles",
		"user":        "/api/v1/users/" + s.st.Users[len(s.st.Users)-1].ID,
		"poll":        "/api/v1/logs?limit=1000&after=" + (&call{Sandbox: s, now: s.st.Clock}).logCursor(len(s.st.Log)),
		"agent page":  agents + "?limit=200&after=" + half.String(),
		"app page":    "/api/v1/apps?limit=200&includeNonDeleted=true",
		"owner page":  ownersPath + url.QueryEscape(sweep) + "&limit=200",
		"log page":    "/api/v1/logs?limit=1000&since=2026-08-25T00:00:00Z",
	}
}

// BenchmarkRequests measures calls to an org of ten thousand in this process, without a network.
func BenchmarkRequests(b *testing.B) {
	s := large()
	for name, target := range requests(s) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				ask(b, s, target)
			}
		})
	}
}

// BenchmarkSeed measures how long an org of ten thousand takes to build.
func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		large()
	}
}

// BenchmarkChange measures one change, and the truth after it.
func BenchmarkChange(b *testing.B) {
	s := large()
	b.Run("mutate", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Mutate(sandbox.Change{Op: sandbox.AddCredential, Native: "service_app"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("truth", func(b *testing.B) {
		for b.Loop() {
			s.Truth()
		}
	})
}

// TestAskingForOneCostsTheSameInALargeOrg counts what a call allocates: a linear search that allocates nothing is for the
// benchmark to see.
func TestAskingForOneCostsTheSameInALargeOrg(t *testing.T) {
	small, big := start(t, Options{}).Sandbox, large()
	few, many := requests(small), requests(big)
	for _, name := range []string{"agent", "links", "owners", "app", "user", "poll"} {
		a := testing.AllocsPerRun(10, func() { ask(t, small, few[name]) })
		b := testing.AllocsPerRun(10, func() { ask(t, big, many[name]) })
		if b > 2*a+100 {
			t.Errorf("%s: %.0f allocations of 60 agents, %.0f of 10,000", name, a, b)
		}
	}
}
