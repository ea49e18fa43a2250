//! Makes a probability of what a search found: logistic regression over a few figures, and the fit of its weights to
//! labelled examples. Knows no texts.

use serde::{Deserialize, Serialize};

/// How many figures describe a hit.
pub const FEATURES: usize = 9;
/// Weights and the constant.
const UNKNOWNS: usize = FEATURES + 1;
/// Newton's method is done after far fewer steps, or never.
const STEPS: usize = 100;
/// A step that changes no weight by more than this is the last.
const PRECISION: f64 = 1e-9;
/// Sums of weights differ by less than this.
const ROUNDING: f64 = 1e-3;
/// Holds weights back that few examples speak for; also keeps them finite when examples can be told apart perfectly.
const RIDGE: f64 = 1.0;

/// What describes a hit, each about 0 to 1: the part of the wording that was asked for (BM25 by its own BM25), the part
/// of what was asked that the wording has, their geometric mean, the lead over the best other hit, the ratio of lengths,
/// whether one contains the other, common pairs of characters (Dice), the part of what was meant that no question has
/// (its square root), the part of what was asked that all wordings and the answer together have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Features(pub [f64; FEATURES]);

impl Features {
    /// Whether a wording has all that was asked, word for word.
    #[must_use]
    pub fn names_all(&self) -> bool {
        let [_, of_asked, _, _, _, contains, ..] = self.0;
        contains >= 1.0 && of_asked >= 1.0 - ROUNDING
    }
}

/// A hit, and whether it was what was meant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The hit.
    pub features: Features,
    /// Whether it was meant.
    pub right: bool,
}

/// Turns features into a probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// The constant.
    pub bias: f64,
    /// One for each feature.
    pub each: [f64; FEATURES],
}

impl Weights {
    /// How probable it is that a hit was meant.
    #[must_use]
    pub fn p(&self, features: &Features) -> f64 {
        let sum: f64 = self.each.iter().zip(features.0).map(|(weight, feature)| weight * feature).sum();
        sigmoid(sum + self.bias)
    }
}

impl Default for Weights {
    /// Fitted to the development half of the evaluation data: `yizhan bench robot` tells what a fit gives.
    fn default() -> Self {
        Self { bias: -4.990, each: [4.853, 0.646, 2.215, 4.947, -0.817, 0.0, -0.353, -4.016, 1.477] }
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Weights that explain the examples best (most likely, with a penalty on large weights). Deterministic. Needs examples
/// of both sorts to be of any use; without any, all weights are zero.
#[must_use]
pub fn fit(examples: &[Example]) -> Weights {
    let mut weights = [0.0; UNKNOWNS];
    for _ in 0..STEPS {
        let (gradient, curvature) = slope(examples, &weights);
        let step = solve(curvature, gradient);
        // Half steps where a whole one would leave the valley.
        let loss_before = loss(examples, &weights);
        let mut part = 1.0;
        let mut next = moved(&weights, &step, part);
        while loss(examples, &next) > loss_before && part > PRECISION {
            part /= 2.0;
            next = moved(&weights, &step, part);
        }
        weights = next;
        if step.iter().all(|change| (change * part).abs() < PRECISION) {
            break;
        }
    }
    let [bias, each @ ..] = weights;
    Weights { bias, each }
}

fn moved(weights: &[f64; UNKNOWNS], step: &[f64; UNKNOWNS], part: f64) -> [f64; UNKNOWNS] {
    let mut next = *weights;
    next.iter_mut().zip(step).for_each(|(weight, change)| *weight -= part * change);
    next
}

/// An example with a constant in front.
fn row(example: &Example) -> [f64; UNKNOWNS] {
    let mut row = [1.0; UNKNOWNS];
    row.iter_mut().skip(1).zip(example.features.0).for_each(|(cell, feature)| *cell = feature);
    row
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The constant is not held back.
fn ridge(at: usize) -> f64 {
    if at == 0 { 0.0 } else { RIDGE }
}

fn loss(examples: &[Example], weights: &[f64; UNKNOWNS]) -> f64 {
    let of_examples: f64 = examples
        .iter()
        .map(|example| {
            let z = dot(&row(example), weights);
            let z = if example.right { -z } else { z };
            // ln(1 + e^z) without overflow.
            z.max(0.0) + (-z.abs()).exp().ln_1p()
        })
        .sum();
    let of_weights: f64 = weights.iter().enumerate().map(|(at, weight)| ridge(at) * weight * weight / 2.0).sum();
    of_examples + of_weights
}

/// First and second derivative of the loss.
fn slope(examples: &[Example], weights: &[f64; UNKNOWNS]) -> ([f64; UNKNOWNS], [[f64; UNKNOWNS]; UNKNOWNS]) {
    let mut gradient = [0.0; UNKNOWNS];
    let mut curvature = [[0.0; UNKNOWNS]; UNKNOWNS];
    for example in examples {
        let row = row(example);
        let p = sigmoid(dot(&row, weights));
        let error = p - if example.right { 1.0 } else { 0.0 };
        for ((cell, line), x) in gradient.iter_mut().zip(&mut curvature).zip(row) {
            *cell += error * x;
            line.iter_mut().zip(row).for_each(|(cell, y)| *cell += p * (1.0 - p) * x * y);
        }
    }
    for (at, ((cell, line), weight)) in gradient.iter_mut().zip(&mut curvature).zip(weights).enumerate() {
        *cell += ridge(at) * weight;
        // A trace for the constant, too: without examples there would be nothing to divide by.
        line.get_mut(at).into_iter().for_each(|cell| *cell += ridge(at).max(PRECISION));
    }
    (gradient, curvature)
}

/// Solves a system of equations by elimination; the matrix is positive definite.
fn solve(mut matrix: [[f64; UNKNOWNS]; UNKNOWNS], mut right: [f64; UNKNOWNS]) -> [f64; UNKNOWNS] {
    for at in 0..UNKNOWNS {
        let (Some(line), Some(value)) = (matrix.get(at).copied(), right.get(at).copied()) else { continue };
        let pivot = line.get(at).copied().unwrap_or(1.0);
        for (below, (other, cell)) in matrix.iter_mut().zip(&mut right).enumerate() {
            let factor = other.get(at).copied().unwrap_or(0.0) / pivot;
            if below != at {
                other.iter_mut().zip(line).for_each(|(cell, above)| *cell -= factor * above);
                *cell -= factor * value;
            }
        }
    }
    let diagonal = matrix.iter().enumerate().map(|(at, line)| line.get(at).copied().unwrap_or(1.0));
    right.iter_mut().zip(diagonal).for_each(|(cell, pivot)| *cell /= pivot);
    right
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Repeatable figures between 0 and 1.
    fn figures(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX)
        }
    }

    #[test]
    fn known_weights_are_found_again() {
        let known = Weights { bias: -2.0, each: [4.0, -3.0, 2.0, 0.0, 1.0, -1.0, 3.0, -2.0, 1.0] };
        let mut figure = figures(7);
        let examples: Vec<Example> = (0..60_000)
            .map(|_| {
                let features = Features(std::array::from_fn(|_| figure()));
                Example { features, right: figure() < known.p(&features) }
            })
            .collect();
        let found = fit(&examples);
        assert!((found.bias - known.bias).abs() < 0.2, "{found:?}");
        for (found, known) in found.each.iter().zip(known.each) {
            assert!((found - known).abs() < 0.2, "{found} {known}");
        }
        assert_eq!(fit(&examples), found);
    }

    #[test]
    fn examples_that_differ_perfectly_and_none_at_all_have_finite_weights() {
        let example = |x: f64, right| Example { features: Features([x; FEATURES]), right };
        let weights = fit(&[example(0.0, false), example(0.1, false), example(0.9, true), example(1.0, true)]);
        assert!(weights.each.iter().all(|weight| weight.is_finite() && *weight > 0.0), "{weights:?}");
        assert!((fit(&[]).p(&Features([1.0; FEATURES])) - 0.5).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn a_probability_is_one(features in prop::array::uniform9(-1.0..1.0f64)) {
            let p = Weights::default().p(&Features(features));
            prop_assert!((0.0..=1.0).contains(&p));
        }
    }
}
