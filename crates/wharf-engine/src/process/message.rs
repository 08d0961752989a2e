//! What the frames say.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use bytes::{Buf, BufMut as _, Bytes};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use super::frame::{Body, malformed};
use crate::{EngineError, EngineErrorKind, LoadOptions};

/// Weights that outlive the call that brought them: a worker that is started again loads them again.
#[derive(Clone, Debug)]
pub(super) enum Source {
    File(PathBuf),
    Bytes(Bytes),
}

impl Source {
    /// Head and body of the request to load this.
    pub(super) fn encode(&self, options: &LoadOptions) -> (Vec<u8>, &[u8]) {
        let mut head = Vec::new();
        for threads in [options.intra_threads, options.inter_threads] {
            head.put_u64_ne(threads as u64);
        }
        let flags = [options.allow_spinning, options.memory_pattern, options.graph_optimisation];
        head.extend(flags.map(u8::from));
        match self {
            Source::File(path) => {
                head.put_u8(0);
                put_bytes(&mut head, path.as_os_str().as_bytes());
                (head, &[])
            }
            Source::Bytes(bytes) => {
                head.put_u8(1);
                head.put_u64_ne(bytes.len() as u64);
                (head, bytes)
            }
        }
    }

    pub(super) fn decode(mut head: Bytes, body: &mut Body) -> io::Result<(Self, LoadOptions)> {
        let options = LoadOptions::default()
            .with_intra_threads(get_size(&mut head)?)
            .with_inter_threads(get_size(&mut head)?)
            .with_spinning(get_u8(&mut head)? != 0)
            .with_memory_pattern(get_u8(&mut head)? != 0)
            .with_graph_optimisation(get_u8(&mut head)? != 0);
        let source = match get_u8(&mut head)? {
            0 => Source::File(OsString::from_vec(get_bytes(&mut head)?.to_vec()).into()),
            _ => Source::Bytes(body.part(get_size(&mut head)?)?),
        };
        Ok((source, options))
    }
}

/// The inputs and outputs of a graph.
pub(super) type Specs = (Vec<TensorSpec>, Vec<TensorSpec>);

pub(super) fn encode_specs(inputs: &[TensorSpec], outputs: &[TensorSpec]) -> Vec<u8> {
    let mut head = Vec::new();
    for specs in [inputs, outputs] {
        head.put_u64_ne(specs.len() as u64);
        for spec in specs {
            put_bytes(&mut head, spec.name.as_bytes());
            head.put_u8(code_of(spec.dtype));
            let dims = spec.shape.to_i64();
            head.put_u64_ne(dims.len() as u64);
            dims.into_iter().for_each(|dim| head.put_i64_ne(dim));
        }
    }
    head
}

pub(super) fn decode_specs(mut head: Bytes) -> io::Result<Specs> {
    Ok((get_specs(&mut head)?, get_specs(&mut head)?))
}

fn get_specs(head: &mut Bytes) -> io::Result<Vec<TensorSpec>> {
    (0..get_size(head)?)
        .map(|_| {
            let name = get_text(head)?;
            let dtype = get_dtype(head)?;
            let dims: io::Result<Vec<i64>> =
                (0..get_size(head)?).map(|_| head.try_get_i64_ne().map_err(malformed)).collect();
            Ok(TensorSpec::new(name, dtype, &dims?))
        })
        .collect()
}

/// A run: which, the places of the outputs that are wanted, and the inputs in the order of the graph.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) outputs: Vec<usize>,
    pub(super) inputs: Vec<Tensor>,
}

impl Run {
    /// The head of a run; the body is that of the tensors.
    pub(super) fn encode<'a>(
        number: u64,
        outputs: &[usize],
        inputs: impl ExactSizeIterator<Item = &'a Tensor>,
    ) -> (Vec<u8>, Vec<Bytes>) {
        let mut head = Vec::new();
        head.put_u64_ne(number);
        head.put_u64_ne(outputs.len() as u64);
        outputs.iter().for_each(|&place| head.put_u64_ne(place as u64));
        let parts = put_tensors(&mut head, inputs);
        (head, parts)
    }

    pub(super) fn decode(mut head: Bytes, body: &mut Body) -> io::Result<Self> {
        let number = head.try_get_u64_ne().map_err(malformed)?;
        let outputs = (0..get_size(&mut head)?).map(|_| get_size(&mut head)).collect::<io::Result<_>>()?;
        Ok(Self { number, outputs, inputs: get_tensors(&mut head, body)? })
    }
}

/// Head and body of tensors alone.
pub(super) fn encode_tensors(tensors: &[Tensor]) -> (Vec<u8>, Vec<Bytes>) {
    let mut head = Vec::new();
    let parts = put_tensors(&mut head, tensors.iter());
    (head, parts)
}

pub(super) fn decode_tensors(mut head: Bytes, body: &mut Body) -> io::Result<Vec<Tensor>> {
    get_tensors(&mut head, body)
}

fn put_tensors<'a>(head: &mut Vec<u8>, tensors: impl ExactSizeIterator<Item = &'a Tensor>) -> Vec<Bytes> {
    head.put_u64_ne(tensors.len() as u64);
    let mut parts = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        head.put_u8(code_of(tensor.dtype()));
        let dims = tensor.shape().dims();
        head.put_u64_ne(dims.len() as u64);
        dims.iter().for_each(|&dim| head.put_u64_ne(dim as u64));
        let part = match tensor.bytes() {
            Some(bytes) => bytes.clone(),
            None => joined(tensor.strings().unwrap_or_default()),
        };
        head.put_u64_ne(part.len() as u64);
        parts.push(part);
    }
    parts
}

fn get_tensors(head: &mut Bytes, body: &mut Body) -> io::Result<Vec<Tensor>> {
    (0..get_size(head)?)
        .map(|_| {
            let dtype = get_dtype(head)?;
            let dims: io::Result<Vec<usize>> = (0..get_size(head)?).map(|_| get_size(head)).collect();
            let shape = Shape::new(&dims?).map_err(malformed)?;
            let data = body.part(get_size(head)?)?;
            let tensor = match dtype {
                DType::String => Tensor::from_strings(shape, split(data)?),
                _ => Tensor::from_bytes(dtype, shape, data),
            };
            tensor.map_err(malformed)
        })
        .collect()
}

/// Strings one after the other, each after its length.
fn joined(strings: &[Bytes]) -> Bytes {
    let mut data = Vec::new();
    strings.iter().for_each(|string| put_bytes(&mut data, string));
    data.into()
}

fn split(mut data: Bytes) -> io::Result<Vec<Bytes>> {
    let mut strings = Vec::new();
    while data.has_remaining() {
        strings.push(get_bytes(&mut data)?);
    }
    Ok(strings)
}

const KINDS: [EngineErrorKind; 7] = [
    EngineErrorKind::LibraryMissing,
    EngineErrorKind::InvalidModel,
    EngineErrorKind::InvalidInput,
    EngineErrorKind::Stopped,
    EngineErrorKind::OutOfMemory,
    EngineErrorKind::Unavailable,
    EngineErrorKind::Failed,
];

pub(super) fn encode_failure(error: &EngineError) -> Vec<u8> {
    let mut head = Vec::new();
    let kind = KINDS.iter().position(|kind| *kind == error.kind()).unwrap_or(KINDS.len() - 1);
    head.put_u64_ne(kind as u64);
    put_bytes(&mut head, error.message().as_bytes());
    put_bytes(&mut head, error.detail().unwrap_or_default().as_bytes());
    head
}

pub(super) fn decode_failure(mut head: Bytes) -> io::Result<EngineError> {
    let kind = get_size(&mut head)?;
    let kind = KINDS.get(kind).ok_or_else(|| malformed(format!("failure of kind {kind}")))?;
    let error = EngineError::new(*kind, get_text(&mut head)?);
    let detail = get_text(&mut head)?;
    Ok(if detail.is_empty() { error } else { error.with_detail(detail) })
}

fn code_of(dtype: DType) -> u8 {
    DType::ALL.iter().position(|other| *other == dtype).unwrap_or_default() as u8
}

fn get_dtype(head: &mut Bytes) -> io::Result<DType> {
    let code = get_u8(head)?;
    DType::ALL.get(usize::from(code)).copied().ok_or_else(|| malformed(format!("element type {code}")))
}

fn put_bytes(head: &mut Vec<u8>, bytes: &[u8]) {
    head.put_u64_ne(bytes.len() as u64);
    head.put_slice(bytes);
}

fn get_bytes(head: &mut Bytes) -> io::Result<Bytes> {
    let length = get_size(head)?;
    if length > head.len() {
        return Err(malformed(format!("text of {length} bytes")));
    }
    Ok(head.split_to(length))
}

fn get_text(head: &mut Bytes) -> io::Result<String> {
    String::from_utf8(get_bytes(head)?.to_vec()).map_err(malformed)
}

fn get_u8(head: &mut Bytes) -> io::Result<u8> {
    head.try_get_u8().map_err(malformed)
}

fn get_size(head: &mut Bytes) -> io::Result<usize> {
    let size = head.try_get_u64_ne().map_err(malformed)?;
    usize::try_from(size).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::super::frame::{self, Frame, Kind};
    use super::*;

    fn sent(head: &[u8], parts: &[Bytes]) -> Frame {
        let (here, there) = UnixStream::pair().unwrap();
        let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
        frame::write(&here, Kind::Run, head, &parts).unwrap();
        frame::read(&there).unwrap().unwrap()
    }

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn runs_come_back_as_they_went() {
        let inputs = [
            Tensor::from_vec(shape(&[2, 1]), vec![1.5_f32, f32::NAN]).unwrap(),
            Tensor::from_strings(shape(&[2]), vec![Bytes::new(), Bytes::from_static(b"\xff\0")]).unwrap(),
            Tensor::from_vec(shape(&[0, 3]), Vec::<u8>::new()).unwrap(),
            Tensor::from_vec(Shape::scalar(), vec![i64::MIN]).unwrap(),
        ];
        let (head, parts) = Run::encode(7, &[1, 0], inputs.iter());
        let Frame { head, mut body, .. } = sent(&head, &parts);
        let run = Run::decode(head, &mut body).unwrap();
        assert_eq!((run.number, run.outputs), (7, vec![1, 0]));
        for (read, tensor) in run.inputs.iter().zip(&inputs) {
            assert_eq!(
                (read.shape(), read.bytes(), read.strings()),
                (tensor.shape(), tensor.bytes(), tensor.strings())
            );
        }
        assert_eq!(run.inputs.len(), inputs.len());
    }

    #[test]
    fn sources_specs_and_failures_come_back_as_they_went() {
        let options = LoadOptions::default().with_intra_threads(3).with_inter_threads(2).with_spinning(true);
        let options = options.with_graph_optimisation(false);
        for source in [Source::File("a b/\u{fc}.onnx".into()), Source::Bytes(Bytes::from_static(b"model"))] {
            let (head, body) = source.encode(&options);
            let Frame { head, mut body, .. } = sent(&head, &[Bytes::copy_from_slice(body)]);
            let (read, read_options) = Source::decode(head, &mut body).unwrap();
            assert_eq!((format!("{read:?}"), &read_options), (format!("{source:?}"), &options));
        }
        let specs = |name: &str| {
            vec![TensorSpec::new(name, DType::BF16, &[-1, 3]), TensorSpec::new("", DType::Bool, &[])]
        };
        let head = encode_specs(&specs("in"), &specs("out"));
        assert_eq!(decode_specs(head.into()).unwrap(), (specs("in"), specs("out")));
        for kind in KINDS {
            let error = EngineError::new(kind, "text").with_detail("detail");
            let read = decode_failure(encode_failure(&error).into()).unwrap();
            assert_eq!((read.kind(), read.message(), read.detail()), (kind, "text", Some("detail")));
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_an_error() {
        let tensor = Tensor::from_vec(shape(&[2]), vec![1_u16, 2]).unwrap();
        let (run, _) = Run::encode(1, &[0], [&tensor].into_iter());
        let specs = encode_specs(&[TensorSpec::new("x", DType::F32, &[1])], &[]);
        let failure = encode_failure(&EngineError::model("text"));
        for (name, head) in [("run", run), ("specs", specs), ("failure", failure)] {
            for length in 0..head.len() {
                let Frame { head, mut body, .. } = sent(&head[..length], &[]);
                let is_refused = match name {
                    "run" => Run::decode(head, &mut body).is_err(),
                    "specs" => decode_specs(head).is_err(),
                    _ => decode_failure(head).is_err(),
                };
                assert!(is_refused, "{name} {length}");
            }
        }
    }
}
