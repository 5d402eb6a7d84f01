//go:build race

package verdict_test

// runs is as in race_off_test.go, fewer because the race detector takes five times as long; make test runs both.
const runs = 3
