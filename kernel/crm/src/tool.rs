//! What a tool is to those who call it: a name, a purpose, hints and arguments.

use serde::Serialize;
use serde_json::Map;

use crate::act::{self, Plan};
use crate::catalog::TOOLS;
use crate::{Code, Column, Context, Entity, Kind, Refusal, spelling};

/// One thing that an agent can ask of the CRM: a verb for an entity.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// Name to call it by.
    pub name: &'static str,
    /// Other names that the customer has for it.
    pub aliases: &'static [&'static str],
    /// Name for people.
    pub title: &'static str,
    /// What it does, for people and agents.
    pub description: &'static str,
    /// What a caller may expect of it.
    pub annotations: Annotations,
    pub(crate) verb: Verb,
    pub(crate) entity: Entity,
}

/// What a caller may expect of a tool; the words are those of the Model Context Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Annotations {
    /// It changes nothing.
    #[serde(rename = "readOnlyHint")]
    pub read_only: bool,
    /// It replaces or removes what was recorded, rather than only adding to it.
    #[serde(rename = "destructiveHint")]
    pub destructive: bool,
    /// The same call again changes nothing more.
    #[serde(rename = "idempotentHint")]
    pub idempotent: bool,
}

/// What a tool does with its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Makes a record.
    Create(Creation),
    /// Changes fields of a record.
    Modify,
    /// Removes a record and what hangs on it.
    Delete,
    /// Cancels a quote.
    Cancel,
    /// Copies a record.
    Clone,
    /// Shows a record and its surroundings.
    Details,
    /// Sets quotes side by side: by amount, or by every column.
    Compare(Comparison),
    /// Finds records by their fields.
    Search,
    /// Counts and totals opportunities.
    Summarize,
    /// Lists the prefixes of quotes.
    Prefixes,
}

/// How a creating tool departs from its entity's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Creation {
    /// Columns that storage lets be empty and the tool does not.
    pub(crate) demanded: &'static [&'static str],
    /// Required columns that the rules fill in when the call leaves them out.
    pub(crate) defaulted: &'static [&'static str],
    /// Columns that the clock fills in and the call cannot.
    pub(crate) stamped: &'static [&'static str],
}

/// What a comparison of quotes says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Lowest and highest amount.
    Amounts,
    /// Every column that differs.
    Columns,
}

/// One argument of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// Whether every call must have it.
    pub required: bool,
    /// What it means.
    pub doc: &'static str,
    /// What it holds.
    pub kind: ArgumentKind,
}

/// What an argument holds.
#[derive(Clone, Copy, Debug)]
pub enum ArgumentKind {
    /// The value of a column.
    Column(&'static Column),
    /// A new value of a column, or null to clear one that is not required.
    Update(&'static Column),
    /// A value to find a column by.
    Filter(&'static Column),
    /// Keys of several records of an entity.
    Ids(Entity),
    /// An object of new values, by column.
    Updates(Entity),
    /// An object of values to find records by, by column.
    Criteria(Entity),
    /// A whole number within limits.
    Whole {
        /// Least.
        least: u32,
        /// Most.
        most: u32,
        /// What it is when left out.
        default: u32,
    },
}

/// Most rows that one search returns.
pub(crate) const LIMIT_MAX: u32 = 200;
/// How many rows a search returns when not told.
pub(crate) const LIMIT_DEFAULT: u32 = 50;
/// Fewest and most quotes that one comparison takes.
pub(crate) const COMPARED: std::ops::RangeInclusive<usize> = 2..=10;

impl Tool {
    /// All tools.
    #[must_use]
    pub fn all() -> &'static [Self] {
        TOOLS
    }

    /// The tool with this name or alias.
    ///
    /// # Errors
    /// When there is none; the refusal names the nearest.
    pub fn named(name: &str) -> Result<&'static Self, Refusal> {
        let known = |tool: &&Self| tool.name == name || tool.aliases.contains(&name);
        TOOLS.iter().find(known).ok_or_else(|| {
            let names = TOOLS
                .iter()
                .flat_map(|tool| std::iter::once(tool.name).chain(tool.aliases.iter().copied()));
            let nearest = spelling::closest(name, names).unwrap_or_default();
            let shown = spelling::quoted(name);
            let message = format!("There is no tool {shown}; the nearest is `{nearest}`.");
            Refusal::new(Code::UnknownTool, "", message)
        })
    }

    /// The arguments it takes, in the order to show them in.
    #[must_use]
    pub fn arguments(&self) -> Vec<Argument> {
        match self.verb {
            Verb::Create(creation) => self.creation_arguments(creation),
            Verb::Modify => self.modification_arguments(),
            Verb::Delete | Verb::Cancel | Verb::Clone | Verb::Details => vec![self.key_argument()],
            Verb::Compare(_) => vec![Argument {
                name: "quote_ids",
                required: true,
                doc: "Ids of 2 to 10 different quotes.",
                kind: ArgumentKind::Ids(Entity::Quote),
            }],
            Verb::Search => {
                let mut arguments = self.filter_arguments();
                arguments.extend([limit_argument(), offset_argument()]);
                arguments
            }
            Verb::Summarize => self.filter_arguments(),
            Verb::Prefixes => Vec::new(),
        }
    }

    /// Reads a call's arguments and names the rows that answering it needs.
    ///
    /// # Errors
    /// When an argument is unknown, missing, of the wrong shape or in conflict with another.
    /// Values that the rules forbid are refused by [`Plan::apply`], which knows the order.
    pub fn plan(
        &self,
        arguments: &Map<String, serde_json::Value>,
        context: &Context,
    ) -> Result<Plan, Refusal> {
        act::plan(self, arguments, context)
    }

    fn key_argument(&self) -> Argument {
        let column = &self.entity.columns()[0];
        Argument {
            name: column.name,
            required: true,
            doc: column.doc,
            kind: ArgumentKind::Column(column),
        }
    }

    fn creation_arguments(&self, creation: Creation) -> Vec<Argument> {
        let given =
            |column: &&Column| column.kind != Kind::Id && !creation.stamped.contains(&column.name);
        let argument = |column: &'static Column| Argument {
            name: column.name,
            required: (column.required && !creation.defaulted.contains(&column.name))
                || creation.demanded.contains(&column.name),
            doc: column.doc,
            kind: ArgumentKind::Column(column),
        };
        self.entity
            .columns()
            .iter()
            .filter(given)
            .map(argument)
            .collect()
    }

    fn modification_arguments(&self) -> Vec<Argument> {
        let updates = Argument {
            name: "updates",
            required: false,
            doc: "New values by field; the fields can be given as arguments of their own instead.",
            kind: ArgumentKind::Updates(self.entity),
        };
        let field = |column: &'static Column| Argument {
            name: column.name,
            required: false,
            doc: column.doc,
            kind: ArgumentKind::Update(column),
        };
        let fields = self
            .entity
            .columns()
            .iter()
            .filter(|column| is_updatable(column))
            .map(field);
        [self.key_argument(), updates]
            .into_iter()
            .chain(fields)
            .collect()
    }

    fn filter_arguments(&self) -> Vec<Argument> {
        let filter = |column: &'static Column| Argument {
            name: column.name,
            required: false,
            doc: column.doc,
            kind: ArgumentKind::Filter(column),
        };
        let criteria = Argument {
            name: "criteria",
            required: false,
            doc: "Values to search by, by field; the fields can be given as arguments of their own instead.",
            kind: ArgumentKind::Criteria(self.entity),
        };
        self.entity
            .columns()
            .iter()
            .map(filter)
            .chain([criteria])
            .collect()
    }
}

/// Whether an update may change the column: not the key, and not when a record was made.
pub(crate) fn is_updatable(column: &Column) -> bool {
    !matches!(column.kind, Kind::Id | Kind::Timestamp)
}

const fn limit_argument() -> Argument {
    Argument {
        name: "limit",
        required: false,
        doc: "Most records to return.",
        kind: ArgumentKind::Whole {
            least: 1,
            most: LIMIT_MAX,
            default: LIMIT_DEFAULT,
        },
    }
}

const fn offset_argument() -> Argument {
    Argument {
        name: "offset",
        required: false,
        doc: "Records to pass over, in order of id.",
        kind: ArgumentKind::Whole {
            least: 0,
            most: u32::MAX,
            default: 0,
        },
    }
}
