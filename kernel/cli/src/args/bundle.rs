//! What can be typed about sealed bundles.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Isolation, ModelOptions, StoreOption};

const AFTER: &str = "\
A bundle is one ZIP file that holds runs with everything they depended on. Whoever opens one says
whose seal counts: --key for one public key, --trust for a policy file, or --anyone to check only
that the bundle is whole. The public key comes from whoever sealed it, by another way than the
bundle.

`verify` checks what is written; `replay` does it all again and compares. Both exit with 0 if
everything holds, and 1 if the bundle isn't as it was sealed; `replay` and `attest` exit with 4 if
an episode comes out otherwise than recorded.

Examples:
  proctor bundle keygen --out ada
  proctor bundle seal runs/student runs/oracle --key ada.key --out hand-off.bundle
  proctor bundle inspect hand-off.bundle
  proctor bundle verify hand-off.bundle --key ada.pub
  proctor bundle replay hand-off.bundle --key ada.pub
  proctor bundle attest hand-off.bundle --key ada.pub --sign-with bob.key --out checked.bundle
  proctor bundle run hand-off.bundle --key ada.pub --policy my-agent.wasm";

#[derive(Subcommand)]
#[command(after_help = AFTER)]
pub enum BundleCommand {
    /// Seal runs, with all they depended on, into one file
    Seal(SealOptions),
    /// Show what is in a bundle and who signed it
    Inspect(InspectOptions),
    /// Check who sealed a bundle, every digest, the telemetry's chains, the tables, and that each
    /// run was made from what is in the bundle
    Verify(VerifyOptions),
    /// Verify a bundle, run every episode again offline, and compare to the byte; exits with 4 at
    /// the first difference
    Replay(ReplayOptions),
    /// Write the members of a bundle into a new folder
    Extract(ExtractOptions),
    /// Compare two bundles; exits with 4 if they differ
    Diff(DiffOptions),
    /// Make one bundle of several that each hold some tasks of the same runs
    Merge(MergeOptions),
    /// Make a key to seal and countersign with, or one to read sealed gold with
    Keygen(KeygenOptions),
    /// Add a seal of your own to a bundle that somebody else sealed, for policies that require several
    Sign(SignBundleOptions),
    /// Replay a bundle, and countersign it if everything came out the same
    Attest(AttestOptions),
    /// Examine another agent on a bundle's suite, with the bundle's verifiers
    Run(BundleRunOptions),
}

/// Whose signatures count.
#[derive(Args)]
#[command(next_help_heading = "Trust")]
pub struct TrustOptions {
    /// Public key whose signature counts: a .pub file, or the letters that begin with RW
    /// [repeatable: one of them must have sealed it]
    #[arg(long, value_name = "FILE|RW...")]
    pub key: Vec<String>,
    /// Policy file that says whose keys count, what for, and how many it takes
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub trust: Option<PathBuf>,
    /// Whoever sealed it, or nobody: only check that the bundle is whole
    #[arg(long, conflicts_with_all = ["key", "trust"])]
    pub anyone: bool,
}

/// A bundle that is read.
#[derive(Args)]
pub struct OpenOptions {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    #[command(flatten)]
    pub trust: TrustOptions,
    /// Secret key to what is encrypted in it, as `keygen --gold` made it
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    pub identity: Option<PathBuf>,
}

/// Who signs.
#[derive(Args)]
pub struct SignOptions {
    /// Secret key to seal with, as `keygen` made it; where it has a password, PROCTOR_KEY_PASSWORD
    /// says it
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
A run that can be sealed was made by `proctor run --out` or `proctor baseline`, by this version; its
folder holds all it depended on. One that asked models needs their recording (--cassette of the
run). The same runs give the same bundle, on any day and machine: the date in the file is
1980-01-01, or that of SOURCE_DATE_EPOCH.

A recipe is a file such as those in bundles/: it names agents, suite and cassettes, and `seal` makes
the runs first. Paths in it are relative to it.

Examples:
  proctor bundle seal runs/student --key ada.key --out student.bundle
  proctor bundle seal before=runs/1 after=runs/2 --title 'With and without' --out both.bundle
  proctor bundle seal --recipe bundles/demo.toml --with-runner --key ada.key --out demo.bundle
  proctor bundle seal runs/student --gold-for age1... --out closed.bundle")]
pub struct SealOptions {
    /// Folders of complete runs; the name in the bundle is the folder's, or the one given
    #[arg(value_name = "[NAME=]DIR", required_unless_present = "recipe")]
    pub runs: Vec<String>,
    /// Recipe: make its runs, then seal them
    #[arg(long, value_name = "FILE", conflicts_with = "runs")]
    pub recipe: Option<PathBuf>,
    /// Folder in which the recipe's runs are made and kept [default: a temporary one]
    #[arg(long, value_name = "DIR", requires = "recipe")]
    pub runs_in: Option<PathBuf>,
    /// New file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Name of the bundle [default: the recipe's, or that of --out]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What it is, in a line
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    #[command(flatten)]
    pub sign: SignOptions,
    /// Recording of a run's models, if it isn't where it was when the run was made [repeatable]
    #[arg(long = "cassette", value_name = "RUN=FILE")]
    pub cassettes: Vec<String>,
    /// A document to add [repeatable]
    #[arg(long = "document", value_name = "FILE")]
    pub documents: Vec<PathBuf>,
    /// Add the program itself, and REPLAY.txt, so that whoever gets the bundle needs nothing else:
    /// this program, or another build of it
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub with_runner: Option<Option<PathBuf>>,
    /// Encrypt what counts as done in held-out tasks, telemetry, scripts and cassettes, for holders
    /// of this key alone (`keygen --gold` makes one) [repeatable]
    #[arg(long, value_name = "age1...")]
    pub gold_for: Vec<String>,
    /// Workers for the recipe's runs [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// Print what was sealed as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct InspectOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    /// List every member
    #[arg(long)]
    pub members: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct VerifyOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// How episodes are run again.
#[derive(Args)]
pub struct AgainOptions {
    /// Only this run [repeatable]
    #[arg(long = "run", value_name = "NAME")]
    pub runs: Vec<String>,
    /// Only N tasks of each run, spread over all of it; the tables aren't compared then
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub sample: Option<u32>,
    /// Workers; results never depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// Where the rows live: `sqlite`, `postgres` for the database of DATABASE_URL, or an address
    /// postgres://... [default: sqlite]
    // Not parsed by clap, which would repeat a password with what is wrong about it.
    #[arg(long, value_name = "STORE")]
    pub store: Option<std::ffi::OsString>,
    /// With PostgreSQL: whether each episode is a transaction that is rolled back, or each worker
    /// has a database of its own, in which changes are committed [default: transaction]
    #[arg(long, value_enum, value_name = "KIND")]
    pub isolation: Option<Isolation>,
}

#[derive(Args)]
pub struct ReplayOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    #[command(flatten)]
    pub again: AgainOptions,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct ExtractOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    /// New folder
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[derive(Args)]
pub struct DiffOptions {
    /// A bundle, whoever sealed it
    #[arg(value_name = "A")]
    pub one: PathBuf,
    /// Another
    #[arg(value_name = "B")]
    pub other: PathBuf,
    /// Secret key to what is encrypted in them
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples, on two machines and then on one:
  proctor run --policy student-sim --shard 1/2 --out parts/a/student
  proctor bundle seal parts/a/student --key ada.key --out a.bundle
  proctor run --policy student-sim --shard 2/2 --out parts/b/student
  proctor bundle seal parts/b/student --key ada.key --out b.bundle
  proctor bundle merge a.bundle b.bundle --sealed-by ada.pub --key ada.key --out whole.bundle")]
pub struct MergeOptions {
    /// Bundles, each with some tasks of the same runs
    #[arg(value_name = "BUNDLE", required = true, num_args = 2..)]
    pub bundles: Vec<PathBuf>,
    /// New file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub sign: SignOptions,
    /// Public key whose seal counts for the bundles [repeatable]
    #[arg(long, value_name = "FILE|RW...", conflicts_with = "anyone")]
    pub sealed_by: Vec<String>,
    /// Whoever sealed them
    #[arg(long)]
    pub anyone: bool,
}

#[derive(Args)]
#[command(after_help = "\
Keys to sign with are minisign's, and can be made by `minisign -G` as well; keys to encrypt to are
age's. A password in PROCTOR_KEY_PASSWORD encrypts a secret key to sign with.

Examples:
  proctor bundle keygen --out ada
  proctor bundle keygen --gold --out examiners")]
pub struct KeygenOptions {
    /// Name of the new files: NAME.key is secret, NAME.pub is for everybody
    #[arg(long, value_name = "NAME")]
    pub out: PathBuf,
    /// A key to encrypt gold to and to read it with, instead of one to sign with
    #[arg(long)]
    pub gold: bool,
}

#[derive(Args)]
pub struct SignBundleOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    /// Secret key to seal with; where it has a password, PROCTOR_KEY_PASSWORD says it
    #[arg(long, value_name = "FILE")]
    pub sign_with: PathBuf,
    /// New file: the bundle with the seal in it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
The countersignature says which runs were replayed, how many of their episodes, and where. What the
bundle holds stays as it was sealed. Bundles that several people attested are made one after the
other, each from the last.

Example:
  proctor bundle attest hand-off.bundle --key ada.pub --sign-with bob.key --out checked.bundle")]
pub struct AttestOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    #[command(flatten)]
    pub again: AgainOptions,
    /// Secret key to countersign with; where it has a password, PROCTOR_KEY_PASSWORD says it
    #[arg(long, value_name = "FILE")]
    pub sign_with: PathBuf,
    /// What else there is to say, in a line
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// New file: the bundle with the countersignature in it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
The agent sits the tasks, trials and seed of a sealed run, and the comparison shows it beside all
sealed runs of that suite. Where the gold of held-out tasks is encrypted, they are played and left
without a score (exit code 3): whoever has the key marks them.

Examples:
  proctor bundle run hand-off.bundle --key ada.pub --policy my-agent.wasm --out runs/mine
  proctor bundle run hand-off.bundle --key ada.pub --policy model-agent --model mine \\
    --models my-models.toml --cassette mine.cassette --out runs/mine")]
pub struct BundleRunOptions {
    #[command(flatten)]
    pub open: OpenOptions,
    /// Who is examined: the name of a built-in policy, or a component file
    #[arg(long, value_name = "NAME|FILE")]
    pub policy: String,
    /// Run of the bundle whose tasks, trials and seed are taken [default: the first]
    #[arg(long, value_name = "NAME")]
    pub like: Option<String>,
    /// New folder for the telemetry; without it, only the comparison is shown
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Go on with the interrupted run in --out
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Workers; results never depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs: Option<u32>,
    /// A parameter for the policy [repeatable]
    #[arg(long = "param", value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    #[command(flatten)]
    pub store: StoreOption,
    #[command(flatten)]
    pub models: ModelOptions,
    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
}
