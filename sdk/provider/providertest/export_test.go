package providertest

import "context"

// CheckOnly makes the one check of that name.
func CheckOnly(ctx context.Context, door Door, f Fixture, name string) (finding Finding, found bool, err error) {
	c, err := newChecker(door, f)
	if err != nil {
		return finding, false, err
	}
	defer c.close()
	if finding = c.find(ctx, c.handshakeCheck()); finding.Status != Pass || name == finding.Name {
		return finding, true, nil
	}
	for _, one := range c.checks() {
		if one.name == name {
			return c.find(ctx, one), true, nil
		}
	}
	return finding, false, nil
}

// MendOf is mendOf.
func MendOf(name string) string { return mendOf(name, "") }
