//! PyTorch's state dicts: the files that `torch.save(model.state_dict())` writes.
//!
//! Such a file is a zip archive without compression: `data.pkl` says which tensors there are, and `data/0`,
//! `data/1`, ... hold their elements. Nothing of the pickle is run; see [`crate::Pickle`].

mod archive;
mod archive_writer;
mod read;
mod strided;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use read::read_pth;
pub use types::TORCH_GLOBALS;
pub use write::write_pth;
