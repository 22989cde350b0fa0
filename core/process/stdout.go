package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync/atomic"
)

const (
	// maxHandshake bounds the handshake's line.
	maxHandshake = 4 << 10
	// maxNoise bounds what may come before it.
	maxNoise = 1 << 20
)

// handshake is what go-plugin waits for: two numbers, network, address and
// protocol.
var handshake = regexp.MustCompile(`^\d+\|\d+\|[a-z]+\|[^|]+`)

// pumpStdout hands the handshake on, and nothing else: what a plugin prints
// before it is noted, what it prints afterwards too, so that it never waits for
// a reader.
func pumpStdout(from io.Reader, to *io.PipeWriter, noise io.Writer) {
	in := bufio.NewReaderSize(from, maxHandshake)
	first, noisy := "", 0
	for {
		line, err := in.ReadSlice('\n')
		if err == nil && handshake.Match(line) {
			_, _ = to.Write(line) // nobody reads it if the start was given up
			break
		}
		if first == "" {
			first = string(line[:min(len(line), 200)])
		}
		if len(line) > 0 {
			fmt.Fprintf(noise, "on standard output: %s", line)
		}
		if noisy += len(line); noisy > maxNoise {
			err = io.ErrShortBuffer
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if first != "" { // go-plugin shows it
				fmt.Fprintf(to, "%s\n", first)
			}
			break
		}
	}
	to.Close()
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			fmt.Fprintf(noise, "on standard output: %s", line)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// tillEnd is a reader that tells when there is no more.
type tillEnd struct {
	io.Reader
	ended *atomic.Bool
}

func (r tillEnd) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		r.ended.Store(true)
	}
	return n, err
}
