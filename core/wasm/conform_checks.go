package wasm

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cortexlinux/cortex-host/sdk"
)

func (c *conformer) answers() {
	var end childEnd
	req := c.req
	req.ended = func(e *childEnd) { end = *e }
	given := 0
	req.Items = func(yield func(Item, error) bool) {
		for item, err := range c.req.Items {
			if given++; !yield(item, err) {
				return
			}
		}
	}
	records, err := c.take(req, 0)
	c.first = records
	c.hangs, c.silent = errors.Is(err, Deadline), errors.Is(err, Silent)
	detail := fmt.Sprintf("%d items, %d records", given, len(records))
	if len(records) < given {
		detail += ": right only for a generator that puts items together or has nothing to ask about some"
	}
	c.add("answers", "it answers ordinary items with valid records, and ends (4, 5, 6)", err, detail, advice(err))
	if err == nil && !end.ReadAll {
		err = fmt.Errorf("it ended before its input did (%d items, %d records): there may be items that it never saw", given, len(records))
		c.add("reads-all", "it reads its input to the end (4.2)", err, "", "read again until fd_read returns 0 bytes, and only then end")
	} else if err == nil {
		c.add("reads-all", "it reads its input to the end (4.2)", nil, "", "")
	}
	if c.hangs {
		c.add("others", "all other checks", errors.New("not tried, for each would wait as long"), "", fixFirst)
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
		return append([]byte(`{"from_the_future":{"abi":7,"params":{},"item":"no","a":[1,"}\"]"]},`), line[1:]...)
	}
	input := []byte{}
	for line := range bytes.Lines(c.input(c.header)) {
		input = append(input, with(line)...)
	}
	plain, _ := c.raw(c.input(c.header), 0)
	records, err := c.raw(input, 0)
	if err == nil && !slices.EqualFunc(records, plain, bytes.Equal) {
		err = errors.New("with members that it does not know it printed something else: " + firstDifference(records, plain))
	}
	c.add("unknown-members", "it ignores members of records that it does not know (4)", err, "",
		"find the members of the record itself, by name: not by their place in the line, and not those of objects within")
}

// splitInput hands the input over in pieces that end anywhere.
func (c *conformer) splitInput() {
	input := c.input(c.header)
	whole, err := c.raw(input, 0)
	for _, size := range []int{1, 7} {
		if err != nil {
			break
		}
		var records [][]byte
		if records, err = c.raw(input, size); err == nil && !slices.EqualFunc(records, whole, bytes.Equal) {
			err = fmt.Errorf("when each read gave %d bytes it printed something else: %s", size, firstDifference(records, whole))
		}
	}
	c.add("split-input", "it puts records together that come in pieces (1.1, 3)", err, "",
		"a read returns what there is, and may end in the middle of a record, even of a character: keep it until the line feed comes")
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
	if errors.As(err, &e) && e.Reason == LimitExceeded && strings.Contains(e.Message, "a record is longer") {
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
	_, err := c.raw(input, 0)
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
	_, err := c.raw(nil, 0)
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
	_, err := c.raw(input[:len(input)-3], 0)
	var e *Error
	if errors.As(err, &e) && e.Reason != Deadline && e.Reason != BadRecord {
		err = nil
	}
	c.add("cut-input", "it ends when the input ends in the middle of a line (4)", err, "", "treat the end of input in a line as the end, or as an error; do not wait for more")
}
