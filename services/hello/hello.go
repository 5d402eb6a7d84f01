// Package hello is the load balancing lab's service: it says which of the two it is.
//
//	SERVER_NAME   "Hello from Service 1" if it contains service1, else "Hello from Service 2"
//	PORT          0 to 65535, 0 = the system chooses (default 5055)
//
// GET / answers with that text, without a newline, and names the server in X-Served-By. GET /health is always 200.
package hello

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/rs/zerolog"

	"github.com/squall-proxy/squall/services/internal/web"
)

// maxName is the longest host name that DNS can carry, in characters (RFC 1035 section 2.3.4, written without the
// length bytes).
const maxName = 253

const allowedName = "1 to 253 printable ASCII characters"

// Config holds the settings of one service.
type Config struct {
	// ServerName chooses the text and goes into X-Served-By: at most 253 printable ASCII characters.
	ServerName string
	// Hostname stands in for an empty ServerName in X-Served-By, within the same bounds. It never chooses the text.
	Hostname string
	// Logger gets one line per request. The zero value logs nothing.
	Logger zerolog.Logger
}

// New returns the service. A name that X-Served-By cannot carry, or none at all, is an error.
func New(cfg Config) (http.Handler, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	text := "Hello from Service 2"
	if strings.Contains(cfg.ServerName, "service1") {
		text = "Hello from Service 1"
	}
	greeting := &greeting{text: text, servedBy: cfg.servedBy()}
	return web.Handler(cfg.Logger, greeting.answer), nil
}

// FromEnv reads the settings and the port from SERVER_NAME and PORT; an empty variable counts as absent. An error names
// the variable and what is allowed. Hostname and Logger are left to the caller, so an absent SERVER_NAME is no error
// here.
func FromEnv(getenv func(string) string) (cfg Config, port int, err error) {
	cfg = Config{ServerName: getenv("SERVER_NAME")}
	if cfg.ServerName != "" {
		if err := cfg.validate(); err != nil {
			return Config{}, 0, fmt.Errorf("hello: %w", err)
		}
	}
	port, err = web.Port(getenv)
	if err != nil {
		return Config{}, 0, fmt.Errorf("hello: %w", err)
	}
	return cfg, port, nil
}

func (c Config) servedBy() string { return cmp.Or(c.ServerName, c.Hostname) }

func (c Config) validate() error {
	name := c.servedBy()
	if name != "" && web.Printable(name, maxName) == name {
		return nil
	}
	if c.ServerName == "" {
		return fmt.Errorf("SERVER_NAME (Config.ServerName) is empty and Config.Hostname is %q, allowed: %s", name, allowedName)
	}
	return fmt.Errorf("SERVER_NAME (Config.ServerName) is %q, allowed: %s", name, allowedName)
}

type greeting struct {
	text     string
	servedBy string
}

func (g *greeting) answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Served-By", g.servedBy)
	web.Reply(w, http.StatusOK, web.Text, g.text)
}
