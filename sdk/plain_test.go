package sdk

import (
	"strings"
	"testing"
)

// Every byte in every place among others that are plain, and beside its like.
func TestPlainIsWhatStandsForItself(t *testing.T) {
	for c := range 256 {
		for length := range 20 {
			for at := range length {
				for _, fill := range []byte{' ', '!', '#', '[', ']', '~', 0x7f} {
					text := []byte(strings.Repeat(string(fill), length))
					text[at] = byte(c)
					if at+2 < length {
						text[at+2] = byte(c)
					}
					want := at
					if ' ' <= c && c < 0x80 && c != '"' && c != '\\' {
						want = length
					}
					if got := plain(text); got != want || plain(string(text)) != want {
						t.Fatalf("plain(%q) is %d, want %d", text, got, want)
					}
				}
			}
		}
	}
}

// texts are what long strings are like.
var texts = map[string]string{
	"prose": strings.Repeat("What is nginx good for? ", 16), "lines": strings.Repeat("Use \"nginx\".\n", 30),
	"chinese": strings.Repeat("什么是", 45), "name": "gpt-4o",
}

func BenchmarkAppendString(b *testing.B) {
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var buf []byte
			for b.Loop() {
				buf = AppendString(buf[:0], text)
			}
		})
	}
}

func BenchmarkScanString(b *testing.B) {
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			data := AppendString(nil, text)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				s := Scanner{data: data}
				s.Text()
			}
		})
	}
}
