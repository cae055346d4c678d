//! Straight lines through stretches of a series.

/// The values in units of the noise and around their median, with the sums from which the line through any stretch follows.
pub(super) struct Lines {
    centre: f64,
    pub(super) scale: f64,
    /// Σ v, Σ t v, Σ v² over the first windows.
    sums: Vec<[f64; 3]>,
}

/// The least-squares line through a stretch, in units of the noise.
pub(super) struct Line {
    n: f64,
    middle: f64,
    pub(super) mean: f64,
    pub(super) slope: f64,
    /// Σ (t − middle)².
    spread: f64,
}

impl Lines {
    pub(super) fn new(y: &[f64], scale: f64) -> Self {
        // Around the middle, so that sums of squares keep their digits.
        let centre = crate::feature::series::robust::median(&mut y.to_vec());
        let mut sum = [0.0; 3];
        let mut sums = vec![sum];
        for (t, value) in y.iter().enumerate() {
            let v = (value - centre) / scale;
            sum = [sum[0] + v, sum[1] + t as f64 * v, sum[2] + v * v];
            sums.push(sum);
        }
        Self {
            centre,
            scale,
            sums,
        }
    }

    /// In the unit of the series.
    pub(super) fn value(&self, v: f64) -> f64 {
        self.centre + self.scale * v
    }

    pub(super) fn line(&self, from: usize, until: usize) -> Line {
        let (a, b) = (self.sums[from], self.sums[until]);
        let n = (until - from) as f64;
        let middle = (from + until - 1) as f64 / 2.0;
        let spread = n * (n * n - 1.0) / 12.0;
        let slope = if spread > 0.0 {
            (b[1] - a[1] - middle * (b[0] - a[0])) / spread
        } else {
            0.0
        };
        Line {
            n,
            middle,
            mean: (b[0] - a[0]) / n,
            slope,
            spread,
        }
    }

    /// Sum of squares around the line.
    pub(super) fn cost(&self, from: usize, until: usize) -> f64 {
        let line = self.line(from, until);
        let squares = self.sums[until][2] - self.sums[from][2];
        (squares - line.n * line.mean * line.mean - line.slope * line.slope * line.spread).max(0.0)
    }

    /// How much less two lines cost than one.
    pub(super) fn gain(&self, three: &[usize]) -> f64 {
        self.cost(three[0], three[2])
            - self.cost(three[0], three[1])
            - self.cost(three[1], three[2])
    }

    /// What is left around the lines, in the unit of the series.
    pub(super) fn rest(&self, y: &[f64], cuts: &[usize]) -> Vec<f64> {
        let mut rest = y.to_vec();
        for pair in super::search::ends(cuts, y.len()).windows(2) {
            let line = self.line(pair[0], pair[1]);
            for (at, value) in rest.iter_mut().enumerate().take(pair[1]).skip(pair[0]) {
                *value -= self.value(line.at(at as f64));
            }
        }
        rest
    }
}

impl Line {
    pub(super) fn at(&self, t: f64) -> f64 {
        self.mean + self.slope * (t - self.middle)
    }

    pub(super) fn error(&self, t: f64) -> f64 {
        (1.0 / self.n + (t - self.middle).powi(2) / self.spread).sqrt()
    }

    pub(super) fn slope_error(&self) -> f64 {
        1.0 / self.spread.sqrt()
    }

    /// Whether the slope could be none.
    pub(super) fn is_flat(&self) -> bool {
        self.slope.abs() < 3.0 * self.slope_error()
    }
}
