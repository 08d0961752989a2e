//! `wharf predict`: what is in a picture, asked of a server or of the bundle itself.

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use serde_json::json;
use wharf_bundle::{Repository, Signature};
use wharf_engine::{LoadOptions, LoadedModel, StopSignal};
use wharf_infer::NamedTensor;
use wharf_tensor::{DType, Shape, Tensor};

use crate::cli::{PredictArgs, Protocol};
use crate::client::{Answer, GrpcClient, Picture, RestClient};
use crate::commands::goldens;
use crate::commands::models::bundle_of;
use crate::failure::Hint;
use crate::model_name::ModelName;
use crate::say;
use crate::table::Table;

/// Pictures that one request carries, so that it stays well below a server's message limit.
const PICTURES_PER_REQUEST: usize = 16;

/// Asks and prints.
pub(crate) fn run(arguments: PredictArgs) -> anyhow::Result<()> {
    let model: ModelName = arguments.model.parse()?;
    let pictures =
        arguments.pictures.iter().map(|path| Picture::read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answers = runtime.block_on(async {
        let mut oracle = Oracle::open(&arguments, &model).await?;
        oracle.ask_all(&pictures).await
    })?;
    ensure!(answers.len() == pictures.len(), "{} answers for {} pictures", answers.len(), pictures.len());
    print(&arguments, &pictures, &answers)
}

/// Who knows what is in a picture.
enum Oracle {
    Grpc { client: GrpcClient, model: ModelName },
    Rest { client: RestClient, path: String },
    Bundle(PictureModel),
}

impl Oracle {
    async fn open(arguments: &PredictArgs, model: &ModelName) -> anyhow::Result<Self> {
        if arguments.local {
            let repository = Repository::open(&arguments.repository.repository)?;
            return Ok(Self::Bundle(PictureModel::open(&repository, model)?));
        }
        let default = match arguments.protocol {
            Protocol::Grpc => "127.0.0.1:8500",
            Protocol::Rest => "127.0.0.1:8501",
        };
        let server = arguments.server.as_deref().unwrap_or(default);
        let hint = || Hint("is `wharf serve` running there? `--local` asks without a server".to_owned());
        match arguments.protocol {
            Protocol::Grpc => {
                let client = GrpcClient::connect(server).await.with_context(hint)?;
                Ok(Self::Grpc { client, model: model.clone() })
            }
            Protocol::Rest => {
                let client = RestClient::connect(server).await.with_context(hint)?;
                let path = match model.version {
                    Some(version) => format!("/v1/models/{}/versions/{version}", model.name),
                    None => format!("/v1/models/{}", model.name),
                };
                Ok(Self::Rest { client, path })
            }
        }
    }

    async fn ask_all(&mut self, pictures: &[Picture]) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(pictures.len());
        for chunk in pictures.chunks(PICTURES_PER_REQUEST) {
            match self.ask(chunk).await {
                Ok(more) => answers.extend(more),
                Err(error) => return Err(self.name_the_picture(chunk, error).await),
            }
        }
        Ok(answers)
    }

    /// Which of `chunk` it was that made it fail: an answer knows rows, a person knows files.
    async fn name_the_picture(&mut self, chunk: &[Picture], error: anyhow::Error) -> anyhow::Error {
        for picture in chunk {
            if let Err(error) = self.ask(std::slice::from_ref(picture)).await {
                return error.context(format!("cannot classify `{}`", picture.path.display()));
            }
        }
        error
    }

    async fn ask(&mut self, pictures: &[Picture]) -> anyhow::Result<Vec<Answer>> {
        match self {
            Oracle::Grpc { client, model } => client.classify(model, pictures).await,
            Oracle::Rest { client, path } => client.classify(path, pictures).await,
            Oracle::Bundle(bundle) => bundle.classify(pictures),
        }
    }
}

/// A bundle that takes encoded pictures, loaded into this process.
struct PictureModel {
    loaded: LoadedModel,
    signature: String,
    input: String,
}

impl PictureModel {
    fn open(repository: &Repository, model: &ModelName) -> anyhow::Result<Self> {
        let bundle = bundle_of(repository, model)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let options = LoadOptions::default().with_intra_threads(threads);
        let loaded = LoadedModel::load(&bundle, goldens::engine()?.as_ref(), &options)?;
        let mut signatures = loaded.signatures().iter();
        let (name, signature) =
            signatures.find(|(_, signature)| takes_encoded_pictures(signature)).with_context(|| {
                format!("model `{}` has no signature that takes encoded pictures", model.name)
            })?;
        let (signature, input) = (name.clone(), signature.inputs[0].spec.name.clone());
        Ok(Self { loaded, signature, input })
    }

    fn classify(&self, pictures: &[Picture]) -> anyhow::Result<Vec<Answer>> {
        let encoded: Vec<Bytes> = pictures.iter().map(|picture| picture.encoded.clone()).collect();
        let tensor = Tensor::from_strings(Shape::new(&[pictures.len()])?, encoded)?;
        let inputs = [NamedTensor::new(&self.input, tensor)];
        let outputs = ["probabilities".to_owned()];
        self.loaded.check(&self.signature, &inputs, &outputs)?;
        let outputs = self.loaded.run(&self.signature, &inputs, &outputs, &StopSignal::never())?;
        let probabilities =
            outputs.first().context("the model gave no probabilities")?.tensor.to_vec::<f32>()?;
        let labels = self.loaded.labels();
        Ok(probabilities.chunks(labels.len().max(1)).map(|row| label(labels, row)).collect())
    }
}

fn takes_encoded_pictures(signature: &Signature) -> bool {
    let is_encoded = signature.inputs.iter().all(|input| input.spec.dtype == DType::String);
    let gives_probabilities = signature.outputs.iter().any(|output| output.spec.name == "probabilities");
    signature.inputs.len() == 1 && is_encoded && gives_probabilities
}

fn label(labels: &[String], probabilities: &[f32]) -> Answer {
    Answer::new(labels.iter().cloned().zip(probabilities.iter().copied()).collect())
}

fn print(arguments: &PredictArgs, pictures: &[Picture], answers: &[Answer]) -> anyhow::Result<()> {
    if arguments.top == 0 {
        bail!("--top is 0, expected at least 1");
    }
    if arguments.json {
        let rows: Vec<_> = pictures
            .iter()
            .zip(answers)
            .map(|(picture, answer)| as_json(picture, answer, arguments.top))
            .collect();
        say(serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    let mut table = Table::new(&["PICTURE", "CLASS", ">PROBABILITY"]);
    for (picture, answer) in pictures.iter().zip(answers) {
        for (rank, (label, probability)) in answer.classes.iter().take(arguments.top).enumerate() {
            let name = if rank == 0 { picture.path.display().to_string() } else { String::new() };
            table.row([name, label.clone(), format!("{:.1} %", probability * 100.0)]);
        }
    }
    say(table.render());
    Ok(())
}

fn as_json(picture: &Picture, answer: &Answer, top: usize) -> serde_json::Value {
    let classes: Vec<_> = answer
        .classes
        .iter()
        .take(top)
        .map(|(label, probability)| json!({"label": label, "probability": probability}))
        .collect();
    json!({"picture": picture.path.display().to_string(), "classes": classes})
}
