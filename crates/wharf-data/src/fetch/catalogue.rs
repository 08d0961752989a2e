//! The data sets that can be fetched, with the digests of their files.
//!
//! Sources of the pins. Fashion-MNIST: the MD5 sums that its authors publish, and the SHA-256 sums that
//! TensorFlow Datasets records for the same addresses; both were checked against the content of Debian's
//! `dataset-fashion-mnist`, which is the same data in other gzip headers and therefore pinned by content.
//! MNIST and CIFAR-10: the SHA-256 sums that TensorFlow Datasets records; the authors publish MD5 or none.

use std::fmt;
use std::path::Path;

/// A file's digest in hexadecimal, by the method its publisher uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinned {
    Sha256(&'static str),
    /// Where no stronger one is published.
    #[cfg_attr(not(test), expect(dead_code, reason = "every file of today has a published sha256"))]
    Md5(&'static str),
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pinned::Sha256(digest) => write!(f, "sha256 {digest}"),
            Pinned::Md5(digest) => write!(f, "md5 {digest}"),
        }
    }
}

/// A file and what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PinnedFile {
    pub(crate) name: &'static str,
    pub(crate) size: u64,
    pub(crate) pinned: Pinned,
    /// The SHA-256 of the unpacked content, which also lets a file pass that was packed anew.
    pub(crate) content_sha256: Option<&'static str>,
}

const fn file(
    name: &'static str,
    size: u64,
    sha256: &'static str,
    content_sha256: Option<&'static str>,
) -> PinnedFile {
    PinnedFile { name, size, pinned: Pinned::Sha256(sha256), content_sha256 }
}

const FASHION_MNIST: [PinnedFile; 4] = [
    file(
        "train-images-idx3-ubyte.gz",
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        Some("c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
    ),
    file(
        "train-labels-idx1-ubyte.gz",
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        Some("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    ),
    file(
        "t10k-images-idx3-ubyte.gz",
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        Some("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    ),
    file(
        "t10k-labels-idx1-ubyte.gz",
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        Some("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
];

const MNIST: [PinnedFile; 4] = [
    file(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        None,
    ),
    file(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        None,
    ),
    file(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        None,
    ),
    file(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        None,
    ),
];

const CIFAR10: [PinnedFile; 1] = [file(
    "cifar-10-binary.tar.gz",
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    None,
)];

/// A data set that can be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KnownDataset {
    /// 70,000 pictures of clothes, 28x28 grey (Zalando Research, 2017).
    FashionMnist,
    /// 60,000 pictures of animals and vehicles, 32x32 colour (Krizhevsky, 2009).
    Cifar10,
    /// 70,000 handwritten digits, 28x28 grey (LeCun, Cortes, Burges, 1998).
    Mnist,
}

impl KnownDataset {
    /// Every data set.
    pub const ALL: [KnownDataset; 3] =
        [KnownDataset::FashionMnist, KnownDataset::Cifar10, KnownDataset::Mnist];

    /// The name on the command line, in recipes and of the folder.
    pub const fn name(self) -> &'static str {
        match self {
            KnownDataset::FashionMnist => "fashion-mnist",
            KnownDataset::Cifar10 => "cifar10",
            KnownDataset::Mnist => "mnist",
        }
    }

    /// The data set called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dataset| dataset.name() == name)
    }

    /// The official address of the folder of its files.
    pub const fn address(self) -> &'static str {
        match self {
            KnownDataset::FashionMnist => "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            KnownDataset::Cifar10 => "https://www.cs.toronto.edu/~kriz/",
            KnownDataset::Mnist => "https://ossci-datasets.s3.amazonaws.com/mnist/",
        }
    }

    /// The bytes of all files.
    pub fn size_bytes(self) -> u64 {
        self.files().iter().map(|file| file.size).sum()
    }

    pub(crate) fn files(self) -> &'static [PinnedFile] {
        match self {
            KnownDataset::FashionMnist => &FASHION_MNIST,
            KnownDataset::Cifar10 => &CIFAR10,
            KnownDataset::Mnist => &MNIST,
        }
    }

    /// Where Debian's package puts the files.
    pub(crate) fn package_folder(self) -> Option<&'static Path> {
        match self {
            KnownDataset::FashionMnist => Some(Path::new("/usr/share/datasets/fashion-mnist")),
            KnownDataset::Cifar10 | KnownDataset::Mnist => None,
        }
    }
}
