//! Where the features of one column go in the matrix.

/// In [`Sheet::slots`]: the feature is not kept.
pub(super) const LEFT_OUT: u32 = u32::MAX;

/// The matrix as one column sees it: its features are numbered from 0.
pub(super) struct Sheet<'a> {
    /// `[rows, width]`, row by row; zeros at first.
    pub(super) values: &'a mut [f32],
    pub(super) width: usize,
    /// The place in a row of each feature of the column.
    pub(super) slots: &'a [u32],
}

impl Sheet<'_> {
    pub(super) fn set(&mut self, row: usize, feature: usize, value: f32) {
        if let Some(cell) = self.cell(row, feature) {
            *cell = value;
        }
    }

    pub(super) fn add(&mut self, row: usize, feature: usize, value: f32) {
        if let Some(cell) = self.cell(row, feature) {
            *cell += value;
        }
    }

    fn cell(&mut self, row: usize, feature: usize) -> Option<&mut f32> {
        match self.slots.get(feature) {
            Some(&slot) if slot != LEFT_OUT => self.values.get_mut(row * self.width + slot as usize),
            _ => None,
        }
    }
}

/// The nearest float32, of which none is infinite.
pub(super) fn narrow(value: f64) -> f32 {
    value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}
