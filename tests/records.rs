//! A suite of four tasks over five records, one task for each thing an agent can be asked:
//! to find, to refuse, to change in two turns, to create.

use crate::proctor::Sandbox;

/// Where the suite lies in a sandbox.
pub const SMALL: &str = "seeds/suites/small";

pub const CLIENTS: &str = r#"[[client]]
key = "acme"
name = "Acme Rockets"
email = "office@acme.example"
status = "Active"
created_date = "2025-03-03T09:00:00Z"
owner = "lena.fischer"

[[client]]
key = "birch"
name = "Birch Furniture"
email = "hello@birch.example"
status = "Prospect"
"#;

pub const OPPORTUNITIES: &str = r#"[[opportunity]]
key = "launch-pad"
client_id = "@client.acme"
name = "Launch Pad"
stage = "Proposal"
amount = "85000.00"
close_date = "2026-03-31"
probability = 50

[[opportunity]]
key = "chairs"
client_id = "@client.birch"
name = "Canteen Chairs"
stage = "Qualification"
amount = 12000

[[quote]]
key = "launch-pad-1"
opportunity_id = "@opportunity.launch-pad"
name = "Launch Pad"
amount = "84000.00"
status = "Draft"
"#;

pub const SUITE: &str = r#"name = "small"
version = 1
description = "One task of each sort."
data = "records"
now = "2026-01-15T09:00:00Z"

[frequency]
create_new_opportunity = 30
modify_opportunity = 20
client_search = 10
modify_client = 5

[[equivalent]]
mutant = "duplicate"
tools = ["modify_opportunity"]
why = "The same update twice leaves the record as one update does."
"#;

pub const FIND: &str = r#"[[task]]
id = "client-find"
kind = "client_search"
split = "train"
read_only = "The user only asks."

[[task.turn]]
user = "Which client has Rockets in its name? I need the id."

[[task.turn.call]]
id = "found"
tool = "client_search"
arguments = { name = "Rockets" }

[task.turn.answer]
text = "${found.rows.0.name}, ${found.rows.0.client_id}."
records = ["@client.acme"]
facts = [{ text = "Acme Rockets" }]
"#;

pub const REFUSE: &str = r#"[[task]]
id = "client-status-no"
kind = "modify_client"
split = "train"
negative = "choice_casing"

[[task.turn]]
user = "Set the status of client {@client.birch} to ACTIVE, in capitals: our export relies on it."
decline = "I can't store ACTIVE in capitals: the status is spelled Active."

[[task.turn.call]]
tool = "modify_client"
arguments = { client_id = "@client.birch", updates = { status = "ACTIVE" } }
refused = "choice_casing"

[task.expect.refusal]
code = "choice_casing"
field = "status"
decline = [["Active"], ["status"]]
"#;

pub const CHANGE: &str = r#"[[task]]
id = "deal-advance"
kind = "modify_opportunity"
split = "eval"

[[task.turn]]
user = "Find the opportunity Launch Pad and tell me its stage."

[[task.turn.call]]
id = "deal"
tool = "opportunity_search"
arguments = { name = "Launch Pad" }

[task.turn.answer]
text = "It is in ${deal.rows.0.stage}."
facts = [{ choice = "Proposal", column = "Opportunity.stage" }]

[[task.turn]]
user = "Move that opportunity to Negotiation, 60 percent."

[[task.turn.call]]
tool = "modify_opportunity"
arguments = { opportunity_id = "${deal.rows.0.opportunity_id}", stage = "Negotiation", probability = 60 }

[task.turn.answer]
text = "Done."

[[task.expect.update]]
record = "@opportunity.launch-pad"
set = { stage = "Negotiation", probability = 60 }
"#;

pub const CREATE: &str = r#"[[task]]
id = "deal-create"
kind = "create_new_opportunity"
split = "holdout"

[[task.turn]]
user = "Open a deal for client {@client.birch}: Birch Benches, 9,500, stage Prospecting."
derived = [{ value = "9500", from = "9,500" }]

[[task.turn.call]]
tool = "create_new_opportunity"
arguments = { name = "Birch Benches", client_id = "@client.birch", amount = 9500, stage = "Prospecting" }

[task.turn.answer]
text = "Birch Benches is open."

[[task.expect.insert]]
key = "deal"
entity = "Opportunity"
row = { name = "Birch Benches", client_id = "@client.birch", amount = "9500.00", stage = "Prospecting" }
"#;

impl Sandbox {
    /// A sandbox with the small suite in it.
    pub fn with_small_suite() -> Self {
        let sandbox = Self::new();
        sandbox.write("seeds/records/clients.toml", CLIENTS);
        sandbox.write("seeds/records/opportunities.toml", OPPORTUNITIES);
        sandbox.write("seeds/suites/small/suite.toml", SUITE);
        sandbox.write(
            "seeds/suites/small/tasks.toml",
            [FIND, REFUSE, CHANGE, CREATE].join("\n"),
        );
        sandbox
    }
}
