use super::*;

fn ramp(length: usize) -> Vec<f32> {
    (0..length).map(|index| ((index * 37 % 101) as f32 - 50.0) / 50.0).collect()
}

fn geometry(
    input: [usize; 3],
    channels: usize,
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
    groups: usize,
) -> ConvGeometry {
    let size = |axis: usize| (input[axis + 1] + 2 * padding - kernel[axis]) / stride + 1;
    ConvGeometry { input, output: [channels, size(0), size(1)], kernel, stride, padding, groups }
}

/// Calls `visit(output index, input index, weight index)` for every product of one picture.
fn products(g: &ConvGeometry, mut visit: impl FnMut(usize, usize, usize)) {
    let ([_, height, width], [channels, rows, columns]) = (g.input, g.output);
    let (inputs, outputs) = (g.input[0] / g.groups, channels / g.groups);
    for o in 0..channels {
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            for c in 0..inputs {
                for (ky, kx) in g.kernel_positions() {
                    let (iy, ix) = (y * g.stride + ky, x * g.stride + kx);
                    if iy < g.padding || ix < g.padding || iy >= height + g.padding || ix >= width + g.padding
                    {
                        continue;
                    }
                    let channel = o / outputs * inputs + c;
                    let input = (channel * height + iy - g.padding) * width + ix - g.padding;
                    let weight = ((o * inputs + c) * g.kernel[0] + ky) * g.kernel[1] + kx;
                    visit((o * rows + y) * columns + x, input, weight);
                }
            }
        }
    }
}

fn cases() -> Vec<ConvGeometry> {
    vec![
        geometry([3, 12, 12], 6, [5, 5], 1, 0, 1),
        geometry([6, 14, 14], 16, [5, 5], 1, 0, 1),
        geometry([2, 7, 9], 3, [3, 3], 1, 1, 1),
        geometry([4, 8, 8], 7, [3, 3], 2, 1, 1),
        geometry([4, 9, 7], 8, [1, 1], 2, 0, 1),
        geometry([4, 6, 6], 8, [3, 2], 1, 2, 2),
        geometry([5, 8, 8], 5, [3, 3], 2, 1, 5),
        geometry([1, 10, 10], 2, [4, 4], 3, 2, 1),
        geometry([2, 3, 3], 2, [3, 3], 1, 0, 1),
    ]
}

#[test]
fn forward_matches_the_definition() {
    for g in cases() {
        let pictures = 3;
        let input = ramp(pictures * g.input_len());
        let weight = ramp(g.output[0] * g.input[0] / g.groups * g.kernel[0] * g.kernel[1]);
        let bias = ramp(g.output[0]);
        let area = g.output[1] * g.output[2];
        let actual = forward(&g, &input, &weight, &bias);
        for picture in 0..pictures {
            let mut expected: Vec<f64> = (0..g.output_len()).map(|at| f64::from(bias[at / area])).collect();
            products(&g, |o, i, w| {
                expected[o] += f64::from(input[picture * g.input_len() + i]) * f64::from(weight[w]);
            });
            for (actual, expected) in actual[picture * g.output_len()..].iter().zip(expected) {
                assert!((f64::from(*actual) - expected).abs() < 1e-4, "{g:?}: {actual} != {expected}");
            }
        }
    }
}

#[test]
fn backward_matches_the_definition() {
    for g in cases() {
        let pictures = 11;
        let input = ramp(pictures * g.input_len());
        let weight = ramp(g.output[0] * g.input[0] / g.groups * g.kernel[0] * g.kernel[1]);
        let gradient = ramp(pictures * g.output_len());
        let actual = backward(&g, &input, &weight, &gradient, true);
        let (mut inputs, mut weights) = (vec![0.0; input.len()], vec![0.0; weight.len()]);
        let mut bias = vec![0.0; g.output[0]];
        for picture in 0..pictures {
            let (from_input, from_output) = (picture * g.input_len(), picture * g.output_len());
            products(&g, |o, i, w| {
                let gradient = f64::from(gradient[from_output + o]);
                inputs[from_input + i] += gradient * f64::from(weight[w]);
                weights[w] += gradient * f64::from(input[from_input + i]);
            });
            for (at, value) in gradient[from_output..][..g.output_len()].iter().enumerate() {
                bias[at / (g.output[1] * g.output[2])] += f64::from(*value);
            }
        }
        let pairs = [(&actual.input, &inputs), (&actual.weight, &weights), (&actual.bias, &bias)];
        for (name, (actual, expected)) in ["input", "weight", "bias"].iter().zip(pairs) {
            for (actual, expected) in actual.iter().zip(expected) {
                assert!((f64::from(*actual) - expected).abs() < 2e-3, "{name} {g:?}: {actual} != {expected}");
            }
        }
    }
}

#[test]
fn unwanted_input_gradient_is_not_computed() {
    let g = &cases()[0];
    let (input, gradient) = (ramp(2 * g.input_len()), ramp(2 * g.output_len()));
    let weight = ramp(6 * 3 * 25);
    let (with, without) =
        (backward(g, &input, &weight, &gradient, true), backward(g, &input, &weight, &gradient, false));
    assert!(without.input.is_empty());
    assert_eq!((with.weight, with.bias), (without.weight, without.bias));
}

#[test]
fn thread_count_does_not_change_bits() {
    let g = &cases()[1];
    let (input, gradient) = (ramp(37 * g.input_len()), ramp(37 * g.output_len()));
    let weight = ramp(16 * 6 * 25);
    let bits = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let gradients = pool.install(|| backward(g, &input, &weight, &gradient, true));
        let values = gradients.input.iter().chain(&gradients.weight).chain(&gradients.bias);
        values.map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let one = bits(1);
    assert!([2, 3, 4].into_iter().all(|threads| bits(threads) == one));
}
