//! `sequence_batching` as clients read it.

use std::time::Duration;

use wharf_serve::{
    ControlKind, FlagValues, InitialState, SequenceBatching, SequenceControl, SequenceFlag, SequenceState,
    SequenceStrategy,
};

use super::type_of;
use crate::proto::inference as wire;
use crate::proto::inference::model_sequence_batching as part;

pub(super) fn of(batching: &SequenceBatching) -> wire::ModelSequenceBatching {
    wire::ModelSequenceBatching {
        max_sequence_idle_microseconds: micros(batching.max_idle),
        control_input: batching.controls.iter().map(control).collect(),
        strategy_choice: Some(strategy(&batching.strategy)),
        state: batching.states.iter().map(state).collect(),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn strategy(strategy: &SequenceStrategy) -> part::StrategyChoice {
    match strategy {
        SequenceStrategy::Direct { max_queue_delay, minimum_slot_utilization } => {
            part::StrategyChoice::Direct(part::StrategyDirect {
                max_queue_delay_microseconds: micros(*max_queue_delay),
                minimum_slot_utilization: *minimum_slot_utilization as f32,
            })
        }
        SequenceStrategy::Oldest {
            max_candidate_sequences,
            preferred_batch_size,
            max_queue_delay,
            preserve_ordering,
        } => part::StrategyChoice::Oldest(part::StrategyOldest {
            max_candidate_sequences: count(max_candidate_sequences.unwrap_or_default()),
            preferred_batch_size: preferred_batch_size.iter().map(|size| count(*size)).collect(),
            max_queue_delay_microseconds: micros(*max_queue_delay),
            preserve_ordering: *preserve_ordering,
        }),
    }
}

fn control(control: &SequenceControl) -> part::ControlInput {
    use part::control::Kind;
    let mut says = part::Control::default();
    let kind = match &control.says {
        ControlKind::Id(dtype) => {
            says.set_data_type(type_of(*dtype));
            Kind::ControlSequenceCorrid
        }
        ControlKind::Flag(flag, values) => {
            match values {
                FlagValues::Int32(values) => says.int32_false_true = values.to_vec(),
                FlagValues::Fp32(values) => says.fp32_false_true = values.to_vec(),
                FlagValues::Bool(values) => says.bool_false_true = values.to_vec(),
            }
            match flag {
                SequenceFlag::Start => Kind::ControlSequenceStart,
                SequenceFlag::End => Kind::ControlSequenceEnd,
                SequenceFlag::Ready => Kind::ControlSequenceReady,
            }
        }
    };
    says.set_kind(kind);
    part::ControlInput { name: control.input.clone(), control: vec![says] }
}

fn state(state: &SequenceState) -> part::State {
    let data_type = type_of(state.dtype) as i32;
    let initial = |initial: &InitialState| part::InitialState {
        data_type,
        dims: initial.dims.clone(),
        name: initial.name.clone(),
        state_data: Some(match &initial.file {
            None => part::initial_state::StateData::ZeroData(true),
            Some(file) => part::initial_state::StateData::DataFile(file.clone()),
        }),
    };
    part::State {
        input_name: state.input.clone(),
        output_name: state.output.clone(),
        data_type,
        dims: state.dims.clone(),
        initial_state: state.initial.iter().map(initial).collect(),
    }
}
