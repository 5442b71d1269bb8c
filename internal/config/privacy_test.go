package config

import (
	"strings"
	"testing"
)

// Persons are sealed unless the configuration says otherwise in so many words.
func TestPersonsAreSealedByDefault(t *testing.T) {
	for lines, plain := range map[string]bool{"": false, "privacy: {}\n": false, "privacy: {seal_persons: true}\n": false, "privacy:\n  seal_persons: false\n": true} {
		content := strings.Replace(good, "tenants:", lines+"tenants:", 1)
		c, err := Parse("rollcall.yaml", []byte(content[:strings.Index(content, "      by-service:")]), vendors, env)
		if err != nil || c.Privacy.PlainPersons != plain {
			t.Errorf("%q: persons are written in plain: %v, %v", lines, c.Privacy.PlainPersons, err)
		}
	}
}
