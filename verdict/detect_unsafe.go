package verdict

import "net/http"

// unsafeDetectors look at requests that must not be carried out twice.
func unsafeDetectors() []detector {
	return []detector{
		{
			id: "D11", name: "retries what is not idempotent",
			needs:    "5 POST or PATCH calls that failed after the request was read, or were given up",
			limits:   []Threshold{{"calls", 5, "calls"}},
			evaluate: unsafeRetried, mend: mendUnsafe(),
		},
		{
			id: "D12", name: "sends another body",
			needs:    "3 calls with a body that were tried again",
			limits:   []Threshold{{"calls", 3, "calls"}},
			evaluate: otherBody, mend: mendBody(),
		},
	}
}

// unsafe reports whether carrying the request out twice may do something else than doing so once (RFC 9110, 9.2.2).
func (a *attempt) unsafe() bool { return a.Method == http.MethodPost || a.Method == http.MethodPatch }

// carriedOut reports whether the service may have carried the request out: it read it, and did not say that it would not.
func (a *attempt) carriedOut() bool {
	return a.bad() && a.Status != http.StatusTooManyRequests && (a.Attempt.RequestEnd > 0 || a.RequestBytes > 0)
}

// repetitions counts what is wrong with repeated POST and PATCH requests.
type repetitions struct{ keyless, changed, meanwhile int }

// unsafeRetried looks for repetitions of POST and PATCH: without an Idempotency-Key, with another one, or while the first is
// under way; and for a key that stands for two requests (draft-ietf-httpapi-idempotency-key-header, 2.6).
func unsafeRetried(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "of POST or PATCH that may have been carried out", func(c *call) bool {
		return c.first().unsafe() && failedAfterRead(c)
	})
	var n repetitions
	for _, c := range sure {
		n.count(c, f)
	}
	reused := s.reusedKeys(f)
	f.figure("repetitions without a key", float64(n.keyless), "")
	f.figure("with another key", float64(n.changed), "")
	f.figure("while the first was under way", float64(n.meanwhile), "")
	f.figure("keys used for two requests", float64(reused), "")
	switch {
	case n.keyless > 0:
		f.fail("%s of POST or PATCH without an Idempotency-Key, after the service may have carried them out", count(n.keyless, "repetition"))
	case n.changed > 0:
		f.fail("%s of POST or PATCH with another Idempotency-Key than before: the service takes them for new", count(n.changed, "repetition"))
	case reused > 0:
		f.fail("%s for requests that differ: the service must refuse the second", count(reused, "Idempotency-Key"))
	case n.meanwhile > 0:
		f.warn("%s of POST or PATCH while the first was still under way: the service may answer 409", count(n.meanwhile, "repetition"))
	case reason != "":
		f.inconclusive("%s", reason)
	default:
		f.pass("%s of POST or PATCH failed, and none was repeated without its key", count(len(sure), "call"))
	}
}

// failedAfterRead reports whether an attempt of the call failed of which the service may have done what it asked for, or was
// repeated while it was under way.
func failedAfterRead(c *call) bool {
	for i, a := range c.attempts {
		if a.carriedOut() || i+1 < len(c.attempts) && c.attempts[i+1].hedge {
			return true
		}
	}
	return false
}

func (n *repetitions) count(c *call, f *finding) {
	for i, a := range c.attempts[1:] {
		before := c.attempts[i]
		if !before.carriedOut() && !a.hedge {
			continue
		}
		switch {
		case a.Attempt.Key == 0 || before.Attempt.Key == 0:
			n.keyless++
		case a.Attempt.Key != before.Attempt.Key:
			n.changed++
		case a.hedge:
			n.meanwhile++
		default:
			continue
		}
		f.show(before, a)
	}
}

// reusedKeys counts the Idempotency-Keys under which requests with different targets or bodies came.
func (s *scene) reusedKeys(f *finding) int {
	first, reused := map[uint64]*attempt{}, map[uint64]bool{}
	for _, a := range s.attempts {
		key := a.Attempt.Key
		if key == 0 || a.Attempt.RequestEnd == 0 {
			continue
		}
		before := first[key]
		if before == nil {
			first[key] = a
			continue
		}
		if before.call != a.call && (before.Attempt.Target != a.Attempt.Target || !sameBody(before, a)) && !reused[key] {
			reused[key] = true
			f.show(before, a)
		}
	}
	return len(reused)
}

// sameBody reports whether two requests, both read whole, had the same body as far as it is compared.
func sameBody(a, b *attempt) bool {
	return a.Attempt.Body == b.Attempt.Body && a.RequestBytes == b.RequestBytes
}

// otherBody compares the bodies of each call's attempts that were read whole.
func otherBody(s *scene, f *finding) {
	sure, reason := s.sureCalls(f.limit("calls"), "with a body that were tried again", func(c *call) bool {
		return len(c.attempts) > 1 && c.first().RequestBytes > 0 && c.first().Attempt.RequestEnd > 0
	})
	differ, empty := 0, 0
	for _, c := range sure {
		for _, a := range c.attempts[1:] {
			if a.Attempt.RequestEnd == 0 || sameBody(c.first(), a) {
				continue
			}
			differ++
			if a.RequestBytes == 0 {
				empty++
			}
			f.show(c.first(), a)
		}
	}
	f.figure("other bodies", float64(differ), "")
	f.figure("of them empty", float64(empty), "")
	switch {
	case differ > 0:
		f.fail("%s came with another body than the first attempt, %d of them with none", count(differ, "repetition"), empty)
	case reason != "":
		f.inconclusive("%s", reason)
	default:
		f.pass("the repetitions of %s had the same body", count(len(sure), "call"))
	}
}
