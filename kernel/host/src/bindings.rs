//! What `wit/` says, as Rust types. Interfaces that several worlds share are generated once.
#![allow(missing_docs, unreachable_pub, clippy::all)]

pub(crate) use verifier_world::proctor;
pub use verifier_world::proctor::plugin::about::Description;

pub(crate) mod verifier_world {
    wasmtime::component::bindgen!({
        path: "../../wit/0.1.0",
        inline: "
            package proctor:kernel;
            // The verifier's world, and the type-only and capability interfaces that the
            // other worlds share with it, so that they are generated here and nowhere else.
            world verifier-and-shared {
                include proctor:plugin/verifier@0.1.0;
                import proctor:plugin/toolbox@0.1.0;
                import proctor:plugin/memory@0.1.0;
                import proctor:plugin/examiner@0.1.0;
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
        path: "../../wit/0.1.0",
        inline: "
            package proctor:kernel;
            // Without `model`: no provider is linked yet, so a policy that imports it is refused.
            world policy {
                import proctor:plugin/toolbox@0.1.0;
                import proctor:plugin/memory@0.1.0;
                import proctor:plugin/log@0.1.0;
                import proctor:plugin/examiner@0.1.0;
                export proctor:plugin/acting@0.1.0;
            }
        ",
        world: "proctor:kernel/policy",
        imports: { default: trappable },
        with: {
            "proctor:plugin/about@0.1.0": crate::bindings::proctor::plugin::about,
            "proctor:plugin/data@0.1.0": crate::bindings::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.0": crate::bindings::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.0": crate::bindings::proctor::plugin::failures,
            "proctor:plugin/toolbox@0.1.0": crate::bindings::proctor::plugin::toolbox,
            "proctor:plugin/memory@0.1.0": crate::bindings::proctor::plugin::memory,
            "proctor:plugin/log@0.1.0": crate::bindings::proctor::plugin::log,
            "proctor:plugin/examiner@0.1.0": crate::bindings::proctor::plugin::examiner,
        },
        additional_derives: [PartialEq],
    });
}
