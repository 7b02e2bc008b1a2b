//! What the system knows of the process. Elsewhere than on Linux, only when it began.

use super::{Collector, DescriptorEncoder, Levels};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fmt, fs};

#[derive(Debug)]
pub(super) struct Process {
    /// In seconds of the epoch.
    began_at: f64,
}

impl Process {
    pub(super) fn begun_now() -> Process {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Process { began_at: since_epoch.map_or(0.0, |since| since.as_secs_f64()) }
    }
}

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut levels = Levels::of(encoder);
        levels.gauge(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970",
            self.began_at,
        )?;
        if let Some(used) = Used::now() {
            levels.counter("process_cpu_seconds", "Processor time used", used.processor_seconds)?;
            levels.gauge("process_threads", "Threads", used.threads)?;
            levels.gauge("process_virtual_memory_bytes", "Memory mapped", used.mapped_bytes)?;
            levels.gauge("process_resident_memory_bytes", "Memory in use", used.resident_bytes)?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // One of them reads the folder.
            let open = u64::try_from(open.count().saturating_sub(1)).unwrap_or(u64::MAX);
            levels.gauge("process_open_fds", "Descriptors that are open", open)?;
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        match limit.current {
            Some(most) => levels.gauge("process_max_fds", "The most that may be open", most),
            None => Ok(()),
        }
    }
}

/// As `/proc/self/stat` has it.
struct Used {
    processor_seconds: f64,
    threads: u64,
    mapped_bytes: u64,
    resident_bytes: u64,
}

impl Used {
    fn now() -> Option<Used> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program stands in parentheses, and may hold anything.
        let fields: Vec<u64> = stat
            .rsplit_once(')')?
            .1
            .split_ascii_whitespace()
            // Some are negative; none of these is.
            .map(|field| field.parse().unwrap_or(0))
            .collect();
        // Counted from the third one, which is the state.
        let field = |number: usize| fields.get(number - 3).copied();
        let ticks = u32::try_from(field(14)? + field(15)?).unwrap_or(u32::MAX);
        let a_second = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        Some(Used {
            processor_seconds: f64::from(ticks) / f64::from(a_second),
            threads: field(20)?,
            mapped_bytes: field(23)?,
            resident_bytes: field(24)? * page,
        })
    }
}
