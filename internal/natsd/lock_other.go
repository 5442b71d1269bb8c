//go:build !unix

package natsd

import (
	"errors"
	"os"
)

// tryLock refuses: without a lock that ends with its process, two hubs could write one folder.
func tryLock(*os.File, bool) error {
	return errors.New("the embedded NATS server needs a Unix-like system: run a NATS server beside the hub and give its URL")
}
