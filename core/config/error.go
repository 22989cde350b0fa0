package config

import (
	"fmt"
	"slices"
)

// Error is what is wrong with a setting, and where it stands.
type Error struct {
	// Origin is where: a file and line, a variable or a flag.
	Origin string
	// Key is the setting, or empty.
	Key string
	// Problem says what is wrong.
	Problem string
	// Hint says how to mend it, or is empty.
	Hint string
}

// Error returns "origin: key problem".
func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s: %s", e.Origin, e.Problem)
	}
	return fmt.Sprintf("%s: %s %s", e.Origin, e.Key, e.Problem)
}

// Nearest returns the name that was probably meant, or "".
func Nearest(name string, names []string) string {
	best, distance := "", 1+max(2, len(name)/3)
	for _, n := range names {
		if d := edits(name, n); d < distance {
			best, distance = n, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], slices.Min([]int{row[j] + 1, row[j-1] + 1, diagonal + cost})
		}
	}
	return row[len(b)]
}
