package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// errNotRegular is the cause when something is no file that a state can be kept in.
var errNotRegular = errors.New("want a regular file")

// openRegular opens a regular file. Anything else is refused: a pipe would keep the start waiting for its other end.
func openRegular(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w, this is %s", errNotRegular, describe(info.Mode()))
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// checkRegular refuses what is there and no regular file. What cannot be opened is told when it is read.
func checkRegular(path string) error {
	file, err := openRegular(path, os.O_RDONLY)
	switch {
	case err == nil:
		return file.Close()
	case errors.Is(err, errNotRegular):
		return err
	}
	return nil
}

// describe names a file that is not regular.
func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	}
	return "a device"
}
