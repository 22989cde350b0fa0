package limiter

// What it takes to believe that refusals have nothing to do with the rate, and to
// doubt that again.
const (
	noisyLosses  = 6    // in a row, below the rate of those before
	noisySample  = 5    // refusals by which the share of them is looked at again
	noisyGrowth  = 2.0  // of that share, at most
	noisyAtWorst = 0.03 // more are never put down to it
)

// noise tells refusals that have nothing to do with the rate of one client, as of a
// vendor whose customers share what it has, from those of a limit: to go slower
// does not make them fewer, and the next call gets through. Where a probe is
// refused, or the vendor says when to come back, there is a limit.
type noise struct {
	share          float64 // of the calls that is refused at any rate; 0: none
	lost, accepted float64 // since that was last looked at
}

// explains reports whether a refusal is put down to the noise. Below says that it
// came at a lower rate than the refusals before.
func (n *noise) explains(below bool) bool {
	n.lost++
	share := n.lost / (n.lost + n.accepted)
	switch {
	case n.share > 0 && n.lost < noisySample:
		return true
	case n.share > 0 && share < min(noisyGrowth*n.share, noisyAtWorst):
		*n = noise{share: (n.share + share) / 2}
		return true
	case n.share == 0 && below && n.lost < noisyLosses:
		return false
	case n.share == 0 && below && share < noisyAtWorst:
		*n = noise{share: share}
		return true
	}
	*n = noise{}
	return false
}
