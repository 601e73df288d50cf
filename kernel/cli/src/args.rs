//! What can be typed after `proctor`.

mod bundle;
mod models;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::bundle::{
    AgainOptions, AttestOptions, BundleCommand, BundleRunOptions, DiffOptions, ExtractOptions,
    InspectOptions, KeygenOptions, MergeOptions, OpenOptions, ReplayOptions, SealOptions,
    SignBundleOptions, TrustOptions, VerifyOptions,
};
pub use self::models::{BaselineOptions, CassetteCommand, Mode, ModelOptions, SpendingOptions};

const AFTER: &str = "\
Exit codes:
  0    done
  1    something in the input or on the machine is wrong
  2    the command line is wrong
  3    some episodes have no score: infra, grader, or the budget is used up
  4    a check found something
  130  interrupted; `proctor run --resume` goes on

Start with `proctor demo`.";

/// Examines AI agents that change state in a CRM.
#[derive(Parser)]
#[command(name = "proctor", version, after_help = AFTER, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Examine three agents on the built-in suite and show what the records look like
    Demo(DemoOptions),
    /// Examine an agent on a suite
    Run(RunOptions),
    /// Examine a list of agents on a suite and compare reliability, tokens, cost and speed
    Baseline(BaselineOptions),
    /// Look into recordings of models
    #[command(subcommand)]
    Cassette(CassetteCommand),
    /// Seal runs into one file that is verified and run again offline
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// Look into suites and prove their tasks
    #[command(subcommand)]
    Suite(SuiteCommand),
    /// List the tools that agents may call
    Tools(ToolsOptions),
    /// Look into plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Work on a CRM database
    #[command(subcommand)]
    Db(DbCommand),
    /// Show one episode of a run as a person wants to read it, or replay recorded calls
    Trace(TraceOptions),
    /// Print a JSON Schema
    Schema(SchemaOptions),
}

#[derive(Args)]
pub struct DemoOptions {
    /// Folder for the three runs; a folder of the user's cache by default, overwritten each time
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub store: StoreOption,
    /// With PostgreSQL: whether each episode is a transaction that is rolled back, or each worker
    /// has a database of its own, in which changes are committed [default: transaction]
    #[arg(long, value_enum, value_name = "KIND")]
    pub isolation: Option<Isolation>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proctor run --policy oracle --out runs/oracle
  proctor run --policy my-agent.wasm --filter 'kind=create_quote' --trials 4 --out runs/quotes
  proctor run --policy student-sim --param mistakes=0.5 --seed 7 --out runs/student
  proctor run --resume --policy student-sim --out runs/student
  proctor run --policy oracle --store postgres://ada@localhost/crm --isolation database
  proctor run --policy model-agent --model gpt-4.1 --dry-run
  proctor run --policy model-agent --model gpt-4.1 --budget-usd 5 --cassette gpt.cassette \\
    --out runs/gpt
  proctor run --policy model-agent --model gpt-4.1 --cassette gpt.cassette --mode replay")]
pub struct RunOptions {
    /// Suite: the name of a built-in one, or a folder with suite.toml
    #[arg(long, default_value = "crm-core", value_name = "NAME|DIR")]
    pub suite: String,
    /// Who is examined: the name of a built-in policy, or a component file
    #[arg(long, value_name = "NAME|FILE")]
    pub policy: String,
    /// A further verifier for every episode: a component file [repeatable]
    #[arg(long, value_name = "FILE")]
    pub verifier: Vec<PathBuf>,
    /// New folder for the telemetry; without it, only the summary is shown
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the interrupted run in --out; finished episodes are not done again
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Episodes of each task
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trials: u32,
    /// Seed of the run; every id and all chance come from it
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only the first N tasks
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only tasks whose id contains TEXT, or kind=NAME, split=NAME, negative=KIND [repeatable: all
    /// must hold]
    #[arg(long, value_name = "TEXT|KEY=VALUE")]
    pub filter: Vec<String>,
    /// Only the K-th of N parts of the tasks: several machines can share a run, and `proctor bundle
    /// merge` makes one of its parts
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Workers; results never depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// A parameter for the policy [repeatable]
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// Calls for the policy `scripted`: JSON, {"turns": [{"calls": [...], "answer": "..."}]}
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    #[command(flatten)]
    pub store: StoreOption,
    /// With PostgreSQL: whether each episode is a transaction that is rolled back, or each worker
    /// has a database of its own, in which changes are committed [default: transaction]
    #[arg(long, value_enum, value_name = "KIND")]
    pub isolation: Option<Isolation>,
    #[command(flatten)]
    pub models: ModelOptions,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// One of several parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 1.
    pub part: usize,
    /// Of how many.
    pub parts: usize,
}

impl std::str::FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (part, parts) = text.split_once('/').ok_or("expected K/N, as in 1/4")?;
        match (part.parse(), parts.parse()) {
            (Ok(part), Ok(parts)) if (1..=parts).contains(&part) => Ok(Self { part, parts }),
            _ => Err("expected K/N with K from 1 to N, as in 1/4"),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.parts)
    }
}

#[derive(Subcommand)]
pub enum SuiteCommand {
    /// List the built-in suites
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a suite, or one of its tasks
    Show {
        /// Suite: a name or a folder
        #[arg(default_value = "crm-core", value_name = "NAME|DIR")]
        suite: String,
        /// A task's id
        #[arg(long)]
        task: Option<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Prove every task: its oracle passes, doing nothing fails, every mutant of its oracle is
    /// rejected, and nothing is asked for that cannot be known
    Lint {
        /// Suite: a name or a folder
        #[arg(default_value = "crm-core", value_name = "NAME|DIR")]
        suite: String,
        /// Workers [default: one a core]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
        jobs: Option<u32>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Read another benchmark's tasks and report what is wrong with them
    Import {
        /// Format of the file
        format: ImportFormat,
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ImportFormat {
    /// CL-Bench's evaluation set: JSON Lines, one conversation a line
    Clbench,
}

#[derive(Args)]
pub struct ToolsOptions {
    /// Show the arguments of one tool
    pub tool: Option<String>,
    /// Print all tools in the form of a provider
    #[arg(long, value_enum, conflicts_with = "tool")]
    pub format: Option<ToolFormat>,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum ToolFormat {
    #[value(name = "openai")]
    OpenAi,
    Anthropic,
    Mcp,
    JsonSchema,
}

#[derive(Subcommand)]
pub enum PluginCommand {
    /// List the built-in plugins
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a plugin is and what it asks for
    Inspect {
        /// A built-in name or a component file
        #[arg(value_name = "NAME|FILE")]
        plugin: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Try a plugin on the built-in suite: does it load, answer within its limits, and answer the
    /// same each time?
    Check {
        /// A built-in name or a component file
        #[arg(value_name = "NAME|FILE")]
        plugin: String,
        /// Also compare every verdict with this other build of the same plugin
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
}

const DB_AFTER: &str = "\
A DATABASE is an SQLite file, an address postgres://USER@HOST:PORT/DATABASE, or the word `postgres`:
the one whose address stands in DATABASE_URL, in the environment or in the file .env of this folder.
The password is best left out of an address: without one there, PGPASSWORD is taken, from the same
places. A file that is really called `postgres` is named ./postgres.

Examples:
  proctor db init crm.db
  proctor db init postgres://ada@localhost/crm
  proctor db snapshot postgres crm.snapshot && proctor db restore crm.db crm.snapshot
  proctor db diff canonical postgres
  proctor db doctor crm.db";

#[derive(Subcommand)]
#[command(after_help = DB_AFTER)]
pub enum DbCommand {
    /// Create a database with the canonical data: a new file, or a server's database that has none
    /// of Proctor's tables yet
    Init {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        #[command(flatten)]
        data: DataOption,
    },
    /// Bring a database to the latest schema; does nothing the second time
    #[command(after_help = "\
Examples:
  proctor db migrate postgres
  proctor db migrate new.db && proctor db seed new.db")]
    Migrate {
        /// Database; a file that isn't there is created, without rows
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
    },
    /// Put the canonical data into a database that is migrated and holds no rows
    Seed {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        #[command(flatten)]
        data: DataOption,
    },
    /// Show what a database holds and whether it is sound
    Inspect {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write all rows to a snapshot file, which any database can be restored from
    Snapshot {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        /// Snapshot file to create
        #[arg(value_name = "SNAPSHOT")]
        snapshot: PathBuf,
    },
    /// Put the rows of a snapshot in the place of all rows
    Restore {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        #[arg(value_name = "SNAPSHOT")]
        snapshot: PathBuf,
    },
    /// Take a database back to the canonical data and schema, whatever anyone did to either
    #[command(after_help = "\
All of it is done or, if anything fails, nothing. What was added to Proctor's own tables (columns,
triggers, indexes) goes; a database that holds other tables is refused.

Examples:
  proctor db reset crm.db
  proctor db reset postgres --data crm.snapshot
  proctor db reset crm.db --drop-unknown")]
    Reset {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        #[command(flatten)]
        data: DataOption,
        /// Drop tables and views that Proctor doesn't know, with all that they hold
        #[arg(long)]
        drop_unknown: bool,
    },
    /// Show rows and columns that differ; exits with 4 if any do
    #[command(after_help = "\
A row that only B has is shown with +, one that only A has with -, one that differs with ~ and each
column that differs, as in A and as in B.

Examples:
  proctor db diff canonical crm.db
  proctor db diff before.snapshot after.snapshot
  proctor db diff crm.db postgres --json")]
    Diff {
        /// Database, snapshot, or the word `canonical`: the built-in data
        #[arg(value_name = "A")]
        one: PathBuf,
        /// The same for the other side
        #[arg(value_name = "B")]
        other: PathBuf,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the fingerprint of a database or snapshot
    Fingerprint {
        #[arg(value_name = "DATABASE|SNAPSHOT")]
        state: PathBuf,
    },
    /// Say what is wrong with a database and what to do about it; exits with 4 if anything is
    Doctor {
        /// SQLite file, address postgres://..., or `postgres` for the one in DATABASE_URL
        #[arg(value_name = "DATABASE")]
        database: PathBuf,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct DataOption {
    /// Folder with canonical data, or a snapshot; the built-in data by default
    #[arg(long, value_name = "DIR|SNAPSHOT")]
    pub data: Option<PathBuf>,
}

/// Where rows live while agents work on them.
#[derive(Args)]
pub struct StoreOption {
    /// Where the rows live: `sqlite`, `postgres` for the database of DATABASE_URL, or an address
    /// postgres://... [default: the database of DATABASE_URL if that is set, here or in .env; else
    /// sqlite]
    // Not parsed by clap, which would repeat a password with what is wrong about it.
    #[arg(long, value_name = "STORE")]
    pub store: Option<OsString>,
}

/// How episodes on a server are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    // Not as documentation, which would spread all of the help over two lines an argument.
    // Each episode is a transaction that is never committed.
    Transaction,
    // Each worker has a database of its own, in which changes are committed.
    Database,
}

#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "proctor trace [--json] <DIR> [EPISODE]\n       proctor trace replay-calls <FILE>"
)]
pub struct TraceOptions {
    #[command(subcommand)]
    pub command: Option<TraceCommand>,
    /// Folder of a run
    #[arg(value_name = "DIR", required = true)]
    pub run: Option<PathBuf>,
    /// Episode, as TASK#TRIAL or TASK; without it, the run's episodes are listed
    #[arg(value_name = "EPISODE")]
    pub episode: Option<String>,
    /// Print the episode's telemetry lines instead; without one, the last line of each
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum TraceCommand {
    /// Play recorded tool calls of any agent, each on the state it met, and compare what the CRM
    /// says with what the record says
    ReplayCalls {
        #[command(flatten)]
        file: RecordedCalls,
        /// Show every call, not only those that disagree
        #[arg(long, short)]
        verbose: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the hash chain of a run's telemetry
    Verify {
        /// Folder of a run
        #[arg(value_name = "DIR")]
        run: PathBuf,
    },
}

/// Which recorded calls, and where to play them.
#[derive(Args)]
pub struct RecordedCalls {
    /// JSON Lines: id, agent, now, state, call, upstream
    #[arg(value_name = "FILE")]
    pub path: PathBuf,
    #[command(flatten)]
    pub store: StoreOption,
}

#[derive(Args)]
pub struct SchemaOptions {
    /// Which
    pub schema: SchemaName,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum SchemaName {
    /// A line of telemetry
    Telemetry,
    /// suite.toml
    Suite,
    /// A file of tasks
    Tasks,
    /// A models file
    Models,
}
