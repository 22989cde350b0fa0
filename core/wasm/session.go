package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A session is one run of a guest.
//
// Three goroutines work for it: feed writes items to the child, receive reads
// frames from it, and the caller's own takes what the guest printed, line by
// line, and yields queries. None of them holds more than a few buffers.
type session struct {
	runner *Runner
	module *Module
	limits Limits
	items  *puller
	seed   int64
	yield  func(sdk.Query, error) bool
	tap    func(line []byte) // nil: nobody listens
	// readBytes is how much of its input the guest gets at once; 0: what there is.
	readBytes int
	ended     func(*childEnd) // nil: nobody wants to know

	child   *child
	watch   *stopwatch
	decode  *decoder
	line    []byte // the beginning of a record whose end has not come yet
	printed int64  // bytes of output so far
	log     logLines

	end    *childEnd // set by receive before it closes its channel
	endErr error
}

// errStopped says that whoever takes the queries wants no more. It is never
// shown.
var errStopped = errors.New("stopped")

// run starts the child and yields what it makes. It returns the error that
// ends the sequence, nil at a good end.
func (s *session) run(ctx context.Context, header []byte, entry string) error {
	job := childJob{Job: jobRun, Cache: entry, MemoryMB: s.limits.MemoryMB, LogBytes: s.limits.LogBytes, Seed: s.seed, ReadBytes: s.readBytes}
	policy := s.runner.policy(s.limits)
	policy.ReadPaths = []string{entry}
	c, err := s.runner.start(s.module, job, policy)
	if err != nil {
		return err
	}
	s.child = c
	c.limits = s.limits
	s.log = logLines{name: s.module.Name(), print: s.runner.config.Log}
	s.watch = newStopwatch(s.limits.Timeout, c.process.Kill)
	s.decode = newDecoder(s.limits, s.runner.config.Allow, s.items.taken)
	stopOnDone := context.AfterFunc(ctx, c.process.Kill)
	chunks, done := make(chan []byte), make(chan struct{})
	var work sync.WaitGroup
	defer func() {
		s.watch.stop()
		stopOnDone()
		close(done)
		s.items.stop()
		c.close()
		s.decode.seen.Close()
		work.Wait()
	}()
	work.Go(func() { s.feed(ctx, header) })
	work.Go(func() { s.receive(chunks, done) })

	err = s.consume(ctx, chunks)
	switch {
	case errors.Is(err, errStopped):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return s.fail(err)
	}
	return s.verdict()
}

// consume yields what the guest prints until its output ends.
func (s *session) consume(ctx context.Context, chunks <-chan []byte) error {
	for {
		s.watch.want(true)
		select {
		case chunk, open := <-chunks:
			s.watch.want(false)
			if err := s.passOnFailed(); err != nil {
				return err
			}
			if !open {
				return s.endOfOutput()
			}
			if err := s.take(chunk); err != nil {
				return err
			}
		case <-s.items.notify:
			s.watch.want(false)
			if err := s.passOnFailed(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passOnFailed yields the failures that came with the items.
func (s *session) passOnFailed() error {
	for _, e := range s.items.failed() {
		if !s.yield(sdk.Query{}, e) {
			return errStopped
		}
	}
	return nil
}

// take splits output into records.
func (s *session) take(chunk []byte) error {
	if s.printed += int64(len(chunk)); s.printed > s.limits.OutputBytes {
		return failf(LimitExceeded, "it printed more than %d bytes", s.limits.OutputBytes)
	}
	for {
		end := bytes.IndexByte(chunk, '\n')
		if len(s.line)+max(end, 0) > s.limits.RecordBytes || end < 0 && len(s.line)+len(chunk) > s.limits.RecordBytes {
			return failf(LimitExceeded, "a record is longer than %d bytes: %s", s.limits.RecordBytes, quote(append(s.line, chunk...), 60))
		}
		if end < 0 {
			s.line = append(s.line, chunk...)
			return nil
		}
		record := chunk[:end]
		if len(s.line) > 0 {
			record = append(s.line, record...)
		}
		chunk = chunk[end+1:]
		if s.tap != nil {
			s.tap(record)
		}
		query, has, err := s.decode.record(record)
		if cap(s.line) > 1<<20 {
			s.line = nil
		}
		s.line = s.line[:0]
		var item *sdk.ItemError
		more := true
		switch {
		case errors.As(err, &item):
			more = s.yield(sdk.Query{}, item)
		case err != nil:
			return err
		case has:
			more = s.yield(query, nil)
		}
		if !more {
			return errStopped
		}
	}
}

func (s *session) endOfOutput() error {
	if len(s.line) > 0 && s.end != nil && s.end.Reason == "" {
		return failf(BadRecord, "its output ends in the middle of a record (a record ends with a line feed): %s", quote(s.line, 60))
	}
	return nil
}

// verdict judges a guest whose output has ended.
func (s *session) verdict() error {
	if s.end != nil && s.ended != nil {
		s.ended(s.end)
	}
	if s.watch.expired() || s.end == nil || s.end.Reason != "" || s.endErr != nil {
		return s.fail(nil)
	}
	if err := s.items.end(); err != nil {
		var e *Error
		if errors.As(err, &e) {
			return e.named(s.module.Name())
		}
		return err
	}
	if n := s.items.taken(); s.decode.records == 0 && (n > 0 || s.module.Manifest.Items.Optional) {
		return s.fail(failf(Silent, "it was given %d items and printed nothing: every item needs a query or an error", n))
	}
	for _, e := range s.items.unfitted() {
		var err error
		if e.ID, err = s.decode.unused(e.ID); err != nil {
			return s.fail(err)
		}
		if !s.yield(sdk.Query{}, e) {
			break
		}
	}
	return nil
}

// fail makes the error that ends the run: the one given, unless the deadline
// or the child's end explains it better.
func (s *session) fail(err error) error {
	var e *Error
	own := errors.As(err, &e)
	switch {
	case s.watch.expired():
		e = failf(Deadline, "the host waited for it for %v; it neither printed a record nor asked for the next item (raise --generator-timeout if it needs longer)", s.limits.Timeout)
	case !own:
		e = s.child.explain(s.end, s.endErr)
	}
	e.Log = s.log.excerpt()
	if e.Reason == ExitStatus && strings.Contains(e.Log, "out of memory") {
		e.Reason = OutOfMemory
		e.Message += fmt.Sprintf(": it ran out of its %d MiB of memory", s.limits.MemoryMB)
	}
	return e.named(s.module.Name())
}

// receive reads frames until the child's output ends.
func (s *session) receive(chunks chan<- []byte, done <-chan struct{}) {
	defer close(chunks)
	buf := make([]byte, maxFrame)
	for {
		kind, payload, err := readFrame(s.child.stdout, buf)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.endErr = err
			}
			return
		}
		switch kind {
		case frameOutput:
			select {
			case chunks <- bytes.Clone(payload):
			case <-done:
				return
			}
		case frameLog:
			s.log.write(payload, s.limits.LogBytes)
		case frameWaiting:
			if len(payload) == 8 {
				s.watch.wait(binary.LittleEndian.Uint64(payload))
			}
		case frameEnd:
			if s.end, s.endErr = parseEnd(payload); s.endErr != nil {
				return
			}
		default:
			s.endErr = fmt.Errorf("an unknown frame %q", kind)
			return
		}
	}
}

// feed writes the header and the items to the child. When the child is gone
// writing fails, and what it printed says why.
func (s *session) feed(ctx context.Context, header []byte) {
	defer s.watch.endInput()
	defer s.child.stdin.Close()
	buf := header
	for {
		s.watch.offer(len(buf), 0)
		if _, err := s.child.stdin.Write(buf); err != nil {
			return
		}
		items := s.items.take()
		if len(items) == 0 {
			return
		}
		facts := s.packageFacts(ctx, items)
		buf = buf[:0]
		for _, item := range items {
			buf = appendItem(buf, item, facts[packageOf(item)])
		}
		s.watch.offer(0, s.limits.TimeoutPerItem*time.Duration(len(items)))
	}
}

// packageFacts looks the items up, all at once.
func (s *session) packageFacts(ctx context.Context, items []Item) map[string]json.RawMessage {
	if !s.runner.gives(s.module, FactPackage) {
		return nil
	}
	names := make([]string, 0, len(items))
	for _, item := range items {
		if name := packageOf(item); name != "" {
			names = append(names, name)
		}
	}
	facts, err := s.runner.config.Facts.Packages(ctx, names)
	if err != nil {
		s.log.host(fmt.Sprintf("facts about packages: %v", err))
	}
	return facts
}

// packageOf returns the package that an item is about: its text, or its member
// "package" or "name".
func packageOf(item Item) string {
	if item.JSON == nil {
		return strings.TrimSpace(item.Text)
	}
	var v struct{ Package, Name string }
	_ = json.Unmarshal(item.JSON, &v) // another type is no name
	if v.Package != "" {
		return v.Package
	}
	return v.Name
}

// appendItem appends an item's record.
func appendItem(b []byte, item Item, packageFacts json.RawMessage) []byte {
	start := len(b)
	b = append(b, `{"item":`...)
	if item.JSON == nil {
		b = sdk.AppendString(b, strings.ToValidUTF8(item.Text, "\uFFFD"))
	} else {
		b = appendCompact(b, bytes.ToValidUTF8(item.JSON, []byte("\uFFFD")))
	}
	if packageFacts != nil {
		b = append(b, `,"facts":{"package":`...)
		b = appendCompact(b, packageFacts)
		b = append(b, '}')
	}
	return append(append(b[:start], plainTexts(b[start:])...), "}\n"...)
}

// appendCompact appends valid JSON without white space between tokens: guests
// may rely on there being none, and on a record being one line.
func appendCompact(b []byte, raw json.RawMessage) []byte {
	compact := bytes.NewBuffer(b)
	_ = json.Compact(compact, raw)
	return compact.Bytes()
}
