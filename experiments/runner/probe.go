package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/squall-proxy/squall/experiments"
)

// maxAnswer bounds what is read of a reply, and of each output of a program; what follows is dropped.
const maxAnswer = 1 << 20

// judge makes a check that asks something, and says what was seen, and what is wrong with it; "" = nothing.
func (r *Runner) judge(ctx context.Context, c *experiments.Check) (seen, why string) {
	answer, err := r.probe(ctx, c)
	if err != nil {
		return "", err.Error()
	}
	return glimpse(answer), r.within(ctx, c.Tolerance, answer)
}

// glimpse is what a report shows of an answer: a number, or the status. Bodies and outputs may hold secrets.
func glimpse(answer any) string {
	if whole, is := answer.(map[string]any); is {
		return fmt.Sprint(whole["status"])
	}
	return fmt.Sprint(answer)
}

// within says what is wrong with an answer; "" = nothing.
func (r *Runner) within(ctx context.Context, t *experiments.Tolerance, answer any) string {
	if t.Process == nil {
		return t.Judge(answer)
	}
	written, err := json.Marshal(answer)
	if err == nil {
		answer, err = runProcess(ctx, t.Process, written)
	}
	if err != nil {
		return err.Error()
	}
	if output := answer.(map[string]any); output["status"] != json.Number("0") {
		return fmt.Sprintf("%s ended with %v: %v%v", t.Process.Path, output["status"], output["stdout"], output["stderr"])
	}
	return ""
}

// probe asks what a check asks.
func (r *Runner) probe(ctx context.Context, c *experiments.Check) (any, error) {
	switch {
	case c.HTTP != nil:
		return r.call(ctx, c.HTTP)
	case c.Process != nil:
		return runProcess(ctx, c.Process, nil)
	}
	return r.query(ctx, c.Prometheus)
}

// call sends a request. The answer has status, headers and body.
func (r *Runner) call(ctx context.Context, q *experiments.Request) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(q.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, q.Method, q.URL, strings.NewReader(q.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range q.Headers {
		request.Header.Set(name, value)
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	reply, err := r.client.Do(request)
	if failed, is := errors.AsType[*url.Error](err); is {
		failed.URL = experiments.RedactURL(failed.URL) // what is wrong stands in reports
	}
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	if err = errors.Join(err, reply.Body.Close()); err != nil {
		return nil, err
	}
	headers := map[string]any{}
	for name, values := range reply.Header {
		headers[name] = strings.Join(values, ", ")
	}
	return map[string]any{"status": number(reply.StatusCode), "headers": headers, "body": string(body)}, nil
}

// runProcess runs a program. The answer has its exit code as status, stdout and stderr.
func runProcess(ctx context.Context, p *experiments.Process, input []byte) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.Timeout))
	defer cancel()
	var stdout, stderr bounded
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &stdout, &stderr
	cmd.WaitDelay = time.Second // for children that keep the outputs open
	cmd.Env = append(os.Environ(), "SQUALL_VALUE="+string(input))
	for name, value := range p.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", p.Path, context.Cause(ctx))
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return nil, err
	}
	return map[string]any{
		"status": number(cmd.ProcessState.ExitCode()), "stdout": stdout.String(), "stderr": stderr.String(),
	}, nil
}

// bounded keeps the first maxAnswer bytes of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxAnswer-b.Len())])
	return len(p), nil
}

// query asks Prometheus for one number.
func (r *Runner) query(ctx context.Context, p *experiments.Prometheus) (any, error) {
	answer, err := r.call(ctx, &experiments.Request{
		Method: http.MethodGet, Timeout: p.Timeout,
		URL: strings.TrimSuffix(p.URL, "/") + "/api/v1/query?" + url.Values{"query": {p.Query}}.Encode(),
	})
	if err != nil {
		return nil, err
	}
	var reply struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	body := answer.(map[string]any)["body"].(string)
	if err := json.Unmarshal([]byte(body), &reply); err != nil || reply.Status != "success" {
		return nil, fmt.Errorf("no result from Prometheus at %s: %s", experiments.RedactURL(p.URL), reply.Error)
	}
	return oneNumber(reply.Data.ResultType, reply.Data.Result)
}

// oneNumber reads the result of a query: a scalar, or a vector of one sample.
func oneNumber(kind string, result json.RawMessage) (any, error) {
	var sample [2]any
	switch kind {
	case "scalar":
		if err := json.Unmarshal(result, &sample); err != nil {
			return nil, err
		}
	case "vector":
		var vector []struct{ Value [2]any }
		if err := json.Unmarshal(result, &vector); err != nil {
			return nil, err
		}
		if len(vector) != 1 {
			return nil, fmt.Errorf("the query gives %d values, want one: put max() or sum() around it", len(vector))
		}
		sample = vector[0].Value
	default:
		return nil, fmt.Errorf("the query gives a %s, want one number", kind)
	}
	text, _ := sample[1].(string)
	if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("the query gives %q, want a number", text)
	}
	return json.Number(text), nil
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }
