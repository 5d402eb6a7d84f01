package admin

import (
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/gorilla/mux"

	"github.com/squall-proxy/squall/admin/ui"
)

// pagePolicy is the Content-Security-Policy of the dashboard: what it is made of comes from here, and nothing in it is
// inline. Text can only become text: the browser refuses to read markup out of one.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// indexFile is the dashboard's page.
const indexFile = "index.html"

// isPage reports whether a path is one of the dashboard's files. They need no token: the page asks for it.
func isPage(path string) bool { return path == "/" || strings.HasPrefix(path, "/ui/") }

// wantsPage reports whether whoever asks for / can show a page.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// page answers GET /ui/{file}.
func (d *desk) page(r *http.Request) (answer, error) {
	return pageFile(mux.Vars(r)["file"])
}

// pageFile answers with a file of the dashboard.
func pageFile(name string) (answer, error) {
	text, err := ui.Files.ReadFile(name)
	if err != nil {
		return answer{}, refusef(http.StatusNotFound, "", "the dashboard has no file %q", shorten(name, maxLogged))
	}
	return answer{text: string(text), kind: mime.TypeByExtension(path.Ext(name)), policy: pagePolicy}, nil
}
