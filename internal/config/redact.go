package config

import (
	"net/url"
	"strings"
)

// WithoutSecret is a server's URL as it may be shown: what stands before the host, a user with a password or a token, is left out.
func WithoutSecret(server string) string {
	if !strings.Contains(server, "@") {
		return server // host and port alone are no URL, and no secret
	}
	u, err := url.Parse(server)
	if err != nil {
		return server[strings.LastIndex(server, "@")+1:]
	}
	u.User = nil
	return u.String()
}
