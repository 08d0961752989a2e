//! Models with a `config.pbtxt` beside their versions.

use wharf_infer::{ErrorCode, ModelRef};
use wharf_testing::{FakeEngine, models};

use super::{Folder, request, serve};
use crate::{ModelManager, VersionState};

fn configure(folder: &Folder, text: &str) {
    std::fs::write(folder.path().join("m/config.pbtxt"), text).unwrap();
}

fn available(manager: &ModelManager) -> Vec<u64> {
    let statuses = manager.status("m", None).unwrap_or_default().into_iter();
    statuses.filter(|status| status.state == VersionState::Available).map(|status| status.version).collect()
}

#[tokio::test]
async fn the_policy_is_the_files_unless_the_server_was_told_another() {
    let folder = Folder::new();
    for version in [1, 2, 3] {
        folder.put("m", version);
    }
    configure(&folder, "version_policy { latest { num_versions: 2 } }");
    assert_eq!(available(&serve(folder.config(), FakeEngine::free_running()).await), [3, 2]);
    let told = folder.config().with_policy("m", crate::VersionPolicy::Specific([1].into()));
    assert_eq!(available(&serve(told, FakeEngine::free_running()).await), [1]);
}

#[tokio::test]
async fn folders_with_leading_zeros_are_no_versions_and_weights_may_have_another_name() {
    let folder = Folder::new();
    folder.put("m", 1);
    let weights = [("00000007", "model.onnx"), ("4", "net.onnx"), ("5", "model.onnx")];
    for (version, name) in weights {
        let version = folder.path().join("m").join(version);
        std::fs::create_dir_all(&version).unwrap();
        std::fs::write(version.join(name), models::HALF_PLUS_TWO).unwrap();
    }
    configure(&folder, "");
    assert_eq!(available(&serve(folder.config(), FakeEngine::free_running()).await), [5]);
    configure(&folder, "default_model_filename: 'net.onnx'");
    let manager = serve(folder.config(), FakeEngine::free_running()).await;
    assert_eq!(available(&manager), [4]);
    assert_eq!(manager.infer(request("m", 1.0)).await.unwrap().model_version, 4);
    let language = folder.path().join("m/6");
    std::fs::create_dir_all(&language).unwrap();
    std::fs::write(language.join("small.gguf"), models::HALF_PLUS_TWO).unwrap();
    assert_eq!(available(&serve(folder.config(), FakeEngine::free_running()).await), [4]);
    configure(&folder, "");
    assert_eq!(available(&serve(folder.config(), FakeEngine::free_running()).await), [6]);
}

#[tokio::test]
async fn a_file_that_does_not_fit_keeps_the_model_from_being_served_and_says_why() {
    let folder = Folder::new();
    folder.put("m", 1);
    folder.put("other", 1);
    for (text, expected) in [
        ("name: 'n'", "config.pbtxt:1:1: the name is `n`, expected `m`"),
        ("input { name: 'z' data_type: TYPE_FP32 }", "config.pbtxt: input `z` is not there, expected `x`"),
        (
            "output { name: 'y' data_type: TYPE_FP32 dims: -1 label_filename: 'none.txt' }",
            "`none.txt` cannot be read",
        ),
        (
            "model_warmup { inputs { key: 'z' value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }",
            "warm-up failed: ",
        ),
    ] {
        configure(&folder, text);
        let manager = serve(folder.config(), FakeEngine::free_running()).await;
        let status = manager.status("m", None).unwrap().remove(0);
        let message = status.error.map(|(_, message)| message).unwrap_or_default();
        assert!(message.contains(expected), "{text}: {message}");
        assert!(manager.is_available("other"), "{text}");
    }
}

#[tokio::test]
async fn a_changed_file_is_taken_up_by_the_next_look() {
    let folder = Folder::new();
    folder.put("m", 1);
    configure(&folder, "max_batch_size: 2");
    let manager = serve(folder.config(), FakeEngine::free_running()).await;
    let most = |manager: &ModelManager| {
        manager.signatures(&ModelRef::latest("m")).unwrap().config.unwrap().max_batch_size
    };
    assert_eq!(most(&manager), 2);
    configure(&folder, "max_batch_size: 16");
    manager.refresh().await.unwrap();
    assert_eq!(most(&manager), 16);
}

#[tokio::test]
async fn larger_batches_than_declared_are_refused_and_labels_are_those_of_the_file() {
    let folder = Folder::new();
    folder.put("m", 1);
    std::fs::write(folder.path().join("m/labels.txt"), "cat\ndog\n").unwrap();
    configure(
        &folder,
        "max_batch_size: 1 output { name: 'y' data_type: TYPE_FP32 dims: 1 label_filename: 'labels.txt' }",
    );
    let manager = serve(folder.config(), FakeEngine::free_running()).await;
    assert_eq!(manager.signatures(&ModelRef::latest("m")).unwrap().labels[..], ["cat", "dog"]);
    let mut two_rows = request("m", 1.0);
    let tensor = wharf_tensor::Tensor::from_vec(wharf_tensor::Shape::new(&[2]).unwrap(), vec![1.0_f32, 2.0]);
    two_rows.inputs[0].tensor = tensor.unwrap();
    assert_eq!(manager.infer(two_rows).await.unwrap_err().code(), ErrorCode::InvalidArgument);
    assert!(manager.infer(request("m", 1.0)).await.is_ok());
}
