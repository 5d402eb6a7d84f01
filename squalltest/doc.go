// Package squalltest puts faults into a Go test: a proxy on a free port, in the test's own process, that ends with the
// test. A fault that was armed and never hit fails the test, because then the test proved nothing.
//
//	stock := squalltest.New(t, stockServer.URL)
//	stock.Abort(503, squalltest.First(2))
//	checkout(t, stock.URL) // the code under test, through the proxy
//
// A [Transport] does the same inside a Go client, without a proxy.
package squalltest
