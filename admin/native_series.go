package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/squall-proxy/squall/admin/live"
)

// seriesView is the answer to GET /admin/series.
type seriesView struct {
	At      time.Time     `json:"at"`
	Proxies []proxySeries `json:"proxies"`
}

// proxySeries are a proxy's figures by seconds, as columns of equal length.
type proxySeries struct {
	Proxy          string      `json:"proxy"`
	Mode           string      `json:"mode"`
	Total          live.Counts `json:"total"` // since it was first seen
	At             []int64     `json:"at"`    // the seconds' ends, Unix time
	OK             []uint64    `json:"ok"`
	Touched        []uint64    `json:"touched"`
	InjectedErrors []uint64    `json:"injected_errors"`
	RealErrors     []uint64    `json:"real_errors"`
	ClientLeft     []uint64    `json:"client_left"`
	P50            []float32   `json:"p50"`
	P95            []float32   `json:"p95"`
	P99            []float32   `json:"p99"`
	Open           []int64     `json:"open"`
}

// getSeries answers GET /admin/series. It is not indented: a quarter of an hour has thousands of numbers.
func (d *desk) getSeries(r *http.Request) (answer, error) {
	p, err := readParams(r, "proxy", "last")
	if err != nil {
		return answer{}, err
	}
	last := live.Kept
	if text, given := p["last"]; given {
		if last, err = time.ParseDuration(text); err != nil || last <= 0 || last > live.Kept {
			return answer{}, refusef(http.StatusBadRequest, "last", `want a duration of up to %v, such as "5m", got %q`, live.Kept, shorten(text, maxLogged))
		}
	}
	if d.Live == nil {
		return answer{}, refusef(http.StatusNotFound, "", "there are no figures")
	}
	state := d.Controller.State()
	if p["proxy"] != "" {
		if _, err := state.Proxy(p["proxy"]); err != nil {
			return answer{}, err
		}
	}
	now := time.Now()
	v := seriesView{At: now, Proxies: []proxySeries{}}
	for _, c := range state.Proxies {
		if p["proxy"] == "" || p["proxy"] == c.Name {
			v.Proxies = append(v.Proxies, seriesOf(c.Name, state.ModeOf(c.Name), d.Live.Series.History(c.Name, now.Add(-last))))
		}
	}
	text, err := json.Marshal(v)
	return answer{text: string(text) + "\n", kind: "application/json"}, err
}

// seriesOf turns a proxy's points into columns.
func seriesOf(name, mode string, h live.History) proxySeries {
	n := len(h.Points)
	s := proxySeries{
		Proxy: name, Mode: mode, Total: h.Total, At: make([]int64, n), Open: make([]int64, n),
		OK: make([]uint64, n), Touched: make([]uint64, n), InjectedErrors: make([]uint64, n), RealErrors: make([]uint64, n), ClientLeft: make([]uint64, n),
		P50: make([]float32, n), P95: make([]float32, n), P99: make([]float32, n),
	}
	for i, p := range h.Points {
		s.At[i], s.Open[i] = p.At, p.Open
		s.OK[i], s.Touched[i], s.InjectedErrors[i], s.RealErrors[i], s.ClientLeft[i] = p.OK, p.Touched, p.InjectedErrors, p.RealErrors, p.ClientLeft
		s.P50[i], s.P95[i], s.P99[i] = p.P50, p.P95, p.P99
	}
	return s
}
