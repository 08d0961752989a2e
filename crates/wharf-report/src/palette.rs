//! Colours, for light pages, dark pages and paper, chosen to be told apart by colour-blind readers too.

use std::fmt::Write as _;

/// Colours of series, on a light and on a dark surface. A seventh series repeats the first, dashed.
const SERIES: [(&str, &str); 6] = [
    ("#0a6ebd", "#4a9be0"),
    ("#d9580d", "#ee7733"),
    ("#1c9c7c", "#7fe0b8"),
    ("#7c1d6f", "#9a55d0"),
    ("#16191d", "#fff6c8"),
    ("#d674a5", "#d04a70"),
];

/// How many series have a colour of their own.
pub(crate) const SERIES_COLOURS: usize = SERIES.len();

/// How many shades a ramp has above its empty level 0.
pub(crate) const LEVELS: usize = 24;

/// Two ramps of shades: `a` for what is right, positive or simply more, `b` for what is wrong or negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ramp {
    A,
    B,
}

impl Ramp {
    pub(crate) fn letter(self) -> char {
        if self == Self::A { 'a' } else { 'b' }
    }

    /// The ends of the ramp and a stop between them.
    fn stops(self, dark: bool) -> [Rgb; 3] {
        match (self, dark) {
            (Self::A, false) => [hex("#edf4fb"), hex("#5ba3dc"), hex("#08427e")],
            (Self::A, true) => [hex("#1d2733"), hex("#2a6fae"), hex("#9bd0ff")],
            (Self::B, false) => [hex("#fdf0e6"), hex("#ee9455"), hex("#922f00")],
            (Self::B, true) => [hex("#2f241d"), hex("#b3571c"), hex("#ffc79b")],
        }
    }

    fn colour(self, level: usize, dark: bool) -> Rgb {
        let [low, middle, high] = self.stops(dark);
        let share = 2.0 * level.min(LEVELS) as f64 / LEVELS as f64;
        if share <= 1.0 { mix(low, middle, share) } else { mix(middle, high, share - 1.0) }
    }
}

type Rgb = [f64; 3];

fn hex(text: &str) -> Rgb {
    let channel = |at: usize| text.get(at..at + 2).and_then(|part| u8::from_str_radix(part, 16).ok());
    [1, 3, 5].map(|at| channel(at).map_or(0.0, |byte| f64::from(byte) / 255.0))
}

fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

fn to_hex(colour: Rgb) -> String {
    let [red, green, blue] = colour.map(|channel| (channel * 255.0).round() as u8);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Relative luminance, as WCAG 2 defines it.
fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] =
        colour.map(|v| if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// Contrast ratio, as WCAG 2 defines it: 1 to 21.
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Black or white, whichever reads better on `colour`.
fn ink(colour: Rgb) -> &'static str {
    if contrast(colour, hex("#000000")) >= contrast(colour, hex("#ffffff")) { "#000" } else { "#fff" }
}

/// Everything but colours; `.wr` is the class of the `svg` element.
const SHAPES: &str = "\
.wr{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','Noto Sans',Arial,sans-serif;\
font-size:12px;font-variant-numeric:tabular-nums}\
.wr-title{font-size:15px;font-weight:600}.wr-small{font-size:11px}\
.wr-line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\
.wr-dash{stroke-dasharray:6 4}.wr-dot{fill:currentColor;stroke-width:1.5}.wr-bar{fill:currentColor}\
.wr-grid,.wr-axis,.wr-mark{fill:none;stroke-width:1}.wr-mark{stroke-dasharray:3 3}\
.wr-e{text-anchor:end}.wr-m{text-anchor:middle}";

const LIGHT: &str = "\
.wr-bg{fill:#fff}.wr-title,.wr-text{fill:#1c2128}.wr-mute{fill:#59626e}\
.wr-grid{stroke:#e4e7eb}.wr-axis,.wr-mark{stroke:#a3abb5}.wr-dot{stroke:#fff}.wr-none{fill:#f3f4f6}";

const DARK: &str = "\
.wr-bg{fill:#16191f}.wr-title,.wr-text{fill:#e8eaed}.wr-mute{fill:#a2abb7}\
.wr-grid{stroke:#2b303a}.wr-axis,.wr-mark{stroke:#5d6673}.wr-dot{stroke:#16191f}.wr-none{fill:#1f232b}";

/// The style sheet of all drawings; that of the ramps only `with_ramps`.
pub(crate) fn style(with_ramps: bool) -> String {
    let mut css = String::from(SHAPES);
    css.push_str(LIGHT);
    push_colours(&mut css, false, with_ramps);
    css.push_str("@media screen and (prefers-color-scheme:dark){");
    css.push_str(DARK);
    push_colours(&mut css, true, with_ramps);
    css.push('}');
    css
}

fn push_colours(css: &mut String, dark: bool, with_ramps: bool) {
    for (index, (light_colour, dark_colour)) in SERIES.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(css, ".wr-s{index}{{color:{}}}", if dark { dark_colour } else { light_colour });
    }
    let ramps: &[Ramp] = if with_ramps { &[Ramp::A, Ramp::B] } else { &[] };
    for ramp in ramps {
        for level in 0..=LEVELS {
            let (name, colour) = (ramp.letter(), ramp.colour(level, dark));
            let _ = write!(css, ".wr-{name}{level}{{fill:{}}}", to_hex(colour));
            let _ = write!(css, ".wr-t{name}{level}{{fill:{}}}", ink(colour));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SURFACES: [(bool, &str); 2] = [(false, "#ffffff"), (true, "#16191f")];

    fn series(dark: bool) -> Vec<Rgb> {
        SERIES.iter().map(|(light, night)| hex(if dark { night } else { light })).collect()
    }

    /// Full protanopia, deuteranopia and tritanopia in linear RGB, after Machado, Oliveira and Fernandes 2009.
    const BLINDNESS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    fn times(matrix: [[f64; 3]; 3], colour: Rgb) -> Rgb {
        matrix.map(|row| row.iter().zip(colour).map(|(a, b)| a * b).sum())
    }

    /// Oklab of a linear colour.
    fn oklab(linear: Rgb) -> Rgb {
        let cones = times(
            [
                [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
                [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
                [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
            ],
            linear.map(|v| v.clamp(0.0, 1.0)),
        );
        times(
            [
                [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
                [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
                [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
            ],
            cones.map(f64::cbrt),
        )
    }

    fn linear(colour: Rgb) -> Rgb {
        colour.map(|v| if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) })
    }

    #[test]
    fn series_are_told_apart_with_any_colour_vision() {
        for (dark, _) in SURFACES {
            for vision in BLINDNESS {
                let seen: Vec<Rgb> =
                    series(dark).into_iter().map(|c| oklab(times(vision, linear(c)))).collect();
                for (at, a) in seen.iter().enumerate() {
                    for b in &seen[..at] {
                        let distance = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        assert!(distance > 0.07, "series {at} is {distance:.3} from another, dark: {dark}");
                    }
                }
            }
        }
    }

    #[test]
    fn series_stand_out_from_the_surface() {
        for (dark, surface) in SURFACES {
            for colour in series(dark) {
                assert!(contrast(colour, hex(surface)) >= 3.0, "{} dark: {dark}", to_hex(colour));
            }
        }
    }

    #[test]
    fn text_is_readable_on_every_shade() {
        for (dark, _) in SURFACES {
            for (ramp, level) in
                [Ramp::A, Ramp::B].into_iter().flat_map(|r| (0..=LEVELS).map(move |l| (r, l)))
            {
                let colour = ramp.colour(level, dark);
                let ink = if ink(colour) == "#000" { hex("#000000") } else { hex("#ffffff") };
                assert!(contrast(colour, ink) >= 4.5, "{} dark: {dark}", to_hex(colour));
            }
        }
    }

    #[test]
    fn shades_grow_steadily() {
        for (dark, _) in SURFACES {
            for ramp in [Ramp::A, Ramp::B] {
                let light: Vec<f64> = (0..=LEVELS).map(|level| luminance(ramp.colour(level, dark))).collect();
                assert!(light.windows(2).all(|pair| (pair[0] < pair[1]) == dark), "{ramp:?} dark: {dark}");
            }
        }
    }
}
