//! `sequence_batching` as JSON.

use serde_json::{Value, json};

use crate::proto::inference as wire;
use crate::proto::inference::model_sequence_batching as part;

pub(super) fn of(batching: &wire::ModelSequenceBatching) -> Value {
    let mut document = json!({
        "max_sequence_idle_microseconds": batching.max_sequence_idle_microseconds,
        "control_input": batching.control_input.iter().map(control_input).collect::<Vec<_>>(),
        "state": batching.state.iter().map(state).collect::<Vec<_>>(),
    });
    match &batching.strategy_choice {
        Some(part::StrategyChoice::Direct(direct)) => {
            document["direct"] = json!({
                "max_queue_delay_microseconds": direct.max_queue_delay_microseconds,
                "minimum_slot_utilization": direct.minimum_slot_utilization,
            });
        }
        Some(part::StrategyChoice::Oldest(oldest)) => {
            document["oldest"] = json!({
                "max_candidate_sequences": oldest.max_candidate_sequences,
                "preferred_batch_size": oldest.preferred_batch_size,
                "max_queue_delay_microseconds": oldest.max_queue_delay_microseconds,
                "preserve_ordering": oldest.preserve_ordering,
            });
        }
        None => {}
    }
    document
}

fn control_input(input: &part::ControlInput) -> Value {
    let control = |control: &part::Control| {
        json!({
            "kind": control.kind().as_str_name(),
            "int32_false_true": control.int32_false_true,
            "fp32_false_true": control.fp32_false_true,
            "bool_false_true": control.bool_false_true,
            "data_type": control.data_type().as_str_name(),
        })
    };
    json!({"name": input.name, "control": input.control.iter().map(control).collect::<Vec<_>>()})
}

fn state(state: &part::State) -> Value {
    let initial = |initial: &part::InitialState| {
        let mut document = json!({
            "data_type": initial.data_type().as_str_name(), "dims": initial.dims, "name": initial.name,
        });
        match &initial.state_data {
            Some(part::initial_state::StateData::ZeroData(zero)) => document["zero_data"] = json!(zero),
            Some(part::initial_state::StateData::DataFile(file)) => document["data_file"] = json!(file),
            None => {}
        }
        document
    };
    json!({
        "input_name": state.input_name,
        "output_name": state.output_name,
        "data_type": state.data_type().as_str_name(),
        "dims": state.dims,
        "initial_state": state.initial_state.iter().map(initial).collect::<Vec<_>>(),
    })
}
