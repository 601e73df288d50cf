//! What the databases spell differently; everything else about a statement is said once, in
//! [`crate::search`] and [`crate::wording`].

use proctor_crm::{Column, Kind, Value};

use crate::search::Parameters;

/// How one database spells what all of them can do. Parameters are numbered from 1, in the order
/// in which they stand in the text.
pub(crate) trait Dialect {
    /// A column as it is read.
    fn select(sql: &mut String, column: &Column);

    /// The place of a parameter that holds a value of this kind.
    fn place(sql: &mut String, number: usize, kind: Kind);

    /// That a column of text equals a parameter, ASCII letters compared without case.
    fn equals_ignoring_case(sql: &mut String, column: &Column, number: usize);

    /// That a column of text, or one of its texts, contains a parameter, which is folded.
    fn contains(sql: &mut String, column: &Column, number: usize);

    /// That a column has one of these values, all of its kind and none of them nothing.
    fn one_of<'q>(
        sql: &mut String,
        parameters: &mut Parameters<'q>,
        column: &Column,
        values: Vec<&'q Value>,
    );
}
