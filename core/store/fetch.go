package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// A cargo is what an installation was given, on this machine.
type cargo struct {
	file string // the archive or the program
	name string // what it is called where it came from
	hash string // its SHA-256
	// listed are the hashes of a list of checksums, nil without one.
	listed sums
	source string
}

// A site is a place that has files: a directory or the directory of a URL.
type site interface {
	// read copies a file of the site to a writer, at most so many bytes. A
	// missing file is fs.ErrNotExist.
	read(ctx context.Context, name string, most int64, to io.Writer) error
	// at names a file of the site, for people.
	at(name string) string
}

// fetch brings what source names into dir, checked against its list of
// checksums or the hash that the request states.
func (r *Request) fetch(ctx context.Context, dir string) (*cargo, error) {
	where, name, err := r.locate()
	if err != nil {
		return nil, err
	}
	listed, name, err := r.checksums(ctx, where, name)
	if err != nil {
		return nil, err
	}
	c := &cargo{file: filepath.Join(dir, "cargo"), name: name, listed: listed, source: where.at(name)}
	out, err := os.OpenFile(c.file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	hash := sha256.New()
	if err := where.read(ctx, name, maxArchive, io.MultiWriter(out, hash)); err != nil {
		return nil, fmt.Errorf("%s: %w", c.source, err)
	}
	c.hash = hex.EncodeToString(hash.Sum(nil))
	if r.SHA256 != "" && c.hash != strings.ToLower(r.SHA256) {
		return nil, refuse(c.source, "its SHA-256 is %s and not %s, as you said", c.hash, strings.ToLower(r.SHA256))
	}
	if want := listed[name]; want != "" && c.hash != want {
		return nil, refuse(c.source, "its SHA-256 is %s and not %s, as the list of checksums says", c.hash, want)
	}
	return c, nil
}

// locate says where the source's file is; the name is empty for a directory.
func (r *Request) locate() (site, string, error) {
	if strings.Contains(r.Source, "://") {
		u, err := url.Parse(r.Source)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", r.Source, err)
		}
		if u.Scheme != "https" || u.Host == "" {
			return nil, "", refuse(r.Source, "only https:// is trusted")
		}
		name := path.Base(u.Path)
		if strings.HasSuffix(u.Path, "/") || u.Path == "" {
			name = ""
		}
		return webSite{base: u, client: r.client()}, name, nil
	}
	abs, err := filepath.Abs(r.Source)
	if err != nil {
		return nil, "", err
	}
	info, err := os.Stat(abs)
	switch {
	case err != nil:
		return nil, "", err
	case info.IsDir():
		return dirSite(abs), "", nil
	case !info.Mode().IsRegular():
		return nil, "", refuse(abs, "it is not a file")
	}
	return dirSite(filepath.Dir(abs)), filepath.Base(abs), nil
}

// checksums reads the list that vouches for the file, and chooses the file
// where the source is a directory or the list itself.
func (r *Request) checksums(ctx context.Context, where site, name string) (sums, string, error) {
	if r.Checksums != "" {
		list := &Request{Source: r.Checksums, Client: r.Client}
		site, listName, err := list.locate()
		if err != nil {
			return nil, "", err
		}
		listed, err := readSums(ctx, site, listName)
		if err != nil {
			return nil, "", err
		}
		return choose(listed, site.at(listName), name)
	}
	if isSums(name) {
		listed, err := readSums(ctx, where, name)
		if err != nil {
			return nil, "", err
		}
		return choose(listed, where.at(name), "")
	}
	local, isLocal := where.(dirSite)
	candidates := sumsFor(name)
	if name == "" && isLocal {
		candidates = local.sums()
	}
	for _, candidate := range candidates {
		listed, err := readSums(ctx, where, candidate)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		if isLocal && name != "" && listed[name] == "" {
			continue // a list about other files
		}
		return choose(listed, where.at(candidate), name)
	}
	switch {
	case isLocal && name == "":
		name, err := local.program()
		return nil, name, err
	case !isLocal && r.SHA256 == "":
		return nil, "", refuse(where.at(name), "there is no list of checksums beside it (%s); name one with --checksums, or the hash with --sha256", strings.Join(candidates, ", "))
	}
	return nil, name, nil
}

// choose checks that the list has the file, or chooses this platform's.
func choose(listed sums, list, name string) (sums, string, error) {
	if name == "" {
		name, err := listed.forPlatform()
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", list, err)
		}
		return listed, name, nil
	}
	if listed[name] == "" {
		return nil, "", refuse(list, "it has no checksum of %s", name)
	}
	return listed, name, nil
}

func readSums(ctx context.Context, where site, name string) (sums, error) {
	var text strings.Builder
	if err := where.read(ctx, name, maxSums, &text); err != nil {
		return nil, fmt.Errorf("%s: %w", where.at(name), err)
	}
	listed, err := parseSums([]byte(text.String()))
	if err != nil {
		return nil, refuse(where.at(name), "%w", err)
	}
	return listed, nil
}

// A dirSite is a directory.
type dirSite string

func (d dirSite) at(name string) string { return filepath.Join(string(d), name) }

func (d dirSite) read(_ context.Context, name string, most int64, to io.Writer) error {
	f, err := os.OpenFile(d.at(name), os.O_RDONLY|openNonblock, 0) // a pipe waits for nobody
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return errors.Join(err, errors.New("it is not a file"))
	}
	return copyBounded(to, f, most)
}

// sums lists the directory's lists of checksums.
func (d dirSite) sums() []string {
	var names []string
	entries, _ := os.ReadDir(string(d)) // an unreadable one has none
	for _, e := range entries {
		if isSums(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

// program returns the directory's one plugin that is not packed.
func (d dirSite) program() (string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return "", err
	}
	var found []string
	for _, e := range entries {
		if name, ok := strings.CutPrefix(e.Name(), Prefix); ok && ValidName(name) && e.Type().IsRegular() {
			found = append(found, e.Name())
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s: want one file %sNAME, or a list of checksums (SHA256SUMS) with archives; there are %s", string(d), Prefix, orNone(found))
	}
	return found[0], nil
}

// A webSite is the directory of a URL.
type webSite struct {
	base   *url.URL
	client *http.Client
}

func (w webSite) at(name string) string {
	u := w.base.ResolveReference(&url.URL{Path: name})
	u.User, u.RawQuery = nil, "" // a token may be in there
	return u.String()
}

// address is where a file of the site is fetched from: the source itself as it
// was given, its neighbours without its query.
func (w webSite) address(name string) string {
	if name == path.Base(w.base.Path) {
		return w.base.String()
	}
	return w.base.ResolveReference(&url.URL{Path: name}).String()
}

func (w webSite) read(ctx context.Context, name string, most int64, to io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.address(name), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept-Encoding", "identity") // the bytes that were hashed
	reply, err := w.client.Do(request)
	if err != nil {
		if broken, ok := errors.AsType[*url.Error](err); ok {
			err = broken.Err // its text has the URL, and a token may be in there
		}
		return err
	}
	defer reply.Body.Close()
	switch {
	case reply.StatusCode == http.StatusNotFound:
		return fmt.Errorf("HTTP 404: %w", fs.ErrNotExist)
	case reply.StatusCode != http.StatusOK:
		return fmt.Errorf("HTTP %s", reply.Status)
	case reply.ContentLength > most:
		return fmt.Errorf("it is larger than %d bytes", most)
	}
	return copyBounded(to, reply.Body, most)
}

// client returns a client that follows redirections to HTTPS only.
func (r *Request) client() *http.Client {
	var c http.Client
	if r.Client != nil {
		c = *r.Client
	}
	c.CheckRedirect = func(request *http.Request, via []*http.Request) error {
		if request.URL.Scheme != "https" {
			return fmt.Errorf("it redirects to %s://%s, and only https:// is trusted", request.URL.Scheme, request.URL.Host)
		}
		if len(via) >= 10 {
			return errors.New("it redirects for ever")
		}
		return nil
	}
	return &c
}

func copyBounded(to io.Writer, from io.Reader, most int64) error {
	n, err := io.Copy(to, io.LimitReader(from, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("it is larger than %d bytes", most)
	}
	return err
}
