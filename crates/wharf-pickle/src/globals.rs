//! The globals that a pickle may refer to, by what the caller wants to read.

/// Module and name of each global that a pickle may refer to.
pub type Globals = &'static [(&'static str, &'static str)];

/// What a CIFAR batch refers to: numpy arrays, written by numpy 1 or 2, under Python 2 or 3.
pub const CIFAR_GLOBALS: Globals = &[
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
];
