//! Trees as the operator `TreeEnsembleRegressor` of `ai.onnx.ml`, whose leaves sum up.

use wharf_onnx::{Attribute, GraphBuilder, Value};

use crate::tree::{Node, Tree};
use crate::{LearnError, LearnErrorKind};

/// Readers refuse models with more fields than ten millions; a node takes eight, a leaf's number four more.
const MAX_NODES: usize = 700_000;

/// Trees that are added up.
pub(crate) struct Ensemble<'a> {
    /// Each tree with the first of the targets that its leaves' numbers are added to.
    pub(crate) trees: Vec<(&'a Tree, usize)>,
    /// How many sums there are.
    pub(crate) targets: usize,
    /// What each sum starts with.
    pub(crate) base: Vec<f32>,
    /// What the leaves' numbers are multiplied by.
    pub(crate) scale: f32,
}

/// The lists that the operator is made of: one entry per node, and one per leaf and number.
#[derive(Default)]
struct Lists {
    tree_ids: Vec<i64>,
    node_ids: Vec<i64>,
    feature_ids: Vec<i64>,
    thresholds: Vec<f32>,
    modes: Vec<&'static str>,
    true_ids: Vec<i64>,
    false_ids: Vec<i64>,
    missing_true: Vec<i64>,
    target_tree_ids: Vec<i64>,
    target_node_ids: Vec<i64>,
    target_ids: Vec<i64>,
    target_weights: Vec<f32>,
}

/// The sums of an ensemble, `[batch, targets]`.
///
/// # Errors
/// There are more nodes than a reader takes.
pub(crate) fn add_trees(
    graph: &mut GraphBuilder,
    features: &Value,
    ensemble: &Ensemble<'_>,
) -> Result<Value, LearnError> {
    let numbers = |tree: &Tree| tree.nodes().len() * (1 + tree.width() / 4);
    let nodes: usize = ensemble.trees.iter().map(|(tree, _)| numbers(tree)).sum();
    if nodes > MAX_NODES {
        let message = format!(
            "the trees have {nodes} nodes, expected at most {MAX_NODES} in a graph; use fewer trees or larger leaves"
        );
        return Err(LearnError::new(LearnErrorKind::Export, message));
    }
    let mut lists = Lists::default();
    for (id, (tree, target)) in ensemble.trees.iter().enumerate() {
        lists.add(id as i64, tree, *target, ensemble.scale);
    }
    let mut attributes = lists.into_attributes();
    attributes.push(Attribute::int("n_targets", ensemble.targets as i64));
    attributes.push(Attribute::text("aggregate_function", "SUM"));
    attributes.push(Attribute::text("post_transform", "NONE"));
    attributes.push(Attribute::floats("base_values", ensemble.base.iter().copied()));
    Ok(graph.ml_node("TreeEnsembleRegressor", &[Some(features)], attributes))
}

impl Lists {
    fn add(&mut self, tree_id: i64, tree: &Tree, first_target: usize, scale: f32) {
        for (id, node) in tree.nodes().iter().enumerate() {
            self.tree_ids.push(tree_id);
            self.node_ids.push(id as i64);
            match node {
                Node::Split(split) => {
                    let children = [i64::from(split.left), i64::from(split.right)];
                    let missing = i64::from(split.missing_left);
                    self.decide(i64::from(split.feature), split.threshold, "BRANCH_LEQ", children, missing);
                }
                Node::Leaf(leaf) => {
                    self.decide(0, 0.0, "LEAF", [0, 0], 0);
                    for (place, value) in tree.values(*leaf).iter().enumerate() {
                        self.target_tree_ids.push(tree_id);
                        self.target_node_ids.push(id as i64);
                        self.target_ids.push((first_target + place) as i64);
                        self.target_weights.push(value * scale);
                    }
                }
            }
        }
    }

    fn decide(&mut self, feature: i64, threshold: f32, mode: &'static str, children: [i64; 2], missing: i64) {
        self.feature_ids.push(feature);
        self.thresholds.push(threshold);
        self.modes.push(mode);
        self.true_ids.push(children[0]);
        self.false_ids.push(children[1]);
        self.missing_true.push(missing);
    }

    fn into_attributes(self) -> Vec<Attribute> {
        vec![
            Attribute::ints("nodes_treeids", self.tree_ids),
            Attribute::ints("nodes_nodeids", self.node_ids),
            Attribute::ints("nodes_featureids", self.feature_ids),
            Attribute::floats("nodes_values", self.thresholds),
            Attribute::texts("nodes_modes", self.modes),
            Attribute::ints("nodes_truenodeids", self.true_ids),
            Attribute::ints("nodes_falsenodeids", self.false_ids),
            Attribute::ints("nodes_missing_value_tracks_true", self.missing_true),
            Attribute::ints("target_treeids", self.target_tree_ids),
            Attribute::ints("target_nodeids", self.target_node_ids),
            Attribute::ints("target_ids", self.target_ids),
            Attribute::floats("target_weights", self.target_weights),
        ]
    }
}
