//! What tells requests apart.

use wharf_infer::NamedTensor;
use wharf_tensor::Tensor;

/// BLAKE3 of all that an answer may depend on. Whoever sends requests cannot find two with the same key, so that
/// nobody can have another be given a wrong answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey([u8; blake3::OUT_LEN]);

impl CacheKey {
    /// The key of a request for one loaded version, which `part` stands for. The order of inputs says nothing; that of
    /// outputs is that of the answer.
    pub(crate) fn new(part: u64, signature: &str, inputs: &[NamedTensor], outputs: &[String]) -> Self {
        let mut digest = Digest(blake3::Hasher::new());
        digest.number(part);
        digest.text(signature);
        digest.number(outputs.len() as u64);
        outputs.iter().for_each(|name| digest.text(name));
        let mut inputs: Vec<&NamedTensor> = inputs.iter().collect();
        inputs.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        digest.number(inputs.len() as u64);
        for input in inputs {
            digest.text(&input.name);
            digest.tensor(&input.tensor);
        }
        Self(*digest.0.finalize().as_bytes())
    }

    /// A number as good as random.
    pub(super) fn spread(&self) -> usize {
        usize::from(self.0[0])
    }
}

/// Every part goes in after its length, so that no two requests are the same bytes.
struct Digest(blake3::Hasher);

impl Digest {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn tensor(&mut self, tensor: &Tensor) {
        self.text(tensor.dtype().name());
        let dims = tensor.shape().dims();
        self.number(dims.len() as u64);
        dims.iter().for_each(|size| self.number(*size as u64));
        match (tensor.bytes(), tensor.strings()) {
            (Some(bytes), _) => self.bytes(bytes),
            (None, strings) => strings.unwrap_or_default().iter().for_each(|string| self.bytes(string)),
        }
    }
}
