//! The columns: what is known at an origin about the next windows, on one scale.
//!
//! Shared by all horizons, each less the last value b = z[t]: z[t−1…3]; means over the last 2, 3, 5, 8, 12, 20, 32, 50, 80, 128, 200, 320
//! windows (as far as they are shorter than the season) and over a season.
//!
//! Per horizon, from the last [`DAYS`] seasons: c is the mean around the target's place in that season (± m/96), base the level at the origin's
//! place there, d = c − base. Columns are d of the last season; the mean d, the same over a wider window (± m/32); the value one season
//! ago, the mean c; and d and c as means in which a season weighs by how much like the present it was: 1 / Σ² of
//! distances of twelve blocks before the origin, of the values and of the values less the level. On the raw scale also
//! level · (r − 1) with r = (c + g) / (base + g) in ¼…4, g a twentieth of the season's mean: of the last season and of the mean r.

/// Seasons looked back.
pub(super) const DAYS: usize = 14;

/// Spans of means, in windows.
const SPANS: [usize; 12] = [2, 3, 5, 8, 12, 20, 32, 50, 80, 128, 200, 320];

/// Fewest rows to learn from.
pub(super) const MIN_ROWS: usize = 60;

/// Blocks that are compared; each a quarter of an "hour" (1/24 of a season).
const BLOCKS: usize = 12;

/// "Hour" where there is no season, in windows.
const HOUR: usize = 12;

/// A series on one scale.
pub(super) struct Frame {
    pub(super) z: Vec<f64>,
    /// Prefix sums of z.
    sums: Vec<f64>,
    pub(super) season: Option<usize>,
    pub(super) hour: usize,
    days: usize,
    spans: Vec<usize>,
}

/// What does not depend on the horizon, at one origin.
pub(super) struct Row {
    pub(super) t: usize,
    pub(super) shared: Vec<f64>,
    level: f64,
    floor: f64,
    /// Per season back, newest first: level at the origin's place, weight by values, weight by shape; weights add up to 1.
    days: Vec<[f64; 3]>,
}

/// "Hour" of a season of `m` windows.
fn hour(m: usize) -> usize {
    (m / 24).max(4)
}

/// How many seasons of `m` windows are looked back in `n`: two at least are left for rows; a horizon beyond a season has no value one season ago.
pub(in crate::forecast) fn days(n: usize, m: usize, steps: usize) -> usize {
    let enough = |days: usize| {
        let rows = (2 * m + steps).max(MIN_ROWS + 2 * steps);
        steps <= m && days * m + 7 * hour(m) + m / 32 + 1 + rows < n
    };
    (1..=DAYS).rev().find(|d| enough(*d)).unwrap_or(0)
}

impl Frame {
    pub(super) fn new(z: Vec<f64>, season: Option<usize>, steps: usize) -> Self {
        let mut sums = Vec::with_capacity(z.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        sums.extend(z.iter().map(|v| {
            sum += v;
            sum
        }));
        let n = z.len();
        let hour = season.map_or(HOUR, hour);
        let days = season.map_or(0, |m| days(n, m, steps));
        let season = season.filter(|_| days > 0);
        let widest = season.unwrap_or(n / 8);
        let mut spans: Vec<usize> = SPANS.into_iter().filter(|k| *k < widest).collect();
        spans.extend(season);
        Self {
            z,
            sums,
            season,
            hour,
            days,
            spans,
        }
    }

    /// First origin that has all columns.
    pub(super) fn first(&self) -> usize {
        let back = self
            .season
            .map_or(0, |m| self.days * m + 7 * self.hour + m / 32 + 1);
        back.max(self.spans.last().copied().unwrap_or(0))
            .max(7 * self.hour)
    }

    /// Mean of the `k` windows up to and with `t`.
    fn mean(&self, t: usize, k: usize) -> f64 {
        (self.sums[t + 1] - self.sums[t + 1 - k]) / k as f64
    }

    /// Mean of the windows within `width` of `centre`, none after `t`.
    fn around(&self, centre: usize, width: usize, t: usize) -> f64 {
        let until = (centre + width).min(t);
        self.mean(until, until + 1 + width - centre)
    }

    /// Level at `t`: half over an hour, half over its last quarter.
    pub(super) fn level(&self, t: usize) -> f64 {
        0.5 * self.mean(t, self.hour / 4) + 0.5 * self.mean(t, self.hour)
    }

    /// Mean over the last season.
    pub(super) fn typical(&self, t: usize) -> f64 {
        self.mean(t, self.season.unwrap_or(4 * self.hour))
    }

    pub(super) fn row(&self, t: usize) -> Row {
        let b = self.z[t];
        let lags = (1..=3).map(|k| self.z[t - k] - b);
        let shared = lags
            .chain(self.spans.iter().map(|k| self.mean(t, *k) - b))
            .collect();
        let level = self.level(t);
        let block = self.hour / 4;
        let near: [f64; BLOCKS] = std::array::from_fn(|j| self.mean(t - j * block, block));
        let mut days: Vec<[f64; 3]> = (1..=self.days)
            .map(|k| {
                let then = t - k * self.season.unwrap_or(0);
                let base = self.level(then);
                let (mut values, mut shape) = (0.0, 0.0);
                for (j, now) in near.iter().enumerate() {
                    let gap = now - self.mean(then - j * block, block);
                    values += gap.abs();
                    shape += (gap - (level - base)).abs();
                }
                let weight = |d: f64| 1.0 / (d * d + 1e-12);
                [base, weight(values), weight(shape)]
            })
            .collect();
        for side in [1, 2] {
            let total: f64 = days.iter().map(|d| d[side]).sum();
            days.iter_mut().for_each(|d| d[side] /= total);
        }
        Row {
            t,
            shared,
            level,
            floor: 0.05 * self.typical(t),
            days,
        }
    }

    /// Appends the columns of the target `h` windows after the row's origin.
    pub(super) fn seasonal(&self, row: &Row, h: usize, with_ratio: bool, out: &mut Vec<f64>) {
        let (Some(m), t) = (self.season, row.t) else {
            return;
        };
        let b = self.z[t];
        let share = 1.0 / self.days as f64;
        let (mut first, mut columns, mut ratio) = ([0.0; 2], [0.0; 7], 0.0);
        for (k, [base, by_value, by_shape]) in row.days.iter().enumerate() {
            let then = t - (k + 1) * m;
            let c = self.around(then + h, m / 96, t);
            let d = c - base;
            let wide = self.around(then + h, m / 32, t) - self.around(then, m / 32, t);
            let r = ((c + row.floor) / (base + row.floor)).clamp(0.25, 4.0) - 1.0;
            if k == 0 {
                first = [d, r];
            }
            let parts = [
                share * d,
                share * wide,
                share * c,
                by_value * d,
                by_value * c,
                by_shape * d,
                by_shape * c,
            ];
            for (column, part) in columns.iter_mut().zip(parts) {
                *column += part;
            }
            ratio += share * r;
        }
        let [d, wide, c, d_value, c_value, d_shape, c_shape] = columns;
        out.extend([
            first[0],
            d,
            wide,
            self.z[t + h - m] - b,
            c - b,
            d_value,
            c_value - b,
            d_shape,
            c_shape - b,
        ]);
        if with_ratio {
            out.extend(
                [row.level * first[1], row.level * ratio]
                    .map(|v| if v.is_finite() { v } else { 0.0 }),
            );
        }
    }
}
