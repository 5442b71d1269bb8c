//go:build unix

package natsd

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the file's lock without waiting, for this process alone or shared. It returns errLocked when another process
// holds it. The lock ends when the file is closed, as it is by the system when the process dies.
func tryLock(f *os.File, alone bool) error {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errLocked
		default:
			return err
		}
	}
}
