//! A gateway to the fake provider, what it is asked, and figures of this process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proctor_model::cassette::{Cassette, Header, Redactor};
use proctor_model::{
    Ask, Auth, Budget, Catalog, Gateway, GatewayOptions, Message, ModelSettings, PriceList,
    ProviderSettings, Recording, Sampling, Speaker, Spent, Structured, Tool, ToolChoice, Tools,
    Wire,
};

/// The one model that is known.
pub(crate) const MODEL: &str = "fake";

/// A gateway to the provider at `url`, which takes so many calls at once.
pub(crate) fn gateway(url: &str, at_once: usize, recording: Recording) -> Arc<Gateway> {
    let options = GatewayOptions {
        models: &[MODEL],
        catalog: &catalog(url, at_once),
        prices: PriceList::default(),
        unpriced: true,
        budget: Budget::new(None, None, Spent::default()),
        recording,
        key: &|_| None,
        redactor: Redactor::default(),
    };
    Arc::new(Gateway::new(options).unwrap())
}

fn catalog(url: &str, at_once: usize) -> Catalog {
    let provider = ProviderSettings {
        name: MODEL.into(),
        wire: Wire::OpenAi,
        base_url: format!("{url}/v1").parse().unwrap(),
        key_env: None,
        auth: Auth::None,
        concurrency_max: at_once,
        requests_per_minute_max: None,
        call_time_max: Duration::from_secs(60),
        // A call that has to be tried again would be measured as if it hadn't.
        attempts_max: 1,
        pause_max: Duration::from_secs(1),
    };
    let model = ModelSettings {
        name: MODEL.into(),
        provider: MODEL.into(),
        id: MODEL.into(),
        sampling: Sampling::default(),
        seeded: false,
        tokens_max: 2_048,
        completion_tokens: false,
        structured: Structured::Schema,
        prompt_cache: false,
        calls_per_episode_max: 1_000,
        episode_time_max: Duration::from_secs(3_600),
    };
    Catalog {
        providers: BTreeMap::from([(MODEL.into(), provider)]),
        models: BTreeMap::from([(MODEL.into(), model)]),
    }
}

/// A new cassette in a folder.
pub(crate) fn cassette(folder: &Path, name: &str) -> Cassette {
    let header = Header {
        suite: "bench".into(),
        suite_digest: "bench".into(),
        proctor: env!("CARGO_PKG_VERSION").into(),
        note: None,
    };
    Cassette::create(folder.join(name), &header, Redactor::default()).unwrap()
}

/// The instructions of `model-agent`, as in the repository.
pub(crate) fn prompts() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/prompts/model-agent/v1");
    let files = std::fs::read_dir(folder).unwrap();
    let prompt = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.map(prompt).collect()
}

/// The CRM's tools, as models see them.
pub(crate) fn crm_tools() -> Tools {
    let tool = |tool: &proctor_crm::Tool| Tool {
        name: tool.name.to_owned(),
        description: tool.description.to_owned(),
        input_schema: tool.input_schema().to_string(),
    };
    Tools::new(proctor_crm::Tool::all().iter().map(tool).collect())
}

/// A message that is only text.
pub(crate) fn message(speaker: Speaker, text: String) -> Message {
    Message {
        speaker,
        text,
        calls: Vec::new(),
        answers: None,
    }
}

/// The first request of an episode, with instructions as long as the real ones. No two numbers
/// ask the same.
pub(crate) fn ask(system: &str, tools: &Tools, number: u32) -> Ask {
    Ask {
        messages: vec![
            message(Speaker::System, system.to_owned()),
            message(
                Speaker::User,
                format!("Which contracts of client {number:06} run out this quarter?"),
            ),
        ],
        tools: tools.clone(),
        own_tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        output_schema: None,
        tokens_max: 512,
    }
}

/// The share `of` a hundred of these times lies below this one.
pub(crate) fn percentile(times: &[Duration], of: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * of / 100]
}

/// In microseconds, for people.
pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Peak resident memory of this process, as Linux tells it.
pub(crate) fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok())
        .unwrap()
}

/// Processor time of this process with all its threads, in user mode and in the kernel.
pub(crate) fn cpu() -> Duration {
    // Linux counts in hundredths of a second here, on every machine.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The program's name may have spaces; the rest begins with the third field.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let [user, system] = [fields[11], fields[12]].map(|ticks| ticks.parse::<u32>().unwrap());
    TICK * (user + system)
}
