package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/admin/live"
	"github.com/squall-proxy/squall/internal/wait"
)

// rewatch is how long squall watch waits before it asks again where squall has gone.
const rewatch = time.Second

// shownNews is how many lines of news a terminal shows below the figures.
const shownNews = 10

func newWatch(sys system) *cobra.Command {
	var r remote
	var most time.Duration
	var only string
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Show rates, faults and modes as they are, second by second",
		Long: `Show what a running squall does: of each proxy its mode, exchanges a second, errors split into injected and real, the
quantiles of their duration and its open connections; rules that hit, changes and what expires. In a terminal it is one table
that is drawn anew each second, else lines. It goes on over a restart of squall, until Ctrl-C.`,
		Example: "  squall watch --for 10s",
		Args:    exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if most > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, most)
				defer cancel()
			}
			client, err := r.client(sys)
			if err != nil {
				return err
			}
			defer client.Close()
			if only != "" {
				if _, err := client.Proxy(ctx, only); err != nil {
					return r.explain(err)
				}
			}
			w := watcher{client: client, proxy: only, screen: &lineScreen{out: sys.out}}
			if sys.terminal {
				w.screen = &tableScreen{out: sys.out}
			}
			return r.explain(w.run(ctx))
		},
	}
	r.addFlags(cmd)
	cmd.Flags().DurationVar(&most, "for", 0, "how long (default: until Ctrl-C)")
	cmd.Flags().StringVar(&only, "proxy", "", "only the figures of this proxy")
	return cmd
}

// screen shows what a watcher sees.
type screen interface {
	figures(at time.Time, proxies []live.ProxyFigures)
	news(at time.Time, line string)
}

// watcher follows a squall's feed.
type watcher struct {
	client *admin.Client
	proxy  string // "" = all
	screen screen
}

// run watches until ctx is done. It fails only where it has never reached squall, or is refused for a reason that stays.
func (w *watcher) run(ctx context.Context) error {
	last, reached := "", false
	for {
		var err error
		last, err = w.client.Events(ctx, last, func(e live.Event) error {
			reached = true
			return w.take(e)
		})
		refusal := (*admin.Error)(nil)
		refused := errors.As(err, &refusal)
		switch {
		case ctx.Err() != nil:
			return nil
		case !reached, refused && refusal.Status < http.StatusInternalServerError:
			return err
		case refused: // many came back at once, and the feed had no place for this one
			w.screen.news(time.Now(), shown(err.Error()))
		default:
			w.screen.news(time.Now(), "squall has gone: "+shown(err.Error()))
		}
		if wait.For(ctx, rewatch) != nil {
			return nil
		}
	}
}

// take shows an event.
func (w *watcher) take(e live.Event) error {
	switch e.Kind {
	case live.KindFigures:
		var f live.Figures
		if err := json.Unmarshal(e.Data, &f); err != nil {
			return fmt.Errorf("figures: %w", err)
		}
		for _, r := range f.Rules {
			if r.Hit > 0 && (w.proxy == "" || r.Proxy == "" || r.Proxy == w.proxy) {
				w.screen.news(f.At, ruleNews(r))
			}
		}
		f.Proxies = slices.DeleteFunc(f.Proxies, func(p live.ProxyFigures) bool { return w.proxy != "" && p.Proxy != w.proxy })
		w.screen.figures(f.At, f.Proxies)
	case live.KindChange, live.KindExpiry:
		var c admin.Change
		if err := json.Unmarshal(e.Data, &c); err != nil {
			return fmt.Errorf("%s: %w", e.Kind, err)
		}
		w.screen.news(c.At, changeNews(c))
	case "gap":
		var g live.Gap
		if err := json.Unmarshal(e.Data, &g); err != nil {
			return fmt.Errorf("gap: %w", err)
		}
		missed := "some"
		if g.Missed > 0 {
			missed = strconv.FormatUint(g.Missed, 10)
		}
		w.screen.news(time.Now(), fmt.Sprintf("%s events are missing here: %s", missed, g.Reason))
	}
	return nil
}

func ruleNews(r live.RuleFigures) string {
	on, did := r.Proxy, "hit"
	if on == "" {
		on = "every proxy"
	}
	if r.Shadow {
		did = "would have hit"
	}
	return fmt.Sprintf("rule %s (%s on %s) %s %d of %d", shown(r.Rule), r.Kind, shown(on), did, r.Hit, r.Matched)
}

func changeNews(c admin.Change) string {
	if c.Error != "" {
		return fmt.Sprintf("revision %d: %s", c.Revision, shown(c.Error))
	}
	if len(c.Ended) > 0 {
		return fmt.Sprintf("revision %d: ended: %s", c.Revision, shown(strings.Join(c.Ended, ", ")))
	}
	var parts []string
	for part, after := range c.After {
		parts = append(parts, part+" "+shown(string(after)))
	}
	slices.Sort(parts)
	return fmt.Sprintf("revision %d: %s changed %s", c.Revision, c.By, strings.Join(parts, "; "))
}

const figuresHead = "PROXY             MODE        RATE/S   INJECTED     REAL     LEFT      P50      P95      P99  OPEN"

func figuresLine(p live.ProxyFigures) string {
	return fmt.Sprintf("%-17s %-10s %7d %10d %8d %8d %8s %8s %8s %5d", shown(p.Proxy), shown(p.Mode), p.Sum(), p.InjectedErrors, p.RealErrors,
		p.ClientLeft, span(p.P50, p.Sum()), span(p.P95, p.Sum()), span(p.P99, p.Sum()), p.Open)
}

// span writes milliseconds; "-" where nothing was measured.
func span(ms float32, of uint64) string {
	switch {
	case of == 0:
		return "-"
	case ms < 10:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.1fs", ms/1000)
}

// lineScreen writes lines, for logs and pipes: of each second those proxies that have something to say.
type lineScreen struct {
	out    io.Writer
	headed bool
}

func (s *lineScreen) figures(at time.Time, proxies []live.ProxyFigures) {
	if !s.headed {
		fmt.Fprintf(s.out, "%-8s %s\n", "AT", figuresHead)
		s.headed = true
	}
	for _, p := range proxies {
		if p.Sum() > 0 || p.Open > 0 {
			fmt.Fprintf(s.out, "%s %s\n", at.Local().Format(time.TimeOnly), figuresLine(p))
		}
	}
}

func (s *lineScreen) news(at time.Time, line string) {
	fmt.Fprintf(s.out, "%s %s\n", at.Local().Format(time.TimeOnly), line)
}

// tableScreen draws one table again and again, with the latest news below (ECMA-48: cursor to the corner, erase what follows).
type tableScreen struct {
	out    io.Writer
	table  []string
	latest []string
	drawn  bool
}

func (s *tableScreen) figures(at time.Time, proxies []live.ProxyFigures) {
	s.table = []string{"squall at " + at.Local().Format(time.TimeOnly), "", figuresHead}
	for _, p := range proxies {
		s.table = append(s.table, figuresLine(p))
	}
	s.draw()
}

// news is drawn at once: that squall has gone is followed by no figures.
func (s *tableScreen) news(at time.Time, line string) {
	s.latest = append(s.latest, at.Local().Format(time.TimeOnly)+" "+line)
	s.latest = s.latest[max(0, len(s.latest)-shownNews):]
	s.draw()
}

func (s *tableScreen) draw() {
	var text strings.Builder
	if !s.drawn {
		text.WriteString("\x1b[2J")
		s.drawn = true
	}
	text.WriteString("\x1b[H")
	for _, line := range slices.Concat(s.table, []string{""}, s.latest) {
		text.WriteString(line + "\x1b[K\n")
	}
	text.WriteString("\x1b[J")
	_, _ = io.WriteString(s.out, text.String()) // a terminal that is gone ends the program anyway
}
