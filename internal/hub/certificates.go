package hub

import (
	"crypto/tls"
	"log/slog"
	"sync"
	"time"
)

// renewEvery is how often a certificate's files are read again: they are renewed while a hub runs.
const renewEvery = time.Minute

// certificates is a certificate with its key, as its files have it.
type certificates struct {
	file, key string
	logger    *slog.Logger

	mu     sync.Mutex
	now    *tls.Certificate
	loaded time.Time
}

func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// load reads the files.
func (c *certificates) load() error {
	c.loaded = time.Now()
	pair, err := tls.LoadX509KeyPair(c.file, c.key)
	if err != nil {
		return err
	}
	c.now = &pair
	return nil
}

// get is the certificate of now. While the files cannot be read, as in the middle of a renewal, it is the former one.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.loaded) > renewEvery {
		if err := c.load(); err != nil {
			c.logger.Warn("the certificate for pushes could not be read again: the former one is used on", "why", err)
		}
	}
	return c.now, nil
}
