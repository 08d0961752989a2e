//! Systems of equations with a symmetric positive definite matrix.

/// Solves `a x = b` in place of `b` for a symmetric positive definite `a`, row-major `[n, n]`, of which the lower
/// half is read and overwritten. `false` where `a` is singular to working precision.
pub(super) fn solve(a: &mut [f64], b: &mut [f64]) -> bool {
    let n = b.len();
    let largest = (0..n).map(|i| a[i * n + i].abs()).fold(0.0, f64::max);
    // a = l l^T, row by row
    for i in 0..n {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - inner;
            if i > j {
                a[i * n + j] = rest / a[j * n + j];
            } else if rest > largest * f64::EPSILON * n as f64 {
                a[i * n + i] = rest.sqrt();
            } else {
                return false;
            }
        }
    }
    for i in 0..n {
        let inner: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - inner) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let inner: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - inner) / a[i * n + i];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_has_a_solution_and_says_what_has_not() {
        let mut b = [8.0, 7.0, 10.0];
        assert!(solve(&mut [4.0, 2.0, 0.0, 2.0, 3.0, 1.0, 0.0, 1.0, 3.0], &mut b));
        for (value, expected) in b.iter().zip([2.1, -0.2, 3.4]) {
            assert!((value - expected).abs() < 1e-12, "{b:?}");
        }
        assert!(!solve(&mut [1.0, 1.0, 1.0, 1.0], &mut [1.0, 1.0]));
        assert!(!solve(&mut [0.0], &mut [1.0]));
    }
}
