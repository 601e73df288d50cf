//! The engine and its settings.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::bindings::proctor::plugin as api;
use crate::cache::Cache;
use crate::judge::Judge;
use crate::limits::Limits;
use crate::plugin::{Digest, Grant, LoadError, Plugin, World};
use crate::policy::Policy;
use crate::state::State;
use crate::verifier::Verifier;

/// Loads and links plugins. Cheap to clone; shared by all workers.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    limits: Limits,
    cache: Option<Arc<Cache>>,
}

impl Host {
    /// An engine with deterministic settings. With `cache`, compiled components are kept in that
    /// folder.
    ///
    /// # Errors
    /// When the engine rejects its settings on this machine, or the cache folder cannot be used.
    pub fn new(limits: Limits, cache: Option<&Path>) -> Result<Self, LoadError> {
        // The pool reserves address space; where that is short (containers with a limit on
        // virtual memory), instances are allocated on demand: slower, the same results.
        let engine = Engine::new(&config(true))
            .or_else(|_| Engine::new(&config(false)))
            .map_err(|error| LoadError::Engine(format!("{error:#}")))?;
        start_clock(&engine).map_err(|error| LoadError::Engine(error.to_string()))?;
        let cache = cache.map(Cache::open).transpose()?.map(Arc::new);
        Ok(Self {
            engine,
            limits,
            cache,
        })
    }

    /// The limits that every call gets.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads a component, checks it against its world and compiles it.
    ///
    /// # Errors
    /// When it is no component, plays no role, lacks an export, or asks for an import that it
    /// isn't granted.
    pub fn load(&self, name: &str, wasm: &[u8], grants: &[Grant]) -> Result<Plugin, LoadError> {
        Plugin::check_size(wasm)?;
        Plugin::check_start(wasm)?;
        let digest = Digest::of(wasm);
        let cached = self
            .cache
            .as_ref()
            .and_then(|cache| cache.load(&self.engine, digest));
        let component = match cached {
            Some(component) => component,
            None => {
                let component = Component::from_binary(&self.engine, wasm)
                    .map_err(|error| LoadError::NotComponent(format!("{error:#}")))?;
                if let Some(cache) = &self.cache {
                    // On a full disk the next start takes longer; that is no reason to fail.
                    let _ = cache.store(&self.engine, digest, &component);
                }
                component
            }
        };
        Plugin::inspect(name, wasm, component, grants)
    }

    /// Links a verifier.
    ///
    /// # Errors
    /// When the plugin is of another world or its exports have other types than the world's.
    pub fn verifier(&self, plugin: &Plugin) -> Result<Verifier, LoadError> {
        plugin.expect(World::Verifier)?;
        let mut linker = Linker::new(&self.engine);
        add_types(&mut linker)
            .and_then(|()| api::episode::add_to_linker::<_, HasSelf<_>>(&mut linker, own))
            .and_then(|()| api::gold::add_to_linker::<_, HasSelf<_>>(&mut linker, own))
            .map_err(|error| wrong_type(plugin, &error))?;
        Verifier::link(&linker, plugin, self.limits).map_err(|error| wrong_type(plugin, &error))
    }

    /// Links a policy.
    ///
    /// # Errors
    /// As [`Host::verifier`].
    pub fn policy(&self, plugin: &Plugin) -> Result<Policy, LoadError> {
        plugin.expect(World::Policy)?;
        let mut linker = Linker::new(&self.engine);
        add_types(&mut linker)
            .and_then(|()| api::toolbox::add_to_linker::<_, HasSelf<_>>(&mut linker, own))
            .and_then(|()| api::memory::add_to_linker::<_, HasSelf<_>>(&mut linker, own))
            .and_then(|()| add_asking(&mut linker, plugin))
            .and_then(|()| {
                if plugin.grants.contains(&Grant::Gold) {
                    api::examiner::add_to_linker::<_, HasSelf<_>>(&mut linker, own)
                } else {
                    Ok(())
                }
            })
            .map_err(|error| wrong_type(plugin, &error))?;
        Policy::link(&linker, plugin, self.limits).map_err(|error| wrong_type(plugin, &error))
    }

    /// Links a judge.
    ///
    /// # Errors
    /// As [`Host::verifier`].
    pub fn judge(&self, plugin: &Plugin) -> Result<Judge, LoadError> {
        plugin.expect(World::Judge)?;
        let mut linker = Linker::new(&self.engine);
        add_types(&mut linker)
            .and_then(|()| api::episode::add_to_linker::<_, HasSelf<_>>(&mut linker, own))
            .and_then(|()| add_asking(&mut linker, plugin))
            .map_err(|error| wrong_type(plugin, &error))?;
        Judge::link(&linker, plugin, self.limits).map_err(|error| wrong_type(plugin, &error))
    }
}

/// Prompts and, if it is granted, a model.
fn add_asking(linker: &mut Linker<State>, plugin: &Plugin) -> wasmtime::Result<()> {
    api::prompts::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    if plugin.grants.contains(&Grant::Model) {
        api::model::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    }
    Ok(())
}

fn own(state: &mut State) -> &mut State {
    state
}

fn add_types(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    api::about::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    api::data::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    api::trajectory::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    api::failures::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    api::verdicts::add_to_linker::<_, HasSelf<_>>(linker, own)?;
    api::log::add_to_linker::<_, HasSelf<_>>(linker, own)
}

fn wrong_type(plugin: &Plugin, error: &wasmtime::Error) -> LoadError {
    LoadError::WrongType {
        world: plugin.world,
        reason: format!("{error:#}"),
    }
}

/// Instances alive at once. A worker has one open, the policy's or a verifier's; this is room for
/// more workers than the CLI starts. Unused room is address space, not memory.
const POOLED_INSTANCES: u32 = 320;

fn config(pooling: bool) -> Config {
    let mut config = Config::new();
    config
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(Limits::STACK_BYTES_MAX)
        // Otherwise an environment variable would decide what error texts say.
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    if pooling {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(POOLED_INSTANCES)
            // Components of interpreted languages consist of many core instances.
            .total_core_instances(POOLED_INSTANCES * 16)
            .total_memories(POOLED_INSTANCES * 2)
            .total_tables(POOLED_INSTANCES * 4)
            .max_core_instances_per_component(200)
            .max_memories_per_component(50)
            .max_tables_per_component(200)
            .max_component_instance_size(4 << 20)
            .max_core_instance_size(4 << 20)
            .table_elements(20_000)
            .max_memory_size(256 << 20)
            // A small guest's pages stay mapped between instances, and only those it wrote to are
            // cleared: cheaper than giving them back and faulting them in again.
            .linear_memory_keep_resident(1 << 20)
            .pagemap_scan(Enabled::Auto)
            .table_keep_resident(16 << 10);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Advances the engine's epoch, which the wall-clock backstop counts, for as long as anything
/// holds the engine: a linked plugin may outlive its host.
fn start_clock(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(Limits::TICK);
        }
    };
    thread::Builder::new()
        .name("proctor-clock".into())
        .spawn(tick)
        .map(drop)
}
