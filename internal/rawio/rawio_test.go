package rawio

import (
	"syscall"
	"testing"
)

func TestReadAndWrite(t *testing.T) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := uintptr(fds[0]), uintptr(fds[1])
	buffer := make([]byte, 10)
	if n, err := Read(near, buffer); n != 0 || err != syscall.EAGAIN {
		t.Errorf("nothing there: %d, %v", n, err)
	}
	if n, err := Write(far, []byte("abc")); n != 3 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if n, err := Read(near, buffer); string(buffer[:n]) != "abc" || err != nil {
		t.Errorf("read %q, %v", buffer[:n], err)
	}
	for err = nil; err == nil; _, err = Write(far, make([]byte, 1<<16)) {
	}
	if err != syscall.EAGAIN {
		t.Errorf("no room: %v", err)
	}
	_ = syscall.Close(fds[0])
	if n, err := Write(far, []byte("abc")); n != 0 || err != syscall.EPIPE {
		t.Errorf("nobody there: wrote %d, %v", n, err)
	}
	_ = syscall.Shutdown(fds[1], syscall.SHUT_RD)
	if n, err := Read(far, buffer); n != 0 || err != nil && err != syscall.ECONNRESET {
		t.Errorf("the end: %d, %v", n, err)
	}
	_ = syscall.Close(fds[1])
}
