package natsd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// lockName is the file in the data folder whose lock is held by the hub that runs on it.
const lockName = "hub.lock"

// Holder is the hub that runs on a data folder, as its lock file says.
type Holder struct {
	PID     int       `json:"pid"`
	URL     string    `json:"url"` // of the hub's NATS server; empty while it starts
	Started time.Time `json:"started"`
	Brief   bool      `json:"brief,omitzero"` // no hub, but a command that reads the folder and ends
}

// InUseError says that another hub runs on the folder.
type InUseError struct {
	Dir    string
	Holder Holder // zero fields where the holder has not said yet
}

func (e *InUseError) Error() string {
	if e.Holder.Brief {
		return fmt.Sprintf("data folder %s is being read by another command (process %d): try again in a moment", e.Dir, e.Holder.PID)
	}
	if e.Holder.URL == "" {
		return fmt.Sprintf("data folder %s is in use by a hub that is just starting (process %d): try again in a moment, or use another folder",
			e.Dir, e.Holder.PID)
	}
	return fmt.Sprintf("data folder %s is in use by the hub of process %d: join it at %s, stop it, or use another folder",
		e.Dir, e.Holder.PID, e.Holder.URL)
}

// ErrNoHub says that no hub runs on the folder.
var ErrNoHub = errors.New("no hub runs on this data folder")

// errLocked is what tryLock returns when another process holds the lock.
var errLocked = errors.New("locked by another process")

// Find says which hub runs on the folder. It returns [ErrNoHub], wrapped, when there is none: no lock file, or a stale one that
// a hub left behind when it was killed.
func Find(dir string) (Holder, error) {
	f, err := os.Open(filepath.Join(dir, lockName))
	if errors.Is(err, os.ErrNotExist) {
		return Holder{}, fmt.Errorf("%s: %w: start one with this folder", dir, ErrNoHub)
	}
	if err != nil {
		return Holder{}, fmt.Errorf("looking for a hub: %w", err)
	}
	defer f.Close()
	switch err := tryLock(f, false); {
	case err == nil:
		return Holder{}, fmt.Errorf("%s: %w: the one that did has ended; start one with this folder", dir, ErrNoHub)
	case !errors.Is(err, errLocked):
		return Holder{}, fmt.Errorf("looking for a hub in %s: %w", dir, err)
	}
	h := readHolder(f)
	if h.URL == "" {
		return h, &InUseError{Dir: dir, Holder: h}
	}
	return h, nil
}

// folderLock is this process's hold on a data folder.
type folderLock struct {
	file  *os.File
	brief bool
}

// How long a lock is tried for: a Find in another process holds it for an instant, a command that reads for as long as it takes.
const (
	tryFor      = 200 * time.Millisecond
	briefMoment = 15 * time.Second
)

// lockFolder takes the folder, or says in an *InUseError who has it. brief says that it is for one command that reads.
func lockFolder(dir string, brief bool) (*folderLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the data folder: %w: give a folder that this user may write", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder's lock: %w: give a folder that this user may write", err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if err = tryLock(f, true); err == nil {
			return begin(f, brief)
		}
		tried := time.Since(began)
		if !errors.Is(err, errLocked) || tried > briefMoment || tried > tryFor && !readHolder(f).Brief {
			break
		}
	}
	defer f.Close()
	if !errors.Is(err, errLocked) {
		return nil, fmt.Errorf("locking the data folder %s: %w", dir, err)
	}
	return nil, &InUseError{Dir: dir, Holder: readHolder(f)}
}

// begin writes who holds the lock; the URL follows when there is one.
func begin(f *os.File, brief bool) (*folderLock, error) {
	l := &folderLock{f, brief}
	if err := l.say(""); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

// say writes the holder into the lock file.
func (l *folderLock) say(url string) error {
	b, err := json.Marshal(Holder{PID: os.Getpid(), URL: url, Started: time.Now().UTC().Truncate(time.Second), Brief: l.brief})
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("writing the data folder's lock: %w", err)
	}
	if _, err := l.file.WriteAt(append(b, '\n'), 0); err != nil {
		return fmt.Errorf("writing the data folder's lock: %w", err)
	}
	return nil
}

// release gives the folder back. The file stays: removing it could take the lock away from a hub that has just opened it.
func (l *folderLock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// readHolder reads a lock file; what is not there, or half written, stays zero.
func readHolder(f *os.File) Holder {
	var h Holder
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<16))
	if err != nil || json.Unmarshal(b, &h) != nil {
		return Holder{}
	}
	return h
}
