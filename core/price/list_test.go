package price

import "testing"

func TestBuiltInListCanBeRead(t *testing.T) {
	l, err := readList(embedded)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range l.Vendors {
		if models, err := v.models(); err != nil || len(models) == 0 {
			t.Errorf("%s: %d models, %v", v.ID, len(models), err)
		}
		if _, err := v.api(); err != nil {
			t.Errorf("%s: %v", v.ID, err)
		}
	}
}
