//! The cases, each stated once for both databases: a legal row of each table, and for each CHECK
//! what it refuses and what it takes.

use proctor_crm::{Entity, Kind};

/// A value as each database writes it. Nothing where a case says nothing about a database.
#[derive(Clone)]
pub(crate) struct Literal {
    pub(crate) sqlite: Option<String>,
    pub(crate) postgres: Option<String>,
}

/// A value that both write alike.
pub(crate) fn same(sql: &str) -> Literal {
    each(sql, sql)
}

/// A value that they write differently.
pub(crate) fn each(sqlite: &str, postgres: &str) -> Literal {
    Literal {
        sqlite: Some(sqlite.to_owned()),
        postgres: Some(postgres.to_owned()),
    }
}

/// Another spelling of what has one spelling only, since SQLite keeps it as text. PostgreSQL
/// keeps no spelling, and may read this one.
fn spelling(sql: &str) -> Literal {
    Literal {
        sqlite: Some(sql.to_owned()),
        postgres: None,
    }
}

/// A value of a type that only PostgreSQL has.
fn postgres(sql: &str) -> Literal {
    Literal {
        sqlite: None,
        postgres: Some(sql.to_owned()),
    }
}

/// An amount: SQLite counts in cents.
fn money(cents: i64) -> Literal {
    let sign = if cents < 0 { "-" } else { "" };
    let (units, rest) = (cents.abs() / 100, cents.abs() % 100);
    each(&cents.to_string(), &format!("{sign}{units}.{rest:02}"))
}

/// Bytes, which no column holds.
pub(crate) fn bytes() -> Literal {
    each("X'00'", r"'\x00'::bytea")
}

fn all(literals: &[&str], literal: fn(&str) -> Literal) -> Vec<Literal> {
    literals.iter().map(|sql| literal(sql)).collect()
}

/// A key that no record has.
pub(crate) const OTHER: &str = "'00000000-0000-8000-8000-0000000000ff'";

/// The key of an entity's legal row. It ends in the number of the entity.
pub(crate) fn key(entity: Entity) -> Literal {
    same(&format!(
        "'00000000-0000-8000-8000-00000000000{}'",
        entity as u8
    ))
}

/// A legal row of each table, on which every case varies one column.
pub(crate) fn legal(entity: Entity) -> Vec<(&'static str, Literal)> {
    let cells = match entity {
        Entity::Client => vec![
            ("name", same("'Acme'")),
            ("email", same("'a@b.example'")),
            ("status", same("'Active'")),
        ],
        Entity::Company => vec![("name", same("'Acme'"))],
        Entity::Contact => vec![
            ("first_name", same("'Ada'")),
            ("last_name", same("'Byron'")),
        ],
        Entity::Opportunity => vec![
            ("name", same("'Deal'")),
            ("stage", same("'Proposal'")),
            ("amount", money(1)),
        ],
        Entity::Quote => vec![
            ("name", same("'Quote'")),
            ("amount", money(1)),
            ("status", same("'Draft'")),
        ],
        Entity::Contract => vec![
            ("status", same("'Active'")),
            ("start_date", same("'2025-02-28'")),
        ],
        Entity::Document => vec![
            ("entity_type", same("'Quote'")),
            ("entity_id", key(Entity::Quote)),
            ("file_name", same("'a.pdf'")),
        ],
        Entity::Note => vec![
            ("entity_type", same("'Contact'")),
            ("entity_id", key(Entity::Contact)),
            ("content", same("'Text'")),
        ],
    };
    let references = entity.columns().iter().filter_map(|column| {
        let Kind::Reference(target) = column.kind else {
            return None;
        };
        Some((column.name, key(target)))
    });
    let own = [(entity.key(), key(entity))];
    own.into_iter().chain(cells).chain(references).collect()
}

/// What a column refuses and what it takes.
pub(crate) struct Check {
    /// Name of the constraint; what stands before the first `_` is the table.
    pub(crate) name: &'static str,
    pub(crate) column: &'static str,
    pub(crate) refused: Vec<Literal>,
    pub(crate) taken: Vec<Literal>,
}

/// All CHECKs but those of enumerated columns, which the crm crate declares.
pub(crate) fn checks() -> Vec<Check> {
    let mut checks = vec![
        case("companies_contacts", "contacts", lists()),
        case(
            "opportunities_probability",
            "probability",
            (
                all(&["0", "100", "-1", "'1.5'", "'x'", "''", "99999"], same),
                all(&["1", "99", "NULL"], same),
            ),
        ),
        case("opportunities_amount", "amount", amounts()),
        case("quotes_amount", "amount", amounts()),
        case("contracts_value", "value", amounts()),
        case("opportunities_close_date", "close_date", days()),
        case("quotes_valid_until", "valid_until", days()),
        case("contracts_start_date", "start_date", days()),
        // Days before the start are refused by the next one.
        case(
            "contracts_end_date",
            "end_date",
            (
                days().0,
                all(&["'2028-02-29'", "'9999-12-31'", "NULL"], same),
            ),
        ),
        case(
            "contracts_order",
            "end_date",
            (
                all(&["'2025-02-27'", "'0001-01-01'"], same),
                all(&["'2025-02-28'", "NULL"], same),
            ),
        ),
        case("clients_created_date", "created_date", instants()),
        case("quotes_created_date", "created_date", instants()),
        case("documents_uploaded_at", "uploaded_at", instants()),
        case("notes_created_at", "created_at", instants()),
        case("documents_file_name", "file_name", file_names()),
    ];
    for (name, column) in [
        ("clients_name", "name"),
        ("companies_name", "name"),
        ("contacts_first_name", "first_name"),
        ("contacts_last_name", "last_name"),
        ("opportunities_name", "name"),
        ("quotes_name", "name"),
        ("notes_content", "content"),
    ] {
        checks.push(case(name, column, filled()));
    }
    for (name, column) in [
        ("clients_client_id", "client_id"),
        ("companies_company_id", "company_id"),
        ("contacts_contact_id", "contact_id"),
        ("opportunities_opportunity_id", "opportunity_id"),
        ("quotes_quote_id", "quote_id"),
        ("contracts_contract_id", "contract_id"),
        ("documents_document_id", "document_id"),
        ("notes_note_id", "note_id"),
    ] {
        checks.push(case(name, column, keys()));
    }
    checks
}

/// What is refused, and what is taken.
type Values = (Vec<Literal>, Vec<Literal>);

fn case(name: &'static str, column: &'static str, (refused, taken): Values) -> Check {
    Check {
        name,
        column,
        refused,
        taken,
    }
}

fn filled() -> Values {
    (
        all(
            &[
                "''",
                "'  '",
                "'\t\n\r '",
                "'\u{a0}\u{3000}\u{2003}\u{2028}'",
            ],
            same,
        ),
        all(&["'x'", "' x '", "'é'", "'日'", "'\u{200b}'"], same),
    )
}

fn keys() -> Values {
    let mut refused = all(
        &["'1'", "''", "'00000000-0000-8000-8000-0000000000011'", "1"],
        same,
    );
    refused.extend(all(&["'{00000000-0000-8000-8000-0000000000ff}'"], spelling));
    (refused, all(&[OTHER], same))
}

fn amounts() -> Values {
    let mut refused: Vec<_> = [0, -1, 1_000_000_001, 100_000_000_000_000]
        .map(money)
        .into();
    refused.extend(all(&["'x'", "''", "'NaN'", "'Infinity'"], same));
    // Cents are whole by themselves; PostgreSQL rounds to them before it looks at the range.
    refused.extend(all(&["0.0049", "10000000.005"], postgres));
    let mut taken: Vec<_> = [1, 2, 1_000_000_000].map(money).into();
    taken.extend(all(&["0.005", "10000000.0049"], postgres));
    (refused, taken)
}

fn lists() -> Values {
    let mut refused = all(&["''", "'x'", "'[1'", "'\"a\"'", "'null'", "1"], same);
    refused.push(each("'{}'", "'{{a},{b}}'"));
    // Texts one after the other, counted from 1: whatever else an array can be.
    refused.extend(all(
        &["'{a,NULL}'", "'{NULL}'", "'[0:1]={a,b}'", "'{{a}}'"],
        postgres,
    ));
    let taken = vec![
        each("'[]'", "'{}'"),
        each("'[\"a\"]'", "'{a}'"),
        each("'[\"a\",\"NULL\",\"\"]'", "'{a,\"NULL\",\"\"}'"),
        same("NULL"),
    ];
    (refused, taken)
}

fn days() -> Values {
    let mut refused = all(
        &[
            "''",
            "'x'",
            "'2025-02-29'",
            "'2025-13-01'",
            "'2025-00-10'",
            "'0000-01-01'",
            "'10000-01-01'",
            "'0001-12-31 BC'",
            "'infinity'",
            "'-infinity'",
            "20250101",
        ],
        same,
    );
    refused.extend(all(
        &[
            "'now'",
            "'20250101'",
            "'2025-1-1'",
            "'2025-01-01T00:00:00'",
            "'2460000.5'",
            "'2025-01-01 '",
        ],
        spelling,
    ));
    let taken = all(
        &["'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "NULL"],
        same,
    );
    (refused, taken)
}

fn instants() -> Values {
    let mut refused = all(
        &[
            "''",
            "'x'",
            "'2025-02-29T00:00:00Z'",
            "'2025-01-01T25:00:00Z'",
            "'0000-12-31T23:59:59Z'",
            "'10000-01-01T00:00:00Z'",
            "'0001-12-31T23:59:59Z BC'",
            "'infinity'",
            "'-infinity'",
            "20250101",
        ],
        same,
    );
    refused.extend(all(
        &[
            "'now'",
            "'2025-01-01'",
            "'2025-01-01T00:00:00'",
            "'2025-01-01 00:00:00Z'",
            "'2025-01-01t00:00:00Z'",
            "'2025-01-01T00:00:00z'",
            "'2025-01-01T00:00:00+00:00'",
            "'2025-01-01T24:00:00Z'",
            "'2025-01-01T00:00:60Z'",
            "'2025-01-01T00:00:00.Z'",
            "'2025-01-01T00:00:00.0Z'",
            "'2025-01-01T00:00:00.10Z'",
            "'2025-01-01T00:00:00.1234567Z'",
            "'2025-01-01T00:00:00.12x4Z'",
            "'2025-01-01T00:00:00.1ZZ'",
            "'2025-01-01T00:00:00.123'",
            "'2025-01-01T00:00:00Zx'",
        ],
        spelling,
    ));
    // What an offset takes out of the years 1 to 9999 in UTC.
    refused.extend(all(
        &["'0001-01-01T00:00:00+01'", "'9999-12-31T23:59:59-01'"],
        same,
    ));
    let taken = all(
        &[
            "'2025-01-01T00:00:00Z'",
            "'2024-02-29T23:59:59.000001Z'",
            "'0001-01-01T00:00:00Z'",
            "'0001-01-01T00:00:00.5Z'",
            "'9999-12-31T23:59:59.999999Z'",
            "NULL",
        ],
        same,
    );
    (refused, taken)
}

fn file_names() -> Values {
    (
        all(
            &[
                "''",
                "'a'",
                "'.pdf'",
                "'a.exe'",
                "'a b.pdf'",
                "'a/b.pdf'",
                "'../a.pdf'",
                "'é.pdf'",
                // The Kelvin sign's lower case is an ASCII letter.
                "'a.\u{212a}ey'",
                "'a.pdf.'",
                "'apdf'",
                "'a.pdf\n'",
                "'\na.pdf'",
                "'a.xls'",
            ],
            same,
        ),
        all(
            &[
                "'a.csv'",
                "'a.doc'",
                "'a.docx'",
                "'a.key'",
                "'A_1-2.PDF'",
                "'..pdf'",
                "'a.b.ppt'",
                "'a.pptx'",
                "'a.txt'",
                "'a.xlsx'",
            ],
            same,
        ),
    )
}
