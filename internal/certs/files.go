package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	lookEvery = time.Second // between two looks at the same files
	maxFile   = 1 << 20     // bytes
)

// Watched is what some files say. Get looks at them at most once a second, and reads them again when one has changed; while
// they cannot be read, or do not fit together, what they said last holds. All methods may be called concurrently.
type Watched[T any] struct {
	paths   []string
	parse   func(files [][]byte) (T, error)
	warn    func(error)
	current atomic.Pointer[T]

	mu     sync.Mutex // held by the one who looks; guards what follows
	looked time.Time
	seen   []os.FileInfo
	failed string // why the last look failed; "" = it did not
}

// WatchPair reads a certificate, with those that vouch for it behind it, and its key. warn is told of a later change that
// cannot be taken over, once for each reason, on the goroutine that has called Get; nil = nobody is.
func WatchPair(certFile, keyFile string, warn func(error)) (*Watched[tls.Certificate], error) {
	return watch([]string{certFile, keyFile}, warn, func(files [][]byte) (tls.Certificate, error) {
		return tls.X509KeyPair(files[0], files[1])
	})
}

// WatchRoots reads certificates of authorities. See WatchPair for warn.
func WatchRoots(path string, warn func(error)) (*Watched[*x509.CertPool], error) {
	return watch([]string{path}, warn, func(files [][]byte) (*x509.CertPool, error) {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(files[0]) {
			return nil, fmt.Errorf("no certificate in PEM")
		}
		return pool, nil
	})
}

func watch[T any](paths []string, warn func(error), parse func([][]byte) (T, error)) (*Watched[T], error) {
	w := &Watched[T]{paths: paths, parse: parse, warn: warn}
	return w, w.look()
}

// Get gives what the files say.
func (w *Watched[T]) Get() T {
	if w.mu.TryLock() { // else somebody is looking
		if time.Since(w.looked) >= lookEvery {
			w.lookAgain()
		}
		w.mu.Unlock()
	}
	return *w.current.Load()
}

// lookAgain tells of a reason not to take the files over that is new.
func (w *Watched[T]) lookAgain() {
	before := w.failed
	if err := w.look(); err != nil && w.failed != before && w.warn != nil {
		w.warn(err)
	}
}

// look reads the files, if they are not those that were read before. A failure is tried again at the next look.
func (w *Watched[T]) look() error {
	w.looked = time.Now()
	value, seen, err := w.read()
	if err != nil {
		w.failed = err.Error()
		return err
	}
	if w.failed = ""; value != nil {
		w.current.Store(value)
		w.seen = seen
	}
	return nil
}

// read gives nil for files that have not changed. It looks before it reads: what changes meanwhile looks different the next
// time.
func (w *Watched[T]) read() (*T, []os.FileInfo, error) {
	var seen []os.FileInfo
	for _, path := range w.paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("%s is not a file", path)
		}
		seen = append(seen, info)
	}
	if slices.EqualFunc(seen, w.seen, same) {
		return nil, nil, nil
	}
	var files [][]byte
	for _, path := range w.paths {
		data, err := readFile(path)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, data)
	}
	value, err := w.parse(files)
	if err != nil {
		return nil, nil, fmt.Errorf("%v: %w", w.paths, err)
	}
	return &value, seen, nil
}

// same reports whether a file looks as it did.
func same(a, b os.FileInfo) bool {
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	return data, err
}
