//! Dates: which parts vary, and how they are scaled.

use wharf_transform::columns::{DateEncoding, DateFeature, DateForm, DatePart};

use super::number::fit_scale;
use super::quantile::{median, sorted_present};
use super::settings::{DateSettings, Indicator, Scaling};

/// Fits to `seconds`, of which at least one is there.
pub(super) fn fit_date(
    seconds: &[f64],
    settings: &DateSettings,
    scaling: Scaling,
    indicator: Indicator,
) -> DateEncoding {
    let present = sorted_present(seconds);
    let plain = |part, form| DateFeature { part, form, centre: 0.0, scale: 1.0 };
    let mut features: Vec<DateFeature> = Vec::new();
    for &part in &settings.parts {
        if !varies(&present, &plain(part, DateForm::Value)) {
            continue;
        }
        let comes_round = !matches!(part, DatePart::Year | DatePart::Days);
        if settings.cyclic && comes_round {
            features.extend([plain(part, DateForm::Sin), plain(part, DateForm::Cos)]);
        } else {
            let plain = plain(part, DateForm::Value);
            let values: Vec<f64> = present.iter().map(|seconds| plain.apply(*seconds)).collect();
            let (centre, scale) = fit_scale(&values, scaling);
            features.push(DateFeature { centre, scale, ..plain });
        }
    }
    DateEncoding {
        features,
        impute: median(&present),
        indicator: indicator.applies(present.len() < seconds.len()),
    }
}

fn varies(seconds: &[f64], feature: &DateFeature) -> bool {
    let mut values = seconds.iter().map(|seconds| feature.apply(*seconds));
    let first = values.next();
    values.any(|value| Some(value) != first)
}
