//! Refusals: what the CRM says to a tool call that it rejects.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($variant:ident $name:literal $doc:literal,)*) => {
        /// Why a call was refused. Closed and stable: agents, verifiers and suites depend on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name, as in telemetry and suite files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

codes! {
    UnknownTool "unknown_tool" "No tool has this name.",
    UnknownArgument "unknown_argument" "The tool, or the record it changes, has no such field.",
    MissingArgument "missing_argument" "A required argument is not there.",
    ConflictingArgument "conflicting_argument" "The same field is given twice with different values.",
    WrongType "wrong_type" "The value is of another JSON type than the field's.",
    NotFound "not_found" "No record of the expected entity has this id.",
    Duplicate "duplicate" "Another record already has this unique value.",
    BlankText "blank_text" "The text is empty or only white space.",
    TextTooLong "text_too_long" "The text is longer than the field holds.",
    InvalidCharacter "invalid_character" "The text has a character that the field cannot hold.",
    InvalidEmail "invalid_email" "Not an e-mail address.",
    InvalidUrl "invalid_url" "Not an http or https address.",
    AmountNotPositive "amount_not_positive" "The amount is zero or negative.",
    AmountTooLarge "amount_too_large" "The amount is above the limit.",
    AmountPrecision "amount_precision" "The amount has more than two decimal places.",
    InvalidChoice "invalid_choice" "Not one of the field's legal values.",
    ChoiceCasing "choice_casing" "A legal value in the wrong upper or lower case.",
    ChoiceWhitespace "choice_whitespace" "A value with white space before or after it, where only an exact one counts.",
    ProbabilityOutOfRange "probability_out_of_range" "The probability is not from 1 to 99.",
    ProbabilityFraction "probability_fraction" "The probability is not a whole-number percentage.",
    InvalidDate "invalid_date" "Not a calendar date in the form YYYY-MM-DD.",
    DateWithTime "date_with_time" "A time where only a calendar date belongs.",
    DateInPast "date_in_past" "The date is before the episode's today.",
    DateOrder "date_order" "The end is before the start.",
    InvalidTimestamp "invalid_timestamp" "Not an RFC 3339 time.",
    UnsafeFileName "unsafe_file_name" "The file name has characters other than letters, digits, dot, underscore and hyphen.",
    MissingExtension "missing_extension" "The file name has no extension.",
    UnsupportedExtension "unsupported_extension" "The file's extension is not one that the CRM takes.",
    ClosedOpportunity "closed_opportunity" "A closed opportunity cannot change its stage, amount, probability or closing date.",
    ClientMismatch "client_mismatch" "The two records belong to different clients.",
    NothingToUpdate "nothing_to_update" "The call names no field to change.",
    AlreadyCanceled "already_canceled" "The quote is canceled already.",
    InUse "in_use" "Another record that must not be lost depends on this one.",
    TooFew "too_few" "The list is shorter than the tool needs.",
    TooMany "too_many" "The list or number is larger than the tool takes.",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Code {
    /// The code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// A tool call that the CRM rejects; the state is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// The argument at fault; empty when it is the call as a whole.
    pub field: String,
    /// What a person or agent can act on: what is wrong and what would be right.
    pub message: String,
}

impl Refusal {
    /// A refusal of `field`.
    pub fn new(code: Code, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            field: field.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}: {}", self.code, self.message)
        } else {
            write!(f, "{} ({}): {}", self.code, self.field, self.message)
        }
    }
}
