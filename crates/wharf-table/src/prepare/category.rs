//! Categories: which levels have a feature, and what becomes of the others.

use wharf_transform::columns::{
    Encoding, HashUnit, HashingEncoding, OneHotEncoding, OrdinalEncoding, Otherwise,
};

use super::levels::most_frequent;
use super::settings::{CategoryEncoding, CategorySettings, Policy};
use super::warning::WarningKind;

/// What was counted in a column.
pub(super) struct Counted {
    /// The levels with their counts; empty for numbers that are used as numbers.
    pub(super) levels: Vec<(String, usize)>,
    /// How many different values there are.
    pub(super) distinct: usize,
    /// How many are missing.
    pub(super) missing: usize,
}

/// An encoding, and what is to be said of it.
pub(super) type Outcome = (Encoding, Option<WarningKind>);

pub(super) fn fit_category(
    counted: &Counted,
    encoding: CategoryEncoding,
    settings: &CategorySettings,
    declared: Option<&[String]>,
) -> Result<Outcome, String> {
    let is_many = declared.is_none() && counted.levels.len() > settings.max_levels;
    match encoding {
        CategoryEncoding::Auto if is_many => hashing(settings),
        CategoryEncoding::Auto | CategoryEncoding::OneHot => one_hot(counted, settings, declared),
        CategoryEncoding::Ordinal => Ok((ordinal(counted, declared), None)),
        CategoryEncoding::Hashing => hashing(settings),
    }
}

fn hashing(settings: &CategorySettings) -> Result<Outcome, String> {
    let bits = settings.bits;
    if !(1..=19).contains(&bits) {
        return Err(format!("`bits` is {bits}, expected 1 to 19"));
    }
    Ok((Encoding::Hashing(HashingEncoding { bits, unit: HashUnit::Value, lower_case: false }), None))
}

/// Levels keep their order; of those that are too many or too rare, the most frequent stay.
fn one_hot(
    counted: &Counted,
    settings: &CategorySettings,
    declared: Option<&[String]>,
) -> Result<Outcome, String> {
    let kept: Vec<String> = match declared {
        Some(levels) => levels.to_vec(),
        None => frequent(&counted.levels, settings),
    };
    let all = counted.levels.len();
    let has_others = counted.levels.iter().any(|(level, _)| !kept.contains(level));
    let first = most_frequent(&counted.levels)
        .and_then(|place| kept.iter().position(|level| *level == counted.levels[place].0));
    let policy = |policy: Policy, has_such: bool| match policy {
        Policy::Auto if has_such => Ok(Otherwise::Feature),
        Policy::Auto | Policy::Zeros => Ok(Otherwise::Zeros),
        Policy::Feature => Ok(Otherwise::Feature),
        Policy::Refuse => Ok(Otherwise::Refuse),
        Policy::MostFrequent => {
            let place = first.ok_or("the most frequent level is none of those declared")?;
            Ok::<_, String>(Otherwise::Level(place as u32))
        }
    };
    let unseen = policy(settings.unseen, has_others)?;
    let missing = policy(settings.missing, counted.missing > 0)?;
    let warning = has_others.then_some(WarningKind::RareLevels { levels: all, kept: kept.len() });
    Ok((Encoding::OneHot(OneHotEncoding { levels: kept, unseen, missing }), warning))
}

fn frequent(levels: &[(String, usize)], settings: &CategorySettings) -> Vec<String> {
    let mut places: Vec<usize> =
        (0..levels.len()).filter(|place| levels[*place].1 >= settings.min_count).collect();
    places.sort_by_key(|place| std::cmp::Reverse(levels[*place].1));
    places.truncate(settings.max_levels);
    places.sort_unstable();
    places.into_iter().map(|place| levels[place].0.clone()).collect()
}

/// Unseen levels come after the others, missing ones before them.
fn ordinal(counted: &Counted, declared: Option<&[String]>) -> Encoding {
    let levels: Vec<String> = match declared {
        Some(levels) => levels.to_vec(),
        None => counted.levels.iter().map(|(level, _)| level.clone()).collect(),
    };
    let unseen = levels.len() as f32;
    Encoding::Ordinal(OrdinalEncoding { levels, unseen, missing: -1.0 })
}
