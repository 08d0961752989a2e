//! `sequence_batching`.

use std::collections::BTreeSet;
use std::time::Duration;

use wharf_tensor::DType;
use wharf_textproto::{Fields, Message, TextError};

use super::tensors::dtype;
use super::{TensorConfig, whole};
use crate::settings::{
    ControlKind, FlagValues, InitialState, SequenceBatching, SequenceControl, SequenceFlag, SequenceState,
    SequenceStrategy,
};

/// How long a sequence may be idle where nothing is said of it, as with Triton.
const MAX_IDLE: Duration = Duration::from_secs(1);
/// The element types that the number or the text of a sequence may have.
const ID_TYPES: [DType; 5] = [DType::U64, DType::I64, DType::U32, DType::I32, DType::String];

/// What is said of sequences; `None` where nothing is.
///
/// # Errors
/// A field is wrong, asks for what is not done here, or contradicts what is declared of the tensors or of the server.
pub(super) fn read(
    fields: &mut Fields<'_>,
    max_batch_size: usize,
    declared: &[TensorConfig],
    response_cache: Option<bool>,
) -> Result<Option<SequenceBatching>, TextError> {
    let place = fields.position("sequence_batching");
    let Some(message) = fields.message("sequence_batching")? else { return Ok(None) };
    let wrong = |problem: &str| Err(TextError::new(place, problem));
    if fields.has("dynamic_batching") {
        return wrong("`sequence_batching` and `dynamic_batching` are both there, expected one of them");
    }
    if response_cache == Some(true) {
        return wrong(
            "`response_cache` of a model with `sequence_batching` is not supported: its answers differ",
        );
    }
    let mut inner = message.fields("ModelSequenceBatching");
    if inner.bool("iterative_sequence")? == Some(true) {
        let problem = "`iterative_sequence` is not supported: a request is one run";
        return Err(TextError::new(inner.position("iterative_sequence"), problem));
    }
    let idle = whole(&mut inner, "max_sequence_idle_microseconds")?.unwrap_or(0);
    let max_idle = if idle == 0 { MAX_IDLE } else { Duration::from_micros(idle as u64) };
    let strategy = strategy(&mut inner, max_batch_size)?;
    let controls =
        inner.messages("control_input")?.into_iter().map(control).collect::<Result<Vec<_>, _>>()?;
    let states = inner.messages("state")?.into_iter().map(state).collect::<Result<Vec<_>, _>>()?;
    inner.finish()?;
    let batching = SequenceBatching { max_idle, strategy, controls, states };
    check_names(&batching, declared).map_err(|problem| TextError::new(place, problem))?;
    Ok(Some(batching))
}

/// Every input is filled in by one, and every output is kept once.
fn check_names(batching: &SequenceBatching, declared: &[TensorConfig]) -> Result<(), String> {
    let mut inputs: BTreeSet<&str> = declared.iter().map(|tensor| tensor.name.as_str()).collect();
    let controls = batching.controls.iter().map(|control| &control.input);
    for input in controls.chain(batching.states.iter().map(|state| &state.input)) {
        if !inputs.insert(input) {
            return Err(format!("input `{input}` of `sequence_batching` is declared twice"));
        }
    }
    let mut outputs = BTreeSet::new();
    if let Some(state) = batching.states.iter().find(|state| !outputs.insert(&state.output)) {
        return Err(format!("output `{}` of `sequence_batching` is declared twice", state.output));
    }
    let kind = |control: &SequenceControl| match control.says {
        ControlKind::Flag(flag, _) => word(flag),
        ControlKind::Id(_) => "CONTROL_SEQUENCE_CORRID",
    };
    let mut kinds = BTreeSet::new();
    match batching.controls.iter().map(kind).find(|kind| !kinds.insert(*kind)) {
        Some(kind) => Err(format!("sequence batching specifies multiple {kind} tensors")),
        None => Ok(()),
    }
}

fn word(flag: SequenceFlag) -> &'static str {
    match flag {
        SequenceFlag::Start => "CONTROL_SEQUENCE_START",
        SequenceFlag::End => "CONTROL_SEQUENCE_END",
        SequenceFlag::Ready => "CONTROL_SEQUENCE_READY",
    }
}

fn delay(fields: &mut Fields<'_>) -> Result<Duration, TextError> {
    let micros = whole(fields, "max_queue_delay_microseconds")?.unwrap_or(0);
    Ok(Duration::from_micros(micros as u64))
}

fn strategy(fields: &mut Fields<'_>, max_batch_size: usize) -> Result<SequenceStrategy, TextError> {
    let place = fields.position("oldest");
    match (fields.message("direct")?, fields.message("oldest")?) {
        (Some(_), Some(_)) => {
            Err(TextError::new(place, "`direct` and `oldest` are both there, expected one of them"))
        }
        (None, Some(message)) => oldest(message, max_batch_size),
        (Some(message), None) => direct(message),
        (None, None) => {
            Ok(SequenceStrategy::Direct { max_queue_delay: Duration::ZERO, minimum_slot_utilization: 0.0 })
        }
    }
}

fn direct(message: &Message) -> Result<SequenceStrategy, TextError> {
    let mut fields = message.fields("StrategyDirect");
    let max_queue_delay = delay(&mut fields)?;
    let utilization = fields.number("minimum_slot_utilization")?.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&utilization) {
        let problem = format!("`minimum_slot_utilization` is {utilization}, expected 0 to 1");
        return Err(TextError::new(fields.position("minimum_slot_utilization"), problem));
    }
    fields.finish()?;
    Ok(SequenceStrategy::Direct { max_queue_delay, minimum_slot_utilization: utilization })
}

fn oldest(message: &Message, max_batch_size: usize) -> Result<SequenceStrategy, TextError> {
    let mut fields = message.fields("StrategyOldest");
    let candidates = whole(&mut fields, "max_candidate_sequences")?.filter(|most| *most > 0);
    let sizes = fields.integers("preferred_batch_size")?;
    let size = |size: &i64| {
        usize::try_from(*size).ok().filter(|size| (1..=max_batch_size.max(1)).contains(size)).ok_or_else(
            || {
                let problem =
                    format!("`preferred_batch_size` is {size}, expected 1 to {}", max_batch_size.max(1));
                TextError::new(fields.position("preferred_batch_size"), problem)
            },
        )
    };
    let preferred_batch_size = sizes.iter().map(size).collect::<Result<Vec<_>, _>>()?;
    let max_queue_delay = delay(&mut fields)?;
    let preserve_ordering = fields.bool("preserve_ordering")?.unwrap_or_default();
    fields.finish()?;
    Ok(SequenceStrategy::Oldest {
        max_candidate_sequences: candidates,
        preferred_batch_size,
        max_queue_delay,
        preserve_ordering,
    })
}

fn control(message: &Message) -> Result<SequenceControl, TextError> {
    let mut fields = message.fields("ControlInput");
    let input = named(&mut fields, "name")?;
    let place = fields.position("control");
    let says = match fields.messages("control")?.as_slice() {
        [one] => says(one, &input)?,
        several => {
            let problem = format!("control input `{input}` has {} controls, expected 1", several.len());
            return Err(TextError::new(place, problem));
        }
    };
    fields.finish()?;
    Ok(SequenceControl { input, says })
}

/// A name that is there.
fn named(fields: &mut Fields<'_>, name: &'static str) -> Result<String, TextError> {
    fields.string(name)?.filter(|text| !text.is_empty()).ok_or_else(|| {
        TextError::new(fields.position(name), format!("`{name}` is missing in `sequence_batching`"))
    })
}

fn says(message: &Message, input: &str) -> Result<ControlKind, TextError> {
    let mut fields = message.fields("Control");
    // The first enumerator is meant where none is written.
    let kind = fields.word("kind")?.unwrap_or_else(|| "CONTROL_SEQUENCE_START".to_owned());
    let says = match kind.as_str() {
        "CONTROL_SEQUENCE_START" => ControlKind::Flag(SequenceFlag::Start, flag(&mut fields, input)?),
        "CONTROL_SEQUENCE_END" => ControlKind::Flag(SequenceFlag::End, flag(&mut fields, input)?),
        "CONTROL_SEQUENCE_READY" => ControlKind::Flag(SequenceFlag::Ready, flag(&mut fields, input)?),
        "CONTROL_SEQUENCE_CORRID" => ControlKind::Id(id_type(&mut fields, input)?),
        other => {
            let problem = format!("`kind` is `{other}`, expected one such as CONTROL_SEQUENCE_START");
            return Err(TextError::new(fields.position("kind"), problem));
        }
    };
    fields.finish()?;
    Ok(says)
}

fn flag(fields: &mut Fields<'_>, input: &str) -> Result<FlagValues, TextError> {
    let int32 = fields.integers("int32_false_true")?;
    let fp32 = fields.numbers("fp32_false_true")?;
    let bools = fields.bools("bool_false_true")?;
    let whole = |value: i64| {
        i32::try_from(value).map_err(|_| {
            let problem =
                format!("`int32_false_true` of `{input}` has {value}, expected a number of 32 bits");
            TextError::new(fields.position("int32_false_true"), problem)
        })
    };
    match (int32.as_slice(), fp32.as_slice(), bools.as_slice()) {
        ([no, yes], [], []) => Ok(FlagValues::Int32([whole(*no)?, whole(*yes)?])),
        ([], [no, yes], []) => Ok(FlagValues::Fp32([*no as f32, *yes as f32])),
        ([], [], [no, yes]) => Ok(FlagValues::Bool([*no, *yes])),
        _ => {
            let problem = format!(
                "control input `{input}` needs two values in one of `int32_false_true`, `fp32_false_true` and \
                 `bool_false_true`"
            );
            Err(TextError::new(fields.position("kind"), problem))
        }
    }
}

fn id_type(fields: &mut Fields<'_>, input: &str) -> Result<DType, TextError> {
    let word = fields.word("data_type")?.unwrap_or_default();
    dtype(&word).filter(|dtype| ID_TYPES.contains(dtype)).ok_or_else(|| {
        let problem = format!(
            "`data_type` of control input `{input}` is `{word}`, expected TYPE_UINT64, TYPE_INT64, TYPE_UINT32, \
             TYPE_INT32 or TYPE_STRING"
        );
        TextError::new(fields.position("data_type"), problem)
    })
}

fn state(message: &Message) -> Result<SequenceState, TextError> {
    let mut fields = message.fields("State");
    let (input, output) = (named(&mut fields, "input_name")?, named(&mut fields, "output_name")?);
    for switch in ["use_same_buffer_for_input_output", "use_growable_memory"] {
        if fields.bool(switch)? == Some(true) {
            let problem =
                format!("`{switch}` of state `{input}` is not supported: a state is replaced as a whole");
            return Err(TextError::new(fields.position(switch), problem));
        }
    }
    let dtype = data_type(&mut fields, &input)?;
    let dims = dims(&mut fields, &input, -1)?;
    let place = fields.position("initial_state");
    let initial = match fields.messages("initial_state")?.as_slice() {
        [] => None,
        [one] => Some(initial_state(one, (&input, dtype, &dims))?),
        several => {
            let problem = format!("state `{input}` has {} initial states, expected 1", several.len());
            return Err(TextError::new(place, problem));
        }
    };
    fields.finish()?;
    Ok(SequenceState { input, output, dtype, dims, initial })
}

fn data_type(fields: &mut Fields<'_>, state: &str) -> Result<DType, TextError> {
    let word = fields.word("data_type")?.unwrap_or_default();
    dtype(&word).ok_or_else(|| {
        let problem = format!("`data_type` of state `{state}` is `{word}`, expected one such as TYPE_FP32");
        TextError::new(fields.position("data_type"), problem)
    })
}

fn dims(fields: &mut Fields<'_>, state: &str, least: i64) -> Result<Vec<i64>, TextError> {
    let dims = fields.integers("dims")?;
    match dims.iter().find(|dim| **dim < least || **dim == 0) {
        None => Ok(dims),
        Some(dim) => {
            let expected = if least < 0 { "-1 or at least 1" } else { "at least 1" };
            let problem = format!("`dims` of state `{state}` has {dim}, expected {expected}");
            Err(TextError::new(fields.position("dims"), problem))
        }
    }
}

fn initial_state(
    message: &Message,
    (state, dtype, dims_of_state): (&str, DType, &[i64]),
) -> Result<InitialState, TextError> {
    let mut fields = message.fields("InitialState");
    let name = named(&mut fields, "name")?;
    let wrong = |fields: &Fields<'_>, field, problem| Err(TextError::new(fields.position(field), problem));
    if data_type(&mut fields, state)? != dtype {
        let problem = format!("`data_type` of the initial state of `{state}` is not that of the state");
        return wrong(&fields, "data_type", problem);
    }
    let dims = dims(&mut fields, state, 1)?;
    let fits = |(own, state): (&i64, &i64)| *state == -1 || own == state;
    if dims.len() != dims_of_state.len() || !dims.iter().zip(dims_of_state).all(fits) {
        let problem =
            format!("`dims` of the initial state of `{state}` are {dims:?}, expected {dims_of_state:?}");
        return wrong(&fields, "dims", problem);
    }
    let (zero, file) = (fields.bool("zero_data")?, fields.string("data_file")?);
    let file = match (zero, file) {
        (Some(_), None) => None,
        (None, Some(file)) if wharf_bundle::check_file_name(&file).is_ok() => Some(file),
        (None, Some(_)) => {
            let problem = "`data_file` is no plain name of a file in the folder `initial_state`".to_owned();
            return wrong(&fields, "data_file", problem);
        }
        _ => {
            let problem = format!("the initial state of `{state}` has one of `zero_data` and `data_file`");
            return wrong(&fields, "zero_data", problem);
        }
    };
    fields.finish()?;
    Ok(InitialState { name, dims, file })
}
