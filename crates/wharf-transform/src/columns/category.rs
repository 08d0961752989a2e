//! Categories as features.

use std::collections::HashMap;

use super::sheet::Sheet;
use super::values::{ColumnValues, Fault, shown};
use super::{OneHotEncoding, OrdinalEncoding, Otherwise};

/// The place of each level.
fn places(levels: &[String]) -> HashMap<String, u32> {
    levels.iter().zip(0..).map(|(level, place)| (level.clone(), place)).collect()
}

/// A one-hot encoding with its levels looked up by hash.
#[derive(Clone, Debug)]
pub(super) struct OneHot {
    places: HashMap<String, u32>,
    /// The feature of a text that is no level, or what is wrong with it.
    unseen: Result<Option<u32>, ()>,
    missing: Result<Option<u32>, ()>,
}

impl OneHot {
    pub(super) fn new(encoding: &OneHotEncoding) -> Self {
        let levels = encoding.levels.len() as u32;
        let place = |otherwise: Otherwise, own: u32| match otherwise {
            Otherwise::Feature => Ok(Some(own)),
            Otherwise::Zeros => Ok(None),
            Otherwise::Level(level) => Ok(Some(level)),
            Otherwise::Refuse => Err(()),
        };
        let after_other = levels + u32::from(encoding.unseen == Otherwise::Feature);
        Self {
            places: places(&encoding.levels),
            unseen: place(encoding.unseen, levels),
            missing: place(encoding.missing, after_other),
        }
    }

    pub(super) fn encode(
        &self,
        values: &ColumnValues<'_>,
        missing: &[String],
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Fault> {
        let find = |text: Option<&str>| match text {
            None => self.missing.map_err(|()| "the value is missing".to_owned()),
            Some(text) => match self.places.get(text) {
                Some(place) => Ok(Some(*place)),
                None => self.unseen.map_err(|()| format!("`{}` is none of the levels", shown(text))),
            },
        };
        values.each_found(missing, find, |row, place| {
            if let Some(place) = place {
                sheet.set(row, place as usize, 1.0);
            }
        })
    }
}

/// An ordinal encoding with its levels looked up by hash.
#[derive(Clone, Debug)]
pub(super) struct Ordinal {
    places: HashMap<String, u32>,
    unseen: f32,
    missing: f32,
}

impl Ordinal {
    pub(super) fn new(encoding: &OrdinalEncoding) -> Self {
        Self { places: places(&encoding.levels), unseen: encoding.unseen, missing: encoding.missing }
    }

    pub(super) fn encode(
        &self,
        values: &ColumnValues<'_>,
        missing: &[String],
        sheet: &mut Sheet<'_>,
    ) -> Result<(), Fault> {
        let find = |text: Option<&str>| {
            Ok(match text {
                None => self.missing,
                Some(text) => self.places.get(text).map_or(self.unseen, |place| *place as f32),
            })
        };
        values.each_found(missing, find, |row, value| sheet.set(row, 0, value))
    }
}
