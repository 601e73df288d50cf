//! A recording grows at the same speed however long it is: the time of an append behind 100,000
//! recordings against that behind 1,000, in one file. No two recordings say the same, so that
//! nothing is spared by what stands there already.

use std::time::{Duration, Instant};

use proctor_model::cassette::{Cassette, Place, Retained};
use proctor_model::{
    ChatReply, ChatRequest, Finish, Role, Sampling, Speaker, ToolChoice, Tools, Usage,
};

use crate::setup;

/// Recordings behind which is measured.
const BEHIND: [u32; 2] = [1_000, 100_000];
/// Appends that are measured there.
const APPENDS: u32 = 1_000;

pub(crate) fn run() {
    let folder = tempfile::tempdir().unwrap();
    let cassette = setup::cassette(folder.path(), "append.cassette");
    let tools = setup::crm_tools();
    let mut number = 0;
    let [near, far] = BEHIND.map(|behind| {
        while number < behind {
            append(&cassette, &tools, number);
            number += 1;
        }
        let times: Vec<Duration> = (number..number + APPENDS)
            .map(|number| append(&cassette, &tools, number))
            .collect();
        number += APPENDS;
        report(behind, &times)
    });
    println!("  ratio of the medians: {:.2}", far / near);
    assert_eq!(cassette.len(), number as usize);
    let bytes = std::fs::metadata(folder.path().join("append.cassette"))
        .unwrap()
        .len();
    println!("  {} bytes a recording", bytes / u64::from(number));
}

/// Prints the times, and gives back their median in microseconds.
fn report(behind: u32, times: &[Duration]) -> f64 {
    let median = setup::micros(setup::percentile(times, 50));
    let mean = setup::micros(times.iter().sum::<Duration>()) / f64::from(APPENDS);
    println!("  behind {behind} recordings: median {median:.1} µs, mean {mean:.1} µs an append");
    median
}

/// Records one call, and says how long that took.
fn append(cassette: &Cassette, tools: &Tools, number: u32) -> Duration {
    let request = request(tools, number);
    let episode = format!("contract-search-{number:06}#0");
    let place = Place {
        episode: &episode,
        role: Role::Student,
        step: 0,
        request: request.digest(),
        occurrence: 0,
    };
    let retained = Retained {
        result: Ok(reply(number)),
        attempts: 1,
        latency_us: 1_000_000 + u64::from(number),
    };
    let began = Instant::now();
    cassette.record(&place, &request, &retained).unwrap();
    began.elapsed()
}

fn request(tools: &Tools, number: u32) -> ChatRequest {
    let text = format!("Which contracts of client {number:06} run out this quarter?");
    ChatRequest {
        model: setup::MODEL.into(),
        messages: vec![
            setup::message(Speaker::System, "Work with the CRM's tools.".into()),
            setup::message(Speaker::User, text),
        ],
        tools: tools.clone(),
        own_tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        output_schema: None,
        sampling: Sampling::default(),
        tokens_max: 512,
    }
}

fn reply(number: u32) -> ChatReply {
    ChatReply {
        model: setup::MODEL.into(),
        text: format!("Client {number:06} has two of them: the one for support, and the lease."),
        calls: Vec::new(),
        finish: Finish::Complete,
        usage: Usage {
            input: 4_000 + u64::from(number),
            output: 24,
            ..Usage::default()
        },
    }
}
