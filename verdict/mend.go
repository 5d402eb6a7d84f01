package verdict

// What mends a misbehaviour, by library. Settings have the names that the libraries' own documentation gives them: of
// hashicorp/go-retryablehttp v0.7, failsafe-go v0.9, resilience4j 2, Polly v8 with Microsoft.Extensions.Http.Resilience,
// axios 1 with axios-retry 4, urllib3 2.

// The libraries.
const (
	netHTTP      = "net/http"
	retryable    = "hashicorp/go-retryablehttp"
	failsafe     = "failsafe-go"
	resilience4j = "resilience4j"
	polly        = "Polly"
	axios        = "axios"
	urllib3      = "urllib3"
)

func mendBudget() []Mend {
	return []Mend{
		{retryable, "Client.RetryMax: 1 or 2; it has no budget: let Client.CheckRetry refuse beyond a share of calls"},
		{failsafe, "retrypolicy.Builder.WithMaxRetries, with a circuitbreaker.CircuitBreaker inside it and AbortOnErrors(circuitbreaker.ErrOpen)"},
		{resilience4j, "Retry maxAttempts: 2, with a CircuitBreaker inside the Retry and its CallNotPermittedException in ignoreExceptions"},
		{polly, "RetryStrategyOptions.MaxRetryAttempts, with AddCircuitBreaker inside the retry"},
		{axios, "axios-retry: retries: 1 or 2, and a retryCondition that refuses beyond a share of calls"},
		{urllib3, "Retry(total=1 or 2)"},
	}
}

func mendCount() []Mend {
	return []Mend{
		{netHTTP, "bound the loop around Client.Do by a count, and all of it by context.WithTimeout"},
		{retryable, "Client.RetryMax, and a context with a deadline in the Request"},
		{failsafe, "retrypolicy.Builder.WithMaxRetries and WithMaxDuration"},
		{resilience4j, "Retry maxAttempts, inside a TimeLimiter with timeoutDuration"},
		{polly, "RetryStrategyOptions.MaxRetryAttempts, with AddTimeout outside the retry"},
		{axios, "axios-retry: retries"},
		{urllib3, "Retry(total=…), not None"},
	}
}

func mendBackoff() []Mend {
	return []Mend{
		{retryable, "Client.RetryWaitMin and RetryWaitMax, with the default Client.Backoff, which doubles"},
		{failsafe, "retrypolicy.Builder.WithBackoff(100*time.Millisecond, 5*time.Second); without it there is no delay"},
		{resilience4j, "Retry intervalFunction: IntervalFunction.ofExponentialRandomBackoff"},
		{polly, "RetryStrategyOptions.BackoffType: DelayBackoffType.Exponential, with Delay and MaxDelay"},
		{axios, "axios-retry: retryDelay: axiosRetry.exponentialDelay; without it there is no delay"},
		{urllib3, "Retry(backoff_factor=…, backoff_max=…); the default factor 0 is no delay"},
	}
}

func mendGrowth() []Mend {
	return []Mend{
		{retryable, "Client.Backoff: DefaultBackoff, with a Client.RetryWaitMax above RetryWaitMin"},
		{failsafe, "retrypolicy.Builder.WithBackoff(delay, maxDelay) in place of WithDelay"},
		{resilience4j, "Retry enableExponentialBackoff with exponentialBackoffMultiplier and exponentialMaxWaitDuration"},
		{polly, "RetryStrategyOptions.BackoffType: DelayBackoffType.Exponential, with MaxDelay"},
		{axios, "axios-retry: retryDelay: axiosRetry.exponentialDelay"},
		{urllib3, "Retry(backoff_factor=…, backoff_max=…)"},
	}
}

func mendJitter() []Mend {
	return []Mend{
		{retryable, "Client.Backoff: a function of your own that draws between 0 and DefaultBackoff; the default has no jitter"},
		{failsafe, "retrypolicy.Builder.WithJitterFactor beside WithBackoff"},
		{resilience4j, "Retry enableRandomizedWait with randomizedWaitFactor, or IntervalFunction.ofExponentialRandomBackoff"},
		{polly, "RetryStrategyOptions.UseJitter: true"},
		{axios, "axios-retry: retryDelay: axiosRetry.exponentialDelay, which adds 0 to 20 %, or a function that draws more"},
		{urllib3, "Retry(backoff_jitter=…)"},
	}
}

func mendRetryAfter() []Mend {
	return []Mend{
		{retryable, "Client.Backoff: DefaultBackoff or RateLimitLinearJitterBackoff, which read Retry-After; LinearJitterBackoff does not"},
		{failsafe, "failsafehttp.NewRetryPolicyBuilder reads seconds only; for dates WithDelayFunc with a function of your own, and no WithJitterFactor, which makes the pause shorter"},
		{polly, "HttpRetryStrategyOptions.ShouldRetryAfterHeader: true"},
		{axios, "axios-retry 4 or later: its retryDelay is never shorter than Retry-After"},
		{urllib3, "Retry(respect_retry_after_header=True)"},
	}
}

func mendRetryAfterHerd() []Mend {
	return []Mend{
		{retryable, "Client.Backoff: a function that adds a random part to what DefaultBackoff returns"},
		{failsafe, "retrypolicy.Builder.WithDelayFunc: the pause that was asked for and a random part more"},
		{polly, "RetryStrategyOptions.DelayGenerator: the pause that was asked for and a random part more"},
		{axios, "axios-retry: retryDelay: a function that reads the reply's Retry-After and adds a random part"},
	}
}

func mendAbsurdRetryAfter() []Mend {
	return []Mend{
		{netHTTP, "context.WithTimeout around the whole call, pauses included"},
		{retryable, "Client.Backoff: a function that caps what DefaultBackoff returns: RetryWaitMax does not bound Retry-After"},
		{failsafe, "retrypolicy.Builder.WithMaxDuration, or a timeout.New outside the retry policy"},
		{polly, "AddTimeout outside the retry, or RetryStrategyOptions.DelayGenerator with a cap"},
		{urllib3, "a subclass of Retry whose get_retry_after is capped"},
	}
}

func mendPermanent() []Mend {
	return []Mend{
		{retryable, "Client.CheckRetry: DefaultRetryPolicy repeats neither 4xx (but 429) nor 501"},
		{failsafe, "failsafehttp.NewRetryPolicyBuilder, or AbortIf for such statuses"},
		{resilience4j, "Retry retryExceptions or retryOnResultPredicate for what may pass, ignoreExceptions for the rest"},
		{polly, "RetryStrategyOptions.ShouldHandle: HttpRetryStrategyOptions has 5xx, 408 and 429 by default"},
		{axios, "axios-retry: retryCondition: axiosRetry.isNetworkOrIdempotentRequestError"},
		{urllib3, "Retry(status_forcelist=[429, 502, 503, 504])"},
	}
}

func mendUnsafe() []Mend {
	return []Mend{
		{netHTTP, "an Idempotency-Key header made once for each call, before its first attempt"},
		{retryable, "Client.CheckRetry that refuses POST and PATCH without an Idempotency-Key: the default repeats them"},
		{failsafe, "retrypolicy.Builder.AbortIf for them: failsafehttp repeats all methods"},
		{polly, "HttpRetryStrategyOptions.DisableForUnsafeHttpMethods()"},
		{axios, "axios-retry: retryCondition: axiosRetry.isNetworkOrIdempotentRequestError, the default"},
		{urllib3, "Retry(allowed_methods=Retry.DEFAULT_ALLOWED_METHODS), which has neither POST nor PATCH"},
	}
}

func mendBody() []Mend {
	return []Mend{
		{netHTTP, "Request.GetBody, and for each attempt a new Body from it"},
		{retryable, "retryablehttp.NewRequest with a []byte, a *bytes.Buffer or a ReaderFunc as body"},
		{polly, "a content that can be sent again (ByteArrayContent), not a StreamContent of a stream that was read"},
		{axios, "a Buffer or a string as data, not a stream"},
		{urllib3, "a body of bytes, or a file that can seek"},
	}
}

func mendTimeout() []Mend {
	return []Mend{
		{netHTTP, "Client.Timeout, which also bounds the body; Transport.ResponseHeaderTimeout bounds the head alone"},
		{retryable, "Client.HTTPClient.Timeout"},
		{failsafe, "http.Client.Timeout beside timeout.New, which ends with the head under failsafehttp"},
		{resilience4j, "TimeLimiter timeoutDuration, and the read timeout of the HTTP client itself"},
		{polly, "AddTimeout inside the retry; HttpClient.Timeout for all of it"},
		{axios, "timeout, and signal: AbortSignal.timeout(…) for what timeout does not see"},
		{urllib3, "Timeout(connect=…, read=…): read is for each read, so a drip needs a deadline of your own"},
	}
}

func mendCancel() []Mend {
	return []Mend{
		{netHTTP, "a context for each attempt, cancelled when it is given up, and Response.Body closed"},
		{resilience4j, "TimeLimiter cancelRunningFuture: true, and a client whose call ends when its future is cancelled"},
		{polly, "pass the CancellationToken of the callback on to HttpClient.SendAsync"},
		{axios, "signal: an AbortController for each attempt, aborted when it is given up"},
		{urllib3, "HTTPResponse.close when a response is given up"},
	}
}

func mendDeadline() []Mend {
	return []Mend{
		{netHTTP, "http.NewRequestWithContext with the context of the incoming request; each hop's timeout shorter than its caller's"},
		{failsafe, "Executor.WithContext with the context of the incoming request"},
		{polly, "pass HttpContext.RequestAborted into the pipeline"},
		{axios, "signal: an AbortController that the incoming request's close event aborts"},
	}
}

func mendBreaker() []Mend {
	return []Mend{
		{retryable, "it has no breaker: put one into Client.HTTPClient.Transport"},
		{failsafe, "circuitbreaker.NewBuilder.WithFailureRateThreshold, inside the retry policy"},
		{resilience4j, "CircuitBreaker failureRateThreshold with a minimumNumberOfCalls that the traffic reaches"},
		{polly, "AddCircuitBreaker: CircuitBreakerStrategyOptions.FailureRatio with a MinimumThroughput that the traffic reaches"},
	}
}

func mendEager() []Mend {
	return []Mend{
		{failsafe, "circuitbreaker.NewBuilder.WithFailureRateThreshold in place of WithFailureThreshold, and HandleIf that leaves 4xx out"},
		{resilience4j, "CircuitBreaker failureRateThreshold, minimumNumberOfCalls and slidingWindowSize; 4xx in ignoreExceptions"},
		{polly, "CircuitBreakerStrategyOptions.FailureRatio, MinimumThroughput and SamplingDuration; ShouldHandle without 4xx"},
	}
}

func mendHalfOpen() []Mend {
	return []Mend{
		{failsafe, "circuitbreaker.Builder.WithSuccessThreshold: as many as it lets through half-open"},
		{resilience4j, "CircuitBreaker permittedNumberOfCallsInHalfOpenState"},
		{polly, "AddCircuitBreaker lets one through half-open: share one pipeline among all callers of a service"},
	}
}

func mendCloses() []Mend {
	return []Mend{
		{failsafe, "circuitbreaker.Builder.WithDelay, and a timeout inside the breaker, so that a probe cannot hang"},
		{resilience4j, "CircuitBreaker waitDurationInOpenState and maxWaitDurationInHalfOpenState; the TimeLimiter inside it"},
		{polly, "CircuitBreakerStrategyOptions.BreakDuration, and AddTimeout inside the breaker"},
	}
}

func mendProbes() []Mend {
	return []Mend{
		{failsafe, "circuitbreaker.Builder.WithRandomDelay or WithDelayFunc"},
		{resilience4j, "CircuitBreaker enableRandomizedWait with randomizedWaitFactor"},
		{polly, "CircuitBreakerStrategyOptions.BreakDurationGenerator with a random part"},
	}
}

func mendScope() []Mend {
	return []Mend{
		{failsafe, "a circuitbreaker.CircuitBreaker for each route, not one for the http.Client"},
		{resilience4j, "an instance for each route from CircuitBreakerRegistry, by name"},
		{polly, "a pipeline for each route: SelectPipelineBy, or one named HttpClient for each"},
	}
}

func mendHedge() []Mend {
	return []Mend{
		{failsafe, "hedgepolicy.NewBuilderWithDelayQuantile at 0.95 or more, WithMaxHedges(1), WithBudget; for safe methods only"},
		{polly, "HedgingStrategyOptions.Delay above the usual latency, MaxHedgedAttempts: 1"},
	}
}

func mendLeak() []Mend {
	return []Mend{
		{netHTTP, "read what is left and close for each reply that is thrown away: io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)), resp.Body.Close()"},
		{failsafe, "the same in retrypolicy.Builder.OnRetryScheduled, with ReturnLastFailure: it closes none itself"},
		{polly, "dispose of each outcome's HttpResponseMessage in OnRetry"},
		{urllib3, "HTTPResponse.drain_conn() for each response that is thrown away"},
	}
}

func mendReconnect() []Mend {
	return []Mend{
		{netHTTP, "Transport.MaxConnsPerHost, and a pause before a request is sent again"},
		{failsafe, "retrypolicy.Builder.WithBackoff, and a circuitbreaker.CircuitBreaker that counts connection errors"},
		{resilience4j, "CircuitBreaker recordExceptions with IOException"},
		{polly, "ShouldHandle of the breaker with HttpRequestException; SocketsHttpHandler.MaxConnectionsPerServer"},
		{axios, "an http.Agent with keepAlive and maxSockets"},
	}
}

func mendStale() []Mend {
	return []Mend{
		{"a cache of your own", "serve stale only within max-age and stale-if-error (RFC 5861), never behind must-revalidate or no-cache, and set Age and Cache-Status (RFC 9211)"},
		{failsafe, "not cachepolicy, which knows no age: a cache that reads Cache-Control"},
	}
}

func mendSticks() []Mend {
	return []Mend{
		{"a cache of your own", "do not keep the service's own degraded replies, and let the first good one replace what is kept"},
		{resilience4j, "do not put Cache around the fallback"},
	}
}

func mendFallback() []Mend {
	return []Mend{
		{retryable, "Client.RetryMax above 0, and Client.ErrorHandler"},
		{failsafe, "fallback.NewWithFunc outside the retry policy"},
		{resilience4j, "fallbackMethod, or Decorators.withFallback, outside the Retry"},
		{polly, "AddFallback outside the retry"},
		{axios, "axios-retry, and a value of last resort where it gives up"},
		{urllib3, "Retry(status_forcelist=[…], raise_on_status=False), and a value of last resort"},
	}
}

func mendStampede() []Mend {
	return []Mend{
		{netHTTP, "a golang.org/x/sync/singleflight.Group around what fills the cache, keyed by the request"},
		{"a cache of your own", "let one request fill an entry, and all others wait for it; or stale-while-revalidate (RFC 5861), which lets none wait"},
	}
}

func mendBalance() []Mend {
	return []Mend{
		{"a balancer of your own", "leave a backend out after some failures in a row, for a time that grows, and try again elsewhere; smooth weighted round robin keeps weights"},
		{failsafe, "a circuitbreaker.CircuitBreaker for each backend, inside the retry policy, whose next attempt chooses another"},
		{resilience4j, "a CircuitBreaker for each backend from CircuitBreakerRegistry, by name, and a retry that chooses anew"},
		{polly, "SelectPipelineByAuthority, so that each backend has a breaker"},
	}
}
