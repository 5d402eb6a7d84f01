package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// isTerminal reports whether somebody looks at what is written to a file.
func isTerminal(file *os.File) bool {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
