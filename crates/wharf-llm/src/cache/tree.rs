//! Which cells hold which tokens, and which sequences share them: a radix tree.
//!
//! A path from a root is the text of a sequence; each node is a run of cells that the same sequences hold. There is one
//! root for each namespace, since the cells of different adapters or callers must never be shared.

use std::collections::HashMap;

use wharf_infer::language::TokenId;

use super::Namespace;
use crate::SequenceId;

type NodeId = usize;

#[derive(Default)]
struct Node {
    parent: Option<NodeId>,
    children: Vec<NodeId>,
    /// The place of the first token in its sequences.
    start: usize,
    tokens: Vec<TokenId>,
    /// Sequences whose path leads through here.
    holders: u32,
    /// Those of them that a request is working on.
    live: u32,
    /// Sequences that end here.
    ends: Vec<SequenceId>,
}

impl Node {
    fn end(&self) -> usize {
        self.start + self.tokens.len()
    }
}

/// A sequence of the decoder: where its path ends.
#[derive(Clone, Copy)]
struct Place {
    node: NodeId,
    is_live: bool,
}

/// A prefix that cells hold already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// A sequence that has it.
    pub(super) sequence: SequenceId,
    /// Tokens of it.
    pub(super) length: usize,
    /// Those of them whose cells a request is working with already.
    pub(super) live: usize,
}

/// The tree.
#[derive(Default)]
pub(super) struct CellTree {
    nodes: Vec<Node>,
    unused: Vec<NodeId>,
    roots: HashMap<Namespace, NodeId>,
    places: HashMap<SequenceId, Place>,
    cells: usize,
    live_cells: usize,
}

impl CellTree {
    /// Cells that any sequence holds.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// Cells that a sequence holds which a request is working on.
    pub(super) fn live_cells(&self) -> usize {
        self.live_cells
    }

    /// Tokens of a sequence.
    pub(super) fn length(&self, sequence: SequenceId) -> usize {
        self.places.get(&sequence).map_or(0, |place| self.nodes[place.node].end())
    }

    /// The tokens of a sequence.
    pub(super) fn tokens(&self, sequence: SequenceId) -> Vec<TokenId> {
        let mut parts = Vec::new();
        let mut at = self.places.get(&sequence).map(|place| place.node);
        while let Some(node) = at {
            parts.push(self.nodes[node].tokens.as_slice());
            at = self.nodes[node].parent;
        }
        parts.into_iter().rev().flatten().copied().collect()
    }

    /// Tokens at the end of a sequence that no other has.
    pub(super) fn own_tail(&self, sequence: SequenceId) -> usize {
        let Some(place) = self.places.get(&sequence) else { return 0 };
        let mut tail = 0;
        let mut at = Some(place.node);
        while let Some(node) = at.filter(|&node| self.nodes[node].holders == 1) {
            tail += self.nodes[node].tokens.len();
            at = self.nodes[node].parent;
        }
        tail
    }

    /// Begins an empty sequence that a request works on.
    pub(super) fn open(&mut self, sequence: SequenceId, namespace: &Namespace) {
        let root = match self.roots.get(namespace) {
            Some(&root) => root,
            None => {
                let root = self.make(Node::default());
                self.roots.insert(namespace.clone(), root);
                root
            }
        };
        self.hold_path(root, true, 1);
        self.nodes[root].ends.push(sequence);
        self.places.insert(sequence, Place { node: root, is_live: true });
    }

    /// Adds tokens to a live sequence.
    pub(super) fn append(&mut self, sequence: SequenceId, tokens: &[TokenId]) {
        let Some(place) = self.places.get(&sequence).copied().filter(|_| !tokens.is_empty()) else { return };
        let node = &mut self.nodes[place.node];
        self.cells += tokens.len();
        self.live_cells += if place.is_live { tokens.len() } else { 0 };
        if node.parent.is_some() && node.holders == 1 {
            node.tokens.extend_from_slice(tokens);
            return;
        }
        let start = node.end();
        let child = self.make(Node {
            parent: Some(place.node),
            start,
            tokens: tokens.to_vec(),
            holders: 1,
            live: u32::from(place.is_live),
            ..Node::default()
        });
        self.nodes[place.node].children.push(child);
        self.move_end(sequence, place.node, child);
    }

    /// Lets the empty live sequence `to` share the first `end` tokens of `from`, in the same namespace.
    pub(super) fn share(&mut self, from: SequenceId, to: SequenceId, end: usize) {
        let (Some(source), Some(target)) = (self.places.get(&from).copied(), self.places.get(&to).copied())
        else {
            return;
        };
        if end == 0 {
            return;
        }
        let mut node = source.node;
        while let Some(parent) = self.nodes[node].parent.filter(|_| self.nodes[node].start >= end) {
            node = parent;
        }
        let node = self.split(node, end);
        let root = target.node;
        self.hold_path(node, target.is_live, 1);
        self.hold_path(root, target.is_live, -1);
        self.move_end(to, root, node);
    }

    /// Forgets the tokens of a sequence from `position` on.
    pub(super) fn truncate(&mut self, sequence: SequenceId, position: usize) {
        let Some(place) = self.places.get(&sequence).copied() else { return };
        let mut node = place.node;
        while let Some(parent) = self.nodes[node].parent.filter(|_| self.nodes[node].start >= position) {
            self.move_end(sequence, node, parent);
            self.let_go(node, place.is_live);
            node = parent;
        }
        if self.nodes[node].end() <= position {
            return;
        }
        let upper = self.split(node, position);
        if upper != node {
            self.move_end(sequence, node, upper);
            self.let_go(node, place.is_live);
        }
    }

    /// Forgets a sequence.
    pub(super) fn close(&mut self, sequence: SequenceId) {
        self.truncate(sequence, 0);
        let Some(place) = self.places.remove(&sequence) else { return };
        let root = &mut self.nodes[place.node];
        root.ends.retain(|&other| other != sequence);
        root.holders -= 1;
        root.live -= u32::from(place.is_live);
        if root.holders == 0 {
            self.roots.retain(|_, &mut node| node != place.node);
            self.recycle(place.node);
        }
    }

    /// Says whether a request is working on a sequence.
    pub(super) fn set_live(&mut self, sequence: SequenceId, is_live: bool) {
        let Some(place) = self.places.get_mut(&sequence).filter(|place| place.is_live != is_live) else {
            return;
        };
        place.is_live = is_live;
        let mut at = Some(place.node);
        while let Some(node) = at {
            let node = &mut self.nodes[node];
            let was_live = node.live > 0;
            node.live = if is_live { node.live + 1 } else { node.live - 1 };
            match (was_live, node.live > 0) {
                (false, true) => self.live_cells += node.tokens.len(),
                (true, false) => self.live_cells -= node.tokens.len(),
                _ => {}
            }
            at = node.parent;
        }
    }

    /// The longest prefix of `tokens` that cells of this namespace hold.
    pub(super) fn find(&self, namespace: &Namespace, tokens: &[TokenId]) -> Option<Match> {
        let root = *self.roots.get(namespace)?;
        let mut best = (0, root);
        let mut open = vec![(root, 0)];
        while let Some((node, length)) = open.pop() {
            for &child in &self.nodes[node].children {
                let common = common_prefix(&self.nodes[child].tokens, &tokens[length..]);
                if length + common > best.0 {
                    best = (length + common, child);
                }
                if common > 0 && common == self.nodes[child].tokens.len() {
                    open.push((child, length + common));
                }
            }
        }
        if best.0 == 0 {
            return None;
        }
        let sequence = self.any_through(best.1)?;
        Some(Match { sequence, length: best.0, live: self.live_to(best.1).min(best.0) })
    }

    /// Tokens from the beginning up to a node's end whose cells a request is working with.
    fn live_to(&self, mut node: NodeId) -> usize {
        while let Some(parent) = self.nodes[node].parent.filter(|_| self.nodes[node].live == 0) {
            node = parent;
        }
        self.nodes[node].end()
    }

    /// The longest whole sequence of this namespace that is a prefix of `tokens`.
    pub(super) fn find_whole(&self, namespace: &Namespace, tokens: &[TokenId]) -> Option<Match> {
        let root = *self.roots.get(namespace)?;
        let mut best: Option<Match> = None;
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            for &child in &self.nodes[node].children {
                let Node { tokens: own, start, ends, .. } = &self.nodes[child];
                if !tokens[*start..].starts_with(own) {
                    continue;
                }
                let length = start + own.len();
                if let Some(&sequence) = ends.first().filter(|_| best.is_none_or(|best| length > best.length))
                {
                    best = Some(Match { sequence, length, live: self.live_to(child).min(length) });
                }
                open.push(child);
            }
        }
        best
    }

    /// A sequence whose path leads through a node.
    fn any_through(&self, mut node: NodeId) -> Option<SequenceId> {
        loop {
            let Node { ends, children, .. } = &self.nodes[node];
            match ends.first() {
                Some(&sequence) => return Some(sequence),
                None => node = *children.first()?,
            }
        }
    }

    /// Makes a node end at `position`, which lies in it, and gives the upper part; what comes after becomes its child.
    fn split(&mut self, lower: NodeId, position: usize) -> NodeId {
        let node = &mut self.nodes[lower];
        let at = position - node.start;
        if at >= node.tokens.len() {
            return lower;
        }
        let rest = node.tokens.split_off(at);
        let head = std::mem::replace(&mut node.tokens, rest);
        let upper = Node {
            parent: node.parent,
            children: vec![lower],
            start: node.start,
            tokens: head,
            holders: node.holders,
            live: node.live,
            ends: Vec::new(),
        };
        node.start = position;
        let upper = self.make(upper);
        if let Some(parent) = self.nodes[lower].parent.replace(upper) {
            let children = &mut self.nodes[parent].children;
            children.retain(|&child| child != lower);
            children.push(upper);
        }
        upper
    }

    /// Counts a sequence in or out on every node from here to the root.
    fn hold_path(&mut self, node: NodeId, is_live: bool, change: i32) {
        let mut at = Some(node);
        while let Some(id) = at {
            let node = &mut self.nodes[id];
            node.holders = node.holders.saturating_add_signed(change);
            if is_live {
                let was_live = node.live > 0;
                node.live = node.live.saturating_add_signed(change);
                match (was_live, node.live > 0) {
                    (false, true) => self.live_cells += node.tokens.len(),
                    (true, false) => self.live_cells -= node.tokens.len(),
                    _ => {}
                }
            }
            at = node.parent;
        }
    }

    /// Counts a sequence out of one node, which goes when it was the last.
    fn let_go(&mut self, id: NodeId, is_live: bool) {
        let node = &mut self.nodes[id];
        node.holders -= 1;
        if is_live {
            node.live -= 1;
            self.live_cells -= if node.live == 0 { node.tokens.len() } else { 0 };
        }
        if node.holders > 0 {
            return;
        }
        self.cells -= node.tokens.len();
        if let Some(parent) = node.parent {
            self.nodes[parent].children.retain(|&child| child != id);
        }
        self.recycle(id);
    }

    fn move_end(&mut self, sequence: SequenceId, from: NodeId, to: NodeId) {
        self.nodes[from].ends.retain(|&other| other != sequence);
        self.nodes[to].ends.push(sequence);
        if let Some(place) = self.places.get_mut(&sequence) {
            place.node = to;
        }
    }

    fn make(&mut self, node: Node) -> NodeId {
        match self.unused.pop() {
            Some(id) => {
                self.nodes[id] = node;
                id
            }
            None => {
                self.nodes.push(node);
                self.nodes.len() - 1
            }
        }
    }

    fn recycle(&mut self, id: NodeId) {
        self.nodes[id] = Node::default();
        self.unused.push(id);
    }
}

/// How many tokens two runs have in common at their beginning.
pub(crate) fn common_prefix(a: &[TokenId], b: &[TokenId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
