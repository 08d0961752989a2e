//! GGUF files: headers read and checked before anything else sees them.
