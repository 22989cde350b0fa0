package price

import "testing"

func TestBuiltInListCanBeRead(t *testing.T) {
	if _, err := readList(embedded); err != nil {
		t.Fatal(err)
	}
}
