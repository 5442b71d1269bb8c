package config

import (
	"strings"
	"testing"
)

func TestSpansAreRefused(t *testing.T) {
	for _, s := range []string{"soon", "0d", "-1d", "1.5d", "14d12h", "14", "99999999999d", "40000d", "1w", ""} {
		_, err := Parse("rollcall.yaml", []byte("findings: {expiring: \""+s+"\"}\ntenants: {}\n"), vendors, env)
		if err == nil || !strings.Contains(err.Error(), "findings.expiring") {
			t.Errorf("expiring %q: %v, want an error that names the field", s, err)
		}
	}
}
