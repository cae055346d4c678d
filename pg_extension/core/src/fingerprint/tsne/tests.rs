use super::*;
use crate::fingerprint::MAX_DIMENSION;
use crate::fingerprint::tsne::repulsion::Repulsion;
use crate::fingerprint::vectors::tests::set;
use std::cell::{Cell, RefCell};

const SPEC: MapSpec = MapSpec {
    perplexity: 10.0,
    seed: 1,
    iterations: 400,
};

/// `n` vectors of four values around three centres.
fn blobs(n: usize) -> Vec<(i64, Vec<f64>)> {
    let mut random = Random::new(7);
    let row = |idx: usize| {
        let centre = [0.0, 10.0, -10.0][idx % 3];
        let x = (0..4).map(|axis| if axis == 0 { centre } else { 0.0 } + random.normal());
        (i64::try_from(idx).unwrap(), x.collect())
    };
    (0..n).map(row).collect()
}

fn map(rows: &[(i64, Vec<f64>)], spec: &MapSpec) -> Map {
    tsne(&set(rows), spec, &|| false, &|_| ()).unwrap()
}

/// Share of the five nearest on the map that are of the same blob.
fn purity(map: &Map) -> f64 {
    let mut same = 0;
    for (id, x, y) in &map.places {
        let mut by_distance: Vec<_> = map.places.iter().filter(|other| other.0 != *id).collect();
        by_distance.sort_by(|a, b| {
            (a.1 - x)
                .hypot(a.2 - y)
                .total_cmp(&(b.1 - x).hypot(b.2 - y))
        });
        same += by_distance[..5]
            .iter()
            .filter(|other| other.0 % 3 == id % 3)
            .count();
    }
    same as f64 / (5 * map.places.len()) as f64
}

#[test]
fn neighbours_stay_neighbours() {
    assert!(purity(&map(&blobs(150), &SPEC)) > 0.99);
}

#[test]
fn order_and_partition_of_rows_change_nothing() {
    let rows = blobs(100);
    let whole = map(&rows, &SPEC);
    let mut backwards = rows.clone();
    backwards.reverse();
    assert_eq!(map(&backwards, &SPEC), whole);
    let (mut left, right) = (set(&rows[..30]), set(&rows[30..]));
    let mut merged = VectorSet::default();
    merged.merge(&right).unwrap();
    left.merge(&VectorSet::default()).unwrap();
    merged.merge(&left).unwrap();
    assert_eq!(tsne(&merged, &SPEC, &|| false, &|_| ()).unwrap(), whole);
    assert_eq!(merged.to_bytes(), set(&rows).to_bytes());
}

#[test]
fn another_seed_gives_another_map_as_good() {
    let rows = blobs(100);
    let other = map(&rows, &MapSpec { seed: 2, ..SPEC });
    assert_ne!(other, map(&rows, &SPEC));
    assert!(purity(&other) > 0.99);
}

#[test]
fn few_and_equal_vectors_have_a_map() {
    assert_eq!(map(&[], &SPEC).places, []);
    assert_eq!(map(&blobs(1), &SPEC).places, [(0, 0.0, 0.0)]);
    for n in [2, 3, 4, 5] {
        let map = map(&blobs(n), &SPEC);
        assert_eq!(map.places.len(), n);
        assert!(map.perplexity >= 1.0 && map.perplexity <= 4.0 / 3.0);
    }
    let equal: Vec<_> = (0..1000).map(|id| (id, vec![1e140, 5.0, 0.0])).collect();
    let map = map(
        &equal,
        &MapSpec {
            iterations: 50,
            ..SPEC
        },
    );
    assert!(
        map.places
            .iter()
            .all(|(_, x, y)| x.is_finite() && y.is_finite())
    );
}

#[test]
fn the_largest_and_the_smallest_numbers_have_a_map() {
    for scale in [1e138, 1e-160] {
        let mut rows = blobs(60);
        rows.iter_mut()
            .flat_map(|(_, x)| x)
            .for_each(|x| *x *= scale);
        assert!(
            purity(&map(
                &rows,
                &MapSpec {
                    perplexity: 5.0,
                    ..SPEC
                }
            )) > 0.99,
            "{scale}"
        );
    }
}

#[test]
fn vectors_of_the_largest_dimension_have_a_map() {
    let longest = |(id, mut x): (i64, Vec<f64>)| {
        x.resize(MAX_DIMENSION, 0.0);
        (id, x)
    };
    let rows: Vec<_> = blobs(60).into_iter().map(longest).collect();
    let spec = MapSpec {
        perplexity: 5.0,
        ..SPEC
    };
    assert!(purity(&map(&rows, &spec)) > 0.99);
}

#[test]
fn wrong_arguments_are_refused() {
    let kind = |spec: MapSpec| {
        tsne(&set(&blobs(5)), &spec, &|| false, &|_| ())
            .unwrap_err()
            .kind()
    };
    for perplexity in [f64::NAN, f64::INFINITY] {
        assert_eq!(kind(MapSpec { perplexity, ..SPEC }), ErrorKind::NotFinite);
    }
    assert_eq!(
        kind(MapSpec {
            perplexity: 0.5,
            ..SPEC
        }),
        ErrorKind::InvalidArgument
    );
    for iterations in [0, MAX_ITERATIONS + 1] {
        assert_eq!(
            kind(MapSpec { iterations, ..SPEC }),
            ErrorKind::InvalidArgument
        );
    }
}

#[test]
fn too_many_vectors_or_neighbours_are_refused_at_once() {
    let many = |n: usize, perplexity: f64| {
        let rows: Vec<_> = (0..n)
            .map(|id| (i64::try_from(id).unwrap(), vec![id as f64]))
            .collect();
        let error = tsne(
            &set(&rows),
            &MapSpec { perplexity, ..SPEC },
            &|| true,
            &|_| (),
        )
        .unwrap_err();
        error.kind()
    };
    assert_eq!(many(MAX_MAP_ROWS + 1, 30.0), ErrorKind::TooLarge);
    assert_eq!(many(10_000, 1000.0), ErrorKind::TooLarge);
}

#[test]
fn progress_is_told_and_a_stop_is_noticed() {
    let seen = RefCell::new(Vec::new());
    tsne(
        &set(&blobs(30)),
        &MapSpec {
            iterations: 120,
            ..SPEC
        },
        &|| false,
        &|done| seen.borrow_mut().push(done),
    )
    .unwrap();
    assert_eq!(*seen.borrow(), [0, 50, 100]);
    let asked = Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) == 20;
    let error = tsne(&set(&blobs(30)), &SPEC, &stop, &|_| ()).unwrap_err();
    assert_eq!((error.kind(), asked.get()), (ErrorKind::Cancelled, 21));
}

#[test]
fn neighbours_are_those_of_a_full_sort() {
    let rows = blobs(700);
    let value: Vec<f64> = rows
        .iter()
        .flat_map(|(_, x)| x.iter().map(|x| (x * 2.0).round()))
        .collect();
    let near = neighbour::nearest(4, &value, 20, &|| false).unwrap();
    for (idx, near) in near.chunks_exact(20).enumerate() {
        let square = |other: usize| -> f64 {
            (0..4)
                .map(|axis| (value[4 * idx + axis] - value[4 * other + axis]).powi(2))
                .sum()
        };
        let mut all: Vec<_> = (0..700)
            .filter(|other| *other != idx)
            .map(|other| (square(other), u32::try_from(other).unwrap()))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut near = near.to_vec();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        assert_eq!(near, all[..20]);
    }
}

#[test]
fn affinities_have_the_perplexity_asked_for() {
    let rows = blobs(200);
    let value: Vec<f64> = rows.into_iter().flat_map(|(_, x)| x).collect();
    let near = neighbour::nearest(4, &value, 61, &|| false).unwrap();
    let affinity = affinity::joint(&near, 61, 20.0, &|| false).unwrap();
    let total: f64 = affinity.value.iter().map(|p| f64::from(*p)).sum();
    assert!((total - 1.0).abs() < 1e-5, "{total}");
    for (i, bounds) in affinity.start.windows(2).enumerate() {
        for at in bounds[0]..bounds[1] {
            let j = affinity.column[at] as usize;
            let back = affinity.start[j]..affinity.start[j + 1];
            let back_at = back
                .clone()
                .find(|at| affinity.column[*at] as usize == i)
                .unwrap();
            assert!(
                (affinity.value[at] - affinity.value[back_at]).abs()
                    <= f32::EPSILON * affinity.value[at]
            );
        }
    }
}

#[test]
fn repulsion_is_that_of_all_pairs_within_a_hundredth() {
    let mut random = Random::new(3);
    for (n, spread) in [
        (1, 1.0),
        (15, 1.0),
        (17, 30.0),
        (900, 1e-4),
        (900, 1.0),
        (2000, 30.0),
    ] {
        let places = Places {
            x: (0..n).map(|_| single(spread * random.normal())).collect(),
            y: (0..n).map(|_| single(spread * random.normal())).collect(),
        };
        let mut force = Places {
            x: vec![0.0; n],
            y: vec![0.0; n],
        };
        let z = Repulsion::default()
            .compute(&places, &mut force, &|| false)
            .unwrap();
        let (mut z_exact, mut error, mut size) = (0.0f64, 0.0f64, 0.0f64);
        for i in 0..n {
            let (mut f_x, mut f_y) = (0.0, 0.0);
            for j in (0..n).filter(|j| *j != i) {
                let (d_x, d_y) = (
                    f64::from(places.x[i] - places.x[j]),
                    f64::from(places.y[i] - places.y[j]),
                );
                let q = 1.0 / (1.0 + d_x * d_x + d_y * d_y);
                z_exact += q;
                f_x += q * q * d_x;
                f_y += q * q * d_y;
            }
            error += (f64::from(force.x[i]) - f_x).powi(2) + (f64::from(force.y[i]) - f_y).powi(2);
            size += f_x * f_x + f_y * f_y;
        }
        assert!(
            (z - z_exact).abs() <= 0.01 * z_exact + 1e-9 && error <= 1e-4 * size,
            "{n} {spread}: {z} {z_exact}, {}",
            (error / size).sqrt()
        );
    }
}
