//! The routes of each protocol.

use super::operation::Operation;

/// What a call of a model may answer, beside the usual.
const CALL: &[u16] = &[413, 415, 499, 503, 504];
/// What the same may answer where it needs a language model.
const GENERATE: &[u16] = &[413, 415, 429, 499, 501, 503, 504];
/// What loading and unloading may answer: a server that does not let clients do so says 503.
const CONTROL: &[u16] = &[501, 503];
/// What a change may answer: pages of other origins may make none.
const CHANGE: &[u16] = &[403, 413, 415];

/// What every port answers.
pub(super) const COMMON: &[Operation] = &[
    Operation::get("/healthz", "whether the process answers"),
    Operation::get("/readyz", "whether every model answers that should").also(&[503]),
    Operation::get(super::PATH, "this document"),
];

/// TensorFlow Serving's REST interface.
pub(super) const TFS: &[Operation] = &[
    Operation::get("/v1/models/{model}", "the states of a model's versions"),
    Operation::get("/v1/models/{model}/versions/{version}", "the state of a version"),
    Operation::get("/v1/models/{model}/labels/{label}", "the state of the version of a label"),
    Operation::get("/v1/models/{model}/metadata", "the signatures of a model").also(&[503]),
    Operation::get("/v1/models/{model}/versions/{version}/metadata", "the signatures of a version")
        .also(&[503]),
    Operation::get("/v1/models/{model}/labels/{label}/metadata", "the signatures of the version of a label")
        .also(&[503]),
    Operation::post("/v1/models/{model}:predict", "run a model", "TfsPredict").also(CALL),
    Operation::post("/v1/models/{model}/versions/{version}:predict", "run a version", "TfsPredict")
        .also(CALL),
    Operation::post("/v1/models/{model}/labels/{label}:predict", "run the version of a label", "TfsPredict")
        .also(CALL),
    Operation::post("/v1/models/{model}:classify", "classify examples", "TfsExamples").also(CALL),
    Operation::post(
        "/v1/models/{model}/versions/{version}:classify",
        "classify examples by a version",
        "TfsExamples",
    )
    .also(CALL),
    Operation::post("/v1/models/{model}:regress", "regress examples", "TfsExamples").also(CALL),
    Operation::post(
        "/v1/models/{model}/versions/{version}:regress",
        "regress examples by a version",
        "TfsExamples",
    )
    .also(CALL),
];

/// The Open Inference Protocol with Triton's extensions.
pub(super) const OIP: &[Operation] = &[
    Operation::get("/v2", "what the server is and which extensions it does"),
    Operation::get("/v2/health/live", "whether the server answers"),
    Operation::get("/v2/health/ready", "whether every model answers that should").also(&[503]),
    Operation::get("/v2/models", "the models that answer"),
    Operation::get("/v2/models/{model}", "the inputs and outputs of a model").also(&[503]),
    Operation::get("/v2/models/{model}/versions/{version}", "the inputs and outputs of a version")
        .also(&[503]),
    Operation::get("/v2/models/{model}/ready", "whether a model answers").also(&[503]),
    Operation::get("/v2/models/{model}/versions/{version}/ready", "whether a version answers").also(&[503]),
    Operation::get("/v2/models/{model}/config", "the configuration of a model").also(&[503]),
    Operation::get("/v2/models/{model}/versions/{version}/config", "the configuration of a version")
        .also(&[503]),
    Operation::post("/v2/models/{model}/infer", "run a model", "InferRequest").also(CALL),
    Operation::post("/v2/models/{model}/versions/{version}/infer", "run a version", "InferRequest")
        .also(CALL),
    Operation::post("/v2/models/{model}/generate", "text from text, by a language model", "GenerateRequest")
        .also(GENERATE),
    Operation::post("/v2/models/{model}/generate_stream", "the same in parts", "GenerateRequest")
        .also(GENERATE),
    Operation::get("/v2/models/stats", "what was counted of every model"),
    Operation::get("/v2/models/{model}/stats", "what was counted of a model"),
    Operation::get("/v2/models/{model}/versions/{version}/stats", "what was counted of a version"),
    Operation::get("/v2/logging", "how much is logged").also(&[501]),
    Operation::post("/v2/logging", "change how much is logged", "LogSettings").also(&[501]),
    Operation::get("/v2/trace/setting", "which requests are traced"),
    Operation::post("/v2/trace/setting", "change which requests are traced", "TraceSettings"),
    Operation::get("/v2/models/{model}/trace/setting", "which requests of a model are traced").also(&[503]),
    Operation::post(
        "/v2/models/{model}/trace/setting",
        "refuses to change that for one model",
        "TraceSettings",
    )
    .also(&[501, 503]),
    Operation::post("/v2/repository/index", "every model that is known", "IndexRequest"),
    Operation::post("/v2/repository/models/{model}/load", "load a model", "RepositoryRequest").also(CONTROL),
    Operation::post("/v2/repository/models/{model}/unload", "unload a model", "RepositoryRequest")
        .also(CONTROL),
    Operation::get("/v2/systemsharedmemory/status", "the regions of shared memory"),
    Operation::get("/v2/systemsharedmemory/region/{region}/status", "a region of shared memory"),
    Operation::post(
        "/v2/systemsharedmemory/region/{region}/register",
        "register a region of shared memory",
        "Region",
    )
    .also(&[409, 501]),
    Operation::post(
        "/v2/systemsharedmemory/region/{region}/unregister",
        "forget a region of shared memory",
        "Empty",
    ),
    Operation::post("/v2/systemsharedmemory/unregister", "forget all regions of shared memory", "Empty"),
];

/// KServe's first protocol.
pub(super) const KSERVE: &[Operation] = &[
    Operation::get("/v1/models", "the models that answer"),
    Operation::get("/v1/models/{model}", "whether a model answers").also(&[503]),
    Operation::post("/v1/models/{model}:predict", "run a model", "TfsPredict").also(CALL),
];

/// What operators ask.
pub(super) const ADMIN: &[Operation] = &[
    Operation::get(
        "/admin/v1/models/{model}/traffic",
        "how the requests of a model are spread over its versions",
    ),
    Operation::put("/admin/v1/models/{model}/traffic", "spread the requests of a model", "Traffic")
        .also(CHANGE),
    Operation::delete(
        "/admin/v1/models/{model}/traffic",
        "give the requests of a model to its newest version",
    )
    .also(CHANGE),
    Operation::post(
        "/admin/v1/models/{model}/promote",
        "give the requests of a model to one version, by default the one with the smaller part",
        "Promote",
    )
    .also(CHANGE),
];
