package squalltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/squall-proxy/squall/faults"
	"github.com/squall-proxy/squall/squalltest"
)

// grpcStock is an upstream of gRPC.
type grpcStock struct {
	url      string
	calls    atomic.Int64
	deadline atomic.Int64 // of the last unary call, in nanoseconds from its begin; 0 = none
}

func startGRPC(t testing.TB) *grpcStock {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &grpcStock{url: "h2c://" + ln.Addr().String()}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			s.calls.Add(1)
			s.deadline.Store(0)
			if at, ok := ctx.Deadline(); ok {
				s.deadline.Store(int64(time.Until(at)))
			}
			return handle(ctx, in)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			s.calls.Add(1)
			return handle(srv, stream)
		}),
	)
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(ln); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	return s
}

// dialGRPC makes a client of a proxy, or of an upstream.
func dialGRPC(t testing.TB, addr string) testgrpc.TestServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return testgrpc.NewTestServiceClient(conn)
}

// callKinds are the four kinds of calls; each gives how the call ended, nil for well.
var callKinds = map[string]func(context.Context, testgrpc.TestServiceClient) error{
	"unary": func(ctx context.Context, c testgrpc.TestServiceClient) error {
		_, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{ResponseSize: 100})
		return err
	},
	"client stream": func(ctx context.Context, c testgrpc.TestServiceClient) error {
		stream, err := c.StreamingInputCall(ctx)
		if err != nil {
			return err
		}
		for range 3 {
			if stream.Send(&testgrpc.StreamingInputCallRequest{}) != nil {
				break // the error is CloseAndRecv's
			}
		}
		_, err = stream.CloseAndRecv()
		return err
	},
	"server stream": func(ctx context.Context, c testgrpc.TestServiceClient) error {
		stream, err := c.StreamingOutputCall(ctx, &testgrpc.StreamingOutputCallRequest{
			ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}, {Size: 20}},
		})
		if err != nil {
			return err
		}
		return readToEnd(stream.Recv)
	},
	"both ways": func(ctx context.Context, c testgrpc.TestServiceClient) error {
		stream, err := c.FullDuplexCall(ctx)
		if err != nil {
			return err
		}
		for range 3 {
			if stream.Send(&testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{{Size: 10}}}) != nil {
				break // the error is Recv's
			}
			if _, err := stream.Recv(); err != nil {
				return err
			}
		}
		_ = stream.CloseSend()
		return readToEnd(stream.Recv)
	},
}

func readToEnd(receive func() (*testgrpc.StreamingOutputCallResponse, error)) error {
	for {
		if _, err := receive(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

var grpcNames = []string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
	"UNAUTHENTICATED",
}

// TestGRPCStatusIsTheOneAskedFor: a call of each kind ends with the status and the message of the fault, whatever it is; and
// well without one.
func TestGRPCStatusIsTheOneAskedFor(t *testing.T) {
	stock := startGRPC(t)
	p := squalltest.New(t, stock.url)
	client := dialGRPC(t, p.Addr)
	const message = "50 % größer\nand \"more\""
	for kind, call := range callKinds {
		if err := call(t.Context(), client); err != nil {
			t.Errorf("%s without a fault: %v", kind, err)
		}
		before := stock.calls.Load()
		for code := 1; code < len(grpcNames); code++ {
			fault := p.AbortGRPC(grpcNames[code], message)
			got := status.Convert(call(t.Context(), client))
			if got.Code() != codes.Code(code) || got.Message() != message || len(got.Details()) != 0 {
				t.Errorf("%s: %s: got %v", kind, grpcNames[code], got)
			}
			fault.Disarm()
		}
		if calls := stock.calls.Load() - before; calls != 0 {
			t.Errorf("%s: the upstream was called %d times", kind, calls)
		}
	}
}

func TestGRPCStatusHasDetails(t *testing.T) {
	stock := startGRPC(t)
	p := squalltest.New(t, stock.url)
	unavailable := faults.GRPCCode(codes.Unavailable)
	p.Arm(faults.Rule{
		Kind: "abort", Phase: faults.Before, Percent: 100, Enabled: true, Attributes: &faults.Abort{
			GRPCStatus: &unavailable, GRPCMessage: "later",
			GRPCDetails: []faults.GRPCDetail{{Type: "google.rpc.RetryInfo", Value: "CgIIAg=="}, {Type: "google.rpc.ErrorInfo", Value: "CgFh"}},
		},
	})
	_, err := dialGRPC(t, p.Addr).UnaryCall(t.Context(), &testgrpc.SimpleRequest{})
	got := status.Convert(err)
	if got.Code() != codes.Unavailable || got.Message() != "later" || len(got.Details()) != 2 {
		t.Fatalf("got %v with %v", got, got.Details())
	}
	if retry, ok := got.Details()[0].(*errdetails.RetryInfo); !ok || retry.GetRetryDelay().AsDuration() != 2*time.Second {
		t.Errorf("first detail: %v", got.Details()[0])
	}
	if info, ok := got.Details()[1].(*errdetails.ErrorInfo); !ok || info.GetReason() != "a" {
		t.Errorf("second detail: %v", got.Details()[1])
	}
}

// TestFaultsOfGRPCCalls shows what other faults are to a client of gRPC.
func TestFaultsOfGRPCCalls(t *testing.T) {
	for _, test := range []struct {
		name  string
		arm   func(*squalltest.Proxy)
		code  codes.Code
		text  string // in the message
		calls int64  // that the upstream sees
	}{
		{"abort", func(p *squalltest.Proxy) { p.Abort(503) }, codes.Unavailable, "Service Unavailable", 0},
		{"abort 404", func(p *squalltest.Proxy) { p.Abort(404) }, codes.Unimplemented, "Not Found", 0},
		{"mode failure", func(p *squalltest.Proxy) { p.Mode("failure") }, codes.Unavailable, "Service Unavailable", 0},
		{"mode fallback", func(p *squalltest.Proxy) { p.Mode("fallback") }, codes.Unknown, "OK", 0},
		{"lost reply", func(p *squalltest.Proxy) { p.LoseReply(503) }, codes.Unavailable, "Service Unavailable", 1},
		{"rate limit", func(p *squalltest.Proxy) { p.RateLimit(0, time.Second) }, codes.Unavailable, "Too Many Requests", 0},
		{"reset", func(p *squalltest.Proxy) { p.ResetConnection() }, codes.Internal, "INTERNAL_ERROR", 0},
		{"empty", func(p *squalltest.Proxy) { p.Empty() }, codes.Internal, "INTERNAL_ERROR", 0},
		{"malformed", func(p *squalltest.Proxy) { p.Malformed("garbage") }, codes.Internal, "INTERNAL_ERROR", 0},
		{"truncate", func(p *squalltest.Proxy) { p.Truncate(20) }, codes.Internal, "INTERNAL_ERROR", 1},
		{"blackhole", func(p *squalltest.Proxy) { p.Blackhole() }, codes.DeadlineExceeded, "", 0},
		{"delay", func(p *squalltest.Proxy) { p.Delay(time.Hour) }, codes.DeadlineExceeded, "", 0},
		{"trailers", func(p *squalltest.Proxy) { p.SetTrailer("grpc-status", "14") }, codes.Unavailable, "", 1},
		{"no trailers", func(p *squalltest.Proxy) { p.DropTrailers() }, codes.Internal, "without sending trailers", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stock := startGRPC(t)
			p := squalltest.New(t, stock.url)
			client := dialGRPC(t, p.Addr)
			if err := callKinds["unary"](t.Context(), client); err != nil { // the connection is there
				t.Fatal(err)
			}
			test.arm(p)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if test.code == codes.DeadlineExceeded {
				ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
			}
			defer cancel()
			got := status.Convert(callKinds["unary"](ctx, client))
			if got.Code() != test.code || !strings.Contains(got.Message(), test.text) {
				t.Errorf("got %v, want %v", got, test.code)
			}
			if calls := stock.calls.Load() - 1; calls != test.calls {
				t.Errorf("the upstream was called %d times, want %d", calls, test.calls)
			}
			p.Mode("normal")
			p.Reset()
			if err := callKinds["both ways"](t.Context(), client); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// TestDeadlinesOfGRPCCallsArePassedOn: what the client has left is what the upstream knows of.
func TestDeadlinesOfGRPCCallsArePassedOn(t *testing.T) {
	stock := startGRPC(t)
	client := dialGRPC(t, squalltest.New(t, stock.url).Addr)
	if err := callKinds["unary"](t.Context(), client); err != nil || stock.deadline.Load() != 0 {
		t.Errorf("%v, and a deadline %v away", err, time.Duration(stock.deadline.Load()))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := callKinds["unary"](ctx, client); err != nil {
		t.Fatal(err)
	}
	if left := time.Duration(stock.deadline.Load()); left <= 50*time.Second || left > time.Minute {
		t.Errorf("the deadline is %v away, want nearly a minute", left)
	}
}

// TestTransportAnswersGRPCCalls: a call gets trailers alone, another request the status of HTTP.
func TestTransportAnswersGRPCCalls(t *testing.T) {
	transport := squalltest.NewTransport(t, http.DefaultTransport)
	transport.AbortGRPC("NOT_FOUND", "no tea")
	for contentType, want := range map[string]string{"application/grpc+proto": "200 5 no tea", "application/json": "404  "} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://stock.test/shop.Stock/Get", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", contentType)
		reply, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = reply.Body.Close()
		if got := fmt.Sprint(reply.StatusCode, " ", reply.Header.Get("Grpc-Status"), " ", reply.Header.Get("Grpc-Message")); got != want {
			t.Errorf("%s: got %q, want %q", contentType, got, want)
		}
	}
}
