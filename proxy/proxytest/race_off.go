//go:build !race

package proxytest

const raceEnabled = false
