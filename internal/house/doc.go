// Package house holds the rules that the whole module keeps, as tests: which package may import which, one door each for
// waiting and for chance, goroutines that run named functions, no init functions, and a comment on every package.
package house
