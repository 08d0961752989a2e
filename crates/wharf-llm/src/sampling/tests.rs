use proptest::prelude::*;
use wharf_infer::language::Sampling;

use super::random::uniform;
use super::*;

/// Logits of 20 tokens whose probabilities fall by half from one to the next.
fn halves() -> Vec<f32> {
    (0..20).map(|token| -(token as f32) * std::f32::consts::LN_2).collect()
}

/// How often each token is drawn in 20,000 draws, as a share of 1.
fn shares(logits: &[f32], sampling: Sampling) -> Vec<f64> {
    let mut counts = vec![0u32; logits.len()];
    let mut sampler = Sampler::new(sampling, 3, &[]);
    let mut scratch = Scratch::default();
    for _ in 0..20_000 {
        counts[sampler.draw(logits, None, &[], &mut scratch).unwrap() as usize] += 1;
        sampler.drawn += 1;
    }
    counts.into_iter().map(|count| f64::from(count) / 20_000.0).collect()
}

/// That the shares are these, within what 20,000 draws can tell.
fn assert_shares(got: &[f64], expected: &[f64]) {
    for (token, share) in got.iter().enumerate() {
        let expected = expected.get(token).copied().unwrap_or(0.0);
        let tolerance = 4.0 * (expected * (1.0 - expected) / 20_000.0).sqrt();
        assert!((share - expected).abs() <= tolerance, "token {token}: {share} for {expected}");
    }
}

#[test]
fn draws_follow_the_models_own_distribution() {
    let total: f64 = (0..20).map(|token| 0.5f64.powi(token)).sum();
    let expected: Vec<f64> = (0..20).map(|token| 0.5f64.powi(token) / total).collect();
    assert_shares(&shares(&halves(), Sampling::default()), &expected);
}

#[test]
fn cuts_leave_what_their_definitions_say() {
    let sampling = Sampling::default();
    let cases = [
        (Sampling { top_k: 2, ..sampling.clone() }, vec![2.0 / 3.0, 1.0 / 3.0]),
        (Sampling { top_p: 0.5, ..sampling.clone() }, vec![1.0]),
        (Sampling { top_p: 0.51, ..sampling.clone() }, vec![2.0 / 3.0, 1.0 / 3.0]),
        (Sampling { min_p: 0.25, ..sampling.clone() }, vec![4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0]),
        (Sampling { temperature: 0.5, top_k: 2, ..sampling.clone() }, vec![0.8, 0.2]),
        (Sampling { temperature: 0.0, ..sampling.clone() }, vec![1.0]),
        (Sampling { temperature: 1e-40, ..sampling.clone() }, vec![1.0]),
        (Sampling { temperature: f32::MAX, top_k: 2, ..sampling.clone() }, vec![0.5, 0.5]),
        // The entropy is two bits, which the second token has exactly.
        (Sampling { typical_p: 0.2, ..sampling.clone() }, vec![0.0, 1.0]),
    ];
    for (sampling, expected) in cases {
        let got = shares(&halves(), sampling.clone());
        assert!(
            got.iter().filter(|&&share| share > 0.0).count() == expected.iter().filter(|&&s| s > 0.0).count()
        );
        assert_shares(&got, &expected);
    }
}

#[test]
fn penalties_change_the_logits_of_what_occurred() {
    let logits = [2.0, 1.9, -1.0, 0.5];
    let mut scratch = Scratch::default();
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    let mut repetition = Sampler::new(Sampling { repetition_penalty: 2.0, ..greedy.clone() }, 0, &[0]);
    assert_eq!(repetition.draw(&logits, None, &[], &mut scratch), Some(1));
    repetition.accept(1);
    assert_eq!(repetition.draw(&logits, None, &[], &mut scratch), Some(0));
    let mut presence = Sampler::new(Sampling { presence_penalty: 1.8, ..greedy.clone() }, 0, &[0]);
    assert_eq!(presence.draw(&logits, None, &[], &mut scratch), Some(0), "the prompt does not count");
    presence.accept(0);
    presence.accept(1);
    assert_eq!(presence.draw(&logits, None, &[], &mut scratch), Some(3));
    let mut frequency = Sampler::new(Sampling { frequency_penalty: 0.08, ..greedy }, 0, &[]);
    frequency.accept(0);
    assert_eq!(frequency.draw(&logits, None, &[], &mut scratch), Some(0));
    frequency.accept(0);
    assert_eq!(frequency.draw(&logits, None, &[], &mut scratch), Some(1));
}

#[test]
fn bias_mask_and_ruled_out_tokens_bound_the_choice() {
    let logits = [3.0, 2.0, 1.0];
    let mut scratch = Scratch::default();
    let sampling = Sampling { temperature: 0.0, logit_bias: [(2, 5.0)].into(), ..Sampling::default() };
    let sampler = Sampler::new(sampling, 0, &[]);
    assert_eq!(sampler.draw(&logits, None, &[], &mut scratch), Some(2));
    assert_eq!(sampler.draw(&logits, Some(&[0b011]), &[], &mut scratch), Some(0));
    assert_eq!(sampler.draw(&logits, Some(&[0b011]), &[0], &mut scratch), Some(1));
    assert_eq!(sampler.draw(&logits, Some(&[0]), &[], &mut scratch), None);
}

#[test]
fn a_draw_depends_on_the_seed_and_the_place_alone() {
    let draws = |seed: u64| -> Vec<u32> {
        let mut sampler = Sampler::new(Sampling::default(), seed, &[]);
        let mut scratch = Scratch::default();
        let draw = |sampler: &mut Sampler, scratch: &mut Scratch| {
            let token = sampler.draw(&halves(), None, &[], scratch).unwrap();
            sampler.accept(token);
            token
        };
        (0..50).map(|_| draw(&mut sampler, &mut scratch)).collect()
    };
    assert_eq!(draws(1), draws(1));
    assert_ne!(draws(1), draws(2));
}

proptest! {
    #[test]
    fn every_draw_is_of_a_token_that_full_sorting_would_leave(
        logits in prop::collection::vec(-8.0f32..8.0, 1..300),
        top_k in 0u32..40, top_p in 0.05f32..1.0, min_p in 0.0f32..0.5, temperature in 0.1f32..3.0, index in 0u64..1000,
    ) {
        let sampling = Sampling { top_k, top_p, min_p, temperature, ..Sampling::default() };
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        if top_k > 0 { order.truncate(top_k as usize) }
        let top = f64::from(logits[order[0]]);
        let weight = |token: usize| ((f64::from(logits[token]) - top) / f64::from(temperature)).exp();
        let total: f64 = order.iter().map(|&token| weight(token)).sum();
        let mut mass = 0.0;
        let mut left = Vec::new();
        for &token in &order {
            // A hair of tolerance where a cut falls on a token by rounding.
            if !left.is_empty() && (mass >= total * f64::from(top_p) + 1e-4 || weight(token) < f64::from(min_p) - 1e-4) { break }
            mass += weight(token);
            left.push(token);
        }
        let mut scratch = Scratch::default();
        let token = draw::draw(&logits, &sampling, uniform(1, index), &mut scratch).unwrap();
        prop_assert!(left.contains(&(token as usize)));
    }
}
