//! Gradient descent on the divergence between affinities and the map.

use super::Places;
use super::affinity::Affinity;
use super::repulsion::Repulsion;
use crate::error::Result;
use crate::time::ShouldStop;

/// Attraction is this many times stronger at first, for this many iterations, so that groups form before the map fills.
const EXAGGERATION: f32 = 12.0;
const N_EXAGGERATED: usize = 250;

/// Share of the last step that is kept, before and after the exaggeration ends.
const MOMENTUM: (f32, f32) = (0.5, 0.8);

/// A coordinate that keeps its direction speeds up, one that turns slows down (Jacobs 1988, "Increased rates of
/// convergence through learning rate adaptation").
const GAIN_UP: f32 = 0.2;
const GAIN_DOWN: f32 = 0.8;
const GAIN_LEAST: f32 = 0.01;

/// Iterations between two reports.
const REPORT_EVERY: usize = 50;

/// Lanes of the inner loop.
const LANES: usize = 8;

/// Moves `places` downhill.
pub(super) fn descend(
    places: &mut Places,
    affinity: &Affinity,
    iterations: usize,
    should_stop: ShouldStop<'_>,
    progress: &dyn Fn(usize),
) -> Result<()> {
    let n = places.x.len();
    let zeros = || Places {
        x: vec![0.0; n],
        y: vec![0.0; n],
    };
    let (mut pull, mut push) = (zeros(), zeros());
    let mut motion = [Motion::new(n), Motion::new(n)];
    let mut repulsion = Repulsion::default();
    let rate = super::single((n as f64 / f64::from(EXAGGERATION) / 4.0).max(50.0));
    for iteration in 0..iterations {
        if iteration.is_multiple_of(REPORT_EVERY) {
            progress(iteration);
        }
        if iteration == N_EXAGGERATED {
            motion = [Motion::new(n), Motion::new(n)];
        }
        let (exaggeration, momentum) = if iteration < N_EXAGGERATED {
            (EXAGGERATION, MOMENTUM.0)
        } else {
            (1.0, MOMENTUM.1)
        };
        attract(places, affinity, &mut pull);
        let z = repulsion.compute(places, &mut push, should_stop)?;
        let z = super::single(z.max(f64::from(f32::MIN_POSITIVE)));
        let [along_x, along_y] = &mut motion;
        let step = Step {
            rate,
            momentum,
            exaggeration,
            z,
        };
        along_x.advance(&mut places.x, &pull.x, &push.x, &step);
        along_y.advance(&mut places.y, &pull.y, &push.y, &step);
    }
    Ok(())
}

/// Writes Σ_j p_ij q_ij (y_i − y_j) into `pull`.
fn attract(places: &Places, affinity: &Affinity, pull: &mut Places) {
    for (i, bounds) in affinity.start.windows(2).enumerate() {
        let (start, end) = (bounds[0], bounds[1]);
        let (x, y) = (places.x[i], places.y[i]);
        let (mut f_x, mut f_y) = ([0.0f32; LANES], [0.0f32; LANES]);
        let mut entries = |columns: &[u32], values: &[f32]| {
            let (mut d_x, mut d_y, mut p) = ([0.0f32; LANES], [0.0f32; LANES], [0.0f32; LANES]);
            for (lane, (&j, &value)) in columns.iter().zip(values).enumerate() {
                d_x[lane] = x - places.x[j as usize];
                d_y[lane] = y - places.y[j as usize];
                p[lane] = value;
            }
            for lane in 0..LANES {
                let pq = p[lane] / (1.0 + d_x[lane] * d_x[lane] + d_y[lane] * d_y[lane]);
                f_x[lane] += pq * d_x[lane];
                f_y[lane] += pq * d_y[lane];
            }
        };
        let (columns, last_columns) = affinity.column[start..end].as_chunks::<LANES>();
        let (values, last_values) = affinity.value[start..end].as_chunks::<LANES>();
        columns
            .iter()
            .zip(values)
            .for_each(|(columns, values)| entries(columns, values));
        entries(last_columns, last_values);
        (pull.x[i], pull.y[i]) = (f_x.iter().sum(), f_y.iter().sum());
    }
}

/// One step of the descent.
struct Step {
    rate: f32,
    momentum: f32,
    exaggeration: f32,
    z: f32,
}

/// How one axis moves.
struct Motion {
    update: Vec<f32>,
    gain: Vec<f32>,
}

impl Motion {
    fn new(n: usize) -> Self {
        Self {
            update: vec![0.0; n],
            gain: vec![1.0; n],
        }
    }

    /// Gradient 4 (exaggeration · pull − push / z), then the step with momentum and gains.
    fn advance(&mut self, place: &mut [f32], pull: &[f32], push: &[f32], step: &Step) {
        let motion = self.update.iter_mut().zip(&mut self.gain);
        for (((place, pull), push), (update, gain)) in
            place.iter_mut().zip(pull).zip(push).zip(motion)
        {
            let gradient = 4.0 * (step.exaggeration * pull - push / step.z);
            *gain = if *update * gradient < 0.0 {
                *gain + GAIN_UP
            } else {
                *gain * GAIN_DOWN
            };
            *gain = gain.max(GAIN_LEAST);
            *update = step.momentum * *update - step.rate * *gain * gradient;
            *place += *update;
        }
    }
}
