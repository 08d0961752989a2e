//! Compiles the `.proto` files, without `protoc`, to messages, services and a descriptor set for reflection.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

const FILES: [&str; 4] = [
    "inference/grpc_service.proto",
    "tensorflow_serving/apis/model_service.proto",
    "tensorflow_serving/apis/prediction_log.proto",
    "tensorflow_serving/apis/prediction_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // No clients: whoever needs one calls `tonic::client::Grpc` with these messages.
    tonic_prost_build::configure()
        // `tensor_content` and `string_val` become slices of the received message.
        .bytes(".")
        // Maps encode in one order, so that equal answers are equal bytes.
        .btree_map(".")
        .build_client(false)
        .build_transport(false)
        .codec_path("crate::grpc::MessageCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
