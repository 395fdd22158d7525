//! The resources of the process, under the names that all Prometheus clients use.

/// The lines to add to the other metrics. What cannot be read is left out.
#[cfg(target_os = "linux")]
pub(super) fn rendered() -> String {
    use std::fmt::Write;

    use procfs::process::Process;
    use procfs::{boot_time_secs, page_size, ticks_per_second};

    let Ok(process) = Process::myself() else { return String::new() };
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    };
    if let Ok(stat) = process.stat() {
        let ticks = ticks_per_second() as f64;
        let (user, system) = (stat.utime as f64 / ticks, stat.stime as f64 / ticks);
        let started = boot_time_secs().ok().map(|boot| boot as f64 + stat.starttime as f64 / ticks);
        line("process_cpu_user_seconds_total", "counter", "User CPU time spent in seconds.", Some(user));
        line("process_cpu_system_seconds_total", "counter", "System CPU time spent in seconds.", Some(system));
        line("process_cpu_seconds_total", "counter", "CPU time spent in seconds.", Some(user + system));
        line("process_start_time_seconds", "gauge", "Start of the process in seconds since 1970.", started);
        let resident = stat.rss as f64 * page_size() as f64;
        line("process_resident_memory_bytes", "gauge", "Resident memory in bytes.", Some(resident));
        line("process_virtual_memory_bytes", "gauge", "Virtual memory in bytes.", Some(stat.vsize as f64));
    }
    let heap = process.status().ok().and_then(|status| status.vmdata).map(|kib| kib as f64 * 1024.0);
    line("process_heap_bytes", "gauge", "Size of the process's heap in bytes.", heap);
    let open = process.fd_count().ok().map(|count| count as f64);
    line("process_open_fds", "gauge", "Open file descriptors.", open);
    let most = max_open_files().map(|files| files as f64);
    line("process_max_fds", "gauge", "Most file descriptors that may be open.", most);
    text
}

/// How many files, connections among them, the process may have open; `None` when there is no limit.
#[cfg(target_os = "linux")]
pub(crate) fn max_open_files() -> Option<u64> {
    let limits = procfs::process::Process::myself().and_then(|process| process.limits()).ok()?;
    match limits.max_open_files.soft_limit {
        procfs::process::LimitValue::Value(most) => Some(most),
        procfs::process::LimitValue::Unlimited => None,
    }
}

/// It is not known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn max_open_files() -> Option<u64> {
    None
}

/// They are not known on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn rendered() -> String {
    String::new()
}
