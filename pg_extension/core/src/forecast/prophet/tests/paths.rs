//! Simulated quantiles against what is known of them.

use super::*;

fn quantiles(model: &Fitted, times: &[Micros], paths: usize, seed: u64) -> Vec<Vec<f64>> {
    let simulation = Simulation {
        paths,
        seed,
        levels: vec![0.05, 0.5, 0.95],
    };
    model
        .predict(&Rows::at(times), &simulation, &|| false)
        .unwrap()
        .quantiles
}

#[test]
fn equal_seeds_give_equal_quantiles_and_a_longer_horizon_does_not_change_them() {
    let model = fitted(&hours(300), &demand(300), &Spec::default());
    let short = quantiles(&model, &hours(330)[300..], 200, 7);
    let long = quantiles(&model, &hours(360)[300..], 200, 7);
    assert_eq!(short, quantiles(&model, &hours(330)[300..], 200, 7));
    assert_ne!(short, quantiles(&model, &hours(330)[300..], 200, 8));
    for (a, b) in short.iter().zip(&long) {
        assert_eq!(a[..], b[..30]);
    }
}

#[test]
fn the_past_is_as_uncertain_as_the_noise() {
    let model = fitted(&hours(300), &demand(300), &Spec::default());
    let found = quantiles(&model, &hours(300), 2_000, 1);
    let width: f64 = (0..300).map(|i| found[2][i] - found[0][i]).sum::<f64>() / 300.0;
    // ±1.645 standard deviations.
    assert!((width / model.noise() - 3.29).abs() < 0.05, "{width}");
}

#[test]
fn trend_spreads_as_a_twice_summed_poisson_process() {
    let mut model = fitted(&hours(300), &demand(300), &Spec::default());
    model.sigma = 0.0;
    model.delta.iter_mut().for_each(|d| *d = d.signum() * 0.1);
    // At h after the history: rate · E(size²) · h³ / 3, the mean size being 0.1 and Laplace sizes having twice its square.
    let h = 2.0_f64;
    let sd = (25.0 * 2.0 * 0.01 * h.powi(3) / 3.0).sqrt() * model.y_scale;
    let at = [START + 299 * HOUR + 2 * 299 * HOUR];
    let found = quantiles(&model, &at, 10_000, 3);
    let median = forecast(&model, &at).yhat[0];
    assert!((found[1][0] - median).abs() < 0.05 * sd);
    assert!(((found[2][0] - found[0][0]) / sd / 3.29 - 1.0).abs() < 0.05);
}

#[test]
fn order_of_rows_does_not_matter() {
    let model = fitted(&hours(300), &demand(300), &Spec::default());
    let ahead = hours(340)[290..].to_vec();
    let mut mixed = ahead.clone();
    mixed.rotate_left(17);
    for (a, b) in quantiles(&model, &ahead, 50, 5)
        .iter()
        .zip(quantiles(&model, &mixed, 50, 5))
    {
        let mut a = a.clone();
        a.rotate_left(17);
        assert_eq!(a, b);
    }
}
