//! What random numbers are drawn for; part of each stream's key, so that no two uses share a stream.

/// A use of random numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Fresh parameters.
    Initialise = 0x11,
    /// Dropout masks.
    Dropout = 0x12,
    /// The order of an epoch's pictures.
    Order = 0x13,
    /// Shares and orders of mixup.
    Mixup = 0x14,
}
