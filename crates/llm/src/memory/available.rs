//! How much memory this process may still take.

use std::{
    fs,
    path::{Path, PathBuf},
};

const CGROUPS: &str = "/sys/fs/cgroup";

/// Bytes that this process can still take without being killed or swapped: what the system has
/// available, within the limits of its control groups. `None` where the system does not tell.
pub fn available_bytes() -> Option<u64> {
    let system = meminfo(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = groups(&own).into_iter().filter_map(|group| left(&group));
    Some(limits.fold(system, u64::min))
}

fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// The folders of the control groups that this process is in, as `/proc/self/cgroup` tells.
fn groups(own: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let root = match controllers {
            "" => PathBuf::from(CGROUPS),
            "memory" => Path::new(CGROUPS).join("memory"),
            _ => continue,
        };
        let path = path.trim_start_matches('/');
        // a group has no more than those it is in, and containers see theirs as the root
        folders.extend(Path::new(path).ancestors().map(|path| root.join(path)));
    }
    folders
}

/// What the limit of a group leaves, if it has one. Files it has read can be given up.
fn left(group: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let limit = read("memory.max").or_else(|| read("memory.limit_in_bytes"))?;
    let used = read("memory.current").or_else(|| read("memory.usage_in_bytes"))?;
    remaining(&limit, &used, &read("memory.stat").unwrap_or_default())
}

fn remaining(limit: &str, used: &str, statistics: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?;
    let used: u64 = used.trim().parse().ok()?;
    let files = statistics.lines().find_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        (name == "inactive_file").then(|| bytes.parse().ok())?
    });
    Some(limit.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_has_is_read() {
        let text = "MemTotal:       24000000 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(meminfo(text), Some(2048 * 1024));
        assert_eq!(meminfo("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn a_group_and_all_it_is_in_are_looked_at() {
        let folders = groups("0::/system.slice/voice.service\n");
        let paths = ["system.slice/voice.service", "system.slice", ""];
        assert_eq!(folders, paths.map(|path| Path::new(CGROUPS).join(path)));
        assert_eq!(groups("4:memory:/\n5:cpu:/x\n"), [Path::new(CGROUPS).join("memory")]);
    }

    #[test]
    fn a_limit_leaves_what_is_not_used() {
        assert_eq!(remaining("1000\n", "400\n", "anon 300\ninactive_file 100\n"), Some(700));
        assert_eq!(remaining("1000", "4000", ""), Some(0));
        assert_eq!(remaining("max\n", "400\n", ""), None);
    }

    #[test]
    fn this_machine_has_some() {
        if cfg!(target_os = "linux") {
            assert!(available_bytes().is_some_and(|bytes| bytes > 0));
        }
    }
}
