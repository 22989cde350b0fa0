package wasm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

// A Conformance is what `generator test` found out about a module.
type Conformance struct {
	Generator string  `json:"generator"`
	Version   string  `json:"version"`
	SHA256    string  `json:"sha256"`
	Checks    []Check `json:"checks"`
}

// A Check is one thing that was tried.
type Check struct {
	// Name is stable.
	Name string `json:"name"`
	// What says what was tried, with the section of SPEC.md.
	What string `json:"what"`
	OK   bool   `json:"ok"`
	// Detail says what happened.
	Detail string `json:"detail,omitempty"`
	// Fix says how to mend it; only if it is not OK.
	Fix string `json:"fix,omitempty"`
}

// OK reports whether every check passed.
func (c *Conformance) OK() bool {
	return !slices.ContainsFunc(c.Checks, func(k Check) bool { return !k.OK })
}

// WriteText writes the report for people.
func (c *Conformance) WriteText(w io.Writer) error {
	failed := 0
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%.12s)\n", c.Generator, c.Version, c.SHA256)
	for _, k := range c.Checks {
		mark := "ok  "
		if !k.OK {
			mark = "FAIL"
			failed++
		}
		fmt.Fprintf(&b, "%s  %-16s %s\n", mark, k.Name, k.What)
		if k.Detail != "" {
			fmt.Fprintf(&b, "      %s\n", strings.ReplaceAll(k.Detail, "\n", "\n      "))
		}
		if k.Fix != "" {
			fmt.Fprintf(&b, "      fix: %s\n", k.Fix)
		}
	}
	fmt.Fprintf(&b, "%d of %d checks passed\n", len(c.Checks)-failed, len(c.Checks))
	_, err := io.WriteString(w, b.String())
	return err
}

// Conform checks a module against the contract, as `generator test` does. The
// request gives preset, parameters and, if the default ones do not suit the
// generator, items (they are gone through several times). An error means that
// nothing could be checked.
func (r *Runner) Conform(ctx context.Context, m *Module, req Request) (*Conformance, error) {
	c := &conformer{ctx: ctx, runner: r, module: m, req: req,
		report: &Conformance{Generator: m.Name(), Version: m.Manifest.Version, SHA256: m.SHA256}}
	if c.req.Items == nil {
		c.req.Items = Texts("nginx", "bash", "CPU")
	}
	if err := r.Compile(ctx, m); err != nil {
		return nil, err
	}
	params, err := m.Params(req.Preset, req.Params)
	if err != nil {
		return nil, err
	}
	if c.header, err = r.header(ctx, m, req, params); err != nil {
		return nil, err
	}
	for _, check := range []func(){c.answers, c.deterministic, c.unknownMembers, c.strangeItems, c.hugeItem, c.slowReader,
		c.earlyClose, c.slowWriter, c.noInput, c.badHeader, c.otherABI, c.cutInput} {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if check(); c.hangs {
			break
		}
	}
	return c.report, nil
}

// A conformer tries things with one module.
type conformer struct {
	ctx    context.Context
	runner *Runner
	module *Module
	req    Request
	header []byte
	first  [][]byte // the records of the first run
	hangs  bool     // it does not end even on ordinary items
	report *Conformance
}

func (c *conformer) add(name, what string, err error, detail, fix string) {
	k := Check{Name: name, What: what, OK: err == nil, Detail: detail}
	if err != nil {
		k.Detail, k.Fix = err.Error(), fix
		// One fault shows in every check; then only the first advice is right.
		if first := c.report.Checks; len(first) > 0 && !first[0].OK && first[0].Detail == k.Detail {
			k.Detail, k.Fix = "the same as in "+first[0].Name, "mend that first"
		}
	}
	c.report.Checks = append(c.report.Checks, k)
}

// run runs the module over items and returns its records.
func (c *conformer) run(items iter.Seq2[Item, error], pause time.Duration) (records [][]byte, err error) {
	req := c.req
	req.Items = items
	req.Record = func(line []byte) { records = append(records, bytes.Clone(line)) }
	n := 0
	for _, err := range c.runner.Generate(c.ctx, c.module, req) {
		var item *sdk.ItemError
		if err != nil && !errors.As(err, &item) {
			return records, err
		}
		if n++; pause > 0 && n%16 == 0 {
			time.Sleep(pause)
		}
	}
	return records, nil
}

// raw hands the guest any bytes as its input.
func (c *conformer) raw(input []byte) (records int, err error) {
	limits, fail := c.runner.config.Limits.forModule(c.module)
	if fail != nil {
		return 0, fail
	}
	limits.QueriesPerItem = 1 << 20 // the host does not know the items of a raw input
	s := &session{runner: c.runner, module: c.module, limits: limits, items: pull(c.ctx, nil, 0),
		yield: func(sdk.Query, error) bool { return true }, tap: func([]byte) { records++ }}
	return records, s.run(c.ctx, input, c.runner.cache.entry(c.module))
}

// input builds the whole input for the request's items.
func (c *conformer) input(header []byte) []byte {
	b := slices.Clone(header)
	for item, err := range c.req.Items {
		if err == nil {
			b = appendItem(b, item, nil)
		}
	}
	return b
}

func (c *conformer) answers() {
	records, err := c.run(c.req.Items, 0)
	c.first = records
	c.hangs = errors.Is(err, Deadline)
	c.add("answers", "it answers ordinary items with valid records, and ends (4, 5, 6)", err, fmt.Sprintf("%d records", len(records)), advice(err))
	if c.hangs {
		c.add("others", "all other checks", errors.New("not tried: each would wait as long"), "", "mend that first")
	}
}

// advice says how to mend what ended an ordinary run.
func advice(err error) string {
	for reason, text := range map[Reason]string{
		BadRecord:     "print one JSON object a line and nothing else, each ended by one line feed; lengths count bytes, not characters",
		Silent:        "print a query or an item error for each item, and flush before you exit; give items that suit the generator if these do not",
		Deadline:      "stop when fd_read returns 0 bytes, and flush what you owe before you read",
		ExitStatus:    "see what it said on descriptor 2; exit with status 0 when all is printed",
		Trapped:       "a crash: build with debug information and run it outside of the host, with testdata/generator/package.in.ndjson as its input",
		OutOfMemory:   "free what you do not need after each item, or ask for more by limits.memory_mb in the manifest",
		NotAllowed:    "leave the choice of provider, model and options to the operator",
		LimitExceeded: "see section 7 of SPEC.md for what is bounded",
	} {
		if errors.Is(err, reason) {
			return text
		}
	}
	return "see SPEC.md"
}

func (c *conformer) deterministic() {
	records, err := c.run(c.req.Items, 0)
	if err == nil && !slices.EqualFunc(records, c.first, bytes.Equal) {
		err = errors.New("the second run printed something else: " + firstDifference(records, c.first))
	}
	c.add("deterministic", "the same input gives the same output (2)", err, "",
		"do not go over unordered maps when printing, and take randomness from the header's seed only")
}

func firstDifference(a, b [][]byte) string {
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("record %d is %s, was %s", i+1, quote(a[i], 120), quote(b[i], 120))
		}
	}
	return fmt.Sprintf("%d records, before %d", len(a), len(b))
}

func (c *conformer) unknownMembers() {
	with := func(line []byte) []byte {
		return append([]byte(`{"from_the_future":{"a":[1,"}\"]"]},`), line[1:]...)
	}
	input := []byte{}
	for line := range bytes.Lines(c.input(c.header)) {
		input = append(input, with(line)...)
	}
	plain, _ := c.raw(c.input(c.header))
	n, err := c.raw(input)
	if err == nil && n != plain {
		err = fmt.Errorf("%d records, without the unknown members %d", n, plain)
	}
	c.add("unknown-members", "it ignores members of records that it does not know (4)", err, "",
		"find members by name with a JSON reader, not by their place in the line")
}

// strangeItems are valid items that careless readers stumble over.
func (c *conformer) strangeItems() {
	items := []Item{{Text: ""}, {Text: " "}, {Text: `quote " and \ backslash`}, {Text: "ünï ✓ 😀"}, {Text: "line\nfeed\ttab"},
		{Text: "\x00\x01\x1f\x7f"}, {Text: "{\"item\":\"x\"}"}, {Text: "\xff\xfe not UTF-8"}, {Text: strings.Repeat("long ", 4000)},
		{JSON: []byte(`{}`)}, {JSON: []byte(`{"a":[1,-2.5e3,true,null,{"b":"\u0041\ud83d\ude00\n"}]}`)}}
	_, err := c.run(itemsOf(items), 0)
	for _, item := range items {
		if err == nil || errors.Is(err, Silent) { // nothing of this may be worth a question
			err = nil
			break
		}
		if _, one := c.run(itemsOf([]Item{item}), 0); one != nil && !errors.Is(one, Silent) {
			err = fmt.Errorf("%s: %w", quote(appendItem(nil, item, nil), 80), one)
			break
		}
	}
	c.add("strange-items", "it survives unusual items (3, 5.3)", err, fmt.Sprintf("%d items", len(items)),
		"answer an item that cannot be used with an item error; read and write all of JSON's escapes")
}

// itemsOf yields items that are there already.
func itemsOf(items []Item) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (c *conformer) hugeItem() {
	size := c.runner.config.Limits.ItemBytes * 3 / 4
	_, err := c.run(Texts(strings.Repeat("x", size)), 0)
	var e *Error
	if errors.As(err, &e) && (e.Reason == Silent || e.Reason == LimitExceeded && strings.Contains(e.Message, "a record is longer")) {
		err = nil // it tried; what it made of it is too long for anybody
	}
	c.add("huge-item", "it survives an item of "+strconv.Itoa(size)+" bytes (7)", err, "",
		"read lines of any length, and answer an item that is too long with an item error")
}

func manyItems(n int) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for i := range n {
			if !yield(Item{Text: "item" + strconv.Itoa(i)}, nil) {
				return
			}
		}
	}
}

const many = 2000

func (c *conformer) slowReader() {
	start := time.Now()
	quick, err := c.run(manyItems(many), 0)
	took := time.Since(start)
	var slow [][]byte
	if err == nil {
		slow, err = c.run(manyItems(many), time.Millisecond)
	}
	if err == nil && !slices.EqualFunc(quick, slow, bytes.Equal) {
		err = errors.New("a slow reader got something else: " + firstDifference(slow, quick))
	}
	c.add("slow-reader", "many items, and a host that takes queries slowly (5.4)", err,
		fmt.Sprintf("%d items, %d records, %.0f items a second", many, len(quick), many/took.Seconds()),
		"write until all is written: fd_write may take less than it is given")
}

// earlyClose stops after the first of many records.
func (c *conformer) earlyClose() {
	req := c.req
	req.Items = manyItems(many)
	start := time.Now()
	var end error
	for _, err := range c.runner.Generate(c.ctx, c.module, req) {
		var item *sdk.ItemError
		if err != nil && !errors.As(err, &item) {
			end = err
		}
		break
	}
	c.add("early-close", "the host stops after the first record", end, fmt.Sprintf("ended after %v", time.Since(start).Round(time.Millisecond)),
		"print records as items come, not all of them at the end of the input")
}

// slowWriter hands over items one by one, each after the record of the one
// before had time to come.
func (c *conformer) slowWriter() {
	var came []time.Duration
	start := time.Now()
	req := c.req
	const gap = 60 * time.Millisecond
	n := 0
	req.Items = func(yield func(Item, error) bool) {
		for item, err := range c.req.Items {
			if n >= 3 || err != nil || !yield(item, nil) {
				return
			}
			n++
			time.Sleep(gap)
		}
	}
	req.Record = func([]byte) { came = append(came, time.Since(start)) }
	var end error
	for _, err := range c.runner.Generate(c.ctx, c.module, req) {
		var item *sdk.ItemError
		if err != nil && !errors.As(err, &item) {
			end = err
		}
	}
	detail := "records come as items do"
	if len(came) > 1 && came[len(came)-1]-came[0] < gap/2 {
		detail = "all records come at the end of the input: right for a generator that groups items, slow for any other"
	}
	c.add("slow-writer", "items that come one by one (5.4)", end, detail, "flush what you owe before you read on")
}

// refuses checks that a broken input ends in an error, soon.
func (c *conformer) refuses(name, what string, input []byte, fix string) {
	_, err := c.raw(input)
	var e *Error
	switch {
	case err == nil:
		err = errors.New("it ended with status 0")
	case errors.As(err, &e) && (e.Reason == ExitStatus || e.Reason == Silent || e.Reason == Trapped):
		detail := ""
		if e.Reason != ExitStatus {
			detail = "it would be kinder to exit with status 1 and a line on descriptor 2: " + e.Message
		}
		c.add(name, what, nil, detail, "")
		return
	}
	c.add(name, what, err, "", fix)
}

func (c *conformer) noInput() {
	_, err := c.raw(nil)
	var e *Error
	if errors.As(err, &e) && e.Reason != Deadline {
		err = nil
	}
	c.add("no-input", "it ends when the input does, even at once (4)", err, "", "stop when fd_read returns 0 bytes")
}

func (c *conformer) badHeader() {
	c.refuses("bad-header", "it refuses a header that is none (4.1, 6)", []byte("this is no header\n"),
		"exit with status 1 if the first line is no JSON object with \"abi\"")
}

func (c *conformer) otherABI() {
	header := bytes.Replace(c.header, []byte(`{"abi":1,`), []byte(`{"abi":999,`), 1)
	c.refuses("other-abi", "it refuses a header of another ABI (4.1)", c.input(header), "compare the header's \"abi\" with 1 before anything else")
}

func (c *conformer) cutInput() {
	input := c.input(c.header)
	_, err := c.raw(input[:len(input)-3])
	var e *Error
	if errors.As(err, &e) && e.Reason != Deadline && e.Reason != BadRecord {
		err = nil
	}
	c.add("cut-input", "it ends when the input ends in the middle of a line (4)", err, "", "treat the end of input in a line as the end, or as an error; do not wait for more")
}
