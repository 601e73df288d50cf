//! What can be typed about models, their recordings and their comparison.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Isolation, StoreOption};

/// Which models are asked, and what is done with what they say.
#[derive(Args)]
#[command(next_help_heading = "Models")]
pub struct ModelOptions {
    /// Model that the policy asks, by its name in the models file
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Judge for every episode: a built-in name or a component file [repeatable]
    #[arg(long, value_name = "NAME|FILE")]
    pub judge: Vec<String>,
    /// Model that the judges ask
    #[arg(long, value_name = "NAME", requires = "judge")]
    pub judge_model: Option<String>,
    /// A text for the policy, or for another plugin, in place of the built-in one [repeatable]
    #[arg(long = "prompt", value_name = "[PLUGIN/]NAME=FILE")]
    pub prompts: Vec<String>,
    /// Recording of what models say
    #[arg(long, value_name = "FILE")]
    pub cassette: Option<PathBuf>,
    /// Record all in a new file, replay and never ask, or replay what there is and record the rest
    /// [default: auto with --cassette, else live]
    #[arg(long, value_enum, value_name = "MODE")]
    pub mode: Option<Mode>,
    #[command(flatten)]
    pub spending: SpendingOptions,
}

/// What is done with recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    // Not as documentation, which would spread all of the help over two lines an argument.
    // Ask, and record nothing.
    Live,
    // Ask, and record everything in a new file.
    Record,
    // Never ask: what has no recording is an error.
    Replay,
    // Replay what there is; ask and record the rest.
    Auto,
}

/// Which models there are, what they cost, and how much may be spent.
#[derive(Args)]
#[command(next_help_heading = "Models")]
pub struct SpendingOptions {
    /// Models file: providers and models beside the built-in ones, or in their place
    #[arg(long, value_name = "FILE")]
    pub models: Option<PathBuf>,
    /// Price list beside the built-in one, or in its place
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Ask models that have no price, too
    #[arg(long)]
    pub unpriced: bool,
    /// Most US dollars that the whole run may cost, what was spent before --resume included
    #[arg(long, value_name = "USD")]
    pub budget_usd: Option<String>,
    /// Most tokens that the whole run may use
    #[arg(long, value_name = "N")]
    pub budget_tokens: Option<u64>,
    /// Show how many episodes, calls and tokens it would be and what it would cost; send nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
#[command(after_help = "\
A models file has [provider.NAME], [model.NAME] and [[agent]] tables; without one, the built-in
agents are taken. `proctor schema models` prints its JSON Schema.

Examples:
  proctor baseline --agent oracle --agent noop --agent student-sim --out runs/baseline
  proctor baseline --models baselines.toml --trials 4 --budget-usd 20 --out runs/baseline
  proctor baseline --models baselines.toml --trials 4 --mode replay --out runs/again \\
    --cassettes runs/baseline/cassettes")]
pub struct BaselineOptions {
    /// Suite: the name of a built-in one, or a folder [default: the models file's, or crm-core]
    #[arg(long, value_name = "NAME|DIR")]
    pub suite: Option<String>,
    /// Only this agent of the models file [repeatable]
    #[arg(long, value_name = "NAME")]
    pub agent: Vec<String>,
    /// Folder for the runs, one folder an agent, and their cassettes
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Go on with the interrupted baseline in --out; finished episodes are not done again
    #[arg(long)]
    pub resume: bool,
    /// Episodes of each task [default: the models file's, or 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub trials: Option<u32>,
    /// Seed of the runs [default: the models file's, or 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Only the first N tasks
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Only tasks whose id contains TEXT, or kind=NAME, split=NAME, negative=KIND [repeatable: all
    /// must hold]
    #[arg(long, value_name = "TEXT|KEY=VALUE")]
    pub filter: Vec<String>,
    /// Workers; results never depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    #[command(flatten)]
    pub store: StoreOption,
    /// With PostgreSQL: whether each episode is a transaction that is rolled back, or each worker
    /// has a database of its own, in which changes are committed [default: transaction]
    #[arg(long, value_enum, value_name = "KIND")]
    pub isolation: Option<Isolation>,
    /// Folder with a cassette an agent [default: the folder `cassettes` in --out]
    #[arg(long, value_name = "DIR")]
    pub cassettes: Option<PathBuf>,
    /// Record all in new files, replay and never ask, or replay what there is and record the rest
    /// [default: auto]
    #[arg(long, value_enum, value_name = "MODE")]
    pub mode: Option<Mode>,
    #[command(flatten)]
    pub spending: SpendingOptions,
    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum CassetteCommand {
    /// List the calls of a cassette
    List {
        #[arg(value_name = "FILE")]
        cassette: PathBuf,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what was asked and replied in an episode
    Show {
        #[arg(value_name = "FILE")]
        cassette: PathBuf,
        /// Episode, as TASK#TRIAL
        #[arg(value_name = "EPISODE")]
        episode: String,
        /// Only the calls before this step
        #[arg(long, value_name = "N")]
        step: Option<u32>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare two cassettes; exits with 4 if they differ
    Diff {
        #[arg(value_name = "A")]
        one: PathBuf,
        #[arg(value_name = "B")]
        other: PathBuf,
    },
    /// Check that a cassette is whole, and that each recording is found by what it holds
    Verify {
        #[arg(value_name = "FILE")]
        cassette: PathBuf,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a cassette with only the calls that a run used
    Prune {
        #[arg(value_name = "FILE")]
        cassette: PathBuf,
        /// Folder of the run
        #[arg(long, value_name = "DIR")]
        run: PathBuf,
        /// New cassette
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Leave out calls that gave no reply, too: they are asked again
        #[arg(long)]
        failures: bool,
    },
    /// Write a cassette without secrets that were found in it too late
    Redact {
        #[arg(value_name = "FILE")]
        cassette: PathBuf,
        /// New cassette
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// A variable whose value is taken out wherever it stands [repeatable]
        #[arg(long, value_name = "NAME")]
        secret_env: Vec<String>,
        /// A regular expression whose matches are taken out [repeatable]
        #[arg(long, value_name = "REGEX")]
        pattern: Vec<String>,
    },
}
