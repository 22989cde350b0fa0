package sdk

import "math/bits"

// plain returns how many bytes at the beginning of a text stand for themselves
// in a JSON string: ASCII but control characters, quotes and backslashes. It
// looks at eight at a time: prompts and replies are long, and each is read and
// written several times.
func plain[T string | []byte](text T) int {
	const each = 0x0101010101010101
	n := 0
	for ; n+8 <= len(text); n += 8 {
		b := text[n : n+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// The high bit of a byte is set if it is set in the text, or if what is
		// subtracted is more than the byte. What that borrows from the next byte
		// does not matter: the first one is looked for.
		if other := (w | (w - ' '*each) | ((w ^ '"'*each) - each) | ((w ^ '\\'*each) - each)) & (0x80 * each); other != 0 {
			return n + bits.TrailingZeros64(other)/8
		}
	}
	for n < len(text) && isPlain(text[n]) {
		n++
	}
	return n
}

func isPlain(c byte) bool { return ' ' <= c && c < 0x80 && c != '"' && c != '\\' }
