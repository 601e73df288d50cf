//! Texts, numbers and whole calls that have broken some program before.

use crate::call::Argument;

/// Texts that a line may hold, hard to quote, to fold or to show.
pub(crate) const LINES: &[&str] = &[
    "a",
    "ACME",
    "'; DROP TABLE clients; --",
    "' OR '1'='1",
    "\"quoted\" `and` ''twice''",
    "$1 ?1 :name @p1 %s %n {0} ${jndi:ldap://x} {{turn_1.id}}",
    "back\\slash \\' \\x00 \\N E'\\n'",
    "100%",
    "a_b%c*d?[e]",
    "NULL",
    "null",
    "true",
    "0",
    "1e5",
    "{a,b}",
    "{\"a\":1}",
    "[\"a\",null]",
    "(a,b)",
    "İstanbul",
    "i\u{307}stanbul",
    "ısı IĞDIR",
    "ΌΔΟΣ ὀδός",
    "Straße STRASSE ẞ",
    "\u{212a}elvin \u{2126} \u{212b}",
    "ǅ ǆ Ǆ ﬁ ŉ ǰ",
    "é e\u{301} E\u{301}",
    "\u{feff}mark",
    "a\u{200f}b\u{202e}c\u{2066}d",
    "a\u{200b}b\u{200d}c\u{ad}d",
    "a\u{a0}b\u{3000}c",
    "שלום عالم",
    "日本語 漢字",
    "👩‍👩‍👧 🏳️‍🌈 𝒜",
    "\u{e000}\u{fffd}\u{ffff}\u{10ffff}",
    "Z͑ͫa̴l̷g̶o",
    "ꭰ Ꭰ 𐐀 𐐨 Ა ა",
];

/// Texts that no line may hold, or that become another one.
pub(crate) const NO_LINES: &[&str] = &[
    "",
    " ",
    "\u{a0}\u{3000}",
    " padded ",
    "\u{2003}wide\u{2003}",
    "two\nlines",
    "a\tb",
    "a\rb",
    "nul\0inside",
    "\u{1}",
    "\u{1b}[31mred",
    "a\u{7f}b",
    "a\u{85}b",
    "a\u{2028}b",
];

/// Texts of the greatest length that something takes, or one character longer.
pub(crate) const LENGTHS: &[(&str, usize)] = &[
    ("x", 200),
    ("x", 201),
    ("İ", 200),
    ("𝒜", 200),
    ("𝒜", 201),
    ("x", 254),
    ("x", 10_000),
    ("x", 10_001),
    ("ß", 10_000),
    ("𝒜", 10_000),
    ("𝒜", 10_001),
    ("\\", 10_000),
    ("x", 70_000),
];

/// JSON that hardly any argument takes, and some that is none.
pub(crate) const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e308",
    "-0.0",
    "1e400",
    "18446744073709551616",
    "\"\"",
    "\"1\"",
    "[]",
    "{}",
    "[null]",
    "[[\"a\"]]",
    "{\"a\":{\"b\":[1,2,{}]}}",
    "{\"a\":1,\"a\":2}",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u0041\\/\\b\"",
    "\"\u{1}\"",
    "01",
    "NaN",
    "'a'",
    "undefined",
    "1,",
];

/// What comes in the place of an object of arguments.
pub(crate) const BARE: &[&str] = &[
    "",
    "{}",
    "null",
    "[]",
    "\"{}\"",
    "{",
    "{}{}",
    "{\"a\"}",
    "{\"name\":\"a\",}",
    "{name:\"a\"}",
    "\u{feff}{}",
    " \n{ }\t",
    "{\"\\ud800\":1}",
    "nul\0",
];

/// Names that no argument has.
pub(crate) const NAMES: &[&str] = &[
    "",
    "Name",
    "nmae",
    "account_id",
    "__proto__",
    "id",
    "name\0",
    "name\"; DROP TABLE quotes; --",
    "ＮＡＭＥ",
    "created_date",
    "client_id",
    "quote_id",
];

/// Names that no tool has.
pub(crate) const TOOLS: &[&str] = &[
    "",
    "CLIENT_SEARCH",
    "client_search ",
    "clientsearch",
    "drop_table",
    "'; DROP TABLE notes; --",
    "quote\0search",
    "modify_contract",
];

/// Keys that name nothing, or in another spelling than ours.
pub(crate) const KEYS: &[&str] = &[
    "00000000-0000-8000-8000-00000000dead",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "OPP-1",
    "",
    "7f4662edd5484587b9f9944f9e3c073c",
    "{7f4662ed-d548-4587-b9f9-944f9e3c073c}",
    "7f4662ed-d548-4587-b9f9-944f9e3c073c ",
    "7f4662ed-d548-4587-b9f9-944f9e3c073\u{661}",
    "' OR '1'='1",
];

/// Amounts at the limits and beyond them, as JSON.
pub(crate) const AMOUNTS: &[&str] = &[
    "1",
    "0.01",
    "0.1",
    "1e7",
    "1E+7",
    "10000000.00",
    "9999999.99",
    "1e-2",
    "0.3",
    "1234567.89",
    "0",
    "-0.0",
    "-1",
    "-0.01",
    "0.001",
    "0.30000000000000004",
    "10000000.01",
    "10000001",
    "999999999999.99",
    "1000000000000",
    "1e308",
    "1e-400",
    "18446744073709551615",
    "123456789012345678901234567890",
    "\"100\"",
    "\"1,000\"",
];

/// Percentages, as JSON.
pub(crate) const PERCENTAGES: &[&str] = &[
    "1", "99", "50.0", "5e1", "0", "100", "-1", "0.5", "50.5", "1e2", "\"50\"", "9.9e1",
];

/// Counts, as JSON.
pub(crate) const COUNTS: &[&str] = &[
    "1",
    "0",
    "2",
    "50",
    "199",
    "200",
    "201",
    "3.0",
    "1e1",
    "1.5",
    "-1",
    "-0",
    "4294967295",
    "4294967296",
    "1e300",
    "\"5\"",
    "true",
];

/// Dates and what looks like some; the episode's today is 2026-01-15.
pub(crate) const DATES: &[&str] = &[
    "2026-01-15",
    "2026-01-16",
    "2028-02-29",
    "9999-12-31",
    "2026-01-14",
    "2024-02-29",
    "2023-02-29",
    "1900-02-29",
    "2000-02-29",
    "1582-10-10",
    "0001-01-01",
    "0000-01-01",
    "10000-01-01",
    "-0001-01-01",
    "2026-04-31",
    "2026-13-01",
    "2026-1-5",
    "01/15/2026",
    "20260115",
    "2026-01-16T00:00:00Z",
    "2026-01-16 10:00",
    "２０26-01-16",
    "infinity",
    "today",
    "",
];

/// Instants and what looks like some; the episode's clock stands at 2026-01-15T09:00:00Z.
pub(crate) const INSTANTS: &[&str] = &[
    "2026-01-15T09:00:00Z",
    "2025-06-30T23:59:59.999999Z",
    "2025-06-30t12:00:00.100z",
    "2025-06-30T12:00:00+14:00",
    "2025-06-30T12:00:00.000001-12:00",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59.5Z",
    "2026-01-15T09:00:00.000001Z",
    "2025-06-30T12:00:00.1234567Z",
    "2016-12-31T23:59:60Z",
    "2025-06-30T24:00:00Z",
    "0000-12-31T23:59:59Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59Z",
    "2025-06-30T12:00:00",
    "2025-06-30",
    "2025-06-30 12:00:00Z",
    "infinity",
    "now",
];

pub(crate) const EMAILS: &[&str] = &[
    "O'Neil+sales@mail.example",
    "A.B@X-Y.example",
    "a%_b@x.example",
    "a@b",
    "ä@x.example",
    "a b@x.example",
    " a@x.example",
    "a@x..example",
    "a@x.example\n",
];

pub(crate) const URLS: &[&str] = &[
    "https://files.example/a.pdf",
    "HTTP://files.example:8080/%41?x=1&y='2'#z",
    "https://[::1]:443/x",
    "https://files.example/Übersicht.pdf",
    "https://files.example/\\\"",
    "ftp://files.example",
    "https://user:secret@files.example",
    "javascript:alert(1)",
    "https://files.example/a b",
    "files.example",
];

pub(crate) const FILES: &[&str] = &[
    "a.pdf",
    "Report_2026-01.XLSX",
    "a.b.c.docx",
    "-a.txt",
    "a",
    ".pdf",
    "a.exe",
    "../a.pdf",
    "a b.pdf",
    "ä.pdf",
    "a.pdf\0.txt",
    "con.pdf",
];

/// Arguments of a size or depth that no call may have.
pub(crate) fn monsters() -> Vec<Argument> {
    vec![
        Argument::Repeated("x", 70_000),
        Argument::Repeated("\u{1}", 12_000),
        Argument::Nested(20),
        Argument::Nested(126),
        Argument::Nested(2_000),
    ]
}
