//! Finds the cuts.

use super::Lines;
use crate::error::Result;
use crate::feature::series::robust::spread;
use crate::time::{ShouldStop, check_stop};

/// Most stretches of windows between which changes are looked for; longer series are looked at in blocks first.
const BLOCKS: usize = 4096;
/// Fewest blocks between two changes of level or slope, and windows between two of variance.
const SHORTEST: usize = 5;
const SHORTEST_VARIANCE: usize = 20;
/// Autocorrelation from which a series cannot be told from a random walk, which changes all the time.
const WANDERING: f64 = 0.75;

/// The beginning, the cuts and the end.
pub(super) fn ends(cuts: &[usize], n: usize) -> Vec<usize> {
    [0].into_iter()
        .chain(cuts.iter().copied())
        .chain([n])
        .collect()
}

/// What the noise of a series is like.
pub(super) struct Noise {
    /// Windows of a block.
    pub(super) width: usize,
    /// Variance of a mean of blocks times their number.
    long_run: f64,
    /// Standard deviation and first autocorrelation of windows.
    sd: f64,
    phi: f64,
}

impl Noise {
    /// `None` where there is none, or where a change could not be told from it.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(super) fn of(y: &[f64], should_stop: ShouldStop<'_>) -> Result<Option<Self>> {
        let width = y.len().div_ceil(BLOCKS);
        let blocks: Vec<f64> = y
            .chunks(width)
            .map(|b| b.iter().map(|v| v / b.len() as f64).sum())
            .collect();
        let (sd, phi) = autocorrelation(&blocks, should_stop)?;
        // Half again its standard error, or short series would be taken for less correlated than they are.
        let phi = phi + 1.5 / (blocks.len() as f64).sqrt();
        let largest = y.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        if sd.is_nan()
            || sd <= 1e-9 * largest
            || phi > WANDERING.max(2.5 / (blocks.len() as f64).sqrt())
        {
            return Ok(None);
        }
        let long_run = sd * sd * (1.0 + phi) / (1.0 - phi);
        let (sd, phi) = autocorrelation(y, should_stop)?;
        Ok(Some(Self {
            width,
            long_run,
            sd,
            phi,
        }))
    }

    /// The unit in which the sum of squares of windows is that of blocks of independent noise of variance one.
    pub(super) fn scale(&self) -> f64 {
        (self.long_run * self.width as f64).sqrt()
    }
}

/// Robust standard deviation and first autocorrelation φ, from the spread of differences over one and four places: for a
/// first-order process the squares of these are as 1 to 1 + φ + φ² + φ³, and changes of level touch few of them.
fn autocorrelation(y: &[f64], should_stop: ShouldStop<'_>) -> Result<(f64, f64)> {
    let over = |k: usize| {
        check_stop(should_stop)?;
        let d: Vec<f64> = y
            .iter()
            .zip(&y[k.min(y.len())..])
            .map(|(a, b)| b - a)
            .collect();
        Ok(spread(&d, 0.0))
    };
    let (one, four): (f64, f64) = (over(1)?, over(4)?);
    let ratio = (four / one).powi(2);
    let (mut low, mut high) = (0.0_f64, 0.99_f64);
    for _ in 0..40 {
        let phi = (low + high) / 2.0;
        *(if 1.0 + phi + phi * phi + phi.powi(3) < ratio {
            &mut low
        } else {
            &mut high
        }) = phi;
    }
    Ok((one / (2.0 * (1.0 - low)).sqrt(), low))
}

/// How values scatter around the lines: the stretches of equal variance.
pub(super) struct Scatter {
    pub(super) cuts: Vec<usize>,
    /// The robust standard deviation of all.
    usual: f64,
    /// Sums of squares over the first windows, in units of it.
    sums: Vec<f64>,
    /// How many independent normal values a window is worth.
    worth: f64,
}

impl Scatter {
    fn variance(&self, from: usize, until: usize) -> f64 {
        ((self.sums[until] - self.sums[from]) / (until - from) as f64).max(1e-6)
    }

    fn cost(&self, from: usize, until: usize) -> f64 {
        self.worth * (until - from) as f64 * self.variance(from, until).ln()
    }

    /// How much better two variances fit than one.
    pub(super) fn gain(&self, three: &[usize]) -> f64 {
        self.cost(three[0], three[2])
            - self.cost(three[0], three[1])
            - self.cost(three[1], three[2])
    }

    /// Standard deviation of a stretch, in the unit of the series.
    pub(super) fn sd(&self, from: usize, until: usize) -> f64 {
        self.usual * self.variance(from, until).sqrt()
    }

    /// Mean square in a stretch, each window at the variance of the stretch of equal variance that it belongs to.
    fn square(&self, from: usize, until: usize) -> f64 {
        let ends = ends(&self.cuts, self.sums.len() - 1);
        let parts = ends.windows(2).map(|pair| {
            let shared = pair[1].min(until).saturating_sub(pair[0].max(from)) as f64;
            shared * self.sd(pair[0], pair[1]).powi(2)
        });
        parts.sum::<f64>() / (until - from) as f64
    }
}

/// Cuts a series of `n` windows.
pub(super) struct Search<'a> {
    n: usize,
    noise: &'a Noise,
    penalty: f64,
    should_stop: ShouldStop<'a>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        n: usize,
        noise: &'a Noise,
        penalty: f64,
        should_stop: ShouldStop<'a>,
    ) -> Self {
        Self {
            n,
            noise,
            penalty,
            should_stop,
        }
    }

    /// What a change must bring at penalty one. Without a change, the best cut of noise among m places brings about 2 ln ln m
    /// plus what two more coefficients take up; with this price about one series of noise in a hundred shows a change.
    pub(super) fn price(&self) -> f64 {
        3.0 * (self.bounds().len() as f64).ln() + 8.0
    }

    /// Where level or slope change.
    pub(super) fn cuts_of_lines(&self, lines: &Lines) -> Result<Vec<usize>> {
        self.pelt(SHORTEST, &|from, until| lines.cost(from, until))
    }

    /// Where the variance of what is left changes.
    pub(super) fn scatter(&self, rest: &[f64]) -> Result<Scatter> {
        check_stop(self.should_stop)?;
        let usual = spread(rest, 0.0);
        check_stop(self.should_stop)?;
        let unit = if usual > 0.0 { usual } else { 1.0 };
        let clipped: Vec<f64> = rest.iter().map(|v| (v / unit).clamp(-4.0, 4.0)).collect();
        let moment = |k: i32| clipped.iter().map(|v| v.powi(k)).sum::<f64>() / self.n as f64;
        let kurtosis = moment(4) / moment(2).powi(2).max(f64::MIN_POSITIVE);
        let phi = self.noise.phi * self.noise.phi;
        check_stop(self.should_stop)?;
        let mut sums = vec![0.0];
        sums.extend(clipped.iter().scan(0.0, |sum, v| {
            *sum += v * v;
            Some(*sum)
        }));
        let worth = (1.0 - phi) / (1.0 + phi) * (2.0 / (kurtosis - 1.0).max(2.0));
        let mut scatter = Scatter {
            cuts: Vec::new(),
            usual,
            sums,
            worth,
        };
        if usual > 0.0 && self.n >= 2 * SHORTEST_VARIANCE {
            let shortest = SHORTEST_VARIANCE.div_ceil(self.noise.width).max(SHORTEST);
            scatter.cuts = self.pelt(shortest, &|from, until| scatter.cost(from, until))?;
        }
        Ok(scatter)
    }

    /// Takes back cuts that do not pay where values scatter more than usual, the weakest first; whether there were any.
    pub(super) fn confirm(&self, cuts: &mut Vec<usize>, lines: &Lines, scatter: &Scatter) -> bool {
        let before = cuts.len();
        let usual = self.noise.sd * self.noise.sd;
        loop {
            let strength = |three: &[usize]| {
                lines.gain(three) / (scatter.square(three[0], three[2]) / usual).max(1.0)
            };
            let strengths: Vec<f64> = ends(cuts, self.n).windows(3).map(strength).collect();
            let weakest = (0..cuts.len()).min_by(|&a, &b| strengths[a].total_cmp(&strengths[b]));
            match weakest.filter(|&k| strengths[k] < self.price() * self.penalty) {
                Some(k) => cuts.remove(k),
                None => return cuts.len() < before,
            };
        }
    }

    /// Where blocks begin, and the end.
    fn bounds(&self) -> Vec<usize> {
        (0..self.n)
            .step_by(self.noise.width)
            .chain([self.n])
            .collect()
    }

    /// The cuts with the least total cost, each stretch at least `shortest` blocks long.
    fn pelt(&self, shortest: usize, cost: &dyn Fn(usize, usize) -> f64) -> Result<Vec<usize>> {
        let bounds = self.bounds();
        let price = self.price() * self.penalty;
        let m = bounds.len() - 1;
        let mut best = vec![f64::INFINITY; m + 1];
        let mut last = vec![0; m + 1];
        best[0] = -price;
        // Starts that can still be the last cut.
        let mut starts = vec![0_usize];
        for end in shortest..=m {
            if end % 64 == 0 {
                check_stop(self.should_stop)?;
            }
            let costs: Vec<f64> = starts
                .iter()
                .map(|&s| best[s] + cost(bounds[s], bounds[end]))
                .collect();
            for (&start, &cost) in starts.iter().zip(&costs) {
                if cost + price < best[end] {
                    best[end] = cost + price;
                    last[end] = start;
                }
            }
            let limit = best[end];
            let mut costs = costs.into_iter();
            starts.retain(|_| costs.next().is_some_and(|cost| cost <= limit));
            let next = end + 1 - shortest;
            if best[next].is_finite() {
                starts.push(next);
            }
        }
        let mut cuts = Vec::new();
        let mut end = m;
        while end > 0 && last[end] > 0 {
            end = last[end];
            cuts.push(bounds[end]);
        }
        cuts.reverse();
        self.refine(&mut cuts, cost);
        Ok(cuts)
    }

    /// Moves each cut to the best window within a block of it.
    fn refine(&self, cuts: &mut [usize], cost: &dyn Fn(usize, usize) -> f64) {
        if self.noise.width == 1 {
            return;
        }
        for k in 0..cuts.len() {
            let from = if k == 0 { 0 } else { cuts[k - 1] };
            let until = cuts.get(k + 1).copied().unwrap_or(self.n);
            let near = (cuts[k] + 1 - self.noise.width).max(from + 2)
                ..(cuts[k] + self.noise.width).min(until - 1);
            let total = |at: usize| cost(from, at) + cost(at, until);
            cuts[k] = near
                .min_by(|&a, &b| total(a).total_cmp(&total(b)))
                .unwrap_or(cuts[k]);
        }
    }
}
