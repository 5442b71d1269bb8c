package config

import "testing"

func TestWithoutSecret(t *testing.T) {
	for in, want := range map[string]string{
		"nats://127.0.0.1:4222":               "nats://127.0.0.1:4222",
		"nats://ann:s3cr3t@nats.example:4222": "nats://nats.example:4222",
		"nats://t0ken@nats.example:4222":      "nats://nats.example:4222",
		"127.0.0.1:4222":                      "127.0.0.1:4222",
		"t0ken@127.0.0.1:4222":                "127.0.0.1:4222",
		"nats.example":                        "nats.example",
		"nats://a:s3@cret@%zz":                "%zz",
	} {
		if got := WithoutSecret(in); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}
