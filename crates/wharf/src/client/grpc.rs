//! The gRPC wire, over one connection.

use anyhow::{Context, anyhow};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;
use wharf_api::proto::tensorflow::serving::{
    ClassificationRequest, ClassificationResponse, ExampleList, GetModelMetadataRequest,
    GetModelMetadataResponse, Input, ModelSpec, SignatureDefMap, input, model_spec,
};
use wharf_api::proto::tensorflow::{BytesList, DataType, Example, Feature, Features, SignatureDef, feature};

use super::{Answer, Picture};
use crate::model_name::ModelName;

/// Replies hold at most what a server sends at once: its own limit, and some more for its framing.
const MAX_REPLY_BYTES: usize = 128 << 20;

/// A connection to a gRPC port.
pub(crate) struct GrpcClient(Grpc<Channel>);

impl GrpcClient {
    /// Connects to `server`, a `HOST:PORT`.
    pub(crate) async fn connect(server: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{server}"))
            .with_context(|| format!("`{server}` is no HOST:PORT"))?
            .tcp_nodelay(true);
        let channel = endpoint.connect().await.with_context(|| format!("cannot reach `{server}`"))?;
        Ok(Self(Grpc::new(channel).max_decoding_message_size(MAX_REPLY_BYTES)))
    }

    /// Asks a model with an `encoded` kind of signature for the classes of each picture.
    pub(crate) async fn classify(
        &mut self,
        model: &ModelName,
        pictures: &[Picture],
    ) -> anyhow::Result<Vec<Answer>> {
        let (signature, input) = self.picture_signature(model).await?;
        let request = ClassificationRequest {
            model_spec: Some(model_spec_of(model, &signature)),
            input: Some(examples_of(&input, pictures)),
        };
        let path = "/tensorflow.serving.PredictionService/Classify";
        let response: ClassificationResponse = self.call(path, request).await?;
        let rows = response.result.unwrap_or_default().classifications;
        let answer = |row: wharf_api::proto::tensorflow::serving::Classifications| {
            Answer::new(row.classes.into_iter().map(|class| (class.label, class.score)).collect())
        };
        Ok(rows.into_iter().map(answer).collect())
    }

    /// The name and the input of the signature that classifies strings.
    async fn picture_signature(&mut self, model: &ModelName) -> anyhow::Result<(String, String)> {
        let request = GetModelMetadataRequest {
            model_spec: Some(model_spec_of(model, "")),
            metadata_field: vec!["signature_def".to_owned()],
        };
        let path = "/tensorflow.serving.PredictionService/GetModelMetadata";
        let response: GetModelMetadataResponse = self.call(path, request).await?;
        let packed =
            response.metadata.get("signature_def").context("the server's metadata has no signatures")?;
        let signatures = SignatureDefMap::decode(packed.value.as_slice())?.signature_def;
        signatures
            .into_iter()
            .find_map(|(name, signature)| Some((name, string_input(signature)?)))
            .with_context(|| {
                format!("model `{}` has no signature that classifies encoded pictures", model.name)
            })
    }

    async fn call<Q, R>(&mut self, path: &'static str, request: Q) -> anyhow::Result<R>
    where
        Q: Message + Send + Sync + 'static,
        R: Message + Default + Send + Sync + 'static,
    {
        self.0.ready().await.context("the server closed the connection")?;
        let codec = ProstCodec::<Q, R>::default();
        let reply = self.0.unary(tonic::Request::new(request), PathAndQuery::from_static(path), codec).await;
        reply
            .map(tonic::Response::into_inner)
            .map_err(|status| anyhow!("{} (gRPC {:?})", status.message(), status.code()))
    }
}

/// A reference to `model` in the form of the wire.
fn model_spec_of(model: &ModelName, signature: &str) -> ModelSpec {
    let version = model.version.and_then(|version| i64::try_from(version).ok());
    ModelSpec {
        name: model.name.clone(),
        version_choice: version.map(model_spec::VersionChoice::Version),
        signature_name: signature.to_owned(),
    }
}

/// The input of a signature that classifies one string per row.
fn string_input(signature: SignatureDef) -> Option<String> {
    let is_classify = signature.method_name == "tensorflow/serving/classify";
    let mut inputs = signature.inputs.into_iter();
    let (name, info) = inputs.next()?;
    (is_classify && inputs.next().is_none() && info.dtype() == DataType::DtString).then_some(name)
}

fn examples_of(input: &str, pictures: &[Picture]) -> Input {
    let example = |picture: &Picture| {
        let kind = feature::Kind::BytesList(BytesList { value: vec![picture.encoded.clone()] });
        let feature = [(input.to_owned(), Feature { kind: Some(kind) })].into();
        Example { features: Some(Features { feature }) }
    };
    let examples = pictures.iter().map(example).collect();
    Input { kind: Some(input::Kind::ExampleList(ExampleList { examples })) }
}
