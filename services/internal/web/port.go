package web

import (
	"fmt"
	"strconv"
)

// DefaultPort is the port of both labs.
const DefaultPort = 5055

// Port reads PORT: 1 to 65535, or 0 for a port that the system chooses. Without it, it is DefaultPort.
func Port(getenv func(string) string) (int, error) {
	value := getenv("PORT")
	if value == "" {
		return DefaultPort, nil
	}
	port, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("PORT is %q, allowed: a whole number from 0 (the system chooses) to 65535", value)
	}
	return int(port), nil
}
