use std::collections::HashMap;

use sangam_mesh_node::node::LinkView;
use sangam_mesh_proto::{LinkState, PeerId};

/// Who is linked with whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MeshShape {
    /// Links of each living node that carry messages.
    pub(super) degrees: Vec<usize>,
    /// Living nodes in the part of the mesh where the first is.
    pub(super) together: usize,
}

impl MeshShape {
    /// `links` by node, as `ids` have them; `is_alive` of those that count.
    pub(super) fn of(ids: &[PeerId], links: &[Vec<LinkView>], is_alive: impl Fn(usize) -> bool) -> Self {
        let numbers: HashMap<&PeerId, usize> = ids.iter().enumerate().map(|(number, id)| (id, number)).collect();
        let open = |links: &Vec<LinkView>| -> Vec<usize> {
            let open = links.iter().filter(|link| link.state == LinkState::Open && link.channel_open);
            open.filter_map(|link| numbers.get(&link.peer).copied()).filter(|peer| is_alive(*peer)).collect()
        };
        Self::of_graph(&links.iter().map(open).collect::<Vec<_>>(), &is_alive)
    }

    fn of_graph(graph: &[Vec<usize>], is_alive: &impl Fn(usize) -> bool) -> Self {
        let alive: Vec<usize> = (0..graph.len()).filter(|peer| is_alive(*peer)).collect();
        let mut seen = vec![false; graph.len()];
        let mut to_visit: Vec<usize> = alive.first().copied().into_iter().collect();
        let mut together = 0;
        while let Some(peer) = to_visit.pop() {
            if std::mem::replace(&mut seen[peer], true) {
                continue;
            }
            together += 1;
            to_visit.extend(graph[peer].iter().filter(|next| !seen[**next]));
        }
        Self { degrees: alive.iter().map(|peer| graph[*peer].len()).collect(), together }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.together == self.degrees.len()
    }

    /// Ends of links.
    pub(super) fn ends(&self) -> usize {
        self.degrees.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_in_two_parts_is_not_connected() {
        let parts = [vec![1], vec![0], vec![3], vec![2]];
        let shape = MeshShape::of_graph(&parts, &|_| true);
        assert_eq!((shape.together, shape.is_connected(), shape.ends()), (2, false, 4));
        let one = [vec![1], vec![0, 2], vec![1, 3], vec![2]];
        assert!(MeshShape::of_graph(&one, &|_| true).is_connected());
        assert!(!MeshShape::of_graph(&[vec![1], vec![0], vec![]], &|_| true).is_connected());
        assert!(MeshShape::of_graph(&[vec![1], vec![0], vec![]], &|peer| peer < 2).is_connected());
    }
}
