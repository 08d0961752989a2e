use std::path::Path;

use super::*;
use crate::network::{LayerKind, Shortcut};

const SMALL: &str = r#"
name = "small"
[training]
epochs = 2
batch = 8
[[transform]]
op = "to_float"
[[layers]]
op = "flatten"
[[layers]]
op = "linear"
out_features = 3
name = "out"
"#;

fn problems(text: &str) -> Vec<String> {
    let error = Recipe::parse(text, Path::new("")).unwrap_err();
    error.problems().iter().map(ToString::to_string).collect()
}

#[test]
fn small_recipe_gets_the_defaults() {
    let recipe = Recipe::parse(SMALL, Path::new("recipes")).unwrap();
    assert_eq!((recipe.epochs, recipe.batch, recipe.seed), (2, 8, 1));
    assert_eq!(recipe.data_path(None), Path::new("recipes/."));
    assert_eq!(recipe.data_path(Some(Path::new("/data"))), Path::new("/data"));
    assert!(matches!(recipe.layers[1].kind, LayerKind::Linear { out_features: 3, bias: true, .. }));
    assert_eq!(recipe.layers[1].name.as_deref(), Some("out"));
}

#[test]
fn unknown_keys_are_named_with_the_nearest_right_one() {
    let cases = [
        ("epoch = 3\n[training]", "`epoch` = 3: unknown key `epoch`"),
        ("[training]\nepoch = 3", "`training.epoch` = 3: unknown key `epoch`, did you mean `epochs`?"),
        (
            "[optimiser]\nmomentun = 0.9",
            "`optimiser.momentun` = 0.9: unknown key `momentun`, did you mean `momentum`?",
        ),
        (
            "[optimiser]\nkind = \"sdg\"",
            "`optimiser.kind` = \"sdg\": unknown value `sdg`, did you mean `sgd`?",
        ),
        ("[data]\nlimits = 3", "`data.limits` = 3: unknown key `limits`, did you mean `limit`?"),
    ];
    for (lines, expected) in cases {
        let text = SMALL.replace("[training]\nepochs = 2\nbatch = 8", lines);
        let problems = problems(&text);
        assert!(
            problems.iter().any(|problem| problem.starts_with(expected)),
            "{problems:?} lacks {expected}"
        );
    }
}

#[test]
fn unknown_keys_of_layers_and_steps_carry_their_place() {
    let text = SMALL.replace("out_features = 3", "out_features = 3\nbais = true");
    assert_eq!(problems(&text), ["`layers[1].bais` = true: unknown key `bais`, did you mean `bias`?"]);
    let text = SMALL.replace("op = \"to_float\"", "op = \"to_flaot\"");
    let problems = problems(&text);
    assert!(problems[0].starts_with("`transform[0]`") && problems[0].contains("to_float"), "{problems:?}");
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = r#"
        name = "no/name"
        [training]
        epochs = 0
        batch = "many"
        [optimiser]
        rate = -1
        [[layers]]
        op = "conv"
        kernel = 3
    "#;
    let problems = problems(text);
    for key in ["name", "training.epochs", "training.batch", "optimiser.rate", "layers[0].out_channels"] {
        assert!(
            problems.iter().any(|problem| problem.starts_with(&format!("`{key}`"))),
            "{key}: {problems:?}"
        );
    }
    assert_eq!(problems.len(), 5, "{problems:?}");
}

#[test]
fn syntax_errors_name_the_line() {
    let problems = problems("name = \"x\"\nseed = = 3\n");
    assert!(problems[0].starts_with("`line 2`"), "{problems:?}");
}

#[test]
fn residual_blocks_nest() {
    let text = format!(
        "{SMALL}[[layers]]\nop = \"residual\"\nshortcut = \"projection\"\nlayers = [{{ op = \"relu\" }}, {{ op = \"conv\", out_channels = 2, kernel = [3, 1], strid = 2 }}]\n"
    );
    assert_eq!(
        problems(&text),
        ["`layers[2].layers[1].strid` = 2: unknown key `strid`, did you mean `stride`?"]
    );
    let recipe = Recipe::parse(&text.replace(", strid = 2", ""), Path::new("")).unwrap();
    let LayerKind::Residual { layers, shortcut } = &recipe.layers[2].kind else { panic!("not a residual") };
    assert_eq!((layers.len(), *shortcut), (2, Shortcut::Projection));
}

#[test]
fn batches_schedules_and_losses_are_read() {
    let with = |lines: &str| SMALL.replace("[training]\nepochs = 2\nbatch = 8", lines);
    let text = with(
        "[training]\naccumulate = 4\nclip_norm = 1\nmixup = 0.2\n[schedule]\nkind = \"one_cycle\"\nrise = 0.25\n[loss]\nkind = \"huber\"\ndelta = 0.5",
    );
    let recipe = Recipe::parse(&text, Path::new("")).unwrap();
    let batches = BatchConfig { accumulate: 4, clip: Some(crate::Clip::Norm(1.0)), mixup: Some(0.2) };
    assert_eq!((recipe.batches, recipe.loss), (batches, LossConfig::Huber { delta: 0.5 }));
    let cycle = crate::OneCycle { rise: 0.25, start_divisor: 25.0, final_divisor: 1e4, is_cosine: true };
    assert_eq!(recipe.schedule.decay, crate::Decay::OneCycle(cycle));
    let plateau = with(
        "[schedule]\nkind = \"plateau\"\npatience = 3\n[loss]\nkind = \"binary_cross_entropy\"\npos_weight = [1, 2, 1]",
    );
    let recipe = Recipe::parse(&plateau, Path::new("")).unwrap();
    assert_eq!(recipe.loss, LossConfig::BinaryCrossEntropy { pos_weight: Some(vec![1.0, 2.0, 1.0]) });
    assert!(
        matches!(recipe.schedule.decay, crate::Decay::Plateau(plateau) if plateau.patience == 3 && plateau.factor == 0.1)
    );
    for (lines, expected) in [
        (
            "[training]\nclip_norm = 1\nclip_value = 1",
            "`training.clip_value` = 1: cannot be together with `clip_norm`",
        ),
        ("[training]\nclip_norm = 0", "`training.clip_norm` = 0: expected a number above 0"),
        ("[training]\naccumulate = 0", "`training.accumulate` = 0: expected 1 to 4096"),
        ("[training]\nmixup = -1", "`training.mixup` = -1: expected a number above 0"),
        ("[training]\nmixpu = 1", "`training.mixpu` = 1: unknown key `mixpu`, did you mean `mixup`?"),
        (
            "[schedule]\nkind = \"one_cycle\"\nwarm_up_steps = 3",
            "`schedule.warm_up_steps` = 3: cannot be with `one_cycle`",
        ),
        (
            "[schedule]\nkind = \"one_cycle\"\nrise = 1",
            "`schedule.rise` = 1: expected a number between 0 and 1",
        ),
        (
            "[schedule]\nkind = \"plateau\"\nfactor = 1",
            "`schedule.factor` = 1: expected a number between 0 and 1",
        ),
        ("[loss]\nkind = \"huber\"\ndelta = 0", "`loss.delta` = 0: expected a number above 0"),
        ("[loss]\nkind = \"mse\"\ndelta = 1", "`loss.delta` = 1: unknown key `delta`"),
        (
            "[loss]\nkind = \"binary_cross_entropy\"\npos_weight = [0, 0]",
            "`loss.pos_weight` = [0, 0]: expected numbers of at least 0",
        ),
    ] {
        let problems = problems(&with(lines));
        assert!(problems.len() == 1 && problems[0].starts_with(expected), "{problems:?} lacks {expected}");
    }
}
