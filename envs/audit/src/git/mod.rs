//! Git's objects, read without git: an image's repository is not to be trusted with a program.

mod object;
mod pack;
mod store;

pub(crate) use object::{Id, Object, ObjectKind, hash, parse_id};
pub(crate) use pack::each_object;
pub(crate) use store::{Store, ids_of_index};
