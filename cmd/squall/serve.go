package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/control"
)

// serveFlags are the settings of squall serve.
type serveFlags struct {
	config, inline   string
	admin, tokenFile string
	adminOpen        bool
	state, restore   string
	seed             uint64
	callHeader       string
	judged           int
	logFormat        string
	logLevel         string
	logRate          int

	level *admin.LogLevel // of the log; nil = it cannot be changed

	host, port                   string // Toxiproxy's words for admin
	proxyMetrics, runtimeMetrics bool
	toxiproxysOnly               bool // as of stackConfig
}

func newServe(sys system) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the proxies of a configuration and the admin API",
		Long: `Run the proxies of a configuration and the admin API until SIGINT or SIGTERM, which lets what is under way finish
(10 s at most; a second signal ends it at once). Without a configuration it starts with no proxies: add them through the
admin API. SIGHUP reads the configuration again: what it names is as it says, what came by the API stays; a file with a
mistake changes nothing.

Traces go to an OpenTelemetry collector if OpenTelemetry's variables ask for them: OTEL_EXPORTER_OTLP_ENDPOINT, or
OTEL_TRACES_EXPORTER=otlp.`,
		Example: "  squall serve --config squall.yaml --state squall-state.json",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := f.logger(sys)
			if err != nil {
				return err
			}
			return f.serve(cmd.Context(), sys, logger, cmd.Flags().Changed("seed"))
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "squall.yaml, or a list of proxies as Toxiproxy's configurations are")
	flags.StringVar(&f.inline, "config-inline", "", "a whole squall.yaml as text, where no file can be mounted")
	flags.StringVar(&f.admin, "admin-listen", "", "where the admin API listens (default localhost:8474)")
	flags.StringVar(&f.tokenFile, "admin-token-file", "", "file with the token that callers of the admin API must send")
	flags.BoolVar(&f.adminOpen, "admin-open", false, "let the admin API be reached from outside without a token")
	flags.StringVar(&f.state, "state", "", "file that keeps the state over restarts; it wins over the configuration")
	flags.StringVar(&f.restore, "restore", "all", "what of the state file comes back: all, proxies or none; a pulled stop lever always does")
	flags.Uint64Var(&f.seed, "seed", 0, "the seed of all chance (default: a new one, shown by squall faults get)")
	flags.StringVar(&f.callHeader, "call-header", "", "header field by which clients name their calls, for verdicts, besides those that are widely known")
	flags.IntVar(&f.judged, "verdict-history", judgedExchanges, fmt.Sprintf("exchanges that are kept for verdicts, half a kilobyte each, up to %d; 0 keeps none, and saves their CPU", maxJudged))
	flags.StringVar(&f.logFormat, "log-format", "json", "json or console")
	flags.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error; squall log level changes it")
	flags.IntVar(&f.logRate, "log-rate", 100, "lines per second at most for exchanges that nothing happened to, 0 to 1000000; others all have one")
	f.addToxiproxyFlags(flags)
	return cmd
}

func (f *serveFlags) serve(ctx context.Context, sys system, logger zerolog.Logger, seedSet bool) (err error) {
	if err := f.checkAdmin(); err != nil {
		return err
	}
	if f.restore != "all" && f.restore != "proxies" && f.restore != "none" {
		return usagef("--restore %q: want all, proxies or none", f.restore)
	}
	if f.judged < 0 || f.judged > maxJudged {
		return usagef("--verdict-history %d: want 0 to %d", f.judged, maxJudged)
	}
	file, err := f.load()
	if err != nil {
		return usageError{err}
	}
	if seedSet || f.seed != 0 {
		file.Seed = &f.seed
	}
	settings, err := f.stack(file, sys, logger)
	if err != nil {
		return err
	}
	if f.state != "" {
		store, err := control.OpenFile(f.state)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		if err := f.restoreState(store, file, &settings, logger); err != nil {
			return err
		}
	}
	if settings.tracer, err = openTracer(ctx, sys, logger); err != nil {
		return err
	}
	defer closeTracer(settings.tracer, logger)
	s, err := startStack(settings)
	if err != nil {
		return err
	}
	for _, p := range s.controller.State().Proxies {
		if addr := s.engine.Addr(p.Name); addr != nil {
			logger.Info().Str("proxy", p.Name).Str("listen", addr.String()).Str("upstream", p.Upstream).Msg("listening")
		}
	}
	logger.Info().Str("admin", s.adminAddr()).Uint64("seed", settings.state.Seed).Msg("ready")
	f.run(ctx, sys, s, file, logger)
	return s.Close()
}

// run waits for the end, and reloads the configuration when it is asked to.
func (f *serveFlags) run(ctx context.Context, sys system, s *stack, file config.File, logger zerolog.Logger) {
	started := file
	hangup := make(chan os.Signal, 1)
	if sys.onHangup != nil {
		sys.onHangup(hangup)
	}
	for {
		select {
		case <-s.adminEnded: // by itself: Close says why
			return
		case <-ctx.Done():
			logger.Info().Msg("stopping")
			return
		case <-hangup:
			next, err := f.reload(ctx, s, file)
			if err != nil {
				logger.Error().Err(err).Msg("the configuration is not reloaded, nothing changed")
				continue
			}
			if !reflect.DeepEqual(next.Admin, started.Admin) || !reflect.DeepEqual(next.Policy, started.Policy) {
				logger.Warn().Msg("changes of admin and policy hold from the next start on")
			}
			file = next
			logger.Info().Uint64("revision", s.controller.State().Revision).Msg("reloaded")
		}
	}
}

// reload reads the configuration again and puts it in force, or changes nothing.
func (f *serveFlags) reload(ctx context.Context, s *stack, running config.File) (config.File, error) {
	next, err := f.load()
	if err != nil {
		return running, err
	}
	_, err = s.controller.Change(ctx, control.Request{By: control.ByReload}, func(state *control.State) error {
		return next.Reload(state, &running, time.Now())
	})
	return next, err
}

// maxLogRate is the most lines per second that --log-rate can ask for.
const maxLogRate = 1_000_000

// quota is what --log-rate says, where there is a log whose level can be changed.
func (f *serveFlags) quota() *quota {
	if f.level == nil {
		return nil
	}
	return &quota{most: f.logRate}
}

func (f *serveFlags) logger(sys system) (zerolog.Logger, error) {
	if f.logFormat != "json" && f.logFormat != "console" {
		return zerolog.Nop(), usagef("--log-format %q: want json or console", f.logFormat)
	}
	level, known := admin.ParseLogLevel(f.logLevel)
	if !known {
		return zerolog.Nop(), usagef("--log-level %q: want debug, info, warn or error", f.logLevel)
	}
	if f.logRate < 0 || f.logRate > maxLogRate {
		return zerolog.Nop(), usagef("--log-rate must be 0 to %d, got %d", maxLogRate, f.logRate)
	}
	f.level = admin.NewLogLevel(level)
	return newLogger(sys.err, f.logFormat, "squall").Sample(f.level), nil
}

// load reads the configuration, wherever it is.
func (f *serveFlags) load() (config.File, error) {
	switch {
	case f.config != "" && f.inline != "":
		return config.File{}, errors.New("--config and --config-inline: want one of them")
	case f.config != "":
		return config.Load(f.config)
	case f.inline != "":
		return config.Parse("SQUALL_CONFIG_INLINE", []byte(f.inline))
	}
	return config.Parse("defaults", nil)
}

// stack turns file and flags into what runs. Flags win.
func (f *serveFlags) stack(file config.File, sys system, logger zerolog.Logger) (stackConfig, error) {
	if f.admin != "" {
		file.Admin.Listen = f.admin
	}
	if f.tokenFile != "" {
		file.Admin.TokenFile = f.tokenFile
	}
	file.Admin.Open = file.Admin.Open || f.adminOpen
	token, err := adminToken(file.Admin.TokenFile, sys)
	if err != nil {
		return stackConfig{}, usageError{err}
	}
	seed, err := freshSeed()
	if err != nil {
		return stackConfig{}, err
	}
	state, err := file.State(seed, time.Now())
	if err != nil {
		return stackConfig{}, usageError{err}
	}
	return stackConfig{
		state: state, policy: file.Policy, admin: file.Admin, token: token, callHeader: f.callHeader, judged: f.judged, logger: logger,
		logLevel: f.level, logRate: f.quota(),
		toxiproxysOnly: f.toxiproxysOnly, noTraffic: !f.proxyMetrics, runtimeMetrics: f.runtimeMetrics,
	}, nil
}

// restoreState lets the state file win over the configuration.
func (f *serveFlags) restoreState(
	store *control.FileStore, file config.File, settings *stackConfig, logger zerolog.Logger,
) error {
	settings.store = store
	saved, damage, err := store.Load(time.Now())
	if err != nil {
		return fmt.Errorf("%w (to start without it, move the file away)", err)
	}
	if damage != nil {
		logger.Error().Err(damage).Msg("the state file is damaged")
	}
	switch {
	case saved == nil:
	case f.restore == "none":
		settings.state.Halted = saved.Halted
	case f.restore == "proxies":
		settings.state.Halted = saved.Halted
		settings.state.Proxies = saved.Proxies
		settings.state.Revision = saved.Revision
	default:
		differences, err := file.Differences(saved, time.Now())
		if err != nil {
			return err
		}
		if len(differences) > 0 {
			logger.Warn().Strs("differences", differences).Msg("the saved state wins over the configuration")
		}
		settings.state = saved
	}
	return nil
}

// adminToken reads the token that callers of the admin API must send; "" = none.
func adminToken(path string, sys system) (string, error) {
	if path == "" {
		return sys.getenv("SQUALL_ADMIN_TOKEN"), nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("admin token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", fmt.Errorf("admin token: %s is empty", path)
	}
	return token, nil
}

// freshSeed draws the seed of a start that was given none. It is small enough to be typed.
func freshSeed() (uint64, error) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	return uint64(binary.BigEndian.Uint32(b[:])), nil
}
