//! What `wit/` says, as Rust types. Interfaces that several worlds share are generated once.
#![allow(missing_docs, unreachable_pub, clippy::all)]

pub(crate) use verifier_world::proctor;
pub use verifier_world::proctor::plugin::about::Description;

pub(crate) mod verifier_world {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1.1",
        inline: "
            package proctor:kernel;
            // The verifier's world, and the type-only and capability interfaces that the
            // other worlds share with it, so that they are generated here and nowhere else.
            world verifier-and-shared {
                include proctor:plugin/verifier@0.1.1;
                import proctor:plugin/toolbox@0.1.1;
                import proctor:plugin/memory@0.1.1;
                import proctor:plugin/prompts@0.1.1;
                import proctor:plugin/model@0.1.1;
                import proctor:plugin/examiner@0.1.1;
            }
        ",
        world: "proctor:kernel/verifier-and-shared",
        imports: { default: trappable },
        with: {
            "proctor:plugin/episode.episode": crate::state::EpisodeHandle,
            "proctor:plugin/gold.gold": crate::state::GoldHandle,
        },
        additional_derives: [PartialEq],
    });
}

pub(crate) mod policy_world {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1.1",
        world: "proctor:plugin/policy",
        imports: { default: trappable },
        with: {
            "proctor:plugin/about@0.1.1": crate::bindings::proctor::plugin::about,
            "proctor:plugin/data@0.1.1": crate::bindings::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.1": crate::bindings::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.1": crate::bindings::proctor::plugin::failures,
            "proctor:plugin/toolbox@0.1.1": crate::bindings::proctor::plugin::toolbox,
            "proctor:plugin/memory@0.1.1": crate::bindings::proctor::plugin::memory,
            "proctor:plugin/log@0.1.1": crate::bindings::proctor::plugin::log,
            "proctor:plugin/prompts@0.1.1": crate::bindings::proctor::plugin::prompts,
            "proctor:plugin/model@0.1.1": crate::bindings::proctor::plugin::model,
            "proctor:plugin/examiner@0.1.1": crate::bindings::proctor::plugin::examiner,
        },
        additional_derives: [PartialEq],
    });
}

pub(crate) mod judge_world {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1.1",
        world: "proctor:plugin/judge",
        imports: { default: trappable },
        with: {
            "proctor:plugin/about@0.1.1": crate::bindings::proctor::plugin::about,
            "proctor:plugin/data@0.1.1": crate::bindings::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.1": crate::bindings::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.1": crate::bindings::proctor::plugin::failures,
            "proctor:plugin/episode@0.1.1": crate::bindings::proctor::plugin::episode,
            "proctor:plugin/verdicts@0.1.1": crate::bindings::proctor::plugin::verdicts,
            "proctor:plugin/log@0.1.1": crate::bindings::proctor::plugin::log,
            "proctor:plugin/prompts@0.1.1": crate::bindings::proctor::plugin::prompts,
            "proctor:plugin/model@0.1.1": crate::bindings::proctor::plugin::model,
        },
        additional_derives: [PartialEq],
    });
}
