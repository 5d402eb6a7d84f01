package main

import "context"

// contender is something to measure.
type contender struct {
	name    string
	start   func(context.Context, *lab) (*process, error) // nil = no proxy: the load goes to the upstream itself
	program string                                        // that must be installed; "" = none
	against []comparison                                  // of its CPU
	faster  []comparison                                  // of the time that an exchange takes
	twin    string                                        // the equal contender: the ratio of the two is that one's A/A
	paced   bool                                          // whether it is asked at a fixed rate, too
	aborts  bool                                          // whether some of its replies are 503s
	head    string                                        // of its requests; "" = the task's
	once    bool                                          // whether each exchange has a connection of its own
	leaves  bool                                          // whether the client ends such a connection, once it has its reply
	active  string                                        // its rule, which must have acted; "" = none
}

// comparison is with another contender, which stands before in the list.
type comparison struct {
	with   string
	target float64 // for the ratio, at most; 0 = none
}

// smallField lists who takes part in small exchanges, in the order of the tables.
func smallField() []contender {
	return []contender{
		{name: "direct", paced: true},
		{name: "ReverseProxy", start: startReverseProxy, paced: true},
		{name: "ReverseProxy A/A", start: startReverseProxy, twin: "ReverseProxy"},
		{name: "nginx", start: startNginx, program: "nginx", paced: true},
		{name: "nginx A/A", start: startNginx, program: "nginx", twin: "nginx"},
		{name: "haproxy", start: startHAProxy, program: "haproxy", paced: true},
		{
			name: "squall", start: startSquall(setup{}), paced: true,
			against: []comparison{{"nginx", 1.10}, {"ReverseProxy", 0.55}, {"haproxy", 0}},
		},
		{name: "squall A/A", start: startSquall(setup{}), twin: "squall"},
		{name: "squall, 100 rules", start: startSquall(setup{strangers: 100}), against: []comparison{{"squall", 1.05}}},
		{name: "squall, 1000 rules", start: startSquall(setup{strangers: 1000}), against: []comparison{{"squall", 1.10}}},
		{
			name: "squall, 1 % abort", start: startSquall(setup{abort: 1}), aborts: true,
			against: []comparison{{"squall", 1.05}},
		},
		{name: "squall, logging", start: startSquall(setup{logging: true}), against: []comparison{{"squall", 0}}},
		{
			name: "squall, nethttp", start: startSquall(setup{engine: "nethttp"}), paced: true,
			against: []comparison{{"ReverseProxy", 1.15}},
		},
		{
			name: "nethttp, 100 rules", start: startSquall(setup{engine: "nethttp", strangers: 100}),
			against: []comparison{{"squall, nethttp", 1.20}},
		},
	}
}

// bulkField lists who passes long replies on.
func bulkField() []contender {
	return []contender{
		{name: "ReverseProxy", start: startReverseProxy},
		{name: "ReverseProxy A/A", start: startReverseProxy, twin: "ReverseProxy"},
		{name: "nginx", start: startNginx, program: "nginx"},
		{name: "nginx A/A", start: startNginx, program: "nginx", twin: "nginx"},
		{name: "haproxy", start: startHAProxy, program: "haproxy"},
		{name: "squall", start: startSquall(setup{}), against: []comparison{{"nginx", 1.20}, {"ReverseProxy", 0}}},
		{name: "squall, nethttp", start: startSquall(setup{engine: "nethttp"}), against: []comparison{{"ReverseProxy", 0}}},
	}
}

// limits are what is wanted of a contender's memory, at most; 0 = nothing.
type limits struct {
	peak float64 // MiB
	idle float64 // KiB for each idle client
	slow float64 // KiB for each slow reader
}

// holder is a contender whose memory is measured.
type holder struct {
	contender
	limits
}

func memoryField() []holder {
	return []holder{
		{contender{name: "ReverseProxy", start: startReverseProxy}, limits{}},
		{contender{name: "nginx", start: startNginx, program: "nginx"}, limits{}},
		{contender{name: "squall", start: startSquall(setup{})}, limits{peak: 100, idle: 6, slow: 96}},
		{contender{name: "squall, nethttp", start: startSquall(setup{engine: "nethttp"})}, limits{peak: 100}},
	}
}
