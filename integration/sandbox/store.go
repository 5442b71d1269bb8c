package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// Store is a vendor whose state is kept in a file. It is a [Vendor] itself: give it to [Serve], and every change is saved,
// whether it comes over the control API, over the vendor's own API, or from [Store.Mutate].
type Store struct {
	Vendor
	file string

	mu    sync.Mutex // one save at a time, so that an older snapshot never replaces a newer one
	saved []byte     // what the file holds, so that a POST which only reads costs no write
	err   error      // why the last save failed, see Err
}

// Open loads a vendor's state from the file, if it exists, and saves it there from now on after each change (by a rename, so
// that a crash leaves the old state or the new one). The folder must exist.
func Open(v Vendor, file string) (*Store, error) {
	b, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s := &Store{Vendor: v, file: file}
		return s, s.Save()
	case err != nil:
		return nil, fmt.Errorf("read the %s sandbox's state: %w", v.Name(), err)
	}
	if err := v.Restore(b); err != nil {
		return nil, fmt.Errorf("restore the %s sandbox from %s: %w (remove the file to start from the seed)", v.Name(), file, err)
	}
	return &Store{Vendor: v, file: file}, nil
}

// Mutate makes a change and saves it. When only saving fails the change stands, and the error says so beside the outcome.
func (s *Store) Mutate(c Change) (Outcome, error) {
	out, err := s.Vendor.Mutate(c)
	if err != nil {
		return out, err
	}
	return out, s.Save()
}

// ExpireCursors expires the vendor's cursors and saves that. [Store.Err] tells when saving failed.
func (s *Store) ExpireCursors() {
	s.Vendor.ExpireCursors()
	_ = s.Save()
}

// ServeHTTP serves the vendor's API and saves after each request that may have changed something. [Store.Err] tells when
// saving failed; the client's answer is the vendor's all the same.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Vendor.ServeHTTP(w, r)
	if !s.onlyReads(r) {
		_ = s.Save()
	}
}

// onlyReads reports whether a request changes nothing: writing down a large state after each would cost more than all else.
func (s *Store) onlyReads(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	v, ok := s.Vendor.(Reader)
	return ok && v.OnlyReads(r)
}

// Fail passes a fault on to the vendor, if that has its own forms. See [Failer].
func (s *Store) Fail(w http.ResponseWriter, r *http.Request, f Fault) bool {
	v, ok := s.Vendor.(Failer)
	return ok && v.Fail(w, r, f)
}

// Save writes the vendor's state to the file. Call it before the end of the process, so that cursors which were only read
// out since the last change are known to the next one too.
func (s *Store) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = s.save()
	return s.err
}

// Err is why the last save failed, or nil.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends what the vendor does by itself, if it does anything, and saves the state for the last time.
func (s *Store) Close() error {
	var err error
	if v, ok := s.Vendor.(io.Closer); ok {
		err = v.Close()
	}
	return errors.Join(err, s.Save())
}

func (s *Store) save() error {
	b, err := s.Snapshot()
	if err == nil && !bytes.Equal(b, s.saved) {
		err = replace(s.file, b)
	}
	if err != nil {
		return fmt.Errorf("save the %s sandbox's state: %w", s.Name(), err)
	}
	s.saved = b
	return nil
}

// replace writes a file as a whole or not at all. It asks for a sync first: a rename may otherwise reach the disk before
// the bytes do.
func replace(file string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails once the rename has succeeded
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
