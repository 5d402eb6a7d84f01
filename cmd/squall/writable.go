package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// checkWritable says why a file could not be written; nothing is touched. A file that is there is enough, and else a folder.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	asked := path
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder", path)
	case errors.Is(err, fs.ErrNotExist):
		asked = filepath.Dir(path)
	case err != nil:
		return err
	}
	if err := unix.Access(asked, unix.W_OK); err != nil {
		return fmt.Errorf("%s cannot be written: %s: %w", path, asked, err)
	}
	return nil
}
