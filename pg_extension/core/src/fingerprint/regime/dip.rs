//! Whether numbers have one peak or more.

/// The dip statistic of sorted numbers: the largest distance between their empirical distribution and the nearest
/// unimodal one, between 1/(2n) and 1/4 (Hartigan and Hartigan 1985, "The dip test of unimodality"; algorithm AS 217 of
/// P. M. Hartigan 1985 with the corrections of Maechler's R package diptest). Zero for fewer than two numbers or equal
/// ones.
pub(super) fn dip(x: &[f64]) -> f64 {
    let n = x.len();
    let (Some(first), Some(last)) = (x.first(), x.last()) else {
        return 0.0;
    };
    if first >= last {
        return 0.0;
    }
    let (below, above) = (minorant(x), majorant(x));
    // All in units of 1/n; the smallest dip is one of them, halved at the end.
    let (mut low, mut high, mut dip) = (0, n - 1, 1.0f64);
    loop {
        let convex = path(high, low, &below);
        let concave = path(low, high, &above);
        let (gap, at_convex, at_concave) = widest_gap(x, &convex, &concave);
        if gap < dip {
            break;
        }
        let left = convex[at_convex..]
            .windows(2)
            .map(|ends| rise(x, ends[1], ends[0], 1.0));
        let right = concave[at_concave..]
            .windows(2)
            .map(|ends| rise(x, ends[0], ends[1], -1.0));
        dip = left.chain(right).fold(dip, f64::max);
        let (new_low, new_high) = (convex[at_convex], concave[at_concave]);
        if (low, high) == (new_low, new_high) {
            break;
        }
        (low, high) = (new_low, new_high);
    }
    dip / (2 * n) as f64
}

/// For each point the one before it on the greatest convex minorant of the distribution up to it.
fn minorant(x: &[f64]) -> Vec<usize> {
    let mut before = vec![0; x.len()];
    for j in 1..x.len() {
        let mut i = j - 1;
        while i > 0 && !is_steeper(x, (before[i], i), (i, j)) {
            i = before[i];
        }
        before[j] = i;
    }
    before
}

/// For each point the one after it on the least concave majorant of the distribution from it on.
fn majorant(x: &[f64]) -> Vec<usize> {
    let last = x.len() - 1;
    let mut after = vec![last; x.len()];
    for j in (0..last).rev() {
        let mut i = j + 1;
        while i < last && !is_steeper(x, (i, after[i]), (j, i)) {
            i = after[i];
        }
        after[j] = i;
    }
    after
}

/// Whether the distribution rises more steeply over the second stretch than over the first.
fn is_steeper(x: &[f64], first: (usize, usize), second: (usize, usize)) -> bool {
    let run = |(from, to): (usize, usize)| (to - from) as f64;
    let width = |(from, to): (usize, usize)| x[to] - x[from];
    width(second) * run(first) < width(first) * run(second)
}

/// The points on the way `from` … `to`.
fn path(from: usize, to: usize, next: &[usize]) -> Vec<usize> {
    std::iter::successors(Some(from), |at| (*at != to).then(|| next[*at])).collect()
}

/// The widest gap between the majorant and the minorant at one of their points, and where in each it is.
fn widest_gap(x: &[f64], convex: &[usize], concave: &[usize]) -> (f64, usize, usize) {
    let (mut at_convex, mut at_concave) = (convex.len() - 1, concave.len() - 1);
    if convex.len() == 2 && concave.len() == 2 {
        return (1.0, at_convex, at_concave);
    }
    // The minorant is held from high to low: both are walked from low to high.
    let (mut ix, mut iv) = (convex.len() - 2, 1);
    let mut widest = 0.0;
    while convex[ix] != concave[iv] {
        let (c, v) = (convex[ix], concave[iv]);
        let gap;
        if c > v {
            let before = convex[ix + 1];
            gap = (v - before + 1) as f64
                - (x[v] - x[before]) * (c - before) as f64 / (x[c] - x[before]);
            iv += 1;
            if gap >= widest {
                (widest, at_convex, at_concave) = (gap, ix + 1, iv - 1);
            }
        } else {
            let before = concave[iv - 1];
            gap = (x[c] - x[before]) * (v - before) as f64 / (x[v] - x[before])
                - (c as f64 - before as f64 - 1.0);
            let was = ix;
            ix = ix.saturating_sub(1);
            if gap >= widest {
                (widest, at_convex, at_concave) = (gap, was, iv);
            }
        }
        iv = iv.min(concave.len() - 1);
    }
    (widest, at_convex, at_concave)
}

/// How far the distribution rises above (`side` 1) or falls below (−1) the straight line between two of its points.
fn rise(x: &[f64], from: usize, to: usize, side: f64) -> f64 {
    if to - from <= 1 || x[to] <= x[from] {
        return 1.0;
    }
    let slope = (to - from) as f64 / (x[to] - x[from]);
    let above = |at: usize| side * ((at - from) as f64 - (x[at] - x[from]) * slope) + 1.0;
    (from..=to).map(above).fold(1.0, f64::max)
}
