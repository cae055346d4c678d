use super::super::row::{Lengths, NAMES, Rows};
use super::super::signal::Signal;
use super::*;

/// Features written down as the recipe says, without regard for speed, for a gapless trace.
fn slow_row(x: &[f64], t: usize, lead: usize, cap: f64) -> Vec<f64> {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let max = |k: usize| {
        x[t.saturating_sub(k)..t]
            .iter()
            .copied()
            .fold(0.0, f64::max)
    };
    let last = |k: usize| mean(&x[t.saturating_sub(k)..t]);
    let level = (0.5 * last(3) + 0.5 * last(10)).max(0.02 * cap);
    let c5 = |j: usize| mean(&x[j.saturating_sub(2)..(j + 3).min(x.len())]);
    let days: Vec<usize> = (1..=7)
        .filter_map(|d| t.checked_sub(d * 1440))
        .filter(|&i| i > 0)
        .collect();
    let peak = |i: usize| (i..=i + lead + 5).map(c5).fold(0.0, f64::max);
    let base = |i: usize| mean(&x[i.saturating_sub(10)..i]) + cap / 2.0;
    let of_days = |f: &dyn Fn(usize) -> f64| days.iter().map(|&i| f(i)).collect::<Vec<_>>();
    let ratio = mean(&of_days(&|i| (c5(i + lead) + cap / 2.0) / base(i))).clamp(0.25, 4.0);
    let rise = of_days(&|i| (peak(i) + cap / 2.0) / base(i))
        .into_iter()
        .fold(0.0, f64::max);
    let ten = &x[t - 10..t];
    let slope = ten
        .iter()
        .enumerate()
        .map(|(i, v)| (i as f64 - 4.5) * v)
        .sum::<f64>()
        / 82.5;
    let change = x[t.saturating_sub(31)..t]
        .windows(2)
        .map(|w| (w[1] - w[0]).abs())
        .collect::<Vec<_>>();
    let capped = |v: f64| v.min(4.0 * level);
    [
        level,
        x[t - 1],
        last(3),
        last(30),
        last(60),
        max(15),
        capped(max(60)),
        capped(max(180)),
        capped(max(1440)),
        lead as f64 * slope,
        level * ratio,
        level * rise.clamp(0.25, 4.0),
        capped(mean(&of_days(&peak))),
        (level * cap).sqrt(),
        cap,
        mean(&change),
    ]
    .iter()
    .map(|v| v / level)
    .collect()
}

#[test]
fn features_are_those_of_the_recipe() {
    let step = step(1);
    let x = daily(step, 9, 3);
    let signal = Signal::build(&series(step, &x), step, START, START + 20 * DAY);
    // Beyond a day the newest past days are not over yet, which the slow features do not know.
    for (lead, t) in [10, 1_000]
        .into_iter()
        .flat_map(|lead| [2_500, 3_000, 9_999, 12_345, 9 * 1_440].map(|t| (lead, t)))
    {
        let lengths = || Lengths::new(step, lead * MINUTE);
        let rows = Rows::new(&signal, lengths(), 10.0, 1);
        let memo = Rows::new(&signal, lengths(), 10.0, 1)
            .with_memo(&never)
            .unwrap();
        let row = rows.row(t).unwrap();
        assert_eq!(
            row.x.map(f64::to_bits),
            memo.row(t).unwrap().x.map(f64::to_bits),
            "prediction and training differ at {t}"
        );
        for (k, (fast, slow)) in row
            .x
            .iter()
            .zip(slow_row(&x, t, usize::try_from(lead).unwrap(), 10.0))
            .enumerate()
        {
            assert!(
                (fast - slow).abs() < 1e-9,
                "{} at {t}: {fast} is not {slow}",
                NAMES[k]
            );
        }
    }
}
