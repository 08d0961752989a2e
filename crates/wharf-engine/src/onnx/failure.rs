//! What the runtime's errors mean for a caller. The runtime's own words name source files, paths and nodes:
//! they become the detail, never the message.

use ort::{Error, ErrorCode};

use crate::{EngineError, EngineErrorKind};

/// A model that could not be loaded.
pub(super) fn of_load<R>(error: &Error<R>) -> EngineError {
    let message = match error.code() {
        ErrorCode::NoSuchFile => "the model file, or a file that it refers to, is missing",
        ErrorCode::InvalidProtobuf | ErrorCode::NoModel => "the file is no valid ONNX model",
        ErrorCode::InvalidGraph => "the model's graph is invalid",
        ErrorCode::NotImplemented => "the model needs an operator that this runtime lacks",
        _ => "the model cannot be loaded",
    };
    EngineError::model(message).with_detail(error)
}

/// A run that failed although its inputs had the right names, types and shapes. The weights ran before, so
/// it is the values or the dynamic dimensions that the graph cannot take: an index out of range, a length
/// that does not divide, a batch that is too large for the memory.
pub(super) fn of_run(error: &Error) -> EngineError {
    if is_out_of_memory(error.message()) {
        let message = "the run needs more memory than there is";
        return EngineError::new(EngineErrorKind::OutOfMemory, message).with_detail(error);
    }
    match error.code() {
        ErrorCode::InvalidArgument | ErrorCode::GenericFailure | ErrorCode::RuntimeException => {
            EngineError::input("the model cannot run on these inputs").with_detail(error)
        }
        _ => of_engine(error),
    }
}

/// A fault that no caller brought about.
pub(super) fn of_engine(error: &Error) -> EngineError {
    EngineError::new(EngineErrorKind::Failed, "the engine failed").with_detail(error)
}

/// The runtime has no code of its own for this.
fn is_out_of_memory(message: &str) -> bool {
    ["Failed to allocate memory", "bad_alloc", "bad allocation"].iter().any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_carry_nothing_of_the_runtime() {
        // The wrapper makes its errors through the library.
        crate::OnnxEngine::new().unwrap();
        let text = "/src/onnxruntime/core/graph.cc:181 node 0x7f3a failed at /models/secret/model.onnx";
        for (code, kind) in [
            (ErrorCode::InvalidArgument, EngineErrorKind::InvalidInput),
            (ErrorCode::RuntimeException, EngineErrorKind::InvalidInput),
            (ErrorCode::EngineError, EngineErrorKind::Failed),
            (ErrorCode::ExecutionProviderFailure, EngineErrorKind::Failed),
        ] {
            let failure = of_run(&Error::new_with_code(code, text));
            assert_eq!(failure.kind(), kind);
            assert!(!failure.message().contains('/') && !failure.message().contains("0x"), "{failure}");
            assert!(failure.detail().unwrap().contains("secret"));
        }
        let failure = of_load(&Error::new_with_code(ErrorCode::InvalidGraph, text));
        assert_eq!(failure.to_string(), "the model's graph is invalid");
    }

    #[test]
    fn lack_of_memory_is_no_fault_of_the_inputs() {
        crate::OnnxEngine::new().unwrap();
        let text = "Failed to allocate memory for requested buffer of size 99999999999";
        let failure = of_run(&Error::new_with_code(ErrorCode::RuntimeException, text));
        assert_eq!(failure.kind(), EngineErrorKind::OutOfMemory);
    }
}
