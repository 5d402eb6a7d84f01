//go:build !race

package verdict_test

// runs is how many courses with different seeds must part each pair of clients.
const runs = 20
