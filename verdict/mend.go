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
