//! Tensors as PyTorch stores them, as views of a storage: an offset, and a stride for each dimension.

use bytes::{Bytes, BytesMut};
use wharf_tensor::Shape;

/// Elements of `item` bytes each in a storage.
pub(crate) struct View<'a> {
    pub(crate) storage: &'a Bytes,
    pub(crate) item: usize,
    pub(crate) offset: usize,
    pub(crate) shape: &'a Shape,
    pub(crate) strides: &'a [usize],
}

impl View<'_> {
    /// Whether all elements lie in the storage.
    pub(crate) fn fits(&self) -> bool {
        if self.strides.len() != self.shape.rank() {
            return false;
        }
        if self.shape.num_elements() == 0 {
            return true;
        }
        let steps = self.shape.dims().iter().zip(self.strides);
        let last = steps.into_iter().try_fold(self.offset, |last, (&dim, &stride)| {
            (dim - 1).checked_mul(stride).and_then(|step| last.checked_add(step))
        });
        last.is_some_and(|last| last < self.storage.len() / self.item)
    }

    /// How many bytes [`View::to_contiguous`] has to copy: none where the elements lie in order already.
    pub(crate) fn copied_bytes(&self) -> usize {
        if self.is_contiguous() { 0 } else { self.shape.num_elements() * self.item }
    }

    /// The elements in row-major order, shared where they lie so already. Only for a view that fits.
    pub(crate) fn to_contiguous(&self) -> Bytes {
        let size = self.shape.num_elements() * self.item;
        if size == 0 {
            return Bytes::new();
        }
        if self.is_contiguous() {
            let start = self.offset * self.item;
            return self.storage.slice(start..start + size);
        }
        let mut elements = BytesMut::with_capacity(size);
        let mut index = vec![0_usize; self.shape.rank()];
        let mut place = self.offset;
        for _ in 0..self.shape.num_elements() {
            let start = place * self.item;
            elements.extend_from_slice(&self.storage[start..start + self.item]);
            place = self.advance(&mut index, place);
        }
        elements.freeze()
    }

    /// Counts the index up by one, the last dimension first, and moves the place along.
    fn advance(&self, index: &mut [usize], mut place: usize) -> usize {
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < self.shape.dims()[axis] {
                return place + self.strides[axis];
            }
            place -= self.strides[axis] * (index[axis] - 1);
            index[axis] = 0;
        }
        place
    }

    /// Whether the elements lie in row-major order without gaps; the stride of a dimension of one does not
    /// count.
    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.num_elements() == 0
            || self.shape.dims().iter().zip(self.strides).rev().all(|(&dim, &stride)| {
                let agrees = dim == 1 || stride == expected;
                expected *= dim;
                agrees
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(offset: usize, dims: &[usize], strides: &[usize]) -> (bool, Vec<u8>) {
        let (storage, shape) = (Bytes::from((0..24).collect::<Vec<u8>>()), Shape::new(dims).unwrap());
        let view = View { storage: &storage, item: 2, offset, shape: &shape, strides };
        // The low bytes of 16-bit elements are their places times two.
        let elements = if view.fits() { view.to_contiguous() } else { Bytes::new() };
        (view.fits(), elements.iter().step_by(2).map(|byte| byte / 2).collect())
    }

    #[test]
    fn elements_come_in_row_major_order() {
        for (offset, dims, strides, expected) in [
            (0, &[2, 3][..], &[3, 1][..], vec![0, 1, 2, 3, 4, 5]),
            (6, &[2, 3], &[3, 1], vec![6, 7, 8, 9, 10, 11]),
            (0, &[3, 2], &[1, 3], vec![0, 3, 1, 4, 2, 5]),
            (1, &[2, 2], &[6, 2], vec![1, 3, 7, 9]),
            (0, &[2, 2, 2], &[1, 2, 4], vec![0, 4, 2, 6, 1, 5, 3, 7]),
            (4, &[3], &[0], vec![4, 4, 4]),
            (11, &[], &[], vec![11]),
            (11, &[1, 1], &[99, 99], vec![11]),
            (0, &[0, 5], &[5, 1], vec![]),
            (99, &[0], &[1], vec![]),
        ] {
            assert_eq!(view(offset, dims, strides), (true, expected), "{offset} {dims:?} {strides:?}");
        }
    }

    #[test]
    fn elements_outside_the_storage_are_noticed() {
        for (offset, dims, strides) in [
            (12, &[1][..], &[1][..]),
            (7, &[2, 3], &[3, 1]),
            (0, &[13], &[1]),
            (0, &[2], &[12]),
            (0, &[2], &[usize::MAX]),
            (1, &[2], &[usize::MAX]),
            (usize::MAX, &[2], &[1]),
            (0, &[3], &[usize::MAX / 2 + 1]),
            (0, &[3], &[]),
        ] {
            assert!(!view(offset, dims, strides).0, "{offset} {dims:?} {strides:?}");
        }
    }
}
