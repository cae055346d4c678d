//! t-SNE: vectors in, a map of two dimensions out, on which what is close together was close together before.
//!
//! van der Maaten and Hinton 2008, "Visualizing data using t-SNE", with the repulsion approximated as by Barnes and Hut
//! (van der Maaten 2014, "Accelerating t-SNE using tree-based algorithms"). Steps: exact nearest neighbours
//! ([`neighbour`]), their affinities ([`affinity`]), gradient descent ([`descent`]) with repulsion by a tree
//! ([`repulsion`]). Settings are those of scikit-learn, so that maps can be compared: PCA start with a standard deviation
//! of 1e-4, 250 iterations of exaggeration by 12, momentum 0.5 and then 0.8, learning rate max(n / 48, 50).

mod affinity;
mod descent;
mod neighbour;
mod repulsion;

use super::VectorSet;
use super::random::Random;
use super::scatter::Scatter;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::flat::reserved;
use crate::time::ShouldStop;

/// Most vectors of a map: one to two minutes at the usual perplexity.
pub const MAX_MAP_ROWS: usize = 50_000;

/// Most neighbours of all vectors together: 60 bytes each at the peak, 300 MB.
pub const MAX_NEIGHBOURS: usize = 5_000_000;

/// Most iterations.
pub const MAX_ITERATIONS: usize = 100_000;

/// Spread of the start along the first component: so small that nothing repels yet (scikit-learn's value).
const START_SPREAD: f64 = 1e-4;

/// Share of the start's spread that is random: parts equal vectors, and makes the seed count.
const START_NOISE: f64 = 0.01;

/// How to draw a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapSpec {
    /// How many neighbours each vector attends to, smoothly counted; usual are 5 to 50.
    pub perplexity: f64,
    /// Another seed gives another map.
    pub seed: u64,
    /// Steps of the descent.
    pub iterations: usize,
}

/// A map.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Where each vector lies: (id, x, y), in the order of (id, values). Axes have no unit and no meaning.
    pub places: Vec<(i64, f64, f64)>,
    /// The perplexity used: that of the spec, but at most a third of the other vectors.
    pub perplexity: f64,
}

/// Draws the map of a set. Values count as they are: standardise or project them before.
///
/// Cost: n² · dimension / 2 for the neighbours, then iterations · n · (a few hundred) operations. The same set and spec
/// give the same map to the last bit. No vector gives no place, one lies in the middle; equal vectors lie close
/// together. `progress` is told the number of finished iterations every 50.
///
/// # Errors
/// `InvalidArgument` for a perplexity below 1 or iterations out of 1 … [`MAX_ITERATIONS`], `NotFinite`, `TooLarge`
/// above [`MAX_MAP_ROWS`] or [`MAX_NEIGHBOURS`], `Cancelled`.
pub fn tsne(
    set: &VectorSet,
    spec: &MapSpec,
    should_stop: ShouldStop<'_>,
    progress: &dyn Fn(usize),
) -> Result<Map> {
    check(spec)?;
    let n = set.n();
    let perplexity = spec
        .perplexity
        .min((n.saturating_sub(1)) as f64 / 3.0)
        .max(1.0);
    let n_neighbours = n_neighbours(n, perplexity)?;
    let (id, mut value) = set.sorted()?;
    let mut places = Places {
        x: vec![0.0; n],
        y: vec![0.0; n],
    };
    if n > 1 {
        to_unit(set.dimension(), &mut value, should_stop)?;
        places = start(set.dimension(), &value, spec.seed, should_stop)?;
        let near = neighbour::nearest(set.dimension(), &value, n_neighbours, should_stop)?;
        let affinity = affinity::joint(&near, n_neighbours, perplexity, should_stop)?;
        descent::descend(
            &mut places,
            &affinity,
            spec.iterations,
            should_stop,
            progress,
        )?;
    }
    if places.x.iter().chain(&places.y).any(|x| !x.is_finite()) {
        return Err(Error::new(
            ErrorKind::Numeric,
            "the descent left the range of single precision",
        ));
    }
    let places = id
        .into_iter()
        .zip(places.x.into_iter().zip(places.y))
        .map(|(id, (x, y))| (id, f64::from(x), f64::from(y)));
    Ok(Map {
        places: places.collect(),
        perplexity,
    })
}

/// Coordinates in single precision, as scikit-learn has them: a map is looked at.
#[derive(Debug, Clone, Default, PartialEq)]
struct Places {
    x: Vec<f32>,
    y: Vec<f32>,
}

fn check(spec: &MapSpec) -> Result<()> {
    if !spec.perplexity.is_finite() {
        let message = format!("perplexity is {}", spec.perplexity);
        return Err(Error::new(ErrorKind::NotFinite, message).with_hint("give a finite number"));
    }
    if spec.perplexity < 1.0 {
        let message = format!("perplexity must be at least 1, not {}", spec.perplexity);
        return Err(Error::invalid(message).with_hint("usual are 5 to 50"));
    }
    if spec.iterations == 0 || spec.iterations > MAX_ITERATIONS {
        let message = format!(
            "iterations must be between 1 and {MAX_ITERATIONS}, not {}",
            spec.iterations
        );
        return Err(Error::invalid(message).with_hint("1000 is usual"));
    }
    Ok(())
}

/// Neighbours looked at: three times the perplexity, and one; further ones have next to no affinity.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "below n"
)]
fn n_neighbours(n: usize, perplexity: f64) -> Result<usize> {
    let wanted = ((3.0 * perplexity + 1.0) as usize).min(n.saturating_sub(1));
    if n > MAX_MAP_ROWS {
        let message = format!("a map of {n} vectors is larger than {MAX_MAP_ROWS}");
        return Err(Error::new(ErrorKind::TooLarge, message).with_hint("take a sample of the rows"));
    }
    if n.saturating_mul(wanted) > MAX_NEIGHBOURS {
        let message =
            format!("{wanted} neighbours of {n} vectors are more than {MAX_NEIGHBOURS} in all");
        return Err(Error::new(ErrorKind::TooLarge, message)
            .with_hint("take a lower perplexity or a sample of the rows"));
    }
    Ok(wanted)
}

/// Divides all values by the largest standard deviation: squares of distances then stay in the range of a double, and
/// nothing else changes.
fn to_unit(dimension: usize, value: &mut [f64], should_stop: ShouldStop<'_>) -> Result<()> {
    let spread = Scatter::of(dimension, value, should_stop)?.spread();
    let unit = spread.into_iter().fold(0.0, f64::max);
    for x in value {
        *x = if unit > 0.0 { *x / unit } else { 0.0 };
    }
    Ok(())
}

/// The first two principal components, the first of them spread by [`START_SPREAD`], and a little noise.
fn start(
    dimension: usize,
    value: &[f64],
    seed: u64,
    should_stop: ShouldStop<'_>,
) -> Result<Places> {
    let scatter = Scatter::of(dimension, value, should_stop)?;
    let axes = scatter.axes(&vec![1.0; dimension])?;
    let first = axes.first().map_or(0.0, |(variance, _)| variance.sqrt());
    let scale = if first > 0.0 {
        START_SPREAD / first
    } else {
        0.0
    };
    let mut random = Random::new(seed);
    let rows = value.chunks_exact(dimension.max(1));
    let mut places = Places {
        x: reserved(rows.len())?,
        y: reserved(rows.len())?,
    };
    for row in rows {
        for (nth, places) in [&mut places.x, &mut places.y].into_iter().enumerate() {
            let axis = axes.get(nth).map_or(&[] as &[f64], |(_, axis)| axis);
            let terms = axis.iter().zip(row.iter().zip(&scatter.mean));
            let score: f64 = terms.map(|(a, (x, mean))| a * (x - mean)).sum();
            places.push(single(
                score * scale + START_NOISE * START_SPREAD * random.normal(),
            ));
        }
    }
    Ok(places)
}

/// To single precision.
#[expect(
    clippy::cast_possible_truncation,
    reason = "digits beyond single precision do not show on a map"
)]
fn single(x: f64) -> f32 {
    x as f32
}

#[cfg(test)]
mod tests;
