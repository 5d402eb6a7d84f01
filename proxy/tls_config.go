package proxy

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/squall-proxy/squall/internal/certs"
	"github.com/squall-proxy/squall/internal/document"
)

// Throwaway names the authority that an engine makes at its start, and forgets at its end.
const Throwaway = "throwaway"

// Insecure is the word by which an upstream's certificate is not verified.
const Insecure = "insecure"

// maxFilePath bounds the path of a file: Linux's PATH_MAX.
const maxFilePath = 4096

// TLS says with which certificates a proxy answers its clients: of files, or of the throw-away authority. Documents may
// write true for the latter.
type TLS struct {
	CA    string   `json:"ca,omitempty"`    // throwaway
	Names []string `json:"names,omitempty"` // the only ones, as stock.test or *.stock.test, that CA vouches for; none = any
	// Certificates in the order of preference: the first that suits the client, by name and algorithms, else the first.
	Certificates []KeyPair `json:"certificates,omitempty"`
}

// KeyPair is a certificate, those that vouch for it behind it, and its key, in PEM files, which are read again when they change.
type KeyPair struct {
	CertFile string `json:"cert_file"`
	KeyFile  string `json:"key_file"`
}

// UpstreamTLS says how an https upstream is spoken to.
type UpstreamTLS struct {
	RootsFile  string `json:"roots_file,omitempty"`  // PEM; who may vouch for the upstream, instead of the system's roots
	ServerName string `json:"server_name,omitempty"` // asked for and verified; "" = the upstream's host
	CertFile   string `json:"cert_file,omitempty"`   // shown to an upstream that asks for a client's certificate
	KeyFile    string `json:"key_file,omitempty"`
	Verify     string `json:"verify,omitempty"` // "" = fully; insecure: whatever certificate the upstream has
}

// DecodeDocument reads the settings; true stands for the throw-away authority.
func (t *TLS) DecodeDocument(n *document.Node) error {
	if n.Kind == document.Bool {
		if *t = (TLS{CA: Throwaway}); !n.Bool {
			return document.Errorf("", "want true or an object: leave it out, or null, for no TLS")
		}
		return nil
	}
	type plain TLS
	*t = TLS{}
	return document.Decode(n, (*plain)(t))
}

func (t *TLS) validate() error {
	switch {
	case t == nil:
		return nil
	case t.CA == "" && len(t.Certificates) == 0:
		return document.Errorf("", "want ca or certificates")
	case t.CA != "" && t.CA != Throwaway:
		return document.Errorf("ca", "want %s, got %.80q", Throwaway, t.CA)
	case t.CA != "" && len(t.Certificates) > 0:
		return document.Errorf("certificates", "not beside ca")
	case t.CA == "" && len(t.Names) > 0:
		return document.Errorf("names", "only beside ca: the names of files are those of their certificates")
	case len(t.Certificates) > maxEntries:
		return document.Errorf("certificates", "at most %d entries, got %d", maxEntries, len(t.Certificates))
	case len(t.Names) > maxEntries:
		return document.Errorf("names", "at most %d entries, got %d", maxEntries, len(t.Names))
	}
	for i, name := range t.Names {
		if !certs.IsName(name) {
			return document.Errorf(fmt.Sprintf("names[%d]", i), "want a host name in lower case, such as stock.test or *.stock.test, got %.80q", name)
		}
	}
	for i, pair := range t.Certificates {
		if err := pair.validate(); err != nil {
			return document.At(document.At(err, fmt.Sprintf("[%d]", i)), "certificates")
		}
	}
	return nil
}

// has reports whether the throw-away authority vouches for a name, which is in lower case.
func (t *TLS) has(name string) bool {
	if !certs.IsName(name) || strings.HasPrefix(name, "*") {
		return false
	}
	_, domain, _ := strings.Cut(name, ".")
	return len(t.Names) == 0 || slices.Contains(t.Names, name) || slices.Contains(t.Names, "*."+domain)
}

func (p KeyPair) validate() error {
	if err := checkFile("cert_file", p.CertFile); err != nil {
		return err
	}
	return checkFile("key_file", p.KeyFile)
}

func checkFile(field, path string) error {
	switch {
	case path == "":
		return document.Errorf(field, "missing: want the path of a PEM file")
	case len(path) > maxFilePath || strings.ContainsRune(path, 0):
		return document.Errorf(field, "want the path of a PEM file, of at most %d bytes", maxFilePath)
	}
	return nil
}

func (t *UpstreamTLS) validate(scheme string) error {
	switch {
	case t == nil:
		return nil
	case scheme != "https":
		return document.Errorf("", "only with an https upstream")
	case t.Verify != "" && t.Verify != Insecure:
		return document.Errorf("verify", "want %s, or leave it out, got %.80q", Insecure, t.Verify)
	case t.Verify == Insecure && t.RootsFile != "":
		return document.Errorf("roots_file", "not beside verify %s, which asks nobody", Insecure)
	case t.ServerName != "" && net.ParseIP(t.ServerName) == nil && (!certs.IsName(t.ServerName) || t.ServerName[0] == '*'):
		return document.Errorf("server_name", "want a host name in lower case or an address, got %.80q", t.ServerName)
	}
	if t.CertFile != "" || t.KeyFile != "" {
		if err := (KeyPair{t.CertFile, t.KeyFile}).validate(); err != nil {
			return err
		}
	}
	if t.RootsFile != "" {
		return checkFile("roots_file", t.RootsFile)
	}
	return nil
}

// Equal reports whether two settings, either of which may be nil, say the same.
func (t *UpstreamTLS) Equal(other *UpstreamTLS) bool {
	return t == other || t != nil && other != nil && *t == *other
}

// File is a file that a configuration names.
type File struct{ Field, Path string }

// Files lists those that a configuration names.
func (c *Config) Files() []File {
	files := []File{{"listen", unixPath(c.Listen)}, {"upstream", unixPath(c.Upstream)}}
	if c.TLS != nil {
		for i, pair := range c.TLS.Certificates {
			at := fmt.Sprintf("tls.certificates[%d].", i)
			files = append(files, File{at + "cert_file", pair.CertFile}, File{at + "key_file", pair.KeyFile})
		}
	}
	if t := c.UpstreamTLS; t != nil {
		files = append(files, File{"upstream_tls.roots_file", t.RootsFile},
			File{"upstream_tls.cert_file", t.CertFile}, File{"upstream_tls.key_file", t.KeyFile})
	}
	return slices.DeleteFunc(files, func(f File) bool { return f.Path == "" })
}

// At is the URL by which clients reach the proxy at an address.
func (c *Config) At(addr string) string {
	switch {
	case isUnix(addr):
		return addr
	case c.Protocol == TCP:
		return "tcp://" + addr
	case c.TLS != nil:
		return "https://" + addr
	}
	return "http://" + addr
}
