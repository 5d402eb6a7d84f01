package control

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// format is the version of the state file that this squall writes. It reads this one only.
const format = 1

// copies is how many earlier states are kept beside the state file, as FILE.1 (the latest) to FILE.3.
const copies = 3

// maxStateFile bounds a state file, in bytes.
const maxStateFile = 64 << 20

// FileStore keeps the state in a file. What Save acknowledged survives a crash of the process and of the machine: the
// new state is written beside the old one, synced, renamed over it, and the directory synced. One process owns a file
// at a time. Load and Save must not be called concurrently.
type FileStore struct {
	path string
	lock *os.File

	onDisk  []byte // the file's content as far as it is known to be good; nil = not known
	damaged bool   // the file is there and cannot be read: it is not worth being one of the copies
}

// header is the first line of a state file; the state follows.
type header struct {
	Format int    `json:"squall_state"`
	SHA256 string `json:"sha256"` // of all that follows the line
}

// ErrNewer is the cause when a state file was written by a newer squall.
var ErrNewer = errors.New("written by a newer squall")

// OpenFile takes ownership of a state file, which need not exist yet. A file that another process owns is an error
// that names the process.
func OpenFile(path string) (*FileStore, error) {
	if err := checkRegular(path); err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	lock, err := openRegular(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW)
	if err != nil {
		return nil, fmt.Errorf("state file %s: its lock: %w", path, err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := os.ReadFile(lock.Name())
		return nil, errors.Join(
			fmt.Errorf("state file %s: in use by process %s: %w", path, strings.TrimSpace(string(owner)), err), lock.Close())
	}
	if err := writeOwner(lock); err != nil {
		return nil, errors.Join(fmt.Errorf("state file %s: %w", path, err), lock.Close())
	}
	return &FileStore{path: path, lock: lock}, nil
}

func writeOwner(lock *os.File) error {
	if err := lock.Truncate(0); err != nil {
		return err
	}
	_, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// Close gives the file up. The lock file stays: removing it would let two processes own the same state.
func (f *FileStore) Close() error { return f.lock.Close() }

// Load reads the last state saved; nil if there is none. When the file is damaged, the latest good copy is used and
// damage says so; an error means that there is nothing to go on with. A file of a newer squall is an error, never
// replaced by an older copy.
func (f *FileStore) Load(now time.Time) (s *State, damage, err error) {
	s, content, err := readState(f.path, now)
	switch {
	case err == nil:
		f.onDisk = content
		return s, nil, nil
	case errors.Is(err, ErrNewer):
		return nil, nil, fmt.Errorf("state file %s: %w", f.path, err)
	}
	f.damaged = !errors.Is(err, fs.ErrNotExist)
	found := f.damaged
	damage = fmt.Errorf("state file %s: %w", f.path, err)
	for i := 1; i <= copies; i++ {
		s, _, err := readState(f.copyName(i), now)
		if err == nil {
			return s, fmt.Errorf("%w; went on with %s", damage, f.copyName(i)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			found = true
			damage = fmt.Errorf("%w; %s: %w", damage, f.copyName(i), err)
		}
	}
	if !found {
		return nil, nil, nil
	}
	return nil, nil, damage
}

// readState reads a state file, and gives its content, too.
func readState(path string, now time.Time) (s *State, content []byte, err error) {
	file, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	content, err = io.ReadAll(io.LimitReader(file, maxStateFile+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, nil, err
	}
	s, err = parseState(content, now)
	return s, content, err
}

func parseState(content []byte, now time.Time) (*State, error) {
	line, body, found := bytes.Cut(content, []byte("\n"))
	var h header
	if err := json.Unmarshal(line, &h); !found || err != nil || h.Format < 1 {
		return nil, errors.New("not a state file of squall's")
	}
	if h.Format > format {
		return nil, fmt.Errorf("format %d, this one reads %d: %w", h.Format, format, ErrNewer)
	}
	if len(content) > maxStateFile {
		return nil, fmt.Errorf("larger than %d bytes", maxStateFile)
	}
	if checksum(body) != h.SHA256 {
		return nil, errors.New("damaged: the checksum does not match")
	}
	return decodeState(body, now)
}

// renderState gives the content of a state file, which is sure to be readable.
func renderState(s *State) ([]byte, error) {
	body, err := encodeState(s)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(header{Format: format, SHA256: checksum(body)})
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	content := append(append(line, '\n'), body...)
	if _, err := parseState(content, time.Now()); err != nil {
		return nil, fmt.Errorf("the state would not be readable: %w", err)
	}
	return content, nil
}

func checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Save makes a state the one that Load gives. On an error the file is as it was. What is on the disk already is not
// written again.
func (f *FileStore) Save(s *State) error {
	content, err := renderState(s)
	if err != nil {
		return refuse(Invalid, err)
	}
	if bytes.Equal(content, f.onDisk) {
		return nil
	}
	if err := f.replace(content); err != nil {
		f.onDisk = nil
		return storageError(err)
	}
	f.onDisk, f.damaged = content, false
	return nil
}

func storageError(err error) error {
	code := Storage
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		code = Full
	}
	return &Error{Code: code, Reason: "the state cannot be saved: " + err.Error(), Err: err}
}
