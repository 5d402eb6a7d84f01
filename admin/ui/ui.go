// Package ui is the dashboard: a page with its style and scripts, as files that a browser reads as they are. main.js puts the
// others together; each of them is one part of the page, or what the parts share (api, store, dom, format, chart).
package ui

import "embed"

// Files are the page's, index.html among them.
//
//go:embed *.html *.css *.js *.svg
var Files embed.FS
