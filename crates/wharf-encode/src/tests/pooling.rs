//! Pooling against float64 by the formulae of sentence-transformers.

use wharf_bundle::{PooledFinish, Pooling};
use wharf_testing::assert_close;

use super::{goldens, numbers};
use crate::{PoolShape, finish, pool};

const WAYS: [(&str, Pooling); 5] = [
    ("mean", Pooling::Mean),
    ("mean_sqrt_len", Pooling::MeanSqrtLen),
    ("cls", Pooling::Cls),
    ("last", Pooling::Last),
    ("max", Pooling::Max),
];

/// A few sums of numbers about 1 in float32.
const TOLERANCE: f32 = 1e-6;

#[test]
fn each_way_is_the_reference_and_looks_at_the_mask() {
    let goldens = &goldens()["pooling"];
    let [rows, tokens, size] = numbers::<usize>(&goldens["shape"])[..] else { panic!() };
    let (vectors, mask) = (numbers::<f32>(&goldens["vectors"]), numbers::<i64>(&goldens["mask"]));
    for (name, pooling) in WAYS {
        let mut pooled = pool(&vectors, &mask, PoolShape { rows, tokens, size }, pooling).unwrap();
        assert_close(&pooled, &numbers::<f32>(&goldens["pooled"][name]), TOLERANCE, TOLERANCE);
        finish(&mut pooled, size, PooledFinish::UnitLength);
        assert_close(&pooled, &numbers::<f32>(&goldens["unit"][name]), TOLERANCE, TOLERANCE);
    }
    let mut mean = numbers::<f32>(&goldens["pooled"]["mean"]);
    finish(&mut mean, size, PooledFinish::Logistic);
    assert_close(&mean, &numbers::<f32>(&goldens["logistic"]), TOLERANCE, TOLERANCE);
}

#[test]
fn what_is_behind_the_mask_changes_nothing() {
    let shape = PoolShape { rows: 1, tokens: 3, size: 2 };
    let ways = WAYS.map(|(_, pooling)| pooling);
    for hidden in [f32::NAN, f32::INFINITY, 1e30] {
        let vectors = [1.0, -2.0, 3.0, 4.0, hidden, hidden];
        for pooling in ways {
            let short = pool(&vectors[..4], &[1, 1], PoolShape { tokens: 2, ..shape }, pooling);
            assert_eq!(pool(&vectors, &[1, 1, 0], shape, pooling), short, "{pooling:?}");
        }
    }
}

#[test]
fn rows_without_tokens_and_vectors_of_zeros_stay_zeros() {
    let shape = PoolShape { rows: 1, tokens: 2, size: 2 };
    for (_, pooling) in WAYS {
        let mut pooled = pool(&[1.0; 4], &[0, 0], shape, pooling).unwrap();
        finish(&mut pooled, 2, PooledFinish::UnitLength);
        assert_eq!(pooled, [0.0, 0.0]);
    }
    assert_eq!(pool(&[], &[], PoolShape { rows: 0, tokens: 0, size: 0 }, Pooling::Mean), Some(vec![]));
}

#[test]
fn what_does_not_fit_is_none() {
    let shape = PoolShape { rows: 2, tokens: 2, size: 2 };
    assert_eq!(pool(&[0.0; 4], &[1; 4], shape, Pooling::Mean), None);
    assert_eq!(pool(&[0.0; 8], &[1; 3], shape, Pooling::Mean), None);
    assert_eq!(pool(&[0.0; 8], &[1; 4], shape, Pooling::None), None);
    assert_eq!(pool(&[1.0; 4], &[1; 4], shape, Pooling::None), Some(vec![1.0; 4]));
    let huge = PoolShape { rows: usize::MAX, tokens: 2, size: 2 };
    assert_eq!(pool(&[], &[], huge, Pooling::Mean), None);
}
