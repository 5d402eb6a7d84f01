package certs

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// pair writes a certificate and its key, and gives their paths and how to replace either.
func pair(t *testing.T, a *Authority, name string) (certificate, key []byte) {
	t.Helper()
	leaf, err := a.Leaf(name)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Files are looked at once a second; a pair that does not fit together leaves what was, and is told of once.
func TestWatchedPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		certFile, keyFile := filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")
		first, second := authority(t), authority(t)
		oldCert, oldKey := pair(t, first, "a.test")
		newCert, newKey := pair(t, second, "a-longer-name.test")
		write(t, certFile, oldCert)
		write(t, keyFile, oldKey)
		var warnings []string
		w, err := WatchPair(certFile, keyFile, func(err error) { warnings = append(warnings, err.Error()) })
		if err != nil {
			t.Fatal(err)
		}
		shows := func(name string, warned int) {
			t.Helper()
			if got := w.Get().Leaf.DNSNames[0]; got != name || len(warnings) != warned {
				t.Errorf("it shows %s after %q, want %s", got, warnings, name)
			}
		}
		shows("a.test", 0)
		write(t, certFile, newCert)
		shows("a.test", 0) // not looked at again yet
		time.Sleep(lookEvery)
		shows("a.test", 1)
		time.Sleep(lookEvery)
		shows("a.test", 1) // the same reason
		write(t, keyFile, newKey)
		shows("a.test", 1)
		time.Sleep(lookEvery)
		shows("a-longer-name.test", 1)
		if err := os.Remove(keyFile); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		shows("a-longer-name.test", 2)
		write(t, keyFile, newKey)
		time.Sleep(lookEvery)
		shows("a-longer-name.test", 2)
		if err := os.Remove(keyFile); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		shows("a-longer-name.test", 3) // again, after it was fine
		for _, warning := range warnings {
			if !strings.Contains(warning, dir) || strings.Contains(warning, "PRIVATE") {
				t.Errorf("the warning %q", warning)
			}
		}
	})
}

// A file is replaced by another one of the same length and time.
func TestWatchedFileIsSwapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path, next := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "next.pem")
		first, second := authority(t), authority(t)
		write(t, path, padded(first.PEM()))
		write(t, next, padded(second.PEM()))
		then := time.Unix(1_700_000_000, 0)
		for _, file := range []string{path, next} {
			if err := os.Chtimes(file, then, then); err != nil {
				t.Fatal(err)
			}
		}
		w, err := WatchRoots(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookEvery)
		if !w.Get().Equal(second.Pool()) {
			t.Error("the file that took its place was not read")
		}
	})
}

// padded makes texts of one length.
func padded(text []byte) []byte { return append(text, make([]byte, 1000-len(text))...) }

func TestWatchRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	certificate, key := pair(t, authority(t), "a.test")
	write(t, path("cert"), certificate)
	write(t, path("key"), key)
	write(t, path("empty"), nil)
	write(t, path("large"), append(certificate, make([]byte, maxFile)...))
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ cert, key, says string }{
		{"none", "key", "no such file"},
		{"pipe", "key", "not a file"},
		{".", "key", "not a file"},
		{"empty", "key", "failed to find any PEM data"},
		{"large", "key", "larger than"},
		{"cert", "cert", "found a certificate rather than a key"},
		{"key", "key", "failed to find certificate PEM data"},
	} {
		_, err := WatchPair(path(test.cert), path(test.key), nil)
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s and %s: got %v, want %q and the path", test.cert, test.key, err, test.says)
		}
	}
	if _, err := WatchPair(path("cert"), path("key"), nil); err != nil {
		t.Error(err)
	}
	if _, err := WatchRoots(path("key"), nil); err == nil {
		t.Error("a key was taken for a root")
	}
}
