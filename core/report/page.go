package report

import (
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string

	page = template.Must(template.New("page").Parse(pageHTML))
)

// WritePage writes the page of what was observed so far.
func (rec *Recorder) WritePage(w io.Writer, run Run) error {
	rec.mu.Lock()
	v := rec.view(run)
	rec.mu.Unlock()
	v.Style, v.Script = template.CSS(pageCSS), template.JS(pageJS)
	v.Policy = policy()
	if err := page.Execute(w, v); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// policy is the Content-Security-Policy: the page's own style and script and
// nothing else.
func policy() template.HTMLAttr {
	return template.HTMLAttr(fmt.Sprintf(`content="default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'"`,
		hash(pageCSS), hash(pageJS)))
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
